package lock

import (
	"context"
	"errors"

	"github.com/quorate/quorate/client"
	"github.com/quorate/quorate/client/internal/line"
)

// ErrHeld says that somebody else holds the lock.
var ErrHeld = errors.New("the lock is held by another")

// The kinds of nodes in the line.
const (
	reader = "read"
	writer = "write"
)

// Mutex is a lock that one holds at a time. It is safe for concurrent use, and is held by a call of Lock, not by a session:
// a second one waits for the first, in the same program too.
type Mutex struct{ rw RWMutex }

// New returns the lock at a path, for a session. The node is created when it is needed, as a container; nothing else may stand below it.
func New(s *client.Session, path string) *Mutex { return &Mutex{RWMutex{s: s, path: path}} }

// Lock waits for its turn. If ctx ends before that, or the session does, the lock is not held.
func (m *Mutex) Lock(ctx context.Context) (*Held, error) { return m.rw.Lock(ctx) }

// TryLock takes the lock if nobody holds it or waits for it, and fails with [ErrHeld] else.
func (m *Mutex) TryLock(ctx context.Context) (*Held, error) {
	p, err := line.Join(ctx, m.rw.s, m.rw.path, writer, nil)
	if err != nil {
		return nil, err
	}
	before, err := p.Before(ctx, writer, reader)
	if err == nil && before != "" {
		err = ErrHeld
	}
	if err != nil {
		p.Leave()
		return nil, err
	}
	return &Held{p}, nil
}

// RWMutex is a lock that one holds for writing, or several for reading. Who waits for writing is not overtaken by readers. It
// is safe for concurrent use.
type RWMutex struct {
	s    *client.Session
	path string
}

// NewRW returns the lock at a path, for a session. The node is created when it is needed, as a container; nothing else may stand below it.
func NewRW(s *client.Session, path string) *RWMutex { return &RWMutex{s: s, path: path} }

// Lock waits until it holds the lock for writing. If ctx ends before that, or the session does, the lock is not held.
func (m *RWMutex) Lock(ctx context.Context) (*Held, error) {
	return m.lock(ctx, writer, writer, reader)
}

// RLock waits until it holds the lock for reading. If ctx ends before that, or the session does, the lock is not held.
func (m *RWMutex) RLock(ctx context.Context) (*Held, error) { return m.lock(ctx, reader, writer) }

func (m *RWMutex) lock(ctx context.Context, kind string, blocks ...string) (*Held, error) {
	p, err := line.Join(ctx, m.s, m.path, kind, nil)
	if err != nil {
		return nil, err
	}
	if err := p.Await(ctx, blocks...); err != nil {
		return nil, err
	}
	return &Held{p}, nil
}

// Held is a lock that is held.
type Held struct{ place *line.Place }

// Token returns the fencing token: greater than that of any holder before, also of those that have lost the lock. It is the czxid of the lock's node.
func (h *Held) Token() client.Zxid { return h.place.Token }

// Guard is an operation for a Multi: it lets the Multi pass only while the lock is held, and makes it fail with client.ErrNoNode else.
func (h *Held) Guard() client.Op { return h.place.Guard() }

// Done returns a channel that is closed when the session has ended, and the lock with it.
func (h *Held) Done() <-chan struct{} { return h.place.Session().Done() }

// Unlock gives the lock back. If ctx ends before the answer comes it is given back nevertheless, at the latest with the session. That it was lost already is no error.
func (h *Held) Unlock(ctx context.Context) error { return h.place.Quit(ctx) }
