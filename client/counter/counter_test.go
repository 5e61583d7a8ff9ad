package counter_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync"
	"testing"
	"time"

	"github.com/quorate/quorate/client"
	"github.com/quorate/quorate/client/counter"
	"github.com/quorate/quorate/client/internal/trial"
)

func TestEachAddCountsOnce(t *testing.T) {
	for seed := range uint64(5) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			trial.Run(t, func(w *trial.World) { count(w, seed) })
		})
	}
}

func count(w *trial.World, seed uint64) {
	const adders, each = 4, 30
	w.Break(seed, 60)
	ctx, cancel := context.WithTimeout(w.Context(), time.Hour)
	defer cancel()
	var mu sync.Mutex
	seen := map[int64]bool{}
	for range adders {
		s := w.Session()
		w.Go(func() {
			c := counter.New(s, "/deep/below/n")
			for range each {
				n, err := c.Add(ctx, 1)
				if err != nil {
					w.Errorf("Add: %v", err)
					continue
				}
				mu.Lock()
				if seen[n] {
					w.Errorf("two made it %d", n)
				}
				seen[n] = true
				mu.Unlock()
			}
		})
	}
	w.Wait()
	w.Break(seed, 0)
	if n, err := counter.New(w.Session(), "/deep/below/n").Get(ctx, client.Linearizable()); n != adders*each || err != nil {
		w.Errorf("%d, %v; want %d", n, err, adders*each)
	}
}

func TestWhatCannotBeAdded(t *testing.T) {
	trial.Run(t, func(w *trial.World) {
		s := w.Session()
		c := counter.New(s, "/n")
		if n, err := c.Get(w.Context()); n != 0 || err != nil {
			w.Errorf("without a node: %d, %v", n, err)
		}
		if n, err := c.Add(w.Context(), math.MinInt64); n != math.MinInt64 || err != nil {
			w.Errorf("%d, %v", n, err)
		}
		if _, err := c.Add(w.Context(), -1); !errors.Is(err, counter.ErrOverflow) {
			w.Errorf("got %v, want ErrOverflow", err)
		}
		if n, err := c.Add(w.Context(), math.MaxInt64); n != -1 || err != nil {
			w.Errorf("%d, %v", n, err)
		}
		_, err := s.Set(w.Context(), "/n", []byte("many"))
		w.Must(err)
		if _, err := c.Add(w.Context(), 1); !errors.Is(err, counter.ErrNoNumber) {
			w.Errorf("got %v, want ErrNoNumber", err)
		}
	})
}
