package process_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/quorate/quorate/client"
	"github.com/quorate/quorate/client/election"
	"github.com/quorate/quorate/client/lock"
	"github.com/quorate/quorate/client/queue"
	"github.com/quorate/quorate/internal/process"
)

// TestLocksOverKills has programs compete for a lock and for an office, and others put items into a queue and take them out, while leaders
// are killed and cut off and connections lost. Holders write their tokens into the tree, guarded: they stand there in groups that grow, unless two held at
// once. Each item that was put is done once. QUORATE_TEST_HOLDS and QUORATE_TEST_KILLS make it longer.
func TestLocksOverKills(t *testing.T) {
	work, kills := int64(setting(t, "QUORATE_TEST_HOLDS", 100)), setting(t, "QUORATE_TEST_KILLS", 2)
	c := startCluster(t, process.Shape{Voters: 3, Wired: true})
	fresh := c.client(0)
	for _, path := range []string{"/locked", "/led", "/done"} {
		c.create(fresh, path, nil)
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	f := &factory{c: c, queue: "/work"}
	var clients []*reach
	var running sync.WaitGroup
	for i := range 6 {
		r := c.reach(i)
		clients = append(clients, r)
		running.Go(func() { f.compete(ctx, r.Client, i%2 == 0) })
	}
	var putting, taking sync.WaitGroup
	finishing, finish := context.WithCancel(t.Context())
	defer finish()
	for i := range 4 {
		r := c.reach(i)
		clients = append(clients, r)
		if i%2 == 0 {
			putting.Go(func() { f.put(ctx, r.Client, i) })
		} else {
			taking.Go(func() { f.take(finishing, r.Client) })
		}
	}
	c.harass(clients, &f.holds, work, kills)
	stop()
	running.Wait()
	putting.Wait()
	c.await("the queue is empty", func(process.View) bool { return t.Failed() || f.done.Load() >= f.puts.Load() })
	finish()
	taking.Wait()
	c.verifyTokens(fresh, "/locked")
	c.verifyTokens(fresh, "/led")
	f.verify(fresh)
	t.Logf("held %d times, %d sessions given up; %d items put, %d done", f.holds.Load(), f.abandoned.Load(), f.puts.Load(), f.done.Load())
}

// factory is what the programs share.
type factory struct {
	c     *cluster
	queue string

	holds, abandoned, puts, done atomic.Int64
}

// open opens a session; nil when ctx has ended, or after an error.
func (f *factory) open(ctx context.Context, cl *client.Client) *client.Session {
	s, err := cl.OpenSession(ctx, client.SessionTimeout(sessionLife))
	if err != nil && ctx.Err() == nil {
		f.c.t.Errorf("open a session: %v", err)
	}
	return s
}

// end closes a session, with what it has.
func (f *factory) end(s *client.Session) {
	if err := s.Close(f.c.t.Context()); err != nil {
		f.c.t.Errorf("close session %v: %v", s.ID(), err)
	}
}

// tenure is a lock that is held, or an office.
type tenure interface {
	Token() client.Zxid
	Guard() client.Op
}

// compete holds the lock or leads, again and again, until ctx ends. Every now and then its session ends while it does.
func (f *factory) compete(ctx context.Context, cl *client.Client, leads bool) {
	for ctx.Err() == nil {
		s := f.open(ctx, cl)
		if s == nil {
			return
		}
		for n := 0; ctx.Err() == nil && n < 20; n++ {
			if err := f.hold(ctx, s, leads); err != nil && ctx.Err() == nil {
				f.c.t.Errorf("hold, session %v: %v", s.ID(), err)
				return
			}
		}
		f.dieHolding(ctx, s, leads)
	}
}

// hold holds once, and writes the token thrice.
func (f *factory) hold(ctx context.Context, s *client.Session, leads bool) error {
	held, log, release, err := f.obtain(ctx, s, leads)
	if err != nil {
		return err
	}
	for range 3 {
		if err := mark(ctx, s, held, log); err != nil && !errors.Is(err, client.ErrUnknownOutcome) {
			return err
		}
	}
	f.holds.Add(1)
	return release(ctx)
}

// dieHolding closes the session while writes of the holder are on their way, and others wait behind them.
func (f *factory) dieHolding(ctx context.Context, s *client.Session, leads bool) {
	held, log, _, err := f.obtain(ctx, s, leads)
	if err != nil && ctx.Err() == nil {
		f.c.t.Errorf("hold, session %v: %v", s.ID(), err)
	}
	var writing sync.WaitGroup
	if err == nil {
		for range 4 {
			writing.Go(func() {
				for mark(f.c.t.Context(), s, held, log) == nil { // until the session has ended
				}
			})
		}
		f.holds.Add(1)
		f.abandoned.Add(1)
	}
	f.end(s)
	writing.Wait()
}

func (f *factory) obtain(ctx context.Context, s *client.Session, leads bool) (held tenure, log string, release func(context.Context) error, err error) {
	if leads {
		term, err := election.New(s, "/office").Campaign(ctx, []byte("me"))
		if err != nil {
			return nil, "", nil, err
		}
		return term, "/led", term.Resign, nil
	}
	h, err := lock.New(s, "/lock").Lock(ctx)
	if err != nil {
		return nil, "", nil, err
	}
	return h, "/locked", h.Unlock, nil
}

// mark writes a holder's token at the end of a log.
func mark(ctx context.Context, s *client.Session, held tenure, log string) error {
	_, err := s.Multi(ctx, held.Guard(), client.CreateOp(log+"/", strconv.AppendUint(nil, uint64(held.Token()), 10), client.Sequential()))
	return err
}

// put puts items until ctx ends.
func (f *factory) put(ctx context.Context, cl *client.Client, i int) {
	s := f.open(ctx, cl)
	if s == nil {
		return
	}
	q := queue.New(s, f.queue)
	for n := 0; ctx.Err() == nil; n++ {
		if err := q.Put(f.c.t.Context(), fmt.Appendf(nil, "%d-%d", i, n)); err != nil {
			f.c.t.Errorf("put: %v", err)
			return
		}
		f.puts.Add(1)
		pause(ctx, 20*time.Millisecond) // so that the takers keep up
	}
}

// take takes items until ctx ends, and does them. Every now and then its session ends with an item that is not done.
func (f *factory) take(ctx context.Context, cl *client.Client) {
	for {
		s := f.open(ctx, cl)
		if s == nil {
			return
		}
		for n := range 20 {
			item, err := queue.New(s, f.queue).Take(ctx)
			if err == nil && n < 19 {
				err = f.finish(s, item)
			}
			switch {
			case err == nil && n < 19:
				f.done.Add(1)
			case err == nil:
				f.abandoned.Add(1)
			case ctx.Err() != nil:
				return
			default:
				f.c.t.Errorf("take: %v", err)
				return
			}
		}
		f.end(s)
	}
}

// finish does an item. When the outcome is unknown the node tells.
func (f *factory) finish(s *client.Session, item *queue.Item) error {
	ctx, result := f.c.t.Context(), "/done/"+string(item.Data)
	for {
		_, err := s.Multi(ctx, append(item.DoneOps(), client.CreateOp(result, nil))...)
		if !errors.Is(err, client.ErrUnknownOutcome) {
			return err
		}
		if _, there, err := s.Exists(ctx, result, client.Linearizable()); there || err != nil {
			return err
		}
	}
}

// verifyTokens looks whether two ever held at once.
func (c *cluster) verifyTokens(fresh *client.Client, log string) {
	c.t.Helper()
	var tokens []uint64
	for e, err := range fresh.List(c.t.Context(), log, client.WithData(), client.Linearizable()) {
		if err != nil {
			c.t.Fatal(err)
		}
		token, err := strconv.ParseUint(string(e.Data), 10, 64)
		if err != nil {
			c.t.Fatal(err)
		}
		tokens = append(tokens, token)
	}
	if !slices.IsSorted(tokens) {
		c.t.Errorf("%s: two held at once: %v", log, tokens)
	}
	if holders := len(slices.Compact(tokens)); holders < 10 {
		c.t.Errorf("%s: only %d held", log, holders)
	}
}

// verify looks whether each item that was put is done, and nothing is left.
func (f *factory) verify(fresh *client.Client) {
	t := f.c.t
	t.Helper()
	names, _, err := fresh.Children(t.Context(), "/done", client.Linearizable())
	if err != nil || int64(len(names)) != f.puts.Load() || f.done.Load() != f.puts.Load() {
		t.Errorf("%d items were put, %d taken and done, and of %d is there a node: %v", f.puts.Load(), f.done.Load(), len(names), err)
	}
	if left, _, err := fresh.Children(t.Context(), f.queue+"/items", client.Linearizable()); err != nil || len(left) != 0 {
		t.Errorf("items are left: %v, %v", left, err)
	}
}
