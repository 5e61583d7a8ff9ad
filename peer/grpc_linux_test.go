package peer

import (
	"context"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/quorate/quorate/store/txn"
)

// TestUserTimeout: the system gives up a connection on whose bytes nobody answers, at both ends.
func TestUserTimeout(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var accepted, dialled atomic.Pointer[net.Conn]
	one := NewTransport(TransportConfig{Self: 1, DialContext: func(ctx context.Context, address string) (net.Conn, error) {
		c, err := new(net.Dialer).DialContext(ctx, "tcp", address)
		dialled.Store(&c)
		return c, err
	}})
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	served := make(chan error, 1)
	go func() { served <- NewTransport(TransportConfig{Self: 2}).Serve(ctx, &noting{l, &accepted}, polite) }()
	for ctx.Err() == nil { // as long as a busy machine takes too long to connect
		var s LearnerStream
		if s, err = one.Sync(ctx, txn.Member{ID: 2, Address: l.Addr().String()}); err == nil {
			if _, err = s.Recv(); err == nil {
				break
			}
		}
		t.Log(err)
	}
	for name, c := range map[string]*net.Conn{"accepted": accepted.Load(), "dialled": dialled.Load()} {
		if got := userTimeout(t, *c); got != 2000 {
			t.Errorf("%s: TCP_USER_TIMEOUT is %d ms", name, got)
		}
	}
	cancel()
	if err := <-served; err != nil {
		t.Error(err)
	}
}

// noting is a listener that tells what it has accepted last.
type noting struct {
	net.Listener
	accepted *atomic.Pointer[net.Conn]
}

func (n *noting) Accept() (net.Conn, error) {
	c, err := n.Listener.Accept()
	if err == nil {
		n.accepted.Store(&c)
	}
	return c, err
}

// userTimeout returns a connection's TCP_USER_TIMEOUT in milliseconds.
func userTimeout(t *testing.T, c net.Conn) (ms int) {
	t.Helper()
	raw, err := c.(*net.TCPConn).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	var failed error
	if err := raw.Control(func(fd uintptr) { ms, failed = unix.GetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT) }); err != nil || failed != nil {
		t.Fatal(err, failed)
	}
	return ms
}
