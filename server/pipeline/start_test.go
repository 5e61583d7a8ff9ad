package pipeline_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/quorate/quorate/server/pipeline"
	"github.com/quorate/quorate/store/fault"
	"github.com/quorate/quorate/store/txn"
	"github.com/quorate/quorate/store/vfs"
)

// TestStartedAreCarriedOutInOrder, and answered in it.
func TestStartedAreCarriedOutInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := boot(t, vfs.NewMem())
		defer s.down()
		const n = 3000 // of several batches
		var zxids []txn.Zxid
		for i := range n {
			s.pipe.Start(pipeline.Request{Op: create(fmt.Sprintf("/%04d", i))}, func(r pipeline.Reply, err error) {
				if err != nil {
					t.Errorf("%d: %v", i, err)
				}
				zxids = append(zxids, r.Zxid)
			})
		}
		synctest.Wait()
		if len(zxids) != n || !slices.IsSorted(zxids) {
			t.Errorf("%d of %d answered, in order: %t", len(zxids), n, slices.IsSorted(zxids))
		}
	})
}

// TestStartedIsAnsweredOnce by a pipeline that is full, that stops, and that has stopped.
func TestStartedIsAnsweredOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := prepare(t, vfs.NewMem(), func(c *pipeline.Config) { c.Outstanding = 1 })
		answers := map[string][]error{}
		start := func(name string) {
			s.pipe.Start(pipeline.Request{Op: create("/" + name)}, func(_ pipeline.Reply, err error) { answers[name] = append(answers[name], err) })
		}
		start("waits")
		start("full")
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_ = s.pipe.Run(ctx)
		start("late")
		_ = s.store.Close()
		for name, want := range map[string]fault.Kind{"waits": fault.Unavailable, "full": fault.Overloaded, "late": fault.Unavailable} {
			if got := answers[name]; len(got) != 1 || !fault.Is(got[0], want) {
				t.Errorf("%s: %v, want %v once", name, got, want)
			}
		}
	})
}

// TestAwait returns when the zxid is applied, not before, and when its context ends.
func TestAwait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := boot(t, vfs.NewMem())
		defer s.down()
		at := s.pipe.Version().Zxid()
		if err := s.pipe.Await(t.Context(), at); err != nil {
			t.Fatal(err)
		}
		waited := make(chan error, 1)
		go func() { waited <- s.pipe.Await(t.Context(), at+1) }()
		synctest.Wait()
		if len(waited) != 0 {
			t.Fatalf("returned %v before the txn was", <-waited)
		}
		s.mustCreate("/a")
		if err := <-waited; err != nil || s.pipe.Version().Zxid() <= at {
			t.Errorf("returned %v at %v", err, s.pipe.Version().Zxid())
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := s.pipe.Await(ctx, at+100); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("for what never comes: %v", err)
		}
	})
}

// Once a request of a session has come to no known end, none behind it may be carried out: not by this server when it
// leads again, and not by another leader.
func TestVoidedIsNotCarriedOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := found(t)
		defer e.down()
		leader, follower, _ := e.led()
		var void atomic.Bool
		for _, s := range []*server{leader, follower} {
			void.Store(false)
			path := fmt.Sprintf("/by%d", idOf(s))
			if _, err := s.pipe.Submit(t.Context(), pipeline.Request{Op: create(path), Void: &void}); err != nil {
				t.Fatal(err)
			}
			void.Store(true)
			_, err := s.pipe.Submit(t.Context(), pipeline.Request{Op: create(path + "-void"), Void: &void})
			if !fault.Is(err, fault.Unavailable) {
				t.Errorf("through server %d: %v", idOf(s), err)
			}
			if _, ok := leader.pipe.Version().Get(path + "-void"); ok {
				t.Errorf("through server %d: it was carried out", idOf(s))
			}
		}
	})
}
