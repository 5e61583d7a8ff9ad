package line

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/quorate/quorate/client"
)

// ErrLost says that a place is gone although its session lives: somebody has deleted its node.
var ErrLost = errors.New("the place in the line was taken away")

// Place is an own node in a line.
type Place struct {
	s    *client.Session
	dir  string
	name string
	// Token is the zxid that created the node: later places have greater ones.
	Token client.Zxid
}

// Join puts a node of a kind, a word without "-", at the end of the line under dir, which is created if need be. If ctx ends before the outcome
// is known, the node is withdrawn as soon as it is.
func Join(ctx context.Context, s *client.Session, dir, kind string, data []byte) (*Place, error) {
	nonce := Nonce()
	prefix := dir + "/" + kind + "-" + nonce + "-"
	for {
		pending, err := s.Start(ctx, client.CreateOp(prefix, data, client.Ephemeral(), client.Sequential()))
		if err != nil {
			return nil, err
		}
		made, err := pending.Wait(ctx)
		switch {
		case err == nil:
			return &Place{s: s, dir: dir, name: strings.TrimPrefix(made.Path, dir+"/"), Token: made.Zxid}, nil
		case errors.Is(err, client.ErrNoParent):
			if err := Ensure(ctx, s.Tree, dir); err != nil {
				return nil, err
			}
			continue
		case ctx.Err() != nil:
			Withdraw(s, pending, func(ctx context.Context) string {
				if p, _ := find(ctx, s, dir, nonce); p != nil {
					return p.Path()
				}
				return ""
			})
			return nil, err
		case !errors.Is(err, client.ErrUnknownOutcome) || s.Err() != nil:
			return nil, err
		}
		p, err := find(ctx, s, dir, nonce)
		if p != nil || err != nil {
			return p, err
		}
	}
}

// Nonce returns a number that nobody else has, as part of a name.
func Nonce() string { return fmt.Sprintf("%016x", rand.Uint64()) }

// find returns the place with a nonce, nil if there is none. It asks a quorum: of what took effect it misses nothing.
func find(ctx context.Context, s *client.Session, dir, nonce string) (*Place, error) {
	names, _, err := s.Children(ctx, dir, client.Linearizable())
	if errors.Is(err, client.ErrNoNode) {
		return nil, nil
	}
	for _, name := range names {
		if !strings.Contains(name, "-"+nonce+"-") {
			continue
		}
		stat, there, err := s.Exists(ctx, dir+"/"+name)
		if err != nil || !there {
			return nil, err
		}
		return &Place{s: s, dir: dir, name: name, Token: stat.Czxid}, nil
	}
	return nil, err
}

// Withdraw deletes what a pending creation makes, if it makes something: locate finds it when the outcome stays unknown, or returns "". It does
// not wait; what waits in its place ends with the session.
func Withdraw(s *client.Session, pending *client.Pending, locate func(context.Context) string) {
	go func() {
		ctx := context.Background()
		made, err := pending.Wait(ctx)
		path := made.Path
		if errors.Is(err, client.ErrUnknownOutcome) {
			path = locate(ctx)
		}
		if path != "" {
			_, _ = s.Start(ctx, client.DeleteOp(path))
		}
	}()
}

// Ensure creates a node and its parents as containers, which vanish when they have been empty for a while.
func Ensure(ctx context.Context, t client.Tree, path string) error {
	for i, r := range path {
		if r != '/' || i == 0 {
			continue
		}
		if err := ensureOne(ctx, t, path[:i]); err != nil {
			return err
		}
	}
	return ensureOne(ctx, t, path)
}

func ensureOne(ctx context.Context, t client.Tree, path string) error {
	_, err := t.Create(ctx, path, nil, client.Container())
	if errors.Is(err, client.ErrNodeExists) || errors.Is(err, client.ErrUnknownOutcome) {
		return nil // if it does not exist after all, whoever needs it sees
	}
	return err
}

// Path returns the path of the place's node.
func (p *Place) Path() string { return p.dir + "/" + p.name }

// Guard is an operation for a Multi that lets it pass only while the place is there.
func (p *Place) Guard() client.Op { return client.CheckOp(p.Path()) }

// Session returns the session that the place lives by.
func (p *Place) Session() *client.Session { return p.s }

// Await waits until none of the kinds that block stands before the place. If it fails, the place is given up.
func (p *Place) Await(ctx context.Context, blocks ...string) error {
	for {
		before, err := p.Before(ctx, blocks...)
		if err == nil && before == "" {
			return nil
		}
		if err == nil {
			err = Gone(ctx, p.s, p.dir+"/"+before)
		}
		if err != nil {
			p.Leave()
			return err
		}
	}
}

// Before returns the name of the nearest of the kinds that stands before the place; empty if none does.
func (p *Place) Before(ctx context.Context, kinds ...string) (string, error) {
	names, _, err := p.s.Children(ctx, p.dir)
	if err != nil && !errors.Is(err, client.ErrNoNode) {
		return "", err
	}
	names = Sorted(names)
	at := slices.Index(names, p.name)
	if at < 0 {
		return "", fmt.Errorf("%s: %w", p.Path(), ErrLost)
	}
	for _, name := range slices.Backward(names[:at]) {
		if kind, _, _ := strings.Cut(name, "-"); slices.Contains(kinds, kind) {
			return name, nil
		}
	}
	return "", nil
}

// Sorted returns the names of a line in its order: by the number at their end.
func Sorted(names []string) []string {
	number := func(name string) string { return name[max(0, len(name)-10):] }
	slices.SortFunc(names, func(a, b string) int { return cmp.Compare(number(a), number(b)) })
	return names
}

// Gone waits until there is no node at a path.
func Gone(ctx context.Context, s *client.Session, path string) error {
	for {
		_, there, w, err := s.ExistsW(ctx, path)
		if err != nil {
			return err
		}
		if there {
			_, err = w.Next(ctx)
		}
		w.Remove()
		if !there || err != nil {
			return err
		}
	}
}

// Leave gives the place up without waiting for the answer; the session sees to it that it happens.
func (p *Place) Leave() {
	_, _ = p.s.Start(context.Background(), client.DeleteOp(p.Path()))
}

// Quit gives the place up and waits for that. It is gone, or goes with the session, also when ctx ends first. That it is gone already is no error.
func (p *Place) Quit(ctx context.Context) error {
	pending, err := p.s.Start(context.WithoutCancel(ctx), client.DeleteOp(p.Path()))
	if err == nil {
		_, err = pending.Wait(ctx)
	}
	if errors.Is(err, client.ErrNoNode) || errors.Is(err, client.ErrSessionExpired) || errors.Is(err, client.ErrClosed) {
		return nil
	}
	return err
}
