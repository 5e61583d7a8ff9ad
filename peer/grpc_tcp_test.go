package peer

import (
	"context"
	"errors"
	"net"
	"syscall"
	"testing"
	"time"

	"google.golang.org/grpc/test/bufconn"

	"github.com/quorate/quorate/internal/loopback"
	"github.com/quorate/quorate/store/txn"
)

// TestRefusedDial: a server that is not there is known at once, as the system says it.
func TestRefusedDial(t *testing.T) {
	addr, err := loopback.Free()
	if err != nil {
		t.Fatal(err)
	}
	for name, secret := range map[string][]byte{"without a secret": nil, "with one": password} {
		one := NewTransport(TransportConfig{Self: 1, Secret: secret})
		for range 10 { // no back-off between
			_, err = one.Exchange(t.Context(), txn.Member{ID: 2, Address: addr})
			if !errors.Is(err, syscall.ECONNREFUSED) {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}

// TestDialledAnew: each stream asks for the address again, and what the dialer says comes out.
func TestDialledAnew(t *testing.T) {
	bubble(t, func(t *testing.T) {
		unknown := &net.DNSError{Err: "no such host", Name: "two", IsNotFound: true}
		asked := 0
		one := NewTransport(TransportConfig{Self: 1, DialContext: func(_ context.Context, address string) (net.Conn, error) {
			asked++
			return nil, unknown
		}})
		start := time.Now()
		for n := range 5 {
			_, err := one.Sync(t.Context(), server2)
			if !errors.Is(err, unknown) || err.Error() != "server 2 at two:2281: lookup two: no such host" {
				t.Error(err)
			}
			if asked != n+1 {
				t.Errorf("attempt %d: asked for the address %d times", n, asked)
			}
		}
		if took := time.Since(start); took != 0 {
			t.Errorf("the attempts took %v", took)
		}
	})
}

// TestConnectLimit: somebody takes the connection and says nothing.
func TestConnectLimit(t *testing.T) {
	bubble(t, func(t *testing.T) {
		l := bufconn.Listen(1 << 10)
		go func() {
			for {
				if _, err := l.Accept(); err != nil {
					return
				}
			}
		}()
		defer l.Close()
		one := NewTransport(TransportConfig{Self: 1, DialContext: func(ctx context.Context, _ string) (net.Conn, error) { return l.DialContext(ctx) }})
		start := time.Now()
		if _, err := one.Sync(t.Context(), server2); err == nil {
			t.Error("a stream to nobody")
		}
		if took := time.Since(start); took > connectLimit {
			t.Errorf("took %v", took)
		}
	})
}

// TestSlowConnect: a network that takes its time is not given up too soon.
func TestSlowConnect(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWire(t, polite, func(one, _ *TransportConfig) {
			dial := one.DialContext
			one.DialContext = func(ctx context.Context, address string) (net.Conn, error) {
				select {
				case <-time.After(connectLimit - time.Millisecond):
					return dial(ctx, address)
				case <-ctx.Done():
					return nil, ctx.Err()
				}
			}
		})
		if _, err := w.Sync(t.Context(), server2); err != nil {
			t.Error(err)
		}
	})
}

// TestDialGivenUp: the caller does not wait for the network.
func TestDialGivenUp(t *testing.T) {
	bubble(t, func(t *testing.T) {
		one := NewTransport(TransportConfig{Self: 1, DialContext: func(ctx context.Context, _ string) (net.Conn, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		}})
		ctx, cancel := context.WithCancelCause(t.Context())
		cause := errors.New("the election is over")
		time.AfterFunc(time.Millisecond, func() { cancel(cause) })
		if _, err := one.Sync(ctx, server2); err != cause {
			t.Error(err)
		}
	})
}

// TestPatience: how long a connection may be silent.
func TestPatience(t *testing.T) {
	for limit, want := range map[time.Duration]time.Duration{
		0: 2 * time.Second, 5 * time.Second: 5 * time.Second, time.Millisecond: time.Second,
	} {
		if got := NewTransport(TransportConfig{Timing: Timing{SyncLimit: limit}}).timeout; got != want {
			t.Errorf("SyncLimit %v: %v", limit, got)
		}
	}
}
