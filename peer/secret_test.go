package peer

import (
	"bytes"
	"encoding/hex"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	quorumv1 "github.com/quorate/quorate/gen/quorate/quorum/v1"
)

// password is a peer secret.
var password = []byte("0123456789abcdef")

// method is what the handshakes of these tests are for.
const method = quorumv1.Learner_Sync_FullMethodName

// TestProof holds the proofs against those that another program has made (with Python's hmac), for
// learners in other languages make them after the description in the proto.
func TestProof(t *testing.T) {
	asked := pact{caller: 3, server: 253, callerNonce: bytes.Repeat([]byte{1}, nonceSize)}
	p := asked
	p.serverNonce = bytes.Repeat([]byte{2}, nonceSize)
	for _, c := range []struct {
		pact
		step, method, want string
	}{
		{asked, "hello", "", "ae987b63062a2872ae662dce034138476ffed8242217a3296d51e94088a0a3db"},
		{p, "server", "", "cd161ea38a3e99919b3f39802da3271f7b5271cd5b4cdb625abe140dc1ef6dd4"},
		{p, "caller", method, "45c4d6646193f08e9aee90041d412a52dd3db7cf48d5e60c6a7bb3b6dffb2c08"},
	} {
		if got := hex.EncodeToString(c.proof(password, c.step, c.method)); got != c.want {
			t.Errorf("proof(%q): %s, want %s", c.step, got, c.want)
		}
	}
}

// shake is a handshake between server 1, which calls, and server 2, up to the proof.
func shake(t *testing.T, caller, server guard, v *visit) []byte {
	t.Helper()
	p, hello := caller.hello(server.self)
	challenge, err := server.challenge(v, hello)
	if err != nil {
		t.Fatal(err)
	}
	proof, err := caller.verify(p, challenge, method)
	if err != nil {
		t.Fatal(err)
	}
	return proof
}

// refusedWith asks that err is a rejection for a reason.
func refusedWith(t *testing.T, err error, why quorumv1.RefusalReason) {
	t.Helper()
	var r *Rejection
	if !errors.As(err, &r) || r.Reason != why {
		t.Errorf("%v, want a refusal with %v", err, why)
	}
}

const (
	secretReason = quorumv1.RefusalReason_REFUSAL_REASON_SECRET
	senseless    = quorumv1.RefusalReason_REFUSAL_REASON_MALFORMED
)

func TestHandshake(t *testing.T) {
	one, two := guard{1, password}, guard{2, password}
	var v visit
	if err := two.admit(&v, shake(t, one, two, &v), method); err != nil {
		t.Error(err)
	}
}

// TestNoProofs: whatever is not the answer to this server's newest question, for this call, on this
// connection, soon, is refused. That goes for what can be had by listening, and by asking servers.
func TestNoProofs(t *testing.T) {
	one, two, other := guard{1, password}, guard{2, password}, guard{1, []byte("another password")}
	for name, attempt := range map[string]func(t *testing.T, v *visit) []byte{
		"none":          func(t *testing.T, v *visit) []byte { shake(t, one, two, v); return nil },
		"nothing asked": func(*testing.T, *visit) []byte { return make([]byte, 32) },
		"random":        func(t *testing.T, v *visit) []byte { shake(t, one, two, v); return make([]byte, 32) },
		"cut short":     func(t *testing.T, v *visit) []byte { return shake(t, one, two, v)[:31] },
		"another":       func(t *testing.T, v *visit) []byte { return shake(t, one, two, new(visit)) },
		"an older one":  func(t *testing.T, v *visit) []byte { old := shake(t, one, two, v); shake(t, one, two, v); return old },
		"another server": func(t *testing.T, v *visit) []byte {
			shake(t, one, two, v)
			return shake(t, one, guard{3, password}, new(visit))
		},
		"another secret": func(t *testing.T, v *visit) []byte {
			p, _ := one.hello(2)
			shake(t, one, two, v)
			p.serverNonce = v.offered.Load().serverNonce
			return p.proof(other.secret, "caller", method)
		},
		"the server's own": func(t *testing.T, v *visit) []byte {
			_, hello := one.hello(2)
			challenge, err := two.challenge(v, hello)
			if err != nil {
				t.Fatal(err)
			}
			return challenge.GetProof()
		},
		"the hello": func(t *testing.T, v *visit) []byte {
			_, hello := one.hello(2)
			if _, err := two.challenge(v, hello); err != nil {
				t.Fatal(err)
			}
			return hello.GetProof()
		},
		"too late": func(t *testing.T, v *visit) []byte {
			proof := shake(t, one, two, v)
			waitInBubble(nonceLife + 1)
			return proof
		},
		"used": func(t *testing.T, v *visit) []byte {
			proof := shake(t, one, two, v)
			if err := two.admit(v, proof, method); err != nil {
				t.Fatal(err)
			}
			return proof
		},
		"after a wrong one": func(t *testing.T, v *visit) []byte {
			proof := shake(t, one, two, v)
			refusedWith(t, two.admit(v, make([]byte, 32), method), secretReason)
			return proof
		},
		"for another call": func(t *testing.T, v *visit) []byte {
			p, hello := one.hello(2)
			challenge, err := two.challenge(v, hello)
			if err != nil {
				t.Fatal(err)
			}
			proof, err := one.verify(p, challenge, quorumv1.Election_Exchange_FullMethodName)
			if err != nil {
				t.Fatal(err)
			}
			return proof
		},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				var v visit
				refusedWith(t, two.admit(&v, attempt(t, &v), method), secretReason)
			})
		})
	}
}

