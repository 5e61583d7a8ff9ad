package peer

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	quorumv1 "github.com/quorate/quorate/gen/quorate/quorum/v1"
	"github.com/quorate/quorate/store/epochs"
	"github.com/quorate/quorate/store/txn"
)

// P5: who moves the epoch, and for whom a leader makes room.

// TestP5OnlyVotersMoveTheEpoch, by so much at most, and not those on another disk than the membership names.
func TestP5OnlyVotersMoveTheEpoch(t *testing.T) {
	const own = 3
	for name, tt := range map[string]struct {
		id       txn.ServerID
		disk     txn.StorageID
		accepted txn.Epoch
		epoch    txn.Epoch // the next one; 0: the quorum is not complete
		stands   bool
	}{
		"a voter":              {2, 22, 9, 10, true},
		"a voter far ahead":    {2, 22, own + maxEpochJump, own + maxEpochJump + 1, true},
		"a voter out of range": {2, 22, own + maxEpochJump + 1, 0, false},
		"another disk":         {2, 23, 9, 0, true},
		"an observer":          {9, 99, 9, 0, true},
		"an observer far out":  {9, 99, txn.MaxEpoch, 0, true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := convene(t, premise{past: worlds["founded"], promised: epochs.Record{Accepted: own, From: 2, Current: 1}}).opens()
				defer c.rises()
				v := c.dials(tt.id, onDisk(tt.disk))
				v.says(v.info(tt.accepted))
				if complete := c.lead.infos.complete(); complete != (tt.epoch != 0) || v.stands() != tt.stands {
					t.Fatalf("quorum complete: %v; the stream stands: %v\n%v", complete, v.stands(), &c.record)
				}
				if !tt.stands && v.refused() != refusedAhead {
					t.Errorf("refused with %v", v.refused())
				}
				if tt.epoch != 0 {
					if got := v.heard()[0].GetInfo().GetEpoch(); got != uint32(tt.epoch) {
						t.Errorf("epoch %d, want %d", got, tt.epoch)
					}
					return
				}
				three := c.dials(3)
				three.says(three.info(2))
				if got := c.lead.epoch; got != own+1 {
					t.Errorf("with server 3 the epoch is %d, want %d", got, own+1)
				}
				if tt.stands && v.refused() != refusedEpoch {
					t.Errorf("%s is ahead of the epoch, and not told\n%v", name, &c.record)
				}
			})
		})
	}
}

// TestP5MakesRoomOnce: a voter that has promised a later epoch makes an established leader resign, but not
// again for half a minute, so that it cannot keep the ensemble from working.
func TestP5MakesRoomOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, _ := reign(t, premise{}, 2)
		defer c.rises()
		leaves := func(epoch txn.Epoch) bool {
			three := c.dials(3)
			three.says(three.info(epoch))
			if three.refused() != refusedAhead {
				t.Fatalf("server 3 is told %v\n%v", three.refused(), &c.record)
			}
			return c.over()
		}
		if !leaves(20) {
			t.Fatalf("the leader made no room\n%v", &c.record)
		}
		if err := c.outcome(); !errors.Is(err, errLeftOut) {
			t.Fatalf("ended with %v", err)
		}
		again := func() {
			c.opens()
			c.comes(2, learnt{accepted: 2, current: 2, last: c.store.Last(), floor: c.store.Last()})
			if !c.reigns() {
				t.Fatalf("not established again\n%v", &c.record)
			}
		}
		again()
		c.waitInBubble(rarely - time.Second)
		if leaves(30) {
			t.Fatal("the leader made room twice in 30 seconds")
		}
		c.waitInBubble(time.Second)
		if !leaves(30) {
			t.Fatal("the leader makes room no more")
		}
	})
}

// TestP5MakesRoomForVotersOnly, on the disk that the membership names, and for those that the next
// leader can take in.
func TestP5MakesRoomForVotersOnly(t *testing.T) {
	for name, tt := range map[string]struct {
		id    txn.ServerID
		disk  txn.StorageID
		epoch txn.Epoch
		ends  bool
		told  quorumv1.RefusalReason
	}{
		"a voter":               {3, 33, 7, true, refusedAhead},
		"the farthest":          {3, 33, 2 + maxEpochJump, true, refusedAhead},
		"one beyond the bound":  {3, 33, 2 + maxEpochJump + 1, false, refusedAhead},
		"a voter's other disk":  {3, 34, 7, false, refusedEpoch},
		"an observer":           {9, 99, 7, false, refusedEpoch},
		"one in the same epoch": {3, 33, 2, false, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, followers := reign(t, premise{}, 2)
				defer c.rises()
				v := c.dials(tt.id, onDisk(tt.disk))
				v.says(v.info(tt.epoch))
				if c.over() != tt.ends {
					t.Fatalf("the reign is over: %v\n%v", c.over(), &c.record)
				}
				if tt.epoch > 2 && v.refused() != tt.told {
					t.Errorf("told %v", v.refused())
				}
				if !tt.ends && !followers[0].serves() {
					t.Error("server 2 is no longer served")
				}
			})
		})
	}
}

// TestP5ResignsAtABatchBoundary: what is in flight is finished before room is made.
func TestP5ResignsAtABatchBoundary(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, followers := reign(t, premise{}, 2)
		defer c.rises()
		followers[0].set(doesNotAck)
		z := c.creates("/b")
		three := c.dials(3)
		three.says(three.info(7))
		if c.over() {
			t.Fatal("a batch is in flight")
		}
		if err := c.lead.term.Ready(); !errors.Is(err, errLeftOut) {
			t.Errorf("another batch may be prepared: %v", err)
		}
		followers[0].says(ackOf(z))
		if err := c.outcome(); !errors.Is(err, errLeftOut) || c.store.Version().Zxid() != z {
			t.Errorf("ended with %v, applied up to %v of %v", err, c.store.Version().Zxid(), z)
		}
	})
}

// TestP5CollectingLeader: one whose quorum cannot be completed, since voters have promised later epochs,
// resigns at once; as long as it can, it goes on.
func TestP5CollectingLeader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := convene(t, premise{past: worlds["founded"]}).opens()
		defer c.rises()
		two := c.dials(2)
		two.says(two.info(1)) // the epoch is 2 now
		three := c.dials(3)
		three.says(three.info(5))
		if three.refused() != refusedAhead || c.over() {
			t.Fatalf("server 2 can still promise\n%v", &c.record)
		}
		again := c.dials(2) // it has promised another leader in the meantime
		again.says(again.info(5))
		if err := c.outcome(); !errors.Is(err, errHopeless) {
			t.Errorf("ended with %v", err)
		}
	})
}
