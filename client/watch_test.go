package client_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/quorate/quorate/client"
	"github.com/quorate/quorate/client/clienttest"
	apiv1 "github.com/quorate/quorate/gen/quorate/api/v1"
)

func expect(w *world, watcher *client.Watcher, what client.EventType, path string) client.Event {
	w.Helper()
	e, err := watcher.Next(w.Context())
	if err != nil || e.Type != what || e.Path != path {
		w.Fatalf("got %v of %s, %v; want %v of %s", e.Type, e.Path, err, what, path)
	}
	return e
}

func TestWatchesThatFireOnce(t *testing.T) {
	inWorld(t, func(w *world) {
		s := w.session()
		_, there, exists, err := s.ExistsW(w.Context(), "/a")
		if err != nil || there {
			w.Fatal(there, err)
		}
		if _, _, err := s.GetW(w.Context(), "/a"); !errors.Is(err, client.ErrNoNode) {
			w.Errorf("GetW of no node: %v", err)
		}
		n := w.create(s.Tree, "/a")
		if e := expect(w, exists, client.EventCreated, "/a"); e.Zxid != n.Zxid {
			w.Errorf("event at %v, want %v", e.Zxid, n.Zxid)
		}
		if _, err := exists.Next(w.Context()); !errors.Is(err, client.ErrNoWatch) {
			w.Errorf("after it has fired: %v, want ErrNoWatch", err)
		}
		_, data, err := s.GetW(w.Context(), "/a")
		w.must(err)
		names, children, err := s.ChildrenW(w.Context(), "/a")
		if err != nil || len(names) != 0 {
			w.Fatal(names, err)
		}
		w.create(w.c.Tree, "/a/b")
		expect(w, children, client.EventChildrenChanged, "/a")
		_, err = w.c.Set(w.Context(), "/a", nil)
		w.must(err)
		expect(w, data, client.EventDataChanged, "/a")
	})
}

func TestEventComesBeforeTheAnswerThatSawIt(t *testing.T) {
	inWorld(t, func(w *world) {
		s := w.session()
		watcher, err := s.Watch(w.Context(), "/", client.WatchRecursive)
		w.must(err)
		for i := range 50 {
			w.create(s.Tree, fmt.Sprintf("/n%d", i))
			ctx, cancel := timeLimit(w, 0)
			if e, err := watcher.Next(ctx); err != nil || e.Path != fmt.Sprintf("/n%d", i) {
				w.Fatalf("after the answer to create %d: %+v, %v", i, e, err)
			}
			cancel()
		}
	})
}

func TestWatchersOfOnePathShareItAndAreRemovedByThemselves(t *testing.T) {
	inWorld(t, func(w *world) {
		s := w.session()
		one, err := s.Watch(w.Context(), "/a", client.WatchPersistent)
		w.must(err)
		two, err := s.Watch(w.Context(), "/a", client.WatchPersistent)
		w.must(err)
		all, err := s.Watch(w.Context(), "/", client.WatchRecursive)
		w.must(err)
		w.create(s.Tree, "/a")
		expect(w, one, client.EventCreated, "/a")
		one.Remove()
		w.create(s.Tree, "/a/b")
		if _, err := one.Next(w.Context()); !errors.Is(err, client.ErrNoWatch) {
			w.Errorf("a removed watcher: %v, want ErrNoWatch", err)
		}
		expect(w, two, client.EventCreated, "/a")
		expect(w, two, client.EventChildrenChanged, "/a")
		expect(w, all, client.EventCreated, "/a")
		expect(w, all, client.EventCreated, "/a/b")
		two.Remove()
		one.Remove()
		again, err := s.Watch(w.Context(), "/a", client.WatchPersistent)
		w.must(err)
		w.must(s.Delete(w.Context(), "/a/b"))
		expect(w, again, client.EventChildrenChanged, "/a")
	})
}

// Several watches that overlap, changes by another client, and breaks at random: every watcher is told everything once and in order.
func TestNoEventIsLostOrToldTwiceOverBreaks(t *testing.T) {
	for seed := range uint64(20) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			inWorld(t, func(w *world) { breakWatches(w, rand.New(rand.NewPCG(seed, 1))) })
		})
	}
}

