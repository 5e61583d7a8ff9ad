package sim

import (
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"github.com/quorate/quorate/store/txn"
)

// millis is the latency of these tests' network.
const millis = time.Millisecond

// plug is a server in a network that takes connections.
type plug struct {
	*netPort
	l *listener
}

func (n *Network) plugIn(id txn.ServerID) plug {
	p := &netPort{net: n, id: id}
	l := newListener(p)
	p.take = l.offer
	p.enter()
	return plug{p, l}
}

// wired returns two servers and both ends of a connection that the first has made.
func wired(t *testing.T, c NetworkConfig) (one, two plug, from, to *conn) {
	t.Helper()
	c.Latency = Span{millis, millis}
	n := NewNetwork(c)
	one, two = n.plugIn(1), n.plugIn(2)
	s, err := n.call(t.Context(), one.netPort, 2, Connection)
	if err != nil {
		t.Fatal(err)
	}
	got, err := two.l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	return one, two, clientConn(s), got.(*conn)
}

// wants fails t unless an error is another.
func wants(t *testing.T, what string, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("%s: %v, want %v", what, err, want)
	}
}

// TestConn: bytes arrive after the latency and in their order, and the end behind them, both ways.
func TestConn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, _, from, to := wired(t, NetworkConfig{})
		for _, way := range []struct{ out, in *conn }{{from, to}, {to, from}} {
			began := time.Now()
			if n, err := way.out.Write([]byte("hello ")); n != 6 || err != nil {
				t.Error(n, err)
			}
			_, _ = way.out.Write([]byte("world"))
			b := make([]byte, 4)
			if n, err := way.in.Read(b); string(b[:n]) != "hell" || err != nil {
				t.Errorf("%q, %v", b[:n], err)
			}
			if took := time.Since(began); took < millis || took > millis+2*grid {
				t.Errorf("it took %v", took)
			}
			if n, err := io.ReadFull(way.in, make([]byte, 7)); err != nil {
				t.Error(n, err)
			}
			if way.out.LocalAddr().String() != way.in.RemoteAddr().String() {
				t.Error(way.out.LocalAddr(), way.in.RemoteAddr())
			}
		}
		_, _ = from.Write([]byte("bye"))
		_ = from.Close()
		if got, err := io.ReadAll(to); string(got) != "bye" || err != nil {
			t.Errorf("%q, %v", got, err)
		}
		_, err := from.Read(make([]byte, 1))
		wants(t, "a read after Close", err, net.ErrClosed)
		_, err = from.Write([]byte("x"))
		wants(t, "a write after Close", err, net.ErrClosed)
		_, err = to.Write([]byte("x"))
		wants(t, "a write to who has closed", err, errHungUp)
		_, _ = to.Close(), from.Close()
		if left := len(from.stream.net.mu.streams); left != 0 {
			t.Errorf("%d streams are left", left)
		}
	})
}

// TestConnWindow: Write waits for who does not read.
func TestConnWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, _, from, to := wired(t, NetworkConfig{Window: 10})
		written := 0
		go func() {
			for range 3 {
				n, _ := from.Write(make([]byte, 5))
				written += n
			}
		}()
		passInBubble(time.Second)
		if written != 10 {
			t.Errorf("%d bytes are written, the window has 10", written)
		}
		_, _ = to.Read(make([]byte, 4))
		passInBubble(time.Second)
		if written != 10 {
			t.Errorf("%d bytes are written, there is room for 4", written)
		}
		_, _ = to.Read(make([]byte, 1))
		passInBubble(time.Second)
		if written != 15 {
			t.Errorf("%d bytes are written, there is room for 5", written)
		}
	})
}

