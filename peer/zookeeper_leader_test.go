package peer

import (
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/quorate/quorate/store/txn"
	"github.com/quorate/quorate/store/vfs"
)

// Bugs that ZooKeeper had on the leader's side of a learner's stream, by their numbers. DESIGN.md has the
// table of all of them.

// TestZK1192EpochNeedsAQuorumOfPromises: that a quorum has reported its epochs is not enough.
func TestZK1192EpochNeedsAQuorumOfPromises(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := convene(t, premise{past: worlds["founded"]}).opens()
		defer c.rises()
		two, three := c.dials(2), c.dials(3)
		two.says(two.info(1))
		three.says(three.info(1))
		if got := c.store.Epochs(); got.Accepted != 2 || got.Current != 1 || c.lead.epochAcks.complete() {
			t.Errorf("with two promises missing the epochs are %+v", got)
		}
	})
}

// TestZK1324OneNewLeader for each stream, however much is written meanwhile; and TestZK3104: it comes when
// all before it has been sent, so that the epoch never stands on less (the learner of these tests checks
// that NewLeader names the last it has been sent).
func TestZK1324OneNewLeader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, _ := reign(t, premise{limits: Limits{Feed: 100}}, 2)
		defer c.rises()
		three := c.dials(3)
		three.says(three.info(1))
		c.creates("/b")
		three.up <- ackEpoch(1, c.past.last(), c.past.last(), true)
		for i := range 10 {
			c.creates(fmt.Sprintf("/c%d", i))
		}
		three.says(ackNewLeader(2))
		words := 0
		for _, m := range three.heard() {
			if m.GetNewLeader() != nil {
				words++
			}
		}
		if words != 1 || !three.stands() {
			t.Errorf("%d times NewLeader\n%v", words, &c.record)
		}
	})
}

// TestZK3104NewLeaderComesLast: a learner that is synchronized while others write has all up to the zxid that
// NewLeader names.
func TestZK3104NewLeaderComesLast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, _ := reign(t, premise{limits: Limits{Feed: 100}}, 2)
		defer c.rises()
		for i := range 20 {
			three := c.comes(3, learnt{accepted: 1, current: 1, last: txn.MakeZxid(1, 1), floor: txn.MakeZxid(1, 1)}, func(v *voice) { v.nonce += uint64(i) })
			c.creates(fmt.Sprintf("/c%d", i))
			if got := three.has().last; got != c.store.Last() {
				t.Fatalf("server 3 has %v, want %v", got, c.store.Last())
			}
			three.leaves()
		}
	})
}

// TestZK4394NothingBetweenNewLeaderAndUpToDate, however much is committed meanwhile: a learner that was sent
// a Commit there fell over it.
func TestZK4394NothingBetweenNewLeaderAndUpToDate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, _ := reign(t, premise{}, 2)
		defer c.rises()
		three := c.meets(3, 1, ackEpoch(1, c.past.last(), c.past.last(), true))
		three.heard()
		z := c.creates("/b")
		z = max(z, c.creates("/c"))
		if got := three.heard(); c.committed() != z || len(got) != 0 {
			t.Errorf("told %v", got)
		}
		three.says(ackNewLeader(2))
		if got := three.heard(); len(got) == 0 || got[0].GetUpToDate() == nil {
			t.Errorf("told %v", got)
		}
	})
}

// TestZK4685EarlyAckEndsOneStream: an acknowledgement before that of NewLeader made the leader shut down.
func TestZK4685EarlyAckEndsOneStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := convene(t, premise{past: worlds["founded"]}).opens()
		defer c.rises()
		two := c.meets(2, 1, ackEpoch(1, c.past.last(), c.past.last(), true))
		three := c.meets(3, 1, ackEpoch(1, c.past.last(), c.past.last(), true))
		two.says(ackOf(c.past.last()))
		if two.refused() != refusedMalformed || c.over() || !three.stands() {
			t.Fatalf("told %v; over: %v", two.refused(), c.over())
		}
		three.says(ackNewLeader(2))
		if !c.reigns() {
			t.Error("not established with server 3")
		}
	})
}

// TestZK2845UncommittedIsNotApplied: a leader that loses its quorum shows nothing of what it had proposed, and
// keeps none of it in memory when it leads again, or follows.
func TestZK2845UncommittedIsNotApplied(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, followers := reign(t, premise{}, 2)
		defer c.rises()
		two := followers[0]
		two.set(doesNotAck)
		before := c.store.Version()
		c.creates("/b")
		two.leaves()
		c.waitInBubble(3 * c.peer.timing.Tick)
		if !c.over() || c.store.Version() != before {
			t.Fatalf("the tree is at %v, committed was %v", c.store.Version().Zxid(), before.Zxid())
		}
		c.must(c.store.TruncateAfter(t.Context(), before.Zxid())) // as the next leader asks for
		c.opens()
		c.comes(2, learnt{accepted: 2, current: 2, last: before.Zxid(), floor: before.Zxid()})
		if _, there := c.store.Version().Get("/b"); there || !c.reigns() {
			t.Error("/b is there")
		}
		if _, err := c.lead.term.Tip().Prepare(creationOf("/b"), nil, noLimits); err != nil {
			t.Errorf("the tip still has /b: %v", err)
		}
	})
}

