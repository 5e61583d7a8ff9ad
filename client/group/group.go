package group

import (
	"context"
	"errors"
	"iter"
	"slices"

	"github.com/quorate/quorate/client"
	"github.com/quorate/quorate/client/internal/line"
)

// Group is a group as seen by one session. It is safe for concurrent use.
type Group struct {
	s    *client.Session
	path string
}

// New returns the group at a path. The node is created when it is needed, as a container; nothing else may stand below it.
func New(s *client.Session, path string) *Group { return &Group{s: s, path: path} }

// Member is one of the group.
type Member struct {
	// Name is what the member has called itself.
	Name string
	// Data is what it has said of itself.
	Data []byte
	// Session is the one that it lives by.
	Session client.SessionID
	// Since is the zxid at which it joined.
	Since client.Zxid
}

// Join joins the group under a name, with data that tells others what they need: an address, say. It fails with
// client.ErrNodeExists while another of that name is there: one's own former life too, until its session has ended.
func (g *Group) Join(ctx context.Context, name string, data []byte) (*Membership, error) {
	path := g.path + "/" + name
	for {
		pending, err := g.s.Start(ctx, client.CreateOp(path, data, client.Ephemeral()))
		if err != nil {
			return nil, err
		}
		_, err = pending.Wait(ctx)
		switch {
		case err == nil:
			return &Membership{g.s, path}, nil
		case errors.Is(err, client.ErrNoParent):
			err = line.Ensure(ctx, g.s.Tree, g.path)
		case ctx.Err() != nil:
			line.Withdraw(g.s, pending, func(ctx context.Context) string {
				if mine, _ := g.mine(ctx, path); mine {
					return path
				}
				return ""
			})
			return nil, err
		case errors.Is(err, client.ErrUnknownOutcome) && g.s.Err() == nil:
			var mine bool
			if mine, err = g.mine(ctx, path); mine {
				return &Membership{g.s, path}, nil
			}
		default:
			return nil, err
		}
		if err != nil {
			return nil, err
		}
	}
}

// mine tells whether a member's node is this session's.
func (g *Group) mine(ctx context.Context, path string) (bool, error) {
	stat, _, err := g.s.Exists(ctx, path, client.Linearizable())
	return err == nil && stat.Owner == g.s.ID(), err
}

// Members returns who is there, by name, all at one version of the tree.
func (g *Group) Members(ctx context.Context) ([]Member, error) {
	all, _, err := g.members(ctx)
	return all, err
}

// members returns who is there, and at which version; 0 if nobody is.
func (g *Group) members(ctx context.Context) (all []Member, zxid client.Zxid, err error) {
	for e, err := range g.s.List(ctx, g.path, client.WithData()) {
		if errors.Is(err, client.ErrNoNode) {
			return nil, 0, nil
		}
		if err != nil {
			return nil, 0, err
		}
		zxid = e.Zxid
		all = append(all, Member{Name: e.Name, Data: e.Data, Session: e.Stat.Owner, Since: e.Stat.Czxid})
	}
	return all, zxid, nil
}

// Watch yields who is there, and then again when somebody has come or gone, or has said something else of itself. Who is slow misses lists in between, but not the latest one. After an error nothing more comes.
func (g *Group) Watch(ctx context.Context) iter.Seq2[[]Member, error] {
	return func(yield func([]Member, error) bool) {
		w, err := g.s.Watch(ctx, g.path, client.WatchRecursive)
		if err != nil {
			yield(nil, err)
			return
		}
		defer w.Remove()
		var told []Member
		for first := true; ; {
			members, zxid, err := g.members(ctx)
			if first || err != nil || !slices.EqualFunc(members, told, same) {
				if !yield(members, err) || err != nil {
					return
				}
			}
			first, told = false, members
			for e := (client.Event{}); e.Zxid <= zxid; {
				if e, err = w.Next(ctx); err != nil {
					yield(nil, err)
					return
				}
			}
		}
	}
}

// same tells whether nothing has changed of a member.
func same(a, b Member) bool {
	return a.Name == b.Name && a.Since == b.Since && a.Session == b.Session && slices.Equal(a.Data, b.Data)
}

// Membership is being in a group.
type Membership struct {
	s    *client.Session
	path string
}

// Update replaces what the member says of itself.
func (m *Membership) Update(ctx context.Context, data []byte) error {
	_, err := m.s.Set(ctx, m.path, data)
	return err
}

// Done returns a channel that is closed when the session has ended, and the membership with it.
func (m *Membership) Done() <-chan struct{} { return m.s.Done() }

// Leave leaves the group. If ctx ends before the answer comes it is left nevertheless, at the latest with the session.
func (m *Membership) Leave(ctx context.Context) error {
	pending, err := m.s.Start(context.WithoutCancel(ctx), client.DeleteOp(m.path))
	if err == nil {
		_, err = pending.Wait(ctx)
	}
	if errors.Is(err, client.ErrNoNode) || errors.Is(err, client.ErrSessionExpired) || errors.Is(err, client.ErrClosed) {
		return nil
	}
	return err
}
