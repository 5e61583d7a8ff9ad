package peer

import (
	"bytes"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"io"
	"sync/atomic"
	"time"

	quorumv1 "github.com/quorate/quorate/gen/quorate/quorum/v1"
	"github.com/quorate/quorate/store/txn"
)

const (
	// nonceSize is the length of a nonce in bytes.
	nonceSize = 32
	// nonceLife is how long a server's nonce is good: a call follows it at once.
	nonceLife = 10 * time.Second
)

// guard proves that a server knows the peer secret, and asks others to. It is the handshake that the
// proto describes, each side's steps without the network:
//
//	caller                         server
//	hello      ── Challenge ────▶  challenge
//	verify     ◀──── nonce ──────
//	             proof, in the
//	           ── metadata of ──▶  admit
//	              the stream
//
// What is heard on the network serves nobody again: the server's nonce is new each time, is used up
// by the first who shows a proof, and is bound to the connection. What a server says is of no use towards that
// server or another: each proof names its step, both servers and both nonces. It is no protection
// against somebody who can change what is sent: that takes TLS.
type guard struct {
	self   txn.ServerID
	secret []byte // empty: nothing is asked
}

// pact is what one handshake is about.
type pact struct {
	caller, server           txn.ServerID
	callerNonce, serverNonce []byte
}

// proof is the word of somebody who knows the secret.
func (p pact) proof(secret []byte, step, method string) []byte {
	mac := hmac.New(sha256.New, secret)
	io.WriteString(mac, "quorate peer "+step+"\n")
	mac.Write([]byte{byte(p.caller), byte(p.server)})
	mac.Write(p.callerNonce)
	mac.Write(p.serverNonce)
	io.WriteString(mac, method)
	return mac.Sum(nil)
}

// visit is a server's memory of one connection: the pact it has offered there last.
type visit struct{ offered atomic.Pointer[offer] }

// offer is a pact until it is taken.
type offer struct {
	pact
	until time.Time
}

// AuthType makes a visit what gRPC keeps with a connection.
func (v *visit) AuthType() string { return "quorate-peer" }

// hello is the caller's first step.
func (g guard) hello(server txn.ServerID) (pact, *quorumv1.ChallengeRequest) {
	p := pact{caller: g.self, server: server, callerNonce: newNonce()}
	return p, &quorumv1.ChallengeRequest{
		Caller: uint32(p.caller), Server: uint32(p.server), Nonce: p.callerNonce, Proof: p.proof(g.secret, "hello", ""),
	}
}

// challenge is the server's answer, on a connection.
func (g guard) challenge(v *visit, m *quorumv1.ChallengeRequest) (*quorumv1.ChallengeResponse, error) {
	switch {
	case len(g.secret) == 0:
		return nil, noSecret("server %d has no peer secret, but server %d has one", g.self, m.GetCaller())
	case m.GetCaller() < uint32(txn.MinServerID) || m.GetCaller() > uint32(txn.MaxServerID) || len(m.GetNonce()) != nonceSize:
		return nil, malformed("a Challenge by server %d with %d bytes of nonce makes no sense", m.GetCaller(), len(m.GetNonce()))
	case m.GetServer() != uint32(g.self):
		return nil, malformed("this is server %d, but server %d takes it for server %d: an address is wrong", g.self, m.GetCaller(), m.GetServer())
	}
	p := pact{caller: txn.ServerID(m.GetCaller()), server: g.self, callerNonce: bytes.Clone(m.GetNonce())}
	if !hmac.Equal(m.GetProof(), p.proof(g.secret, "hello", "")) {
		return nil, noSecret("server %d has another peer secret than server %d", p.caller, g.self)
	}
	p.serverNonce = newNonce()
	v.offered.Store(&offer{p, time.Now().Add(nonceLife)})
	return &quorumv1.ChallengeResponse{Nonce: p.serverNonce, Proof: p.proof(g.secret, "server", "")}, nil
}

// verify is the caller's second step: it returns the proof for a call of method.
func (g guard) verify(p pact, m *quorumv1.ChallengeResponse, method string) ([]byte, error) {
	p.serverNonce = m.GetNonce()
	if len(p.serverNonce) != nonceSize || !hmac.Equal(m.GetProof(), p.proof(g.secret, "server", "")) {
		return nil, noSecret("what claims to be server %d has another peer secret than server %d", p.server, g.self)
	}
	return p.proof(g.secret, "caller", method), nil
}

// admit is the server's last step: it lets a call in, or not.
func (g guard) admit(v *visit, proof []byte, method string) error {
	if len(g.secret) == 0 {
		return nil
	}
	offered := v.offered.Swap(nil) // used up, also by a wrong proof
	switch {
	case len(proof) == 0:
		return noSecret("server %d has a peer secret, and the caller has shown no proof that it knows it", g.self)
	case offered == nil || time.Now().After(offered.until):
		return noSecret("server %d has not asked for this proof, or it comes too late", g.self)
	case !hmac.Equal(proof, offered.proof(g.secret, "caller", method)):
		return noSecret("server %d has given a wrong proof that it knows the peer secret", offered.caller)
	}
	return nil
}

func newNonce() []byte {
	nonce := make([]byte, nonceSize)
	rand.Read(nonce)
	return nonce
}

func noSecret(format string, args ...any) error {
	return reject(quorumv1.RefusalReason_REFUSAL_REASON_SECRET, format, args...)
}