func waitInBubble(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// TestSoonEnough: the last moment of a nonce.
func TestSoonEnough(t *testing.T) {
	bubble(t, func(t *testing.T) {
		one, two := guard{1, password}, guard{2, password}
		var v visit
		proof := shake(t, one, two, &v)
		waitInBubble(nonceLife)
		if err := two.admit(&v, proof, method); err != nil {
			t.Error(err)
		}
	})
}

// TestHelloRefused: with whom a server does not begin.
func TestHelloRefused(t *testing.T) {
	one, two := guard{1, password}, guard{2, password}
	for _, c := range []struct {
		name   string
		server guard
		change func(*quorumv1.ChallengeRequest)
		why    quorumv1.RefusalReason
	}{
		{"no secret here", guard{2, nil}, func(*quorumv1.ChallengeRequest) {}, secretReason},
		{"another secret", guard{2, []byte("another password")}, func(*quorumv1.ChallengeRequest) {}, secretReason},
		{"no proof", two, func(m *quorumv1.ChallengeRequest) { m.Proof = nil }, secretReason},
		{"another server", guard{3, password}, func(*quorumv1.ChallengeRequest) {}, senseless},
		{"short nonce", two, func(m *quorumv1.ChallengeRequest) { m.Nonce = m.Nonce[1:] }, senseless},
		{"long nonce", two, func(m *quorumv1.ChallengeRequest) { m.Nonce = append(m.Nonce, 0) }, senseless},
		{"nobody", two, func(m *quorumv1.ChallengeRequest) { m.Caller = 0 }, senseless},
		{"no such caller", two, func(m *quorumv1.ChallengeRequest) { m.Caller = 257 }, senseless},
		{"no such server", two, func(m *quorumv1.ChallengeRequest) { m.Server = 258 }, senseless},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, hello := one.hello(2)
			c.change(hello)
			_, err := c.server.challenge(new(visit), hello)
			refusedWith(t, err, c.why)
		})
	}
}

// TestImpostor: a caller shows nothing to a server that has not proved that it knows the secret.
func TestImpostor(t *testing.T) {
	one := guard{1, password}
	p, hello := one.hello(2)
	short := p
	short.serverNonce = []byte{1}
	for name, m := range map[string]*quorumv1.ChallengeResponse{
		"short nonce":    {Nonce: short.serverNonce, Proof: short.proof(password, "server", "")},
		"empty":          {},
		"no proof":       {Nonce: make([]byte, nonceSize)},
		"the hello back": {Nonce: hello.GetNonce(), Proof: hello.GetProof()},
		"no nonce":       {Proof: hello.GetProof()},
	} {
		_, err := one.verify(p, m, method)
		t.Log(name)
		refusedWith(t, err, secretReason)
	}
}

// TestNoProofShown: who has no secret is told that, not that a proof is wrong.
func TestNoProofShown(t *testing.T) {
	err := (guard{2, password}).admit(new(visit), nil, method)
	if err == nil || err.Error() != "server 2 has a peer secret, and the caller has shown no proof that it knows it" {
		t.Error(err)
	}
}

// TestNoSecret: without one, nothing is asked.
func TestNoSecret(t *testing.T) {
	for _, proof := range [][]byte{nil, make([]byte, 32)} {
		if err := (guard{self: 2}).admit(new(visit), proof, method); err != nil {
			t.Error(err)
		}
	}
}
