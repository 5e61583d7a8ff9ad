package order

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"

	"github.com/quorate/quorate/server/pipeline"
	"github.com/quorate/quorate/store/fault"
)

// Line is the requests of a stream that have begun and are not answered, each with what C says of it. Its methods are for the stream's own
// goroutine, but for Land.
type Line[C any] struct {
	void   *atomic.Bool
	landed func()
	begun  []*Slot[C]

	mu sync.Mutex // guards what Land sets of each
}

// Slot is one of them.
type Slot[C any] struct {
	// Call is the request.
	Call C
	// Write tells whether it changes something.
	Write bool
	// Reply and Err are what has become of it, once it is returned by [Line.Next].
	Reply pipeline.Reply
	Err   error

	ready bool
}

// NewLine returns an empty line. landed is called whenever Land was; it must not block. void is set as soon as a write has failed so that nothing
// behind it may be carried out.
func NewLine[C any](void *atomic.Bool, landed func()) Line[C] {
	return Line[C]{void: void, landed: landed}
}

// Len returns how many there are.
func (l *Line[C]) Len() int { return len(l.begun) }

// May tells whether a request may begin.
func (l *Line[C]) May(write bool) bool { return len(l.begun) == 0 || write && l.begun[0].Write }

// Writing tells whether writes are on their way.
func (l *Line[C]) Writing() bool { return len(l.begun) > 0 && l.begun[0].Write }

// Begin adds a request that may begin.
func (l *Line[C]) Begin(call C, write bool) *Slot[C] {
	s := &Slot[C]{Call: call, Write: write}
	l.begun = append(l.begun, s)
	return s
}

// Land notes what has become of a request. It may be called by anybody, once for each, and never blocks.
func (l *Line[C]) Land(s *Slot[C], reply pipeline.Reply, err error) {
	if s.Write && Ends(err) {
		l.void.Store(true) // before those behind it have their turn
	}
	l.mu.Lock()
	s.Reply, s.Err, s.ready = reply, err, true
	l.mu.Unlock()
	l.landed()
}

// Next takes the first request out of the line if it has landed; nil if not. Of a write whose error ends the stream it returns that, and
// leaves it: nothing comes after it.
func (l *Line[C]) Next() (*Slot[C], error) {
	if len(l.begun) == 0 {
		return nil, nil
	}
	s := l.begun[0]
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case !s.ready:
		return nil, nil
	case s.Write && Ends(s.Err):
		return nil, s.Err
	}
	l.begun[0] = nil
	l.begun = l.begun[1:]
	return s, nil
}

// Ends tells whether an error is about the session or its way to the leader, not about the request: what follows must not
// take effect as if this had.
func Ends(err error) bool {
	switch fault.Of(err) {
	case fault.Unknown, fault.Unavailable, fault.SessionMoved, fault.NoSession:
		return err != nil
	}
	return errors.Is(err, context.Canceled)
}
