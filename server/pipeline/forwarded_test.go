package pipeline_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"

	"github.com/quorate/quorate/server/pipeline"
	"github.com/quorate/quorate/store/fault"
	"github.com/quorate/quorate/store/tree"
	"github.com/quorate/quorate/store/txn"
	"github.com/quorate/quorate/store/vfs"
	"github.com/quorate/quorate/store/wal"
)

// answer is what became of a forwarded request.
type answer struct {
	reply pipeline.Reply
	err   error
}

// forwarded hands a learner's request to the leader's pipeline.
func (s *server) forwarded(op tree.Request) <-chan answer {
	s.t.Helper()
	answers := make(chan answer, 2) // a second one would be a fault
	s.pipe.Forwarded(pipeline.Request{Op: op, Author: "digest:ann"}, func(r pipeline.Reply, err error) { answers <- answer{r, err} })
	return answers
}

// wantRefusal takes the only answer there is.
func wantRefusal(t *testing.T, answers <-chan answer, kind fault.Kind) {
	t.Helper()
	synctest.Wait()
	if len(answers) != 1 {
		t.Fatalf("%d answers, want 1", len(answers))
	}
	a := <-answers
	var f *fault.Error
	if !errors.As(a.err, &f) || f.Kind != kind || f.RetryAfter == 0 && kind != fault.Unavailable || a.reply.Zxid != 0 {
		t.Errorf("got %+v, want %v", a, kind)
	}
}

// TestForwardedIsAnsweredWhenProposed: the learner holds the answer until it has applied the
// txn; so the leader answers it before its own disk is done, and a client of its own after that. A
// refusal names the tip that it was found on.
func TestForwardedIsAnsweredWhenProposed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gate, holding := make(chan struct{}), false
		s := boot(t, vfs.NewFaults(vfs.NewMem(), func(op vfs.Op) error {
			if holding && op.Kind == vfs.OpSync {
				<-gate
			}
			return nil
		}))
		holding = true
		own := make(chan answer, 1)
		go func() { r, err := s.submit(create("/own")); own <- answer{r, err} }()
		synctest.Wait()
		made, again := s.forwarded(create("/a")), s.forwarded(create("/a"))
		synctest.Wait()
		if len(made) != 1 || len(again) != 1 || len(own) != 0 {
			t.Fatalf("with the disk busy: %d and %d forwarded ones answered, want 1 and 1; %d of the leader's own, want 0", len(made), len(again), len(own))
		}
		got := <-made
		if got.err != nil || len(got.reply.Results) != 1 || got.reply.Results[0].Path != "/a" || got.reply.Results[0].Stat.Czxid != got.reply.Zxid {
			t.Errorf("got %+v", got)
		}
		if n, ok := s.pipe.Version().Get("/a"); ok {
			t.Errorf("the leader has applied %v before it is durable", n)
		}
		refused := <-again
		var f *fault.Error
		if !errors.As(refused.err, &f) || f.Kind != fault.NodeExists || f.Zxid != got.reply.Zxid {
			t.Errorf("got %v at %v, want NODE_EXISTS at the creation, %v", refused.err, f.Zxid, got.reply.Zxid)
		}
		close(gate)
		if a := <-own; a.err != nil || a.reply.Zxid >= got.reply.Zxid {
			t.Errorf("the leader's own, which came first: %+v", a)
		}
		s.down()
		if len(made)+len(again) != 0 {
			t.Error("a forwarded request was answered twice")
		}
	})
}

// TestForwardedSharesBatchAndAuthor: it is logged beside the leader's own, with who asked.
func TestForwardedSharesBatchAndAuthor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var batches []int
		s := prepare(t, vfs.NewMem(), func(c *pipeline.Config) {
			c.Events.Proposed = func(requests, txns, bytes int) { batches = append(batches, requests) }
		})
		s.run(func(ctx context.Context) { _ = s.peer.Run(ctx) })
		s.run(func(ctx context.Context) { _ = s.store.Run(ctx) })
		synctest.Wait()
		go func() { _, _ = s.submit(create("/own")) }()
		synctest.Wait()
		theirs := s.forwarded(create("/theirs"))
		s.run(func(ctx context.Context) { _ = s.pipe.Run(ctx) })
		synctest.Wait()
		if len(batches) != 1 || batches[0] != 2 {
			t.Errorf("batches of %v requests, want one of both", batches)
		}
		r, err := s.store.Reader((<-theirs).reply.Zxid - 1)
		if err != nil {
			t.Fatal(err)
		}
		rec, _, err := r.Next()
		if err != nil {
			t.Fatal(err)
		}
		if h, err := txn.PeekHeader(rec.Payload); err != nil || h.Author != "digest:ann" {
			t.Errorf("logged as %+v, %v", h, err)
		}
		_ = r.Close()
		s.stops[2]()
		s.stops = s.stops[:2]
		s.down()
	})
}

