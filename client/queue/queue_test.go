package queue_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/quorate/quorate/client"
	"github.com/quorate/quorate/client/internal/trial"
	"github.com/quorate/quorate/client/queue"
)

// Producers put numbered items and consumers, whose sessions expire, take them, over connections that break at random. The effect of an item is a node, made in
// the Multi by which it is done: one that were done twice would find it there.
func TestNothingIsLostOrDoubled(t *testing.T) {
	for seed := range uint64(5) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			trial.Run(t, func(w *trial.World) { work(w, seed) })
		})
	}
}

const (
	producers = 3
	each      = 40
)

func work(w *trial.World, seed uint64) {
	_, err := w.Client.Create(w.Context(), "/effects", nil)
	w.Must(err)
	ctx, cancel := context.WithTimeout(w.Context(), time.Hour)
	defer cancel()
	for p := range producers {
		s := w.Session()
		w.Spare(s)
		w.Go(func() {
			q := queue.New(s, "/q")
			for i := range each {
				if err := q.Put(ctx, fmt.Appendf(nil, "%d-%d", p, i)); err != nil {
					w.Errorf("Put: %v", err)
				}
			}
		})
	}
	w.Break(seed, 30)
	w.Expire(ctx, 3*time.Second)
	for range 4 {
		w.Go(func() {
			for ctx.Err() == nil {
				consume(ctx, w)
			}
		})
	}
	done := 0
	for e, err := range w.Client.Watch(ctx, "/effects", client.Recursive(), client.Types(client.EventCreated)) {
		w.Must(err)
		if e.Type == client.EventCreated {
			done++
		}
		if done == producers*each {
			break
		}
	}
	cancel()
	w.Wait()
	if names, _, err := w.Client.Children(w.Context(), "/effects"); len(names) != producers*each || err != nil {
		w.Errorf("%d effects, %v", len(names), err)
	}
	if names, _, err := w.Client.Children(w.Context(), "/q/items"); len(names) != 0 || err != nil {
		w.Errorf("left in the queue: %v, %v", names, err)
	}
}

// consume takes items until its session ends.
func consume(ctx context.Context, w *trial.World) {
	s, err := w.Client.OpenSession(ctx)
	if err != nil {
		return
	}
	defer func() { _ = s.Close(context.Background()) }()
	q := queue.New(s, "/q")
	for ctx.Err() == nil && s.Err() == nil {
		item, err := q.Take(ctx)
		if err != nil {
			continue
		}
		w.Pause(500 * time.Millisecond)
		_, err = s.Multi(ctx, append(item.DoneOps(), client.CreateOp("/effects/"+string(item.Data), nil))...)
		if errors.Is(err, client.ErrNodeExists) {
			w.Errorf("item %s was done twice", item.Data)
		}
	}
}

func TestItemsComeInOrderAndGoBack(t *testing.T) {
	trial.Run(t, func(w *trial.World) {
		one, two := queue.New(w.Session(), "/q"), queue.New(w.Session(), "/q")
		for _, data := range []string{"a", "b", "c"} {
			w.Must(one.Put(w.Context(), []byte(data)))
		}
		take := func(q *queue.Queue, want string) *queue.Item {
			w.Helper()
			item, err := q.Take(w.Context())
			if err != nil || string(item.Data) != want {
				w.Fatalf("took %+v, %v; want %s", item, err, want)
			}
			return item
		}
		a, b := take(one, "a"), take(two, "b")
		w.Must(a.Return(w.Context()))
		a = take(two, "a")
		w.Must(b.Done(w.Context()))
		w.Must(a.Done(w.Context()))
		if err := a.Done(w.Context()); !errors.Is(err, client.ErrNoNode) {
			w.Errorf("done again: %v, want ErrNoNode", err)
		}
		if n, err := one.Len(w.Context()); n != 1 || err != nil {
			w.Errorf("%d items, %v", n, err)
		}
		c := take(one, "c")
		ctx, cancel := context.WithTimeout(w.Context(), time.Second)
		defer cancel()
		if _, err := two.Take(ctx); !errors.Is(err, client.ErrTimeout) {
			w.Errorf("an empty queue: %v, want ErrTimeout", err)
		}
		w.Must(c.Done(w.Context()))
	})
}

func TestItemOfATakerThatDiesIsGivenOutAgain(t *testing.T) {
	trial.Run(t, func(w *trial.World) {
		dying, other := w.Session(), queue.New(w.Session(), "/q")
		w.Must(other.Put(w.Context(), []byte("a")))
		item, err := queue.New(dying, "/q").Take(w.Context())
		w.Must(err)
		got := make(chan *queue.Item, 1)
		w.Go(func() {
			again, err := other.Take(w.Context())
			w.Must(err)
			got <- again
		})
		w.Settle()
		if len(got) != 0 {
			w.Error("two have the item")
		}
		w.Fake.Expire(uint64(dying.ID()))
		again := <-got
		if err := item.Done(w.Context()); !errors.Is(err, client.ErrSessionExpired) {
			w.Errorf("done by the dead: %v", err)
		}
		w.Must(again.Done(w.Context()))
	})
}
