package queue

import (
	"context"
	"errors"
	"sync"

	"github.com/quorate/quorate/client"
	"github.com/quorate/quorate/client/internal/line"
)

const taker = "taker"

// Queue is a queue as seen by one session. It is safe for concurrent use.
type Queue struct {
	s       *client.Session
	path    string
	journal string        // the node with the number of the last put
	turn    chan struct{} // of room for one: the journal tells of the last put alone, so there is one at a time
}

// New returns the queue at a path. Below it, containers are created when they are needed: items, claims, takers and puts.
func New(s *client.Session, path string) *Queue {
	return &Queue{s: s, path: path, journal: path + "/puts/" + line.Nonce(), turn: make(chan struct{}, 1)}
}

func (q *Queue) items() string  { return q.path + "/items" }
func (q *Queue) claims() string { return q.path + "/claims" }

// Put puts an item at the end. It fails with client.ErrUnknownOutcome only if the session ends, or ctx does, before the outcome is known.
func (q *Queue) Put(ctx context.Context, data []byte) error {
	select {
	case q.turn <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-q.turn }()
	nonce := line.Nonce()
	for {
		_, err := q.s.Multi(ctx,
			client.CreateOp(q.items()+"/item-", data, client.Sequential()),
			client.SetOp(q.journal, []byte(nonce)))
		switch {
		case errors.Is(err, client.ErrNoParent), errors.Is(err, client.ErrNoNode):
			err = q.prepare(ctx)
		case errors.Is(err, client.ErrUnknownOutcome) && q.s.Err() == nil && ctx.Err() == nil:
			var done bool
			if done, err = q.recorded(ctx, nonce); done {
				return nil
			}
		default:
			return err
		}
		if err != nil {
			return err
		}
	}
}

// prepare creates what a put needs.
func (q *Queue) prepare(ctx context.Context) error {
	for _, path := range []string{q.items(), q.path + "/puts"} {
		if err := line.Ensure(ctx, q.s.Tree, path); err != nil {
			return err
		}
	}
	_, err := q.s.Create(ctx, q.journal, nil, client.Ephemeral())
	if errors.Is(err, client.ErrNodeExists) || errors.Is(err, client.ErrUnknownOutcome) {
		return nil
	}
	return err
}

// recorded tells whether the put with a number has taken effect.
func (q *Queue) recorded(ctx context.Context, nonce string) (bool, error) {
	n, err := q.s.Get(ctx, q.journal, client.Linearizable())
	if errors.Is(err, client.ErrNoNode) {
		return false, nil
	}
	return err == nil && string(n.Data) == nonce, err
}

// Len returns how many items there are, those included that somebody has taken and not done.
func (q *Queue) Len(ctx context.Context) (int, error) {
	stat, _, err := q.s.Exists(ctx, q.items())
	return stat.NumChildren, err
}

// Take waits for an item that nobody has, and takes the oldest. Takers wait in a line, so that an item wakes one of them.
func (q *Queue) Take(ctx context.Context) (*Item, error) {
	place, err := line.Join(ctx, q.s, q.path+"/takers", taker, nil)
	if err != nil {
		return nil, err
	}
	if err := place.Await(ctx, taker); err != nil {
		return nil, err
	}
	defer place.Leave()
	if err := errors.Join(line.Ensure(ctx, q.s.Tree, q.items()), line.Ensure(ctx, q.s.Tree, q.claims())); err != nil {
		return nil, err
	}
	for {
		item, err := q.first(ctx)
		if item != nil || err != nil {
			return item, err
		}
	}
}