// TestConnDeadline: a deadline ends what waits, can be moved while it waits, and is over when there is a new one.
func TestConnDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, _, from, to := wired(t, NetworkConfig{Window: 1})
		began := time.Now()
		read := make(chan error)
		go func() { _, err := to.Read(make([]byte, 1)); read <- err }()
		_ = to.SetDeadline(began.Add(time.Second))
		passInBubble(time.Second / 2)
		_ = to.SetReadDeadline(began.Add(3 * time.Second))
		wants(t, "a read", <-read, os.ErrDeadlineExceeded)
		if took := time.Since(began); took != 3*time.Second {
			t.Errorf("it ended after %v", took)
		}
		_, _ = from.Write([]byte("x"))
		passInBubble(time.Second)
		_, err := to.Read(make([]byte, 1))
		wants(t, "a read after the deadline", err, os.ErrDeadlineExceeded)
		_ = to.SetReadDeadline(time.Time{})
		if n, err := to.Read(make([]byte, 1)); n != 1 || err != nil {
			t.Error(n, err)
		}
		_, _ = from.Write([]byte("x"))
		_ = from.SetWriteDeadline(time.Now().Add(-time.Second))
		_, err = from.Write([]byte("x"))
		wants(t, "a write after the deadline", err, os.ErrDeadlineExceeded)
	})
}

// TestConnCut: what a cut holds back arrives when it heals; if it does not, both ends break.
func TestConnCut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, _, from, to := wired(t, NetworkConfig{Detect: 5 * time.Second})
		n := from.stream.net
		n.Cut(1, 2)
		_, _ = from.Write([]byte("x"))
		_ = to.SetReadDeadline(time.Now().Add(time.Second))
		_, err := to.Read(make([]byte, 1))
		wants(t, "a read across a cut", err, os.ErrDeadlineExceeded)
		_ = to.SetReadDeadline(time.Time{})
		n.Heal(1, 2)
		if got, err := to.Read(make([]byte, 1)); got != 1 || err != nil {
			t.Error(got, err)
		}
		n.Cut(2, 1)
		_, err = from.Read(make([]byte, 1))
		wants(t, "a read across a cut for ever", err, errLost)
		_, err = to.Read(make([]byte, 1))
		wants(t, "a read at the other end", err, errLost)
	})
}

// TestConnKill: the connections of a process die with it, those that nobody has accepted too, and it makes no new ones.
func TestConnKill(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		one, two, from, to := wired(t, NetworkConfig{})
		s, err := two.net.call(t.Context(), two.netPort, 1, Connection)
		if err != nil {
			t.Fatal(err)
		}
		waiting := clientConn(s)
		passInBubble(10 * millis)
		_, _ = to.Write([]byte("lost"))
		one.leave(true)
		_, err = from.Read(make([]byte, 1))
		wants(t, "a read of the dead", err, errStopped)
		_, err = waiting.Read(make([]byte, 1))
		wants(t, "a read from the dead, who had not accepted", err, errReset)
		_, err = to.Read(make([]byte, 1))
		wants(t, "a read from the dead", err, errReset)
		_, err = one.net.call(t.Context(), one.netPort, 2, Connection)
		wants(t, "a call of the dead", err, errStopped)
		_, err = two.net.call(t.Context(), two.netPort, 1, Connection)
		wants(t, "a call to the dead", err, errRefused)
	})
}

// TestListener: one that is closed takes nothing, nor does one whose connections nobody accepts.
func TestListener(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		one, two, _, _ := wired(t, NetworkConfig{})
		reset := func(what string) {
			t.Helper()
			s, err := one.net.call(t.Context(), one.netPort, 2, Connection)
			if err != nil {
				t.Fatal(err)
			}
			_, err = clientConn(s).Read(make([]byte, 1))
			wants(t, what, err, errReset)
		}
		for range backlog {
			if _, err := one.net.call(t.Context(), one.netPort, 2, Connection); err != nil {
				t.Fatal(err)
			}
		}
		passInBubble(10 * millis)
		reset("one more than wait")
		for range backlog {
			_, _ = two.l.Accept()
		}
		time.AfterFunc(2*millis, func() { _ = two.l.Close() }) // when the call has been answered and has not arrived
		reset("a connection to who has closed meanwhile")
		_, err := two.l.Accept()
		wants(t, "Accept", err, net.ErrClosed)
		_, err = one.net.call(t.Context(), one.netPort, 2, Connection)
		wants(t, "a call", err, errRefused)
		if err := two.l.Close(); err != nil {
			t.Error("Close again:", err)
		}
	})
}
