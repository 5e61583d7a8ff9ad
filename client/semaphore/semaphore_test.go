package semaphore_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/quorate/quorate/client"
	"github.com/quorate/quorate/client/internal/trial"
	"github.com/quorate/quorate/client/semaphore"
)

const bound = 3

// Whoever follows the tree sees at no version more permits than there may be, while connections break and sessions expire.
func TestThereAreNeverMorePermits(t *testing.T) {
	for seed := range uint64(3) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			trial.Run(t, func(w *trial.World) { crowd(w, seed) })
		})
	}
}

func crowd(w *trial.World, seed uint64) {
	w.Break(seed, 30)
	ctx, cancel := context.WithTimeout(w.Context(), 3*time.Minute)
	defer cancel()
	w.Expire(ctx, 4*time.Second)
	for range 7 {
		w.Go(func() {
			for ctx.Err() == nil {
				use(ctx, w)
			}
		})
	}
	given, full := 0, 0
	held := map[string]bool{}
	for e, err := range w.Client.Watch(ctx, "/s/permits", client.Recursive(), client.WithProgress()) {
		switch {
		case err != nil:
		case e.Type == client.EventProgress && len(held) > bound:
			w.Fatalf("at %v there are %d permits: %v", e.Zxid, len(held), held)
		case e.Type == client.EventProgress && len(held) == bound:
			full++
		case e.Type == client.EventDeleted:
			delete(held, e.Path)
		case e.Type == client.EventCreated && e.Path != "/s/permits":
			held[e.Path] = true
			given++
		}
	}
	if given < 30 || full == 0 {
		w.Errorf("%d permits, %d times as many as there may be: too few to show anything", given, full)
	}
}

func use(ctx context.Context, w *trial.World) {
	s, err := w.Client.OpenSession(ctx)
	if err != nil {
		return
	}
	defer func() { _ = s.Close(context.Background()) }()
	m := semaphore.New(s, "/s", bound)
	for ctx.Err() == nil && s.Err() == nil {
		limit, cancel := context.WithTimeout(ctx, 20*time.Second)
		p, err := m.Acquire(limit)
		cancel()
		if err == nil {
			w.Pause(4 * time.Second)
			_ = p.Release(ctx)
		}
	}
}

func TestPermitsAreGivenInTurnAndTokensGrow(t *testing.T) {
	trial.Run(t, func(w *trial.World) {
		s := w.Session()
		m := semaphore.New(s, "/s", 1)
		first, err := m.Acquire(w.Context())
		w.Must(err)
		got := make(chan *semaphore.Permit, 1)
		w.Go(func() {
			p, err := m.Acquire(w.Context())
			w.Must(err)
			got <- p
		})
		w.Settle()
		if len(got) != 0 {
			w.Error("two permits of one")
		}
		w.Must(first.Release(w.Context()))
		second := <-got
		if second.Token() <= first.Token() {
			w.Errorf("token %v after %v", second.Token(), first.Token())
		}
		if _, err := s.Multi(w.Context(), second.Guard(), client.CreateOp("/a", nil)); err != nil {
			w.Errorf("guarded by a permit that is held: %v", err)
		}
		if _, err := s.Multi(w.Context(), first.Guard(), client.CreateOp("/b", nil)); err == nil {
			w.Error("guarded by a permit that was given back: no error")
		}
	})
}