// minPause is about what a session waits before it is taken up again.
const minPause = 20 * time.Millisecond

func breakWatches(w *world, r *rand.Rand) {
	s := w.session()
	var want []string
	w.create(w.c.Tree, "/r")
	w.create(w.c.Tree, "/r/x")
	roots := []string{"/", "/r", "/r/x"}
	var watchers []*client.Watcher
	for _, root := range roots {
		watcher, err := s.Watch(w.Context(), root, client.WatchRecursive)
		w.must(err)
		watchers = append(watchers, watcher)
	}
	for i := range 300 {
		path := fmt.Sprintf("/r/x/n%d", i)
		switch {
		case i%7 == 6: // the same thing happens twice in one txn
			_, err := w.c.Multi(w.Context(), client.CreateOp(path, nil), client.DeleteOp(path), client.CreateOp(path, nil))
			w.must(err)
			want = append(want, "created "+path, "deleted "+path, "created "+path)
		default:
			w.create(w.c.Tree, path)
			want = append(want, "created "+path)
		}
		if r.IntN(10) == 0 {
			w.fake.Cut()
			if r.IntN(2) == 0 { // what comes next happens while the session is taken up again
				pauseInBubble(minPause)
			}
		}
		if r.IntN(5) == 0 {
			_, _, err := s.Exists(w.Context(), "/")
			w.must(err)
		}
		if r.IntN(5) == 0 {
			pauseInBubble(time.Duration(r.IntN(100)) * time.Millisecond)
		}
	}
	for i, watcher := range watchers {
		var got []string
		for range want {
			ctx, cancel := timeLimit(w, time.Minute)
			e, err := watcher.Next(ctx)
			cancel()
			if err != nil {
				w.Fatalf("watch on %s: %v after %d of %d events", roots[i], err, len(got), len(want))
			}
			got = append(got, e.Type.String()+" "+e.Path)
		}
		if !slices.Equal(got, want) {
			w.Errorf("watch on %s: got %q, want %q", roots[i], got, want)
		}
		ctx, cancel := timeLimit(w, time.Second)
		if e, err := watcher.Next(ctx); err == nil {
			w.Errorf("watch on %s: one more event: %+v", roots[i], e)
		}
		cancel()
	}
}

func TestWatchIsToldOfWhatIsLost(t *testing.T) {
	inWorld(t, func(w *world) {
		s := w.session()
		watcher, err := s.Watch(w.Context(), "/", client.WatchRecursive)
		w.must(err)
		w.create(s.Tree, "/a")
		synctest.Wait()
		w.net.Down(true)
		synctest.Wait()
		other := w.other()
		_, err = other.Create(w.Context(), "/b", nil)
		w.must(err)
		w.fake.Compact()
		w.net.Down(false)
		expect(w, watcher, client.EventCreated, "/a")
		if e, err := watcher.Next(w.Context()); !errors.Is(err, client.ErrCompacted) {
			w.Errorf("got %+v, %v; want ErrCompacted", e, err)
		}
		if s.State() != client.Connected {
			w.Errorf("state %v", s.State())
		}
	})
}

func TestWatcherThatIsNotReadIsCut(t *testing.T) {
	inWorld(t, func(w *world) {
		s := w.session()
		w.create(s.Tree, "/a")
		watcher, err := s.Watch(w.Context(), "/a", client.WatchPersistent)
		w.must(err)
		for range 10_001 {
			_, err := s.Start(w.Context(), client.SetOp("/a", nil))
			w.must(err)
		}
		_, err = s.Sync(w.Context())
		w.must(err)
		n := 0
		for _, err = range watcher.All(w.Context()) {
			if err == nil {
				n++
			}
		}
		if n != 10_000 || !errors.Is(err, client.ErrCompacted) {
			w.Errorf("%d events, then %v; want 10000 and ErrCompacted", n, err)
		}
	})
}

