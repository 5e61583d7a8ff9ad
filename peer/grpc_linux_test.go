package peer

import (
	"context"
	"net"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/quorate/quorate/store/txn"
)

// TestUserTimeout: the system gives up a connection on whose bytes nobody answers, at both ends.
func TestUserTimeout(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	accepted, dialled := make(chan net.Conn, 1), make(chan net.Conn, 1)
	one := NewTransport(TransportConfig{Self: 1, DialContext: func(ctx context.Context, address string) (net.Conn, error) {
		c, err := new(net.Dialer).DialContext(ctx, "tcp", address)
		dialled <- c
		return c, err
	}})
	ctx, cancel := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- NewTransport(TransportConfig{Self: 2}).Serve(ctx, &noting{l, accepted}, polite) }()
	s, err := one.Sync(ctx, txn.Member{ID: 2, Address: l.Addr().String()})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Recv(); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]net.Conn{"accepted": <-accepted, "dialled": <-dialled} {
		if got := userTimeout(t, c); got != 2000 {
			t.Errorf("%s: TCP_USER_TIMEOUT is %d ms", name, got)
		}
	}
	cancel()
	if err := <-served; err != nil {
		t.Error(err)
	}
}

// noting is a listener that tells what it has accepted.
type noting struct {
	net.Listener
	accepted chan<- net.Conn
}

func (n *noting) Accept() (net.Conn, error) {
	c, err := n.Listener.Accept()
	if err == nil {
		n.accepted <- c
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
