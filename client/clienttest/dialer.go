package clienttest

import (
	"context"
	"errors"
	"net"
	"sync"
	"testing"

	"google.golang.org/grpc/test/bufconn"
)

// Network is a way to a Fake within the program, for client.WithDialer: it works in a testing/synctest bubble too.
type Network struct {
	listener *bufconn.Listener
	mu       struct {
		sync.Mutex
		down  bool
		conns []net.Conn
	}
}

// Network serves f until the test ends, and returns the way to it. Whatever address is dialled, f answers.
func (f *Fake) Network(t testing.TB) *Network {
	n := &Network{listener: bufconn.Listen(1 << 20)}
	t.Cleanup(f.Serve(n.listener))
	return n
}

// Dial is for client.WithDialer.
func (n *Network) Dial(ctx context.Context, _ string) (net.Conn, error) {
	n.mu.Lock()
	down := n.mu.down
	n.mu.Unlock()
	if down {
		return nil, errors.New("the network is down")
	}
	conn, err := n.listener.DialContext(ctx)
	if err == nil {
		n.mu.Lock()
		n.mu.conns = append(n.mu.conns, conn)
		n.mu.Unlock()
	}
	return conn, err
}

// Down breaks all connections and lets no new ones come, or lets them come again.
func (n *Network) Down(down bool) {
	n.mu.Lock()
	n.mu.down = down
	conns := n.mu.conns
	n.mu.conns = nil
	n.mu.Unlock()
	for _, c := range conns {
		_ = c.Close()
	}
}
