package election

import (
	"context"
	"errors"
	"iter"

	"github.com/quorate/quorate/client"
	"github.com/quorate/quorate/client/internal/line"
)

// ErrNoLeader says that nobody leads, and nobody wants to.
var ErrNoLeader = errors.New("there is no leader")

const candidate = "candidate"

// Election is an election as seen by one session. It is safe for concurrent use.
type Election struct {
	s    *client.Session
	path string
}

// New returns the election at a path. The node is created when it is needed, as a container; nothing else may stand below it.
func New(s *client.Session, path string) *Election { return &Election{s: s, path: path} }

// Leader is who leads.
type Leader struct {
	// Value is what the leader has said of itself in Campaign.
	Value []byte
	// Token is the leader's fencing token.
	Token client.Zxid
	// Session is the leader's.
	Session client.SessionID
}

// Campaign waits until this candidate leads. The value tells others who it is: an address, say. If ctx ends before that, or the session does, it is no candidate any more.
func (e *Election) Campaign(ctx context.Context, value []byte) (*Term, error) {
	p, err := line.Join(ctx, e.s, e.path, candidate, value)
	if err != nil {
		return nil, err
	}
	if err := p.Await(ctx, candidate); err != nil {
		return nil, err
	}
	return &Term{p}, nil
}

// Leader returns who leads, or [ErrNoLeader], as this session's server sees it, which may be behind.
func (e *Election) Leader(ctx context.Context) (Leader, error) {
	l, _, err := e.first(ctx)
	return l, err
}

// first returns the leader and its node's path.
func (e *Election) first(ctx context.Context) (Leader, string, error) {
	for {
		names, _, err := e.s.Children(ctx, e.path)
		if err != nil && !errors.Is(err, client.ErrNoNode) {
			return Leader{}, "", err
		}
		if len(names) == 0 {
			return Leader{}, "", ErrNoLeader
		}
		path := e.path + "/" + line.Sorted(names)[0]
		n, err := e.s.Get(ctx, path)
		if errors.Is(err, client.ErrNoNode) {
			continue // it has resigned meanwhile
		}
		return Leader{Value: n.Data, Token: n.Stat.Czxid, Session: n.Stat.Owner}, path, err
	}
}

// Observe yields who leads, and then each new leader; a zero Leader while there is none. Who is slow misses leaders in between, but not
// the latest one. After an error nothing more comes: that of ctx, or of the session's end.
func (e *Election) Observe(ctx context.Context) iter.Seq2[Leader, error] {
	return func(yield func(Leader, error) bool) {
		told := Leader{Token: ^client.Zxid(0)}
		for {
			l, path, err := e.first(ctx)
			if err != nil && !errors.Is(err, ErrNoLeader) {
				yield(Leader{}, err)
				return
			}
			if l.Token != told.Token {
				if told = l; !yield(l, nil) {
					return
				}
			}
			if err == nil {
				err = line.Gone(ctx, e.s, path)
			} else {
				err = e.awaitCandidate(ctx)
			}
			if err != nil {
				yield(Leader{}, err)
				return
			}
		}
	}
}

// awaitCandidate waits until somebody may have come.
func (e *Election) awaitCandidate(ctx context.Context) error {
	names, w, err := e.s.ChildrenW(ctx, e.path)
	if errors.Is(err, client.ErrNoNode) {
		return line.Ensure(ctx, e.s.Tree, e.path)
	}
	if err != nil {
		return err
	}
	defer w.Remove()
	if len(names) == 0 {
		_, err = w.Next(ctx)
	}
	return err
}

// Term is the time of a leader.
type Term struct{ place *line.Place }

// Token returns the fencing token: greater than that of any leader before. It is the czxid of the candidate's node.
func (t *Term) Token() client.Zxid { return t.place.Token }

// Guard is an operation for a Multi: it lets the Multi pass only in this term, and makes it fail with client.ErrNoNode else.
func (t *Term) Guard() client.Op { return t.place.Guard() }

// Done returns a channel that is closed when the session has ended, and the term with it.
func (t *Term) Done() <-chan struct{} { return t.place.Session().Done() }

// Resign ends the term. If ctx ends before the answer comes it ends nevertheless, at the latest with the session.
func (t *Term) Resign(ctx context.Context) error { return t.place.Quit(ctx) }
