package lock_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/quorate/quorate/client"
	"github.com/quorate/quorate/client/clienttest"
	"github.com/quorate/quorate/client/internal/trial"
	"github.com/quorate/quorate/client/lock"
	apiv1 "github.com/quorate/quorate/gen/quorate/api/v1"
)

// Each holder writes its token into the tree several times, guarded by the lock, while connections break and sessions expire: the
// tokens stand there in groups that grow. If two ever held the lock at once, theirs would be mixed.
func TestLockIsNeverHeldTwice(t *testing.T) {
	for seed := range uint64(5) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			trial.Run(t, func(w *trial.World) { compete(w, seed) })
		})
	}
}

func compete(w *trial.World, seed uint64) {
	_, err := w.Client.Create(w.Context(), "/log", nil)
	w.Must(err)
	w.Break(seed, 40)
	ctx, cancel := context.WithTimeout(w.Context(), 5*time.Minute)
	defer cancel()
	w.Expire(ctx, 7*time.Second)
	for range 5 {
		w.Go(func() {
			for ctx.Err() == nil {
				contend(ctx, w)
			}
		})
	}
	w.Wait()
	w.Break(seed, 0)
	names, _, err := w.Client.Children(w.Context(), "/log")
	w.Must(err)
	var tokens []uint64
	for _, name := range names {
		n, err := w.Client.Get(w.Context(), "/log/"+name)
		w.Must(err)
		token, err := strconv.ParseUint(string(n.Data), 10, 64)
		w.Must(err)
		tokens = append(tokens, token)
	}
	if !slices.IsSorted(tokens) {
		w.Errorf("two held the lock at once: %v", tokens)
	}
	if holders := len(slices.Compact(tokens)); holders < 25 {
		w.Errorf("only %d had the lock", holders)
	}
}

// contend holds the lock for a while, again and again until the session ends.
func contend(ctx context.Context, w *trial.World) {
	s, err := w.Client.OpenSession(ctx)
	if err != nil {
		return
	}
	defer func() { _ = s.Close(context.Background()) }()
	m := lock.New(s, "/locks/one")
	for ctx.Err() == nil && s.Err() == nil {
		limit, cancel := context.WithTimeout(ctx, 5*time.Second)
		held, err := m.Lock(limit)
		cancel()
		if err != nil {
			continue
		}
		for range 3 {
			_, _ = s.Multi(ctx, held.Guard(), client.CreateOp("/log/", fmt.Append(nil, uint64(held.Token())), client.Sequential()))
			w.Pause(time.Second)
		}
		_ = held.Unlock(ctx)
	}
}

// A lost answer to the creation of the lock's node must not leave a node that nobody knows to be its own: all would wait for it for ever.
func TestLostAnswerLeavesNoGhost(t *testing.T) {
	trial.Run(t, func(w *trial.World) {
		lost := false
		w.Fake.OnCall = func(_ uint64, c *apiv1.SessionCall) clienttest.Break {
			if create := c.GetCreate(); !lost && create.GetSequential() {
				lost = true
				return clienttest.BreakAfter
			}
			return clienttest.NoBreak
		}
		s := w.Session()
		_, err := s.Create(w.Context(), "/l", nil)
		w.Must(err)
		ctx, cancel := context.WithTimeout(w.Context(), time.Hour)
		defer cancel()
		held, err := lock.New(s, "/l").Lock(ctx)
		w.Must(err)
		names, _, err := s.Children(w.Context(), "/l")
		if err != nil || len(names) != 1 || !lost {
			w.Errorf("nodes %v, %v; want one", names, err)
		}
		w.Must(held.Unlock(w.Context()))
	})
}

