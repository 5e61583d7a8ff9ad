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
		conns []*conn
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
	raw, err := n.listener.DialContext(ctx)
	if err != nil {
		return nil, err
	}
	c := &conn{Conn: raw, stalled: make(chan struct{}), closed: make(chan struct{})}
	n.mu.Lock()
	n.mu.conns = append(n.mu.conns, c)
	n.mu.Unlock()
	return c, nil
}

// conn is a connection that may stall.
type conn struct {
	net.Conn
	stalled chan struct{}
	once    sync.Once
	closed  chan struct{}
}

// Read returns nothing of a connection that has stalled, until it is closed.
func (c *conn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	select {
	case <-c.stalled:
		<-c.closed
		return 0, net.ErrClosed
	default:
		return n, err
	}
}

// Close closes the connection, also one that has stalled.
func (c *conn) Close() error {
	c.once.Do(func() { close(c.closed) })
	return c.Conn.Close()
}

// Stall lets nothing come any more over the connections there are, without breaking them. New ones are not affected.
func (n *Network) Stall() {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, c := range n.mu.conns {
		close(c.stalled)
	}
	n.mu.conns = nil
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
