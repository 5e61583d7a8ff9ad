package barrier

import (
	"context"
	"errors"

	"github.com/quorate/quorate/client"
	"github.com/quorate/quorate/client/internal/line"
)

const member = "member"

// Barrier is a barrier as seen by one session. It is safe for concurrent use: each call of Enter is a member of its own.
type Barrier struct {
	s      *client.Session
	path   string
	needed int
}

// New returns the barrier at a path, for as many members as are needed, which all must name the same number. Below it, nodes are created when they are needed: members and ready.
func New(s *client.Session, path string, needed int) *Barrier {
	return &Barrier{s: s, path: path, needed: needed}
}

func (b *Barrier) members() string { return b.path + "/members" }
func (b *Barrier) ready() string   { return b.path + "/ready" }

// Enter waits until as many have entered as are needed. If ctx ends before that, or the session does, this one has not.
func (b *Barrier) Enter(ctx context.Context) (*Member, error) {
	p, err := line.Join(ctx, b.s, b.members(), member, nil)
	if err != nil {
		return nil, err
	}
	if err := b.await(ctx); err != nil {
		p.Leave()
		return nil, err
	}
	return &Member{b, p}, nil
}

// await waits for the node that says that all are there, or creates it. That node is what counts: of those
// that entered some may have left already.
func (b *Barrier) await(ctx context.Context) error {
	_, there, w, err := b.s.ExistsW(ctx, b.ready())
	if err != nil {
		return err
	}
	defer w.Remove()
	if there {
		return nil
	}
	names, _, err := b.s.Children(ctx, b.members())
	if err != nil {
		return err
	}
	if len(names) < b.needed {
		_, err := w.Next(ctx)
		return err
	}
	_, err = b.s.Create(ctx, b.ready(), nil)
	if errors.Is(err, client.ErrNodeExists) {
		return nil
	}
	if errors.Is(err, client.ErrUnknownOutcome) && b.s.Err() == nil {
		return b.await(ctx)
	}
	return err
}

// Member is one that has entered.
type Member struct {
	b     *Barrier
	place *line.Place
}

// Leave leaves, and waits until all have left. It has left also if it fails because ctx ends.
func (m *Member) Leave(ctx context.Context) error {
	if err := m.place.Quit(ctx); err != nil {
		return err
	}
	for {
		names, _, err := m.b.s.Children(ctx, m.b.members())
		if errors.Is(err, client.ErrNoNode) || err == nil && len(names) == 0 {
			return nil
		}
		if err == nil { // each waits for the last: one node is watched, not the whole
			err = line.Gone(ctx, m.b.s, m.b.members()+"/"+line.Sorted(names)[len(names)-1])
		}
		if err != nil {
			return err
		}
	}
}

// Done returns a channel that is closed when the session has ended, and the membership with it.
func (m *Member) Done() <-chan struct{} { return m.place.Session().Done() }
