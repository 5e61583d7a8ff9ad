package peer

import (
	"io"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"

	quorumv1 "github.com/quorate/quorate/gen/quorate/quorum/v1"
	"github.com/quorate/quorate/peer/resync"
	"github.com/quorate/quorate/store/epochs"
	"github.com/quorate/quorate/store/txn"
	"github.com/quorate/quorate/store/vfs"
)

// teach is a leader that plans as the real one does, and brings the learner up to date with all of
// its history. snapshot is what it would send of it.
func (s *script) teach(epoch uint32, h *annals, snapshotAt int) {
	s.f.t.Helper()
	ack := s.greet(epoch)
	last := txn.Zxid(ack.GetLastZxid())
	common := txn.Zxid(0)
	for _, r := range h.recs {
		if r.Zxid <= last {
			common = r.Zxid
		}
	}
	v := h.versions[snapshotAt]
	plan := resync.Decide(resync.History{Last: h.last(), Snapshot: v.Zxid(), Common: common},
		resync.Learner{Last: last, Floor: txn.Zxid(ack.GetFloor()), Resync: ack.GetResync(), Durable: true})
	switch plan.Kind {
	case resync.Diff:
		s.say(diff(plan.After))
	case resync.Trunc:
		s.say(trunc(plan.After))
	default:
		for _, m := range snapshot(v, 64) {
			s.say(m)
		}
	}
	prev := plan.After
	for _, r := range h.after(prev) {
		s.say(proposal(prev, h.after(prev)[:1], 0))
		prev = r.Zxid
	}
	s.settle(epoch, h.last(), h.last())
}

// witness keeps what a server has said and shown, and power cuts: what is on disk at a moment must
// bear out what was said before.
type witness struct {
	disk *vfs.Mem
	rng  *rand.Rand

	mu struct {
		sync.Mutex
		f         *follower // nil while nobody looks
		sofar     testimony
		powerCuts []powerCut
	}
}

type testimony struct {
	promised txn.Epoch // by AckEpoch
	reported txn.Zxid  // by AckEpoch: durable
	cut      txn.Zxid  // the plan has undone what was reported; all up to here stays
	current  txn.Epoch // by AckNewLeader
	acked    txn.Zxid
	shown    txn.Zxid
}

type powerCut struct {
	testimony
	disk *vfs.Mem
	op   vfs.Op
}

// look begins, or with nil ends, the recording. What is reported may be undone down to cut.
func (w *witness) look(f *follower, cut txn.Zxid) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.mu.f, w.mu.sofar.cut = f, cut
}

// before is called before each operation on the disk, and sent before each message.
func (w *witness) before(op vfs.Op) error {
	if !op.Changes() {
		return nil
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.mu.f == nil {
		return nil
	}
	w.mu.sofar.shown = w.mu.f.store.Version().Zxid()
	for _, mode := range []vfs.CrashMode{vfs.KeepSynced, vfs.KeepAll, vfs.KeepSome} {
		w.mu.powerCuts = append(w.mu.powerCuts, powerCut{w.mu.sofar, w.disk.CrashClone(w.rng, mode), op})
	}
	return nil
}

func (w *witness) sent(m *quorumv1.SyncRequest) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch s := m.GetStep().(type) {
	case *quorumv1.SyncRequest_AckEpoch:
		w.mu.sofar.promised, w.mu.sofar.reported = w.mu.f.store.Epochs().Accepted, txn.Zxid(s.AckEpoch.GetLastZxid())
	case *quorumv1.SyncRequest_AckNewLeader:
		w.mu.sofar.current, w.mu.sofar.acked = txn.Epoch(s.AckNewLeader.GetEpoch()), w.mu.f.store.Last()
	case *quorumv1.SyncRequest_Ack:
		w.mu.sofar.acked = txn.Zxid(s.Ack.GetZxid())
	default:
		return
	}
	// What is said is durable at the moment it is said.
	w.mu.sofar.shown = w.mu.f.store.Version().Zxid()
	w.mu.powerCuts = append(w.mu.powerCuts, powerCut{w.mu.sofar, w.disk.CrashClone(nil, vfs.KeepSynced), vfs.Op{Kind: "word"}})
}

// TestPowerCutAnywhere: whatever a power cut leaves at any operation of a learner bears out what the
// learner had said until then, and the server that wakes up on it follows the next leader. (Epochs before
// history, words before disk, memory before disk: ZOOKEEPER-3911, 4643, 4646, 4785, 5094.)
func TestPowerCutAnywhere(t *testing.T) {
	for _, kind := range []resync.Kind{resync.Diff, resync.Trunc, resync.Snap} {
		t.Run(kind.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { powerCuts(t, kind) })
		})
	}
}

