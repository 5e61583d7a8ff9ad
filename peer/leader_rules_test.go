package peer

import (
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	quorumv1 "github.com/quorate/quorate/gen/quorate/quorum/v1"
	"github.com/quorate/quorate/store/epochs"
	"github.com/quorate/quorate/store/txn"
	"github.com/quorate/quorate/store/vfs"
)

// The rules P1 to P5 of DESIGN.md, section 4, as far as they are the leader's to keep.

const (
	refusedAhead     = quorumv1.RefusalReason_REFUSAL_REASON_AHEAD
	refusedEpoch     = quorumv1.RefusalReason_REFUSAL_REASON_EPOCH
	refusedMalformed = quorumv1.RefusalReason_REFUSAL_REASON_MALFORMED
	refusedResigned  = quorumv1.RefusalReason_REFUSAL_REASON_RESIGNED
	refusedReplaced  = quorumv1.RefusalReason_REFUSAL_REASON_REPLACED
	refusedDuplicate = quorumv1.RefusalReason_REFUSAL_REASON_DUPLICATE
	refusedThrottled = quorumv1.RefusalReason_REFUSAL_REASON_THROTTLED
	refusedNotLeader = quorumv1.RefusalReason_REFUSAL_REASON_NOT_LEADER
	refusedCompacted = quorumv1.RefusalReason_REFUSAL_REASON_COMPACTED
	refusedTooSlow   = quorumv1.RefusalReason_REFUSAL_REASON_TOO_SLOW
)

// worlds are an ensemble that is being founded, where no disk is known yet, and one that stands.
var worlds = map[string]func(*annals){
	"founding": nil,
	"founded":  func(h *annals) { h.adds(1, "/a") },
}

// meets brings a server's promise to a candidate; it is kept waiting then.
func (c *court) meets(id txn.ServerID, accepted txn.Epoch, promise *quorumv1.SyncRequest) *voice {
	v := c.dials(id)
	v.says(v.info(accepted))
	v.says(promise)
	return v
}

// TestP1OnlyANewPromiseCounts: who has promised the epoch to another candidacy follows this one, and is
// not part of its quorum, also while the ensemble is being founded and no disk is known.
func TestP1OnlyANewPromiseCounts(t *testing.T) {
	for name, past := range worlds {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := convene(t, premise{past: past}).opens()
				defer c.rises()
				l := c.current()
				two, three := c.dials(2), c.dials(3)
				two.says(two.info(l.accepted))
				three.says(three.info(l.accepted))
				two.says(ackEpoch(l.current, l.last, l.floor, false))
				if c.lead.epochAcks.complete() || c.store.Epochs().Current == c.lead.epoch {
					t.Fatalf("a promise given to another candidacy has made the quorum\n%v", &c.record)
				}
				if c.over() {
					t.Fatal("server 3 can still promise")
				}
				three.says(ackEpoch(l.current, l.last, l.floor, true))
				if !c.lead.epochAcks.complete() || !two.stands() {
					t.Errorf("server 3 completes the quorum, and server 2 goes along\n%v", &c.record)
				}
			})
		})
	}
}

// TestP1HopelessCandidacy: a candidate that cannot get a quorum's promises any more gives up at once.
func TestP1HopelessCandidacy(t *testing.T) {
	for name, past := range worlds {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := convene(t, premise{past: past}).opens()
				defer c.rises()
				l := c.current()
				two, three := c.dials(2), c.dials(3)
				two.says(two.info(l.accepted))
				three.says(three.info(l.accepted))
				two.says(ackEpoch(l.current, l.last, l.floor, false))
				three.says(ackEpoch(l.current, l.last, l.floor, false))
				if err := c.outcome(); !errors.Is(err, errHopeless) {
					t.Errorf("ended with %v, want that it is hopeless", err)
				}
				if got := two.refused(); got != refusedResigned {
					t.Errorf("server 2 is told %v", got)
				}
			})
		})
	}
}

