package semaphore

import (
	"context"

	"github.com/quorate/quorate/client"
	"github.com/quorate/quorate/client/internal/line"
	"github.com/quorate/quorate/client/lock"
)

const permit = "permit"

// Semaphore is a semaphore as seen by one session. It is safe for concurrent use.
type Semaphore struct {
	s     *client.Session
	path  string
	bound int
}

// New returns the semaphore at a path, of bound permits, one at least. Below it, containers are created when they are needed: turn and permits.
func New(s *client.Session, path string, bound int) *Semaphore {
	return &Semaphore{s: s, path: path, bound: max(1, bound)}
}

// Acquire waits for a permit. If ctx ends before that, or the session does, there is none.
//
// Only the first of those that wait watches the permits, so that one that is given back wakes one program.
func (m *Semaphore) Acquire(ctx context.Context) (*Permit, error) {
	turn, err := lock.New(m.s, m.path+"/turn").Lock(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { _ = turn.Unlock(context.WithoutCancel(ctx)) }()
	if err := line.Ensure(ctx, m.s.Tree, m.path+"/permits"); err != nil {
		return nil, err
	}
	for {
		names, w, err := m.s.ChildrenW(ctx, m.path+"/permits")
		if err != nil {
			return nil, err
		}
		if len(names) >= m.bound {
			_, err = w.Next(ctx)
		}
		w.Remove()
		if err != nil {
			return nil, err
		}
		if len(names) < m.bound {
			return m.take(ctx)
		}
	}
}

// take creates the permit. Whoever has the turn is the only one to do so, so that there is room for it still.
func (m *Semaphore) take(ctx context.Context) (*Permit, error) {
	p, err := line.Join(ctx, m.s, m.path+"/permits", permit, nil)
	if err != nil {
		return nil, err
	}
	return &Permit{p}, nil
}

// Permit is a permit that is held.
type Permit struct{ place *line.Place }

// Token returns the fencing token: greater than that of any permit given before.
func (p *Permit) Token() client.Zxid { return p.place.Token }

// Guard is an operation for a Multi: it lets the Multi pass only while the permit is held, and makes it fail with client.ErrNoNode else.
func (p *Permit) Guard() client.Op { return p.place.Guard() }

// Done returns a channel that is closed when the session has ended, and the permit with it.
func (p *Permit) Done() <-chan struct{} { return p.place.Session().Done() }

// Release gives the permit back. If ctx ends before the answer comes it is given back nevertheless, at the latest with the session.
func (p *Permit) Release(ctx context.Context) error { return p.place.Quit(ctx) }
