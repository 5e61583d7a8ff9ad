package barrier_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/quorate/quorate/client"
	"github.com/quorate/quorate/client/barrier"
	"github.com/quorate/quorate/client/internal/trial"
)

func TestAllBeginAndEndTogether(t *testing.T) {
	for seed := range uint64(10) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			trial.Run(t, func(w *trial.World) { meet(w, seed) })
		})
	}
}

func meet(w *trial.World, seed uint64) {
	const members = 6
	w.Break(seed, 60)
	ctx, cancel := context.WithTimeout(w.Context(), time.Hour)
	defer cancel()
	var coming, leaving atomic.Int32
	for range members {
		s := w.Session()
		w.Go(func() {
			w.Pause(5 * time.Second)
			coming.Add(1)
			m, err := barrier.New(s, "/b", members).Enter(ctx)
			w.Must(err)
			if n := coming.Load(); n != members {
				w.Errorf("begun with %d", n)
			}
			w.Pause(5 * time.Second)
			leaving.Add(1)
			w.Must(m.Leave(ctx))
			if n := leaving.Load(); n != members {
				w.Errorf("ended when %d had", n)
			}
		})
	}
	w.Wait()
	w.Break(seed, 0)
}

func TestWhoDiesOrGivesUpIsNotCounted(t *testing.T) {
	trial.Run(t, func(w *trial.World) {
		one, two := w.Session(), w.Session()
		ctx, cancel := context.WithTimeout(w.Context(), time.Second)
		defer cancel()
		if _, err := barrier.New(one, "/b", 2).Enter(ctx); !errors.Is(err, client.ErrTimeout) {
			w.Errorf("alone: %v, want ErrTimeout", err)
		}
		entered := make(chan error, 2)
		w.Go(func() {
			_, err := barrier.New(one, "/b", 2).Enter(w.Context())
			entered <- err
		})
		w.Settle()
		if len(entered) != 0 {
			w.Error("who had given up was counted")
		}
		w.Fake.Expire(uint64(one.ID()))
		if err := <-entered; !errors.Is(err, client.ErrSessionExpired) {
			w.Errorf("got %v, want ErrSessionExpired", err)
		}
		w.Go(func() {
			_, err := barrier.New(two, "/b", 2).Enter(w.Context())
			entered <- err
		})
		w.Settle()
		if len(entered) != 0 {
			w.Error("the dead were counted")
		}
		_, err := barrier.New(w.Session(), "/b", 2).Enter(w.Context())
		w.Must(errors.Join(err, <-entered))
	})
}
