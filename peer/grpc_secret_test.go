package peer

import (
	"context"
	"net"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"

	quorumv1 "github.com/quorate/quorate/gen/quorate/quorum/v1"
	"github.com/quorate/quorate/store/txn"
)

// polite is a peer that serves both calls, and ends them at once.
var polite = scripted{
	sync:     func(s LeaderStream) error { return s.Send(pingOf(1)) },
	exchange: func(s ExchangeServer) error { return s.Send(&quorumv1.ExchangeResponse{Sequence: 1}) },
}

// secrets gives the two servers theirs.
func secrets(one, two []byte) func(_, _ *TransportConfig) {
	return func(a, b *TransportConfig) { a.Secret, b.Secret = one, two }
}

// TestSecretShared: who knows it may call, again and again.
func TestSecretShared(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWire(t, polite, secrets(password, password))
		for range 3 {
			s, err := w.Sync(t.Context(), server2)
			if err != nil {
				t.Fatal(err)
			}
			if m, err := s.Recv(); err != nil || m.GetPing() == nil {
				t.Errorf("%v, %v", m, err)
			}
			e, err := w.Exchange(t.Context(), server2)
			if err != nil {
				t.Fatal(err)
			}
			if m, err := e.Recv(); err != nil || m.GetSequence() != 1 {
				t.Errorf("%v, %v", m, err)
			}
		}
		if e := w.events(); len(e) != 0 {
			t.Errorf("events %v", e)
		}
	})
}

// TestSecretsDiffer: the call is refused with a reason that both sides see.
func TestSecretsDiffer(t *testing.T) {
	for name, theirs := range map[string]func(_, _ *TransportConfig){
		"the caller has none": secrets(nil, password),
		"the server has none": secrets(password, nil),
		"another":             secrets(password, []byte("another password")),
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				w := newWire(t, scripted{}, theirs) // whose conversations would panic
				s, err := w.Sync(t.Context(), server2)
				if err == nil {
					_, err = s.Recv()
				}
				refusedWith(t, err, secretReason)
				e, err := w.Exchange(t.Context(), server2)
				if err == nil {
					_, err = e.Recv()
				}
				refusedWith(t, err, secretReason)
				events := w.events()
				if len(events) != 2 {
					t.Fatalf("events %v, want two refused calls", events)
				}
				for _, e := range events {
					refusedWith(t, e.(CallRefused).Cause, secretReason)
				}
			})
		})
	}
}

// TestWrongServer: another server than the one meant has answered.
func TestWrongServer(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWire(t, scripted{}, secrets(password, password))
		_, err := w.Sync(t.Context(), txn.Member{ID: 3, Address: server2.Address})
		refusedWith(t, err, senseless)
	})
}

// TestProofTwice: what was heard on the network is worth nothing: not on the connection on which it was
// said, not on another.
func TestProofTwice(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWire(t, polite, secrets(nil, password))
		here, there := w.stranger(t), w.stranger(t)
		one := guard{1, password}
		p, hello := one.hello(2)
		challenge, err := quorumv1.NewHandshakeClient(here).Challenge(t.Context(), hello)
		if err != nil {
			t.Fatal(err)
		}
		proof, err := one.verify(p, challenge, method)
		if err != nil {
			t.Fatal(err)
		}
		shown := metadata.AppendToOutgoingContext(t.Context(), proofKey, string(proof))
		for _, c := range []struct {
			on   *grpc.ClientConn
			want codes.Code
		}{{there, codes.Unauthenticated}, {here, codes.OK}, {here, codes.Unauthenticated}} {
			s, err := quorumv1.NewLearnerClient(c.on).Sync(shown)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := s.Recv(); status.Code(err) != c.want {
				t.Errorf("%v, want %v", err, c.want)
			}
		}
	})
}

// TestProofDoubled: two proofs in one call are none.
func TestProofDoubled(t *testing.T) {
	ctx := metadata.NewIncomingContext(t.Context(), metadata.Pairs(proofKey, "a", proofKey, "b"))
	if got := shownProof(ctx); got != nil {
		t.Errorf("%q", got)
	}
}

// deafServer takes calls and does not answer.
type deafServer struct {
	quorumv1.UnimplementedHandshakeServer
}

func (deafServer) Challenge(ctx context.Context, _ *quorumv1.ChallengeRequest) (*quorumv1.ChallengeResponse, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

// TestHandshakeBound: a server that does not answer the challenge does not keep its caller.
func TestHandshakeBound(t *testing.T) {
	bubble(t, func(t *testing.T) {
		l := bufconn.Listen(1 << 20)
		srv := grpc.NewServer()
		quorumv1.RegisterHandshakeServer(srv, deafServer{})
		go srv.Serve(l)
		defer srv.Stop()
		one := NewTransport(TransportConfig{Self: 1, Secret: password, DialContext: func(ctx context.Context, _ string) (net.Conn, error) {
			return l.DialContext(ctx)
		}})
		start := time.Now()
		_, err := one.Sync(t.Context(), server2)
		if took := time.Since(start); status.Code(err) != codes.DeadlineExceeded || took > one.timeout {
			t.Errorf("after %v: %v", took, err)
		}
	})
}