// TestP1LostVotersAreNoCompany: a candidate gives up after InitLimit if those who are with it cannot make a
// quorum, since some of them have promised the epoch to another.
func TestP1LostVotersAreNoCompany(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		five := append(trio(), txn.Member{ID: 4, Role: txn.Voter}, txn.Member{ID: 5, Role: txn.Voter})
		c := convene(t, premise{members: five, past: worlds["founded"], timing: Timing{InitLimit: time.Second}}).opens()
		defer c.rises()
		l := c.current()
		two, three := c.dials(2), c.dials(3)
		two.says(two.info(l.accepted))
		three.says(three.info(l.accepted))
		two.says(ackEpoch(l.current, l.last, l.floor, true))
		three.says(ackEpoch(l.current, l.last, l.floor, false))
		c.waitInBubble(900 * time.Millisecond)
		if c.over() {
			t.Fatal("servers 4 and 5 have had no time to come")
		}
		c.waitInBubble(500 * time.Millisecond)
		if err := c.outcome(); !errors.Is(err, errNobody) {
			t.Errorf("ended with %v, want that nobody has come", err)
		}
	})
}

// TestP1StrangersMakeNothingHopeless: the promise of a voter's other disk was never to be had.
func TestP1StrangersMakeNothingHopeless(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := convene(t, premise{past: worlds["founded"]}).opens()
		defer c.rises()
		l := c.current()
		two, three := c.dials(2, onDisk(23)), c.dials(3)
		two.says(two.info(l.accepted))
		three.says(three.info(l.accepted))
		two.says(ackEpoch(l.current, l.last, l.floor, false))
		three.says(ackEpoch(l.current, l.last, l.floor, false))
		if c.over() {
			t.Errorf("server 2 may still come with its own disk: %v", c.outcome())
		}
	})
}

// TestP1LostVotersAreServed: when the quorum is complete a voter that has promised the epoch to another is one
// like any other, in the quorum of NewLeader and as company.
func TestP1LostVotersAreServed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		five := append(trio(), txn.Member{ID: 4, Role: txn.Voter}, txn.Member{ID: 5, Role: txn.Voter})
		c := convene(t, premise{members: five, past: worlds["founded"], timing: brisk}).opens()
		defer c.rises()
		l := c.current()
		all := map[txn.ServerID]*voice{}
		for _, id := range []txn.ServerID{2, 4, 3} {
			all[id] = c.dials(id, func(v *voice) { v.mu.pongs = true })
			all[id].says(all[id].info(l.accepted))
		}
		for _, id := range []txn.ServerID{4, 2, 3} {
			all[id].says(ackEpoch(l.current, l.last, l.floor, id != 4))
		}
		gone := c.dials(3) // it has promised another leader now, and so has server 5
		gone.says(gone.info(9))
		five5 := c.dials(5)
		five5.says(five5.info(9))
		if c.over() {
			t.Fatalf("the quorum was complete: %v", c.outcome())
		}
		all[2].says(ackNewLeader(2))
		all[4].says(ackNewLeader(2))
		if !c.reigns() {
			t.Fatalf("server 4 has the history, too\n%v", &c.record)
		}
		c.waitInBubble(5 * brisk.Tick)
		if c.over() {
			t.Errorf("server 4 is company: %v", c.outcome())
		}
	})
}

// TestP2NoWordBeforeThePromise: the leader's accepted epoch is durable before anybody hears of it, and its
// current epoch before its own vote; a quorum of followers waits for it.
func TestP2NoWordBeforeThePromise(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var gate atomic.Pointer[chan struct{}]
		held := func() { c := make(chan struct{}); gate.Store(&c) }
		fs := vfs.NewFaults(vfs.NewMem(), func(op vfs.Op) error {
			if c := gate.Load(); c != nil && op.Kind == vfs.OpSync && strings.HasSuffix(op.Name, "epochs") {
				<-*c
			}
			return nil
		})
		c := convene(t, premise{fs: fs, past: worlds["founded"]})
		defer c.rises()
		held()
		c.opens()
		l := c.current()
		two, three := c.dials(2), c.dials(3)
		two.says(two.info(l.accepted))
		three.says(three.info(l.accepted))
		if n := len(two.heard()) + len(three.heard()); n != 0 {
			t.Fatalf("%d messages before the epoch is durable\n%v", n, &c.record)
		}
		close(*gate.Load())
		restInBubble()
		if len(two.heard()) != 1 || len(three.heard()) != 1 {
			t.Fatalf("the epoch is durable, and not told\n%v", &c.record)
		}
		held()
		two.says(ackEpoch(l.current, l.last, l.floor, true))
		three.says(ackEpoch(l.current, l.last, l.floor, true))
		two.says(ackNewLeader(c.lead.epoch))
		three.says(ackNewLeader(c.lead.epoch))
		if c.reigns() {
			t.Fatal("established without the leader's own durable epoch")
		}
		close(*gate.Load())
		restInBubble()
		if !c.reigns() {
			t.Error("not established")
		}
	})
}