// first claims the oldest item that nobody has; if there is none it waits until there may be one, and returns nil.
func (q *Queue) first(ctx context.Context) (*Item, error) {
	claims, released, err := q.s.ChildrenW(ctx, q.claims())
	if err != nil {
		return nil, err
	}
	defer released.Remove()
	names, put, err := q.s.ChildrenW(ctx, q.items())
	if err != nil {
		return nil, err
	}
	defer put.Remove()
	taken := make(map[string]bool, len(claims))
	for _, name := range claims {
		taken[name] = true
	}
	for _, name := range line.Sorted(names) {
		if taken[name] {
			continue
		}
		if item, err := q.claim(ctx, name); item != nil || err != nil {
			return item, err
		}
	}
	return nil, either(ctx, released, put)
}

// either waits for an event of one of two watches.
func either(ctx context.Context, a, b *client.Watcher) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	first := make(chan error, 2)
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel()
	for _, w := range []*client.Watcher{a, b} {
		wg.Go(func() {
			_, err := w.Next(ctx)
			first <- err
		})
	}
	return <-first
}

// claim takes an item, unless somebody else has, or it is done: nil then.
func (q *Queue) claim(ctx context.Context, name string) (*Item, error) {
	n, err := q.s.Get(ctx, q.items()+"/"+name)
	if errors.Is(err, client.ErrNoNode) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	item := &Item{q: q, name: name, claim: line.Nonce(), Data: n.Data}
	for {
		_, err = q.s.Multi(ctx, client.CheckOp(n.Path), client.CreateOp(item.claimPath(), []byte(item.claim), client.Ephemeral()))
		switch {
		case err == nil:
			return item, nil
		case errors.Is(err, client.ErrNoNode), errors.Is(err, client.ErrNodeExists):
			return nil, nil
		case !errors.Is(err, client.ErrUnknownOutcome) || q.s.Err() != nil:
			return nil, err
		}
		if mine, err := item.mine(ctx); mine || err != nil {
			return item, err
		}
	}
}

// Item is an item that was taken.
type Item struct {
	// Data is what was put.
	Data []byte

	q     *Queue
	name  string
	claim string // what the claim's node holds: this item's taker knows it by that
}

func (i *Item) path() string      { return i.q.items() + "/" + i.name }
func (i *Item) claimPath() string { return i.q.claims() + "/" + i.name }

// mine tells whether the claim is this item's.
func (i *Item) mine(ctx context.Context) (bool, error) {
	n, err := i.q.s.Get(ctx, i.claimPath(), client.Linearizable())
	if errors.Is(err, client.ErrNoNode) {
		return false, nil
	}
	return err == nil && string(n.Data) == i.claim, err
}

// DoneOps are the operations by which the item is done, for a Multi with what its work changes. The Multi fails with client.ErrNoNode if the item was
// lost with the session that had taken it.
func (i *Item) DoneOps() []client.Op {
	return []client.Op{client.DeleteOp(i.claimPath(), client.IfVersion(0)), client.DeleteOp(i.path())}
}

// Done takes the item out of the queue. It fails with client.ErrSessionExpired if the session has ended: somebody else has the item then, or will.
func (i *Item) Done(ctx context.Context) error {
	for {
		_, err := i.q.s.Multi(ctx, i.DoneOps()...)
		if !errors.Is(err, client.ErrUnknownOutcome) || i.q.s.Err() != nil || ctx.Err() != nil {
			return err
		}
		// The claim lives by this session, which lives: nobody else can have done the item.
		_, there, err := i.q.s.Exists(ctx, i.path(), client.Linearizable())
		if err != nil || !there {
			return err
		}
	}
}

// Return gives the item back: it keeps its place in the queue. If ctx ends before the answer comes it is given back nevertheless, at the latest with the session.
func (i *Item) Return(ctx context.Context) error {
	pending, err := i.q.s.Start(context.WithoutCancel(ctx), client.DeleteOp(i.claimPath()))
	if err == nil {
		_, err = pending.Wait(ctx)
	}
	if errors.Is(err, client.ErrNoNode) || errors.Is(err, client.ErrSessionExpired) || errors.Is(err, client.ErrClosed) {
		return nil
	}
	return err
}
