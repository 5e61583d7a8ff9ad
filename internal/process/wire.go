package process

import (
	"net"
	"sync"
)

// Wire carries the connections that one server opens to another, and can be cut: then nothing of them arrives any more at
// either end, not even that they were closed, until it is mended. So a network behaves that loses everything and says nothing;
// with it the servers have only their own heartbeats. Its methods may be called by anybody.
type Wire struct {
	listener net.Listener
	to       string
	all      sync.WaitGroup

	mu struct {
		sync.Mutex
		whole  chan struct{} // closed unless the wire is cut
		ends   map[net.Conn]bool
		closed bool
		left   int64         // how many bytes go through to the end before it is cut
		spent  chan struct{} // closed then; nil if there is no such number
	}
}

// NewWire returns one that leads to an address, and is not cut.
func NewWire(to string) (*Wire, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	w := &Wire{listener: l, to: to}
	w.mu.ends, w.mu.whole = map[net.Conn]bool{}, make(chan struct{})
	close(w.mu.whole)
	w.all.Go(w.accept)
	return w, nil
}

// Addr is where the wire begins.
func (w *Wire) Addr() string { return w.listener.Addr().String() }

// Cut lets nothing through from here on.
func (w *Wire) Cut() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.cut()
}

// cut needs mu.
func (w *Wire) cut() {
	if w.isWhole() && !w.mu.closed {
		w.mu.whole = make(chan struct{})
	}
}

// CutAfter cuts the wire once so many bytes, and what came with the last of them, have gone through from its beginning to its end. The channel
// is closed then.
func (w *Wire) CutAfter(n int64) <-chan struct{} {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.mu.left, w.mu.spent = n, make(chan struct{})
	return w.mu.spent
}

// passed counts what has gone through from the beginning to the end.
func (w *Wire) passed(n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.mu.left -= int64(n); w.mu.spent == nil || w.mu.left > 0 {
		return
	}
	close(w.mu.spent)
	w.mu.spent = nil
	w.cut()
}

// Mend lets everything through, and first what has waited.
func (w *Wire) Mend() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.isWhole() {
		close(w.mu.whole)
	}
}

// Break closes the connections that there are, at both ends, and loses what was still on its way. A cut wire stays cut.
func (w *Wire) Break() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for end := range w.mu.ends {
		_ = end.Close()
	}
}

// isWhole needs mu.
func (w *Wire) isWhole() bool {
	select {
	case <-w.mu.whole:
		return true
	default:
		return false
	}
}

// Close closes all connections and returns when nothing is left of them.
func (w *Wire) Close() error {
	err := w.listener.Close()
	w.Mend()
	w.mu.Lock()
	w.mu.closed = true
	for end := range w.mu.ends {
		_ = end.Close()
	}
	w.mu.Unlock()
	w.all.Wait()
	return err
}

func (w *Wire) accept() {
	for {
		from, err := w.listener.Accept()
		if err != nil {
			return
		}
		w.all.Go(func() { w.connect(from) })
	}
}

// connect carries one connection, to its end.
func (w *Wire) connect(from net.Conn) {
	if !w.enter(from) {
		return
	}
	defer w.leave(from)
	w.await()
	to, err := net.Dial("tcp", w.to)
	if err != nil || !w.enter(to) {
		return
	}
	defer w.leave(to)
	var back sync.WaitGroup
	back.Go(func() { w.carry(to, from, func(int) {}) })
	w.carry(from, to, w.passed)
	back.Wait()
}

// carry carries one direction, which it tells passed, and ends both with it.
func (w *Wire) carry(from, to net.Conn, passed func(int)) {
	buf := make([]byte, 64<<10)
	for {
		n, err := from.Read(buf)
		w.await()
		if n > 0 {
			_, _ = to.Write(buf[:n]) // if it is closed, the next Read says so
			passed(n)
		}
		if err != nil {
			_ = to.Close()
			_ = from.Close()
			return
		}
	}
}

// await returns when the wire is whole.
func (w *Wire) await() {
	w.mu.Lock()
	whole := w.mu.whole
	w.mu.Unlock()
	<-whole
}

// enter notes an end of a connection; false: the wire is closed, and so is the connection.
func (w *Wire) enter(end net.Conn) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.mu.closed {
		_ = end.Close()
		return false
	}
	w.mu.ends[end] = true
	return true
}

func (w *Wire) leave(end net.Conn) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.mu.ends, end)
	_ = end.Close()
}