// TestP3NothingBeforeEstablish: until a quorum, the leader included, has acknowledged NewLeader nothing is
// committed, applied or proposed; then the whole log is committed at once, the tail of predecessors too.
func TestP3NothingBeforeEstablish(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := convene(t, premise{past: func(h *annals) { h.adds(1, "/a", "/b", "/c") }, applied: txn.MakeZxid(1, 2)}).opens()
		defer c.rises()
		l := c.current() // it has all of it on its disk, and says so
		two := c.meets(2, l.accepted, ackEpoch(l.current, l.last, txn.MakeZxid(1, 2), true))
		if c.reigns() || c.peer.Standing().Term != nil {
			t.Fatal("established by a promise")
		}
		if z := c.store.Version().Zxid(); z != txn.MakeZxid(1, 2) {
			t.Fatalf("applied up to %v", z)
		}
		two.heard()
		two.says(ackNewLeader(2))
		if !c.reigns() || c.committed() != l.last || c.store.Version().Zxid() != l.last {
			t.Errorf("committed %v, applied %v; want all of it", c.committed(), c.store.Version().Zxid())
		}
		if up := two.heard(); len(up) == 0 || up[0].GetUpToDate().GetCommitted() != uint64(l.last) {
			t.Errorf("server 2 is told %v", up)
		}
	})
}

// TestP3WatermarkBeginsAtAckNewLeader: what a learner reports having is not counted. It counts when the
// learner has acknowledged it to this leader, up to where its synchronization ended.
func TestP3WatermarkBeginsAtAckNewLeader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, followers := reign(t, premise{}, 2)
		defer c.rises()
		followers[0].set(doesNotAck)
		before := c.committed()
		z := c.creates("/b")
		if c.committed() != before {
			t.Fatal("committed by the leader alone")
		}
		three := c.dials(3)
		three.says(three.info(1))
		three.says(ackEpoch(1, z, c.past.last(), true))
		if c.committed() != before || c.lead.term.acks.of(3) != 0 {
			t.Fatalf("committed %v by what server 3 reports", c.committed())
		}
		three.says(ackNewLeader(2))
		if c.committed() != z || c.lead.term.acks.of(3) != z {
			t.Errorf("committed %v, server 3 counts for %v; want %v", c.committed(), c.lead.term.acks.of(3), z)
		}
	})
}

// TestP3WatermarksDieWithTheStream, whether it breaks or another takes its place, and what of it is
// still underway brings none back. What is committed stays so.
func TestP3WatermarksDieWithTheStream(t *testing.T) {
	for name, end := range map[string]func(c *court, v *voice){
		"broken":   func(_ *court, v *voice) { v.leaves() },
		"replaced": func(c *court, v *voice) { v.set(isSilent); n := c.dials(2); n.says(n.info(2)) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, followers := reign(t, premise{}, 2, 3)
				defer c.rises()
				z := c.creates("/b")
				old := c.lead.roster.of(2)
				if c.committed() != z || c.lead.term.acks.of(2) != z {
					t.Fatalf("committed %v, server 2 counts for %v, want %v", c.committed(), c.lead.term.acks.of(2), z)
				}
				followers[1].set(doesNotAck)
				end(c, followers[0])
				if got := c.lead.term.acks.of(2); got != 0 {
					t.Errorf("the stream is gone, and counts for %v", got)
				}
				next := c.creates("/c")
				old.mark(next)
				if got := c.lead.term.acks.of(2); got != 0 || c.committed() != z {
					t.Errorf("a late word of the old stream counts for %v, committed %v", got, c.committed())
				}
			})
		})
	}
}

