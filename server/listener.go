package server

import (
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
)

// listener accepts at most limit connections at a time and closes the one too
// many at once: a client then tries the next server, where a full backlog would
// let it wait.
type listener struct {
	*net.TCPListener
	limit   int
	open    atomic.Int64
	refused func(remote net.Addr)
}

// listen opens addr.
func listen(addr string, limit int, refused func(net.Addr)) (*listener, error) {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, listenError(addr, err)
	}
	return &listener{TCPListener: l.(*net.TCPListener), limit: limit, refused: refused}, nil
}

// Accept returns the next connection that has room.
func (l *listener) Accept() (net.Conn, error) {
	for {
		c, err := l.AcceptTCP()
		if err != nil {
			return nil, err
		}
		if l.open.Add(1) <= int64(l.limit) {
			return &conn{TCPConn: c, closed: sync.OnceFunc(func() { l.open.Add(-1) })}, nil
		}
		l.open.Add(-1)
		l.refused(c.RemoteAddr())
		c.Close()
	}
}

// conn gives its place back when it is closed.
type conn struct {
	*net.TCPConn
	closed func()
}

// Close closes the connection; it may be called again.
func (c *conn) Close() error {
	defer c.closed()
	return c.TCPConn.Close()
}

// listenError says in a sentence why addr cannot be listened on.
func listenError(addr string, err error) error {
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return fmt.Errorf("cannot listen on %s: another process has this port; stop it or choose another address", addr)
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return fmt.Errorf("cannot listen on %s: this machine has no such address", addr)
	case errors.Is(err, syscall.EACCES):
		return fmt.Errorf("cannot listen on %s: permission denied; ports below 1024 need privileges", addr)
	default:
		return fmt.Errorf("cannot listen on %s: %w", addr, err)
	}
}
