package cache_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/quorate/quorate/client"
	"github.com/quorate/quorate/client/cache"
	"github.com/quorate/quorate/client/internal/trial"
)

// A Multi moves a unit from one node to another, and streams break: whoever looks at a view sees the whole of it, and views only grow newer.
func TestViewsAreConsistent(t *testing.T) {
	trial.Run(t, func(w *trial.World) {
		_, err := w.Client.Multi(w.Context(), client.CreateOp("/r", nil), client.CreateOp("/r/a", []byte("0")), client.CreateOp("/r/b", []byte("0")))
		w.Must(err)
		ctx, cancel := context.WithCancel(w.Context())
		k := cache.New(w.Client, "/r")
		if v := k.Snapshot(); v.Zxid() != 0 || v.Len() != 0 {
			w.Errorf("before Run: %d nodes at %v", v.Len(), v.Zxid())
		}
		w.Go(func() {
			if err := k.Run(ctx); !errors.Is(err, context.Canceled) {
				w.Errorf("Run: %v", err)
			}
		})
		views := 0
		w.Go(func() {
			last := client.Zxid(0)
			for v, err := range k.Views(ctx) {
				if err != nil {
					return
				}
				a, _ := v.Get("/r/a")
				b, _ := v.Get("/r/b")
				if string(a.Data) != string(b.Data) || v.Zxid() < last {
					w.Errorf("at %v after %v: %s and %s", v.Zxid(), last, a.Data, b.Data)
				}
				last = v.Zxid()
				views++
			}
		})
		var newest client.Zxid
		for i := range 200 {
			value := fmt.Append(nil, i)
			r, err := w.Client.Multi(ctx, client.SetOp("/r/a", value), client.CreateOp(fmt.Sprintf("/r/n%d", i), nil), client.SetOp("/r/b", value))
			w.Must(err)
			newest = r[0].Zxid
			if i%10 == 5 {
				w.Fake.Cut()
			}
			if i%40 == 20 {
				_, err := k.Wait(ctx, newest)
				w.Must(err)
				w.Settle() // the other one has looked
			}
			if i == 100 { // what comes next is forgotten while nobody listens: the cache begins anew
				w.Fake.Cut()
				w.Fake.Compact()
			}
		}
		v, err := k.Wait(ctx, newest)
		if err != nil || v.Len() != 203 {
			w.Fatalf("%d nodes, %v", v.Len(), err)
		}
		w.Settle()
		cancel()
		w.Wait()
		if views < 5 {
			w.Errorf("only %d views", views)
		}
	})
}

func TestViewHasTheShapeOfTheSubtree(t *testing.T) {
	trial.Run(t, func(w *trial.World) {
		paths := []string{"/r", "/r/a", "/r/a/x", "/r/a-b", "/r/b"}
		for _, p := range append(paths, "/ra") {
			_, err := w.Client.Create(w.Context(), p, []byte(p))
			w.Must(err)
		}
		ctx, cancel := context.WithTimeout(w.Context(), time.Minute)
		defer cancel()
		k := cache.New(w.Client, "/r")
		w.Go(func() { _ = k.Run(ctx) })
		v, err := k.Wait(ctx, 1)
		w.Must(err)
		var all, children []string
		for n := range v.All() {
			all = append(all, n.Path)
		}
		for n := range v.Children("/r") {
			children = append(children, n.Path)
		}
		if !slices.Equal(all, paths) || !slices.Equal(children, []string{"/r/a", "/r/a-b", "/r/b"}) {
			w.Errorf("all %v, children %v", all, children)
		}
		w.Must(w.Client.Delete(ctx, "/r/b"))
		if n, there := v.Get("/r/b"); !there || string(n.Data) != "/r/b" {
			w.Error("a view has changed")
		}
		w.Settle()
		if _, there := k.Snapshot().Get("/r/b"); there {
			w.Error("a deleted node is still there")
		}
		cancel()
	})
}

func TestRunEndsWhereThereIsNothingToWatch(t *testing.T) {
	trial.Run(t, func(w *trial.World) {
		w.Must(w.Client.Close())
		if err := cache.New(w.Client, "/r").Run(w.Context()); !errors.Is(err, client.ErrClosed) {
			w.Errorf("got %v, want ErrClosed", err)
		}
	})
}