// TestP4AheadEndsTheCandidacy: until the quorum of promises is complete a voter that counts and has a later
// current epoch, or the same and a longer log, ends it. Nobody else does, and nobody afterwards.
func TestP4AheadEndsTheCandidacy(t *testing.T) {
	z := txn.MakeZxid
	for _, tt := range []struct {
		name    string
		current txn.Epoch
		last    txn.Zxid
		disk    txn.StorageID
		ahead   bool
	}{
		{"the same", 2, z(2, 2), 33, false},
		{"a longer log", 2, z(2, 3), 33, true},
		{"a later epoch, a shorter log", 3, z(2, 1), 33, true},
		{"an earlier epoch, a longer log", 1, z(2, 9), 33, false},
		{"a longer log on another disk", 2, z(2, 3), 34, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := convene(t, premise{
					past:     func(h *annals) { h.adds(2, "/a", "/b") },
					promised: epochs.Record{Accepted: 3, From: 2, Current: 2},
				}).opens()
				defer c.rises()
				two := c.dials(2)
				two.says(two.info(3))
				three := c.dials(3, func(v *voice) { v.disk = tt.disk })
				three.says(three.info(3))
				three.says(ackEpoch(tt.current, tt.last, z(2, 1), true))
				if !tt.ahead {
					if c.over() || !three.stands() {
						t.Errorf("nobody is ahead who counts\n%v", &c.record)
					}
					return
				}
				if err := c.outcome(); !errors.Is(err, errAhead) {
					t.Errorf("ended with %v", err)
				}
				if got := two.refused(); got != refusedResigned {
					t.Errorf("server 2 is told %v", got)
				}
				if got := three.refused(); got != refusedAhead {
					t.Errorf("server 3 is told %v", got)
				}
			})
		})
	}
}

// TestTheOwnReasonFirst: who ends a candidacy or a reign is told why, and not that it is over.
func TestTheOwnReasonFirst(t *testing.T) {
	told := func(c *court, accepted txn.Epoch, does func(*session) error) {
		t.Helper()
		early := false
		s := &session{lead: c.lead, id: 3, disk: 33, accepted: accepted}
		s.fail = func(error) { early = c.lead.ctx.Err() == nil && (c.lead.term == nil || c.lead.term.Ready() == nil) }
		if err := does(s); err == nil || !early {
			t.Errorf("%v: told first: %v", err, early)
		}
	}
	synctest.Test(t, func(t *testing.T) {
		c := convene(t, premise{past: worlds["founded"]}).opens()
		defer c.rises()
		told(c, 1, func(s *session) error {
			return c.lead.joinEpoch(t.Context(), s, ackEpoch(1, c.past.last()+1, 0, true).GetAckEpoch())
		})
		if err := c.outcome(); !errors.Is(err, errAhead) {
			t.Errorf("ended with %v", err)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		c, _ := reign(t, premise{}, 2)
		defer c.rises()
		told(c, 7, c.lead.behind)
		if err := c.outcome(); !errors.Is(err, errLeftOut) {
			t.Errorf("ended with %v", err)
		}
	})
}

// TestP4NobodyIsAheadOfAQuorum: a longer tail that comes later was never committed, and is cut.
func TestP4NobodyIsAheadOfAQuorum(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := convene(t, premise{past: func(h *annals) { h.adds(1, "/a") }}).opens()
		defer c.rises()
		l := c.current()
		c.meets(2, l.accepted, ackEpoch(l.current, l.last, l.floor, true))
		three := c.meets(3, l.accepted, ackEpoch(l.current, l.last+5, l.floor, true))
		if c.over() || !three.stands() {
			t.Fatalf("the quorum was complete\n%v", &c.record)
		}
		if said := three.heard(); len(said) < 2 || said[1].GetTrunc().GetAfter() != uint64(l.last) {
			t.Errorf("server 3 is told %v, want to cut after %v", said, l.last)
		}
	})
}
