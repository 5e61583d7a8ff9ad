package sim

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"time"

	"github.com/quorate/quorate/store/txn"
)

// conn is one end of a connection, as the system gives it to a process: bytes in their order, and then the
// end. It is a [net.Conn].
type conn struct {
	stream        *stream
	own           *side
	out, in       *pipe
	local, remote address
	reads, writes deadline
}

// clientConn and serverConn return the ends of a connection.
func clientConn(s *stream) *conn {
	return &conn{stream: s, own: &s.client, out: s.up, in: s.down, local: address(s.from), remote: address(s.to)}
}

func serverConn(s *stream) *conn {
	return &conn{stream: s, own: &s.server, out: s.down, in: s.up, local: address(s.to), remote: address(s.from)}
}

// Read returns io.EOF behind what the other end has sent before it closed.
func (c *conn) Read(b []byte) (int, error) {
	data, err := c.in.recv(c.reads.context(), len(b))
	return copy(b, data), err
}

// Write waits while more than the window is on its way or not read.
func (c *conn) Write(b []byte) (int, error) {
	err := c.out.send(c.writes.context(), bytes.Clone(b))
	if errors.Is(err, io.EOF) { // the end of what comes from there
		err = errHungUp
	}
	if err != nil {
		return 0, err
	}
	return len(b), nil
}

// Close ends both directions. The other end learns of it behind what was sent.
func (c *conn) Close() error {
	c.stream.net.mu.Lock()
	defer c.stream.net.mu.Unlock()
	c.stream.depart(c.own, net.ErrClosed, io.EOF, false)
	return nil
}

func (c *conn) LocalAddr() net.Addr  { return c.local }
func (c *conn) RemoteAddr() net.Addr { return c.remote }

func (c *conn) SetReadDeadline(t time.Time) error  { c.reads.set(t); return nil }
func (c *conn) SetWriteDeadline(t time.Time) error { c.writes.set(t); return nil }

func (c *conn) SetDeadline(t time.Time) error {
	c.reads.set(t)
	c.writes.set(t)
	return nil
}

// deadline ends what waits for one direction of a connection, and may be moved meanwhile.
type deadline struct {
	mu struct {
		sync.Mutex
		timer *time.Timer
		ctx   context.Context // ends when the time is up; nil before it is asked for
		end   context.CancelCauseFunc
	}
}

// context returns what ends at the deadline.
func (d *deadline) context() context.Context {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.contextLocked()
}

func (d *deadline) contextLocked() context.Context {
	if d.mu.ctx == nil {
		d.mu.ctx, d.mu.end = context.WithCancelCause(context.Background())
	}
	return d.mu.ctx
}

// set moves the deadline; none for the zero time.
func (d *deadline) set(t time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.mu.timer != nil {
		d.mu.timer.Stop()
		d.mu.timer = nil
	}
	if d.contextLocked().Err() != nil { // who moves one that is over wants to go on
		d.mu.ctx = nil
		d.contextLocked()
	}
	if end := d.mu.end; !t.IsZero() {
		d.mu.timer = time.AfterFunc(time.Until(t), func() { end(os.ErrDeadlineExceeded) })
	}
}

// address is a server's in the network.
type address txn.ServerID

func (address) Network() string  { return "sim" }
func (a address) String() string { return fmt.Sprintf("server%d", uint8(a)) }

// backlog is how many connections wait to be accepted; more are refused.
const backlog = 64

// listener gives a process the connections that arrive at its port. It is a [net.Listener].
type listener struct {
	port    *netPort
	arrived chan net.Conn
	closed  chan struct{}
	over    bool // guarded by Network.mu
}

func newListener(p *netPort) *listener {
	return &listener{port: p, arrived: make(chan net.Conn, backlog), closed: make(chan struct{})}
}

// offer takes a connection that has arrived. Network.mu is held.
func (l *listener) offer(s *stream) {
	if l.over || len(l.arrived) == backlog {
		s.depart(&s.server, errStopped, errReset, true)
		return
	}
	l.arrived <- serverConn(s)
}

// Accept waits for a connection until the listener is closed.
func (l *listener) Accept() (net.Conn, error) {
	select {
	case c := <-l.arrived:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

// Close refuses connections from now on.
func (l *listener) Close() error {
	l.port.net.mu.Lock()
	defer l.port.net.mu.Unlock()
	if !l.over {
		l.over = true
		close(l.closed)
		l.port.refuseLocked()
	}
	return nil
}

func (l *listener) Addr() net.Addr { return address(l.port.id) }