// Who gives up while the answer to the creation of its node is on its way leaves no node either.
func TestWhoGivesUpLeavesNoGhost(t *testing.T) {
	trial.Run(t, func(w *trial.World) {
		hold := make(chan struct{})
		w.Fake.OnCall = func(_ uint64, c *apiv1.SessionCall) clienttest.Break {
			if c.GetCreate().GetSequential() {
				<-hold
			}
			return clienttest.NoBreak
		}
		s := w.Session()
		_, err := s.Create(w.Context(), "/l", nil)
		w.Must(err)
		ctx, cancel := context.WithTimeout(w.Context(), time.Second)
		defer cancel()
		if _, err := lock.New(s, "/l").Lock(ctx); !errors.Is(err, client.ErrTimeout) {
			w.Errorf("got %v, want ErrTimeout", err)
		}
		close(hold)
		w.Settle()
		if names, _, err := s.Children(w.Context(), "/l"); len(names) != 0 || err != nil {
			w.Errorf("left: %v, %v", names, err)
		}
	})
}

// Of those that wait, one is woken when the lock is given back: each watches the one before it.
func TestUnlockWakesOne(t *testing.T) {
	trial.Run(t, func(w *trial.World) {
		s := w.Session()
		held, err := lock.New(s, "/l").Lock(w.Context())
		w.Must(err)
		got := make(chan *lock.Held, 100)
		for range 100 {
			waiter := w.Session()
			w.Go(func() {
				if h, err := lock.New(waiter, "/l").Lock(w.Context()); err == nil {
					got <- h
				}
			})
		}
		w.Settle()
		calls := 0
		w.Fake.OnCall = func(uint64, *apiv1.SessionCall) clienttest.Break { calls++; return clienttest.NoBreak }
		w.Must(held.Unlock(w.Context()))
		w.Settle()
		if len(got) != 1 || calls > 10 {
			w.Errorf("%d got the lock, with %d calls", len(got), calls)
		}
		w.Fake.OnCall = nil
		for range 100 {
			w.Must((<-got).Unlock(w.Context()))
		}
	})
}

func TestReadersShareAndWritersDoNot(t *testing.T) {
	trial.Run(t, func(w *trial.World) {
		s := w.Session()
		m := lock.NewRW(s, "/rw")
		one, err := m.RLock(w.Context())
		w.Must(err)
		two, err := m.RLock(w.Context())
		w.Must(err)
		order := make(chan string, 2)
		w.Go(func() {
			h, err := m.Lock(w.Context())
			w.Must(err)
			order <- "writer"
			w.Must(h.Unlock(w.Context()))
		})
		w.Settle()
		w.Go(func() {
			h, err := m.RLock(w.Context())
			w.Must(err)
			order <- "reader"
			w.Must(h.Unlock(w.Context()))
		})
		w.Settle()
		w.Must(one.Unlock(w.Context()))
		w.Settle()
		if len(order) != 0 {
			w.Error("somebody overtook a reader")
		}
		w.Must(two.Unlock(w.Context()))
		if a, b := <-order, <-order; a != "writer" || b != "reader" {
			w.Errorf("order %s, %s", a, b)
		}
	})
}

func TestLockIsLostWithItsSession(t *testing.T) {
	trial.Run(t, func(w *trial.World) {
		one, two := w.Session(), w.Session()
		held, err := lock.New(one, "/l").Lock(w.Context())
		w.Must(err)
		if _, err := lock.New(two, "/l").TryLock(w.Context()); !errors.Is(err, lock.ErrHeld) {
			w.Errorf("got %v, want ErrHeld", err)
		}
		w.Fake.Expire(uint64(one.ID()))
		<-held.Done()
		next, err := lock.New(two, "/l").Lock(w.Context())
		w.Must(err)
		if next.Token() <= held.Token() {
			w.Errorf("token %v after %v", next.Token(), held.Token())
		}
		if _, err := two.Multi(w.Context(), held.Guard(), client.CreateOp("/a", nil)); !errors.Is(err, client.ErrNoNode) {
			w.Errorf("guarded by a lost lock: %v, want ErrNoNode", err)
		}
		if _, err := lock.New(one, "/l").Lock(w.Context()); !errors.Is(err, client.ErrSessionExpired) {
			w.Errorf("got %v, want ErrSessionExpired", err)
		}
		w.Must(held.Unlock(w.Context()))
		if names, _, _ := two.Children(w.Context(), "/l"); len(names) != 1 || !strings.HasPrefix(names[0], "write-") {
			w.Errorf("nodes %v", names)
		}
	})
}