// TestZK2846LogAfterASnapshotHasNoHole: a server that was itself synchronized by a snapshot has a log that begins
// there. As a leader it sends a snapshot to those who are behind that.
func TestZK2846LogAfterASnapshotHasNoHole(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := convene(t, premise{past: func(h *annals) { h.adds(1, "/a", "/b", "/c", "/d", "/e") }, applied: txn.MakeZxid(1, 3)})
		defer c.rises()
		c.must(c.store.TruncateAfter(t.Context(), txn.MakeZxid(1, 3))) // it was behind
		in, err := c.store.Install(txn.MakeZxid(1, 5))
		c.must(err)
		for chunk := range c.past.versions[4].Chunks(chunkBytes) {
			c.must(in.Add(chunk))
		}
		c.must(in.Commit(t.Context()))
		c.must(c.store.Append(t.Context(), c.past.recs[5:]), c.store.Sync(t.Context()))
		c.opens()
		for _, tt := range []struct {
			last txn.Zxid
			snap bool
		}{{txn.MakeZxid(1, 2), true}, {txn.MakeZxid(1, 4), true}, {txn.MakeZxid(1, 5), false}} {
			two := c.dials(2)
			two.says(two.info(1))
			two.says(ackEpoch(1, tt.last, tt.last, true))
			if got := two.heard(); len(got) < 2 || (got[1].GetSnapshot() != nil) != tt.snap || (got[1].GetDiff() != nil) == tt.snap {
				t.Errorf("with a log that ends at %v it is told %v", tt.last, got)
			}
		}
	})
}

// TestZK4352BlankLearnerOfAPurgedLog gets a snapshot, never the rest of the log alone.
func TestZK4352BlankLearnerOfAPurgedLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := toldSnapPurged(t)
		defer c.rises()
		three := c.comes(3, learnt{})
		if c.store.Base() == 0 {
			t.Fatal("the log is not purged")
		}
		if got := three.heard(); len(got) < 2 || got[1].GetSnapshot().GetBegin() == nil {
			t.Errorf("told %v", got)
		}
	})
}

// TestZK2418NoGapBetweenFilesAndMemory: where the log's files end and the window begins nothing is left out (the
// learners of these tests check it of all that they are sent).
func TestZK2418NoGapBetweenFilesAndMemory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, _ := reign(t, premise{limits: Limits{Feed: 500}}, 2)
		defer c.rises()
		for i := range 40 {
			c.creates(fmt.Sprintf("/%040d", i))
		}
		for n := range uint32(40) {
			three := c.comes(3, learnt{accepted: 2, current: 2, last: txn.MakeZxid(2, n+1), floor: txn.MakeZxid(2, 1)}, func(v *voice) { v.nonce += uint64(n) })
			if got := three.has().last; got != c.store.Last() {
				t.Errorf("from %v it comes to %v", txn.MakeZxid(2, n+1), got)
			}
			three.leaves()
		}
	})
}

// TestZK3594RefusedTakesNoZxid: a request that fails writes nothing.
func TestZK3594RefusedTakesNoZxid(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, followers := reign(t, premise{}, 2)
		defer c.rises()
		before, tip := c.store.Last(), c.lead.term.Tip().Zxid()
		followers[0].says(creation(1, "/a"))
		if c.store.Last() != before || c.lead.term.Tip().Zxid() != tip || followers[0].has().last != before {
			t.Errorf("the log ends at %v, before at %v", c.store.Last(), before)
		}
	})
}

// TestZK2247LogFailureEndsTheReign, and the peer (ZOOKEEPER-4203, 4882): it does not go on leading without
// committing, and nothing is applied that its disk does not have.
func TestZK2247LogFailureEndsTheReign(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var failing atomic.Bool
		gone := errors.New("the disk is gone")
		fs := vfs.NewFaults(vfs.NewMem(), func(op vfs.Op) error {
			if failing.Load() && op.Kind == vfs.OpSync && strings.Contains(op.Name, "/log/") {
				return gone
			}
			return nil
		})
		c, followers := reign(t, premise{fs: fs}, 2, 3)
		defer c.rises()
		before := c.store.Version()
		failing.Store(true)
		c.creates("/b")
		var broken *storeError
		if err := c.outcome(); !errors.As(err, &broken) || !errors.Is(err, gone) {
			t.Errorf("ended with %v", err)
		}
		if c.store.Version() != before || followers[0].refused() != refusedResigned {
			t.Errorf("applied %v, learner 2 is told %v", c.store.Version().Zxid(), followers[0].refused())
		}
	})
}