func powerCuts(t *testing.T, kind resync.Kind) {
	own := newAnnals(t).adds(1, "/a", "/b", "/c")
	h := own.fork(2).adds(2, "/d", "/e", "/f")
	if kind == resync.Diff {
		own = own.fork(2)
	}
	w := &witness{disk: vfs.NewMem(), rng: rand.New(rand.NewPCG(1, uint64(kind)))}
	f := awake(t, vfs.NewFaults(w.disk, w.before))
	f.sent = w.sent
	f.has(epochs.Record{Accepted: 1, From: 3, Current: 1}, own.recs, own.recs[0].Zxid)
	f.peer.resync = kind == resync.Snap
	w.look(f, h.recs[1].Zxid)
	s, ended := f.follow(Following)
	s.teach(3, h, 3)
	before := h.last()
	h.adds(3, "/g", "/h")
	s.say(proposal(before, h.after(before), 0))
	s.hear()
	s.say(commit(h.last()))
	synctest.Wait()
	f.isAt(h)
	s.end(io.EOF)
	<-ended
	w.look(nil, 0)
	f.asleep()

	if n := len(w.mu.powerCuts); n < 30 {
		t.Fatalf("only %d power cuts", n)
	}
	next := h.fork(len(h.recs)).adds(3, "/i")
	for i, cut := range w.mu.powerCuts {
		survives(t, i, cut, next)
		if t.Failed() {
			t.Fatalf("power cut %d of %d, at %s of %s, after %+v", i, len(w.mu.powerCuts), cut.op.Kind, cut.op.Name, cut.testimony)
		}
	}
}

// survives wakes up what a power cut has left.
func survives(t *testing.T, i int, cut powerCut, next *annals) {
	f := awake(t, cut.disk)
	defer f.asleep()
	switch r := f.store.Epochs(); {
	case r.Accepted < cut.promised:
		t.Errorf("epoch %d was promised, the disk says %+v", cut.promised, r)
	case r.Current < cut.current:
		t.Errorf("epoch %d was acknowledged, the disk says %+v", cut.current, r)
	case r.Current == 3 && f.store.Last() < txn.MakeZxid(2, 3):
		t.Errorf("epoch 3 is current on a log that ends at %v, before the history it stands on", f.store.Last())
	}
	if last := f.store.Last(); last < cut.acked || last < cut.shown || last < min(cut.reported, cut.cut) {
		t.Errorf("the log ends at %v", last)
	}
	if r := f.store.Epochs(); r.Current < 3 { // it may be ahead of this leader's log in nothing
		f.peer.resync = i%2 == 1 // and may ask for a snapshot then
	}
	s, ended := f.follow(Following)
	s.teach(4, next, 4)
	f.isAt(next)
	s.end(io.EOF)
	<-ended
}

// TestInterruptedSnapshot: whatever part of a snapshot has come when the stream ends, the old state
// stands, in memory and on disk, and nothing is left over.
func TestInterruptedSnapshot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		own := newAnnals(t).adds(1, "/a", "/b")
		h := own.fork(1).adds(2, "/c", "/d", "/e")
		words := snapshot(h.tree(), 64)
		disk := vfs.NewMem()
		f := awake(t, disk)
		f.has(epochs.Record{Accepted: 1, From: 3, Current: 1}, own.recs, own.recs[0].Zxid)
		at := f.store.Version()
		for n := 1; n < len(words); n++ {
			f.peer.resync = true
			s, ended := f.follow(Following)
			s.greet(uint32(2 + n))
			for _, m := range words[:n] {
				s.say(m)
			}
			synctest.Wait()
			s.end(io.EOF)
			if err := <-ended; err == nil || !f.peer.resync {
				t.Fatalf("after %d of %d messages: %v, resync %t", n, len(words), err, f.peer.resync)
			}
			if f.store.Version() != at || f.store.Last() != own.last() || f.store.Epochs().Current != 1 {
				t.Fatalf("after %d of %d messages the tree is at %v, the log ends at %v", n, len(words), f.store.Version().Zxid(), f.store.Last())
			}
		}
		f.asleep()
		if files, err := disk.List("/data/snap"); err != nil || len(files) != 0 {
			t.Errorf("left over: %v, %v", files, err)
		}
		f = awake(t, disk)
		defer f.asleep()
		if f.store.Last() != own.last() {
			t.Errorf("on the disk the log ends at %v", f.store.Last())
		}
	})
}
