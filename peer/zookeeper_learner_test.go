package peer

import (
	"errors"
	"io"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/quorate/quorate/store/epochs"
	"github.com/quorate/quorate/store/tree"
	"github.com/quorate/quorate/store/txn"
	"github.com/quorate/quorate/store/vfs"
)

// Bugs that ZooKeeper had on the learner's side, by their numbers.

// creationOf and noLimits are what a preparation needs.
func creationOf(path string) tree.Request {
	return &tree.CreateRequest{Path: path, ACL: tree.OpenACL()}
}

var noLimits tree.Limits

// TestZK4643EpochAfterTheHistory (and 1282): the current epoch is written when the history it stands on is
// durable; TestZK4646, with 3911, 3023 and 4785: so is the word.
func TestZK4643EpochAfterTheHistory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newStallingDisk()
		f := awake(t, d)
		defer f.asleep()
		h := newAnnals(t).adds(1, "/a", "/b")
		s, ended := f.follow(Following)
		s.greet(2)
		d.stall()
		s.say(diff(0))
		s.say(proposal(0, h.recs, 0))
		s.say(newLeaderMsg(2, h.last()))
		if !s.heardNothing() || f.store.Epochs().Current != 0 {
			t.Errorf("the history is not durable: current epoch %d", f.store.Epochs().Current)
		}
		d.goOn()
		if s.hear().GetAckNewLeader() == nil {
			t.Fatal("NewLeader is not acknowledged")
		}
		later := awake(t, d.mem.CrashClone(nil, vfs.KeepSynced))
		defer later.asleep()
		if r := later.store.Epochs(); r.Current != 2 || later.store.Last() != h.last() {
			t.Errorf("acknowledged, and the disk has %+v and a log up to %v", r, later.store.Last())
		}
		s.end(io.EOF)
		<-ended
	})
}

// TestZK2872SnapshotBeforeTheEpoch: the snapshot that an epoch stands on is durable before the epoch.
func TestZK2872SnapshotBeforeTheEpoch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		disk, h, looks := vfs.NewMem(), newAnnals(t).adds(1, "/a", "/b"), 0
		f := awake(t, disk)
		defer f.asleep()
		f.peer.emit = func(e Event) {
			if _, ok := e.(EpochCurrent); !ok {
				return
			}
			looks++
			later := awake(t, disk.CrashClone(nil, vfs.KeepSynced))
			defer later.asleep()
			if v := later.store.Version(); v.Zxid() != h.last() || v.Digest() != h.tree().Digest() {
				t.Errorf("the epoch is current, the disk's tree is at %v", v.Zxid())
			}
		}
		s, ended := f.follow(Following)
		s.greet(2)
		for _, m := range snapshot(h.tree(), 64) {
			s.say(m)
		}
		s.settle(2, h.last(), h.last())
		s.end(io.EOF)
		if <-ended; looks != 1 {
			t.Errorf("looked %d times", looks)
		}
	})
}

// TestZK3642DiffAfterAnInterruptedSnapshot goes on from the state that was there before, not from half of
// another; TestZK5094 the same of a truncation, which leaves nothing behind in memory.
func TestZK3642DiffAfterAnInterruptedSnapshot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		own := newAnnals(t).adds(1, "/a", "/b")
		other := newAnnals(t).adds(2, "/x", "/y", "/z")
		f := awake(t, vfs.NewMem())
		defer f.asleep()
		f.has(epochs.Record{Accepted: 1, From: 3, Current: 1}, own.recs, own.last())
		f.peer.resync = true
		s, ended := f.follow(Following)
		s.greet(2)
		words := snapshot(other.tree(), 64)
		for _, m := range words[:len(words)-1] {
			s.say(m)
		}
		s.end(io.EOF)
		<-ended
		f.peer.resync = false
		s, ended = f.follow(Following)
		s.lead(3, own.adds(3, "/c"))
		f.isAt(own)
		s.end(io.EOF)
		<-ended
	})
}

// TestZK5094DiffAfterAnInterruptedTruncation.
func TestZK5094DiffAfterAnInterruptedTruncation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		own := newAnnals(t).adds(1, "/a", "/b", "/never")
		h := own.fork(2).adds(2, "/c")
		f := awake(t, vfs.NewMem())
		defer f.asleep()
		f.has(epochs.Record{Accepted: 2, From: 3, Current: 1}, own.recs, own.recs[0].Zxid)
		s, ended := f.follow(Following)
		s.greet(3)
		s.say(trunc(own.recs[1].Zxid))
		synctest.Wait()
		s.end(io.EOF)
		<-ended
		if z := f.store.Version().Zxid(); z != own.recs[0].Zxid || f.store.Last() != own.recs[1].Zxid {
			t.Errorf("the tree is at %v, the log ends at %v", z, f.store.Last())
		}
		s, ended = f.follow(Following)
		s.lead(4, h)
		f.isAt(h)
		if _, there := f.store.Version().Get("/never"); there {
			t.Error("/never is there")
		}
		s.end(io.EOF)
		<-ended
	})
}