func TestClientWatchBeginsWithASnapshotAndGoesOn(t *testing.T) {
	inWorld(t, func(w *world) {
		w.create(w.c.Tree, "/r")
		for i := range 250 { // more than a piece
			w.create(w.c.Tree, fmt.Sprintf("/r/n%03d", i))
		}
		ctx, cancel := timeLimit(w, time.Hour)
		defer cancel()
		snapshot, events, made := 0, 0, 0
		for e, err := range w.c.Watch(ctx, "/r", client.Recursive(), client.WithData(), client.WithProgress()) {
			w.must(err)
			switch {
			case e.Type == client.EventSnapshot:
				snapshot++
			case e.Type == client.EventCreated:
				if want := fmt.Sprintf("/r/new%d", events); e.Path != want || string(e.Data) != want || e.Stat.Czxid != e.Zxid {
					w.Fatalf("got %+v, want %s", e, want)
				}
				events++
			case events == 50:
				cancel()
				if snapshot != 251 {
					w.Errorf("%d nodes in the snapshot, want 251", snapshot)
				}
				return
			case made == events:
				path := fmt.Sprintf("/r/new%d", made)
				_, err := w.c.Create(ctx, path, []byte(path))
				w.must(err)
				if made++; made%5 == 0 {
					w.fake.Cut()
				}
			}
		}
	})
}

func TestClientWatchEndsWhenTheHistoryDoes(t *testing.T) {
	inWorld(t, func(w *world) {
		z := w.create(w.c.Tree, "/a").Zxid
		w.create(w.c.Tree, "/b")
		w.fake.Compact()
		for e, err := range w.c.Watch(w.Context(), "/", client.Recursive(), client.After(z)) {
			var details *client.Error
			if !errors.Is(err, client.ErrCompacted) || !errors.As(err, &details) || details.Zxid <= z {
				w.Errorf("got %+v, %v; want ErrCompacted with a zxid", e, err)
			}
		}
	})
}

func TestIdleWatchDoesNotFallBehind(t *testing.T) {
	inWorld(t, func(w *world) {
		w.create(w.c.Tree, "/mine")
		w.create(w.c.Tree, "/others")
		s := w.session()
		watcher, err := s.Watch(w.Context(), "/mine", client.WatchPersistent)
		w.must(err)
		w.create(w.c.Tree, "/others/a")
		w.fake.Compact()
		pauseInBubble(s.Timeout())
		w.fake.Cut()
		w.create(w.c.Tree, "/mine/a")
		expect(w, watcher, client.EventChildrenChanged, "/mine")
	})
}

// A server that says nothing any more, although its connection stands, is left for another one.
func TestClientWatchLeavesASilentServer(t *testing.T) {
	inWorld(t, func(w *world) {
		ctx, cancel := timeLimit(w, time.Hour)
		defer cancel()
		n := 0
		for e, err := range w.c.Watch(ctx, "/", client.Recursive(), client.WithProgress()) {
			w.must(err)
			switch {
			case e.Type == client.EventCreated && e.Path == "/b":
				return
			case e.Type == client.EventProgress && n == 0:
				n++
				w.net.Stall()
				other := w.other()
				_, err := other.Create(ctx, "/b", nil)
				w.must(err)
			}
		}
	})
}

// Who gives up while a watch is being left leaves none behind on the server.
func TestWatchOfWhoGaveUpIsTakenAway(t *testing.T) {
	inWorld(t, func(w *world) {
		s := w.session()
		hold := make(chan struct{})
		var removed []string
		w.fake.OnCall = func(_ uint64, c *apiv1.SessionCall) clienttest.Break {
			if c.GetAddWatch() != nil {
				<-hold
			}
			if r := c.GetRemoveWatch(); r != nil {
				removed = append(removed, r.GetPath())
			}
			return clienttest.NoBreak
		}
		ctx, cancel := timeLimit(w, time.Second)
		defer cancel()
		if _, err := s.Watch(ctx, "/a", client.WatchPersistent); !errors.Is(err, client.ErrTimeout) {
			w.Errorf("got %v, want ErrTimeout", err)
		}
		close(hold)
		synctest.Wait()
		if !slices.Equal(removed, []string{"/a"}) {
			w.Errorf("taken away: %v", removed)
		}
		again, err := s.Watch(w.Context(), "/a", client.WatchPersistent)
		w.must(err)
		w.create(s.Tree, "/a")
		expect(w, again, client.EventCreated, "/a")
	})
}
