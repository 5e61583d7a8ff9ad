package loopback

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"syscall"
)

// The ports that [Free] chooses from. Systems give connections ports of their own from
// 32768 (Linux) or 49152 on: a server that was killed finds its port free when it comes back.
const firstPort, lastPort = 20_000, 32_000

// Free returns a loopback address that nobody uses, and that this process and others are not given again for a while; see [Reserve].
func Free() (string, error) {
	var errs error
	for range 100 {
		addr, err := Reserve(firstPort + rand.IntN(lastPort-firstPort))
		if err == nil {
			return addr, nil
		}
		errs = errors.Join(errs, err)
	}
	return "", errs
}

// Reserve returns the loopback address of a port. It fails if somebody has the port, or has reserved it, or was a server there, within the last
// minute (Linux; less elsewhere): as long as the system remembers the last connection (TIME_WAIT) who will not share a port is refused it.
// Servers share it. So the tests of several packages, which run at once, do not take each other's ports.
func Reserve(port int) (string, error) {
	addr := fmt.Sprintf("127.0.0.1:%d", port)
	first := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error { return share(c, 0) }}
	l, err := first.Listen(context.Background(), "tcp", addr)
	if err != nil {
		return "", err
	}
	defer l.Close()
	raw, err := l.(*net.TCPListener).SyscallConn()
	if err != nil {
		return "", err
	}
	if err := share(raw, 1); err != nil { // what is remembered must be shared, too
		return "", err
	}
	return addr, connect(l)
}

// connect lets a listener have a connection that it ends first, so that its port is the one that is remembered.
func connect(l net.Listener) error {
	c, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		return err
	}
	defer c.Close()
	served, err := l.Accept()
	if err != nil {
		return err
	}
	return served.Close()
}

// share says whether a socket shares its port with connections that have ended.
func share(c syscall.RawConn, yes int) error {
	var err error
	if failed := c.Control(func(fd uintptr) { err = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_REUSEADDR, yes) }); failed != nil {
		return failed
	}
	return err
}
