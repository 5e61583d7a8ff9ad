package server

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"syscall"
)

// listener accepts at most limit connections at a time, and perAddress from one address, and closes the one too
// many at once: a client then tries the next server, where a full backlog would
// let it wait.
type listener struct {
	*net.TCPListener
	limit, perAddress int // perAddress 0: no bound
	open              atomic.Int64
	refused           func(remote net.Addr)

	mu struct {
		sync.Mutex
		from map[netip.Addr]int
	}
}

// listen opens addr.
func listen(addr string, limit, perAddress int, refused func(net.Addr)) (*listener, error) {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, listenError(addr, err)
	}
	bounded := &listener{TCPListener: l.(*net.TCPListener), limit: limit, perAddress: perAddress, refused: refused}
	bounded.mu.from = map[netip.Addr]int{}
	return bounded, nil
}

// Accept returns the next connection that has room.
func (l *listener) Accept() (net.Conn, error) {
	for {
		c, err := l.AcceptTCP()
		if err != nil {
			return nil, err
		}
		from := c.RemoteAddr().(*net.TCPAddr).AddrPort().Addr().Unmap()
		if l.enter(from) {
			return &conn{TCPConn: c, closed: sync.OnceFunc(func() { l.leave(from) })}, nil
		}
		l.refused(c.RemoteAddr())
		c.Close()
	}
}

// enter notes a connection if there is room for it.
func (l *listener) enter(from netip.Addr) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.open.Load() >= int64(l.limit) || l.perAddress > 0 && l.mu.from[from] >= l.perAddress {
		return false
	}
	l.open.Add(1)
	l.mu.from[from]++
	return true
}

func (l *listener) leave(from netip.Addr) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.open.Add(-1)
	if l.mu.from[from]--; l.mu.from[from] == 0 {
		delete(l.mu.from, from)
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
