package peer

import (
	"fmt"
	"io"
	"testing"
	"testing/synctest"

	"github.com/quorate/quorate/store/epochs"
	"github.com/quorate/quorate/store/tree"
	"github.com/quorate/quorate/store/txn"
	"github.com/quorate/quorate/store/vfs"
)

// grow appends n txns of so many bytes each.
func (h *annals) grow(n, bytes int) *annals {
	for range n {
		h.does(1, &tree.CreateRequest{Path: fmt.Sprintf("/%06d", len(h.recs)), ACL: tree.OpenACL(), Data: make([]byte, bytes)})
	}
	return h
}

// TestWindowIsBounded: what is not committed for long is logged and acknowledged, but held in
// memory up to a bound only; when it is committed, it is read from the log.
func TestWindowIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := awake(t, vfs.NewMem())
		defer f.asleep()
		l := newLearner(f.peer, trio()[0], Following)
		ended := make(chan error, 1)
		go func() { ended <- l.follow(t.Context()) }()
		s := <-f.dialled
		s.lead(1, newAnnals(t))
		h, most := newAnnals(t), int64(0)
		for range 5 * maxPending / 2 / (1 << 20) { // ends with half a window
			prev := h.last()
			h.grow(32, 32<<10)
			s.say(proposal(prev, h.after(prev), 0))
			if ack := s.hear().GetAck(); txn.Zxid(ack.GetZxid()) > h.last() {
				t.Fatalf("acknowledged %v of %v", ack, h.last())
			}
			l.applier.mu.Lock()
			most = max(most, l.applier.mu.bytes)
			l.applier.mu.Unlock()
		}
		if most > maxPending+1<<20 || most < maxPending/2 {
			t.Errorf("%d bytes were held, the bound is %d", most, maxPending)
		}
		if at := f.store.Version().Zxid(); at != 0 {
			t.Fatalf("the tree is at %v, and nothing is committed", at)
		}
		for _, z := range []txn.Zxid{h.recs[7].Zxid, h.recs[len(h.recs)/2].Zxid, h.last() - 1, h.last()} {
			s.say(commit(z))
			synctest.Wait()
			if at := f.store.Version().Zxid(); at != z {
				t.Fatalf("the tree is at %v, committed is %v", at, z)
			}
		}
		f.isAt(h)
		prev := h.last()
		s.say(proposal(prev, h.grow(3, 10).after(prev), 0)) // and from the window again
		s.say(commit(h.last()))
		synctest.Wait()
		f.isAt(h)
		if l.applier.mu.bytes != 0 || len(l.applier.mu.window) != 0 {
			t.Errorf("%d bytes in %d txns are held when all is applied", l.applier.mu.bytes, len(l.applier.mu.window))
		}
		s.end(io.EOF)
		<-ended
	})
}

// TestLongHistoryIsAppliedInSteps: what the synchronization brought is applied without holding up
// what comes meanwhile, and readers see it come.
func TestLongHistoryIsAppliedInSteps(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := awake(t, vfs.NewMem())
		defer f.asleep()
		s, ended := f.follow(Following)
		h := newAnnals(t).grow(200, 32<<10)
		s.greet(1)
		s.say(diff(0))
		prev := txn.Zxid(0)
		for i := 0; i < len(h.recs); i += 8 {
			s.say(proposal(prev, h.recs[i:i+8], 0))
			prev = h.recs[i+7].Zxid
		}
		s.settle(1, h.last(), h.last())
		f.isAt(h)
		if n := f.store.Stats().TxnsSince; n != int64(len(h.recs)) {
			t.Errorf("%d txns count towards the next snapshot, of %d", n, len(h.recs))
		}
		s.end(io.EOF)
		<-ended
	})
}

// TestCommittedIsNotDurable: a quorum of others may be faster. Nothing is applied that a power cut here
// would take back.
func TestCommittedIsNotDurable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		disk := newSlow()
		f := awake(t, disk)
		defer f.asleep()
		s, ended := f.follow(Following)
		s.lead(1, newAnnals(t))
		h := newAnnals(t).adds(1, "/a", "/b")
		release := disk.hold()
		s.say(proposal(0, h.recs, h.last()))
		s.say(commit(h.last()))
		synctest.Wait()
		if at := f.store.Version().Zxid(); at != 0 {
			t.Errorf("the tree is at %v, the disk at %v", at, f.store.Durable())
		}
		release()
		synctest.Wait()
		f.isAt(h)
		s.end(io.EOF)
		<-ended
	})
}

// TestCommitWithinWhatIsLogged: a commit may name a zxid that the learner does not have yet, or that
// nobody has; it goes no further than it can.
func TestCommitWithinWhatIsLogged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newAnnals(t).adds(1, "/a").adds(2, "/b")
		f := awake(t, vfs.NewMem())
		defer f.asleep()
		f.has(epochs.Record{Accepted: 2, From: 1, Incarnation: incarnation, Current: 2}, h.recs, 0)
		s, ended := f.follow(Following)
		s.greet(2)
		s.say(diff(h.last()))
		s.settle(2, h.last(), 0)
		s.say(commit(txn.MakeZxid(1, 900))) // between its records
		synctest.Wait()
		if at := f.store.Version().Zxid(); at != h.recs[0].Zxid {
			t.Errorf("the tree is at %v", at)
		}
		s.say(commit(txn.MakeZxid(2, 900))) // beyond them
		synctest.Wait()
		f.isAt(h)
		s.say(commit(h.recs[0].Zxid)) // back, which changes nothing
		prev := h.last()
		h.adds(2, "/c")
		s.say(proposal(prev, h.after(prev), 0))
		synctest.Wait()
		f.isAt(h)
		s.end(io.EOF)
		<-ended
	})
}

// TestOneVersionForABatch: what is committed together is published once.
func TestOneVersionForABatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, s, ended, up := upToDateFollower(t)
		defer f.asleep()
		h := newAnnals(t).grow(100, 10)
		seen := map[*tree.Version]bool{}
		s.say(proposal(0, h.recs, 0))
		for i, r := range h.recs {
			up.Submit(Request{Op: &tree.DeleteRequest{Path: "/x"}}, func(Reply, error) { seen[f.store.Version()] = true })
			s.say(replyAt(uint64(i+1), r.Zxid))
		}
		s.say(commit(h.last()))
		synctest.Wait()
		f.isAt(h)
		if len(seen) != 1 {
			t.Errorf("%d versions were published for one batch", len(seen))
		}
		s.end(io.EOF)
		<-ended
	})
}