// TestForwardedToNobody: a server that does not lead, has too much to do or is stopping says so at once.
func TestForwardedToNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := prepare(t, vfs.NewMem(), func(c *pipeline.Config) { c.Outstanding = 1 })
		wantRefusal(t, s.forwarded(create("/a")), fault.Unavailable)
		s.run(func(ctx context.Context) { _ = s.peer.Run(ctx) })
		s.run(func(ctx context.Context) { _ = s.store.Run(ctx) })
		synctest.Wait()
		left := s.forwarded(create("/b")) // the pipeline does not run yet
		wantRefusal(t, s.forwarded(create("/c")), fault.Overloaded)
		if len(left) != 0 {
			t.Fatalf("got %+v from a pipeline that does not run", <-left)
		}
		stopped, stop := context.WithCancel(t.Context())
		stop()
		_ = s.pipe.Run(stopped)
		wantRefusal(t, left, fault.Unavailable)
		wantRefusal(t, s.forwarded(create("/d")), fault.Unavailable)
		if _, err := s.submit(create("/e")); !fault.Is(err, fault.Unavailable) {
			t.Errorf("submitted: %v", err)
		}
		s.down()
	})
}

// TestForwardedInAnEarlierReign: its learner has told the client that the outcome is not
// known, since the stream ended with the reign; it must not be carried out long after.
func TestForwardedInAnEarlierReign(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := prepare(t, vfs.NewMem())
		s.run(func(ctx context.Context) { _ = s.peer.Run(ctx) })
		s.run(func(ctx context.Context) { _ = s.store.Run(ctx) })
		synctest.Wait()
		before := s.peer.Standing().Term
		old := s.forwarded(create("/old"))
		own := make(chan error, 1)
		go func() { _, err := s.submit(create("/own")); own <- err }()
		if err := s.peer.Resign(t.Context(), 0); err != nil {
			t.Fatal(err)
		}
		for now := s.peer.Standing(); now.Term == nil; now = s.peer.Standing() {
			<-now.Changed
		}
		if s.peer.Standing().Term == before {
			t.Fatal("the reign did not end")
		}
		now := s.forwarded(create("/now"))
		s.run(func(ctx context.Context) { _ = s.pipe.Run(ctx) })
		wantRefusal(t, old, fault.Unavailable)
		if a := <-now; a.err != nil {
			t.Errorf("forwarded in this reign: %v", a.err)
		}
		if err := <-own; err != nil {
			t.Errorf("a client of this server, which waits: %v", err)
		}
		if _, ok := s.pipe.Version().Get("/old"); ok {
			t.Error("/old was created after all")
		}
		s.stops[2]()
		s.stops = s.stops[:2]
		s.down()
	})
}

// TestForwardedBatchThatIsNotProposed: the log has no room, nothing was done, and the learner hears
// it although the batch's tip is gone.
func TestForwardedBatchThatIsNotProposed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		disk := vfs.NewMem()
		s := boot(t, disk)
		disk.SetLimit(2 * wal.MinSegmentSize) // the segment that lies ready is the last
		big := func(path string) *tree.CreateRequest {
			return &tree.CreateRequest{Path: path, ACL: tree.OpenACL(), Data: make([]byte, 3*wal.MinSegmentSize/4)}
		}
		for _, path := range []string{"/a", "/b"} {
			if a := <-s.forwarded(big(path)); a.err != nil {
				t.Fatal(a.err)
			}
			synctest.Wait()
		}
		wantRefusal(t, s.forwarded(big("/c")), fault.NoSpace)
		s.down()
		if _, ok := s.pipe.Version().Get("/c"); ok {
			t.Error("/c was refused and is there")
		}
	})
}