// TestZK1549NothingAppliedIsTruncated (and 4837): no snapshot holds what may be cut, since only what is
// committed is applied, and a leader that asks for such a cut is not obeyed.
func TestZK1549NothingAppliedIsTruncated(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newAnnals(t).adds(1, "/a", "/b", "/c")
		f := awake(t, vfs.NewMem())
		defer f.asleep()
		f.has(epochs.Record{Accepted: 1, From: 3, Current: 1}, h.recs, h.recs[1].Zxid)
		if z, err := f.store.Snapshot(t.Context()); err != nil || z != h.recs[1].Zxid {
			t.Fatalf("snapshot of %v, %v", z, err)
		}
		s, ended := f.follow(Following)
		s.greet(2)
		s.say(trunc(h.recs[0].Zxid))
		if err := <-ended; !errors.Is(err, errOutOfStep) || !f.peer.resync {
			t.Errorf("ended with %v", err)
		}
		if f.store.Last() != h.last() || f.store.Version().Zxid() != h.recs[1].Zxid {
			t.Errorf("the log ends at %v, the tree is at %v", f.store.Last(), f.store.Version().Zxid())
		}
	})
}

// TestZK3701FailedTruncationEndsTheServer: it must not go on as if it had cut.
func TestZK3701FailedTruncationEndsTheServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var failing atomic.Bool
		f := awake(t, vfs.NewFaults(vfs.NewMem(), func(op vfs.Op) error {
			if failing.Load() && op.Changes() && strings.Contains(op.Name, "/log/") {
				return errors.New("the disk is gone")
			}
			return nil
		}))
		defer f.asleep()
		h := newAnnals(t).adds(1, "/a", "/b")
		f.has(epochs.Record{Accepted: 1, From: 3, Current: 1}, h.recs, h.recs[0].Zxid)
		s, ended := f.follow(Following)
		s.greet(2)
		failing.Store(true)
		s.say(trunc(h.recs[0].Zxid))
		var broken *storeError
		if err := <-ended; !errors.As(err, &broken) {
			t.Errorf("ended with %v", err)
		}
	})
}

// TestZK4712NothingAfterTheEnd (and 4541, 4502, 3598): when a stream is over nothing of it reaches the log
// or the tree any more, also if the disk was slow.
func TestZK4712NothingAfterTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newStallingDisk()
		f := awake(t, d)
		defer f.asleep()
		defer d.goOn()
		h := newAnnals(t).adds(1, "/a")
		s, ended := f.follow(Following)
		s.lead(1, h)
		d.stall()
		before := h.last()
		h.adds(1, "/b")
		s.say(proposal(before, h.after(before), h.last()))
		synctest.Wait()
		s.end(io.EOF)
		<-ended
		last := f.store.Last()
		d.goOn()
		synctest.Wait()
		if f.store.Last() != last || f.store.Version().Zxid() != before {
			t.Errorf("the log ends at %v, before at %v; the tree is at %v", f.store.Last(), last, f.store.Version().Zxid())
		}
		s, ended = f.follow(Following)
		s.greet(2)
		s.say(trunc(before))
		s.settle(2, before, before)
		if f.store.Last() != before {
			t.Errorf("the log ends at %v, cut after %v", f.store.Last(), before)
		}
		s.end(io.EOF)
		<-ended
	})
}

// TestZK4925HoleIsNoticed: what does not continue the log is not logged, and the server comes back for a snapshot.
func TestZK4925HoleIsNoticed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newAnnals(t).adds(1, "/a", "/b", "/c")
		f := awake(t, vfs.NewMem())
		defer f.asleep()
		f.has(epochs.Record{Accepted: 1, From: 3, Current: 1}, h.recs[:1], h.recs[0].Zxid)
		s, ended := f.follow(Following)
		s.greet(2)
		s.say(diff(h.recs[0].Zxid))
		s.say(proposal(h.recs[1].Zxid, h.recs[2:], 0))
		if err := <-ended; !errors.Is(err, errOutOfStep) || f.store.Last() != h.recs[0].Zxid {
			t.Errorf("ended with %v, the log at %v", err, f.store.Last())
		}
		s, ended = f.follow(Following)
		if ack := s.greet(3); !ack.GetResync() {
			t.Errorf("it comes back with %v", ack)
		}
		s.end(io.EOF)
		<-ended
	})
}

// TestZK5010EphemeralsGoWithTheirSession, also on a server that learns of the session's end by DIFF.
func TestZK5010EphemeralsGoWithTheirSession(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const id = txn.SessionID(2<<56 | 5)
		h := newAnnals(t).does(1, &tree.CreateSessionRequest{CreateSession: txn.CreateSession{Session: id, Timeout: 4000}})
		h.does(1, &tree.CreateRequest{Path: "/e", ACL: tree.OpenACL(), Kind: txn.Ephemeral, Owner: id})
		f := awake(t, vfs.NewMem())
		defer f.asleep()
		f.has(epochs.Record{Accepted: 1, From: 3, Current: 1}, h.recs, h.last())
		h.does(2, &tree.CloseSessionRequest{CloseSession: txn.CloseSession{Session: id}})
		s, ended := f.follow(Following)
		s.lead(3, h)
		f.isAt(h)
		if _, there := f.store.Version().Get("/e"); there {
			t.Error("its session is closed, and /e is there")
		}
		s.end(io.EOF)
		<-ended
	})
}
