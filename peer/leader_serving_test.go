package peer

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/quorate/quorate/store/txn"
)

// The rules P8 and P10 to P13 of DESIGN.md, section 4, as far as they are the leader's to keep.

// TestP8EveryBatchNamesItsPredecessor, in synchronization and in broadcast, from files and from memory, to
// those with a log and to those without. (The learners of these tests check it of everything they are sent.)
func TestP8EveryBatchNamesItsPredecessor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, followers := reign(t, premise{
			past: func(h *annals) {
				for i := range 30 {
					h.adds(1, fmt.Sprintf("/old-%02d", i))
				}
			},
			limits: Limits{Feed: 200},
		}, 2)
		defer c.rises()
		all := append(followers,
			c.comes(3, learnt{accepted: 1, current: 1, last: txn.MakeZxid(1, 9), floor: txn.MakeZxid(1, 9)}),
			c.comes(4, learnt{last: txn.MakeZxid(1, 3), floor: txn.MakeZxid(1, 3)}, keepsNoLog),
			c.comes(5, learnt{}, keepsNoLog))
		all[1].set(doesNotAck)
		var z txn.Zxid
		for i := range 30 {
			z = c.creates(fmt.Sprintf("/new-%02d-a", i), fmt.Sprintf("/new-%02d-b", i))
		}
		c.comes(6, c.current())
		for _, v := range all {
			if got := v.has().last; got != z || !v.serves() {
				t.Errorf("learner %d has %v, want %v", v.id, got, z)
			}
		}
	})
}

// TestP10SyncIsAnsweredByAQuorum: the leader answers with what was committed when it was asked, once a quorum,
// itself included, has echoed a round that began afterwards.
func TestP10SyncIsAnsweredByAQuorum(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, followers := reign(t, premise{}, 2, 3)
		defer c.rises()
		two, three := followers[0], followers[1]
		two.set(func(v *voice) { v.mu.pongs = false })
		three.set(func(v *voice) { v.mu.pongs = false })
		four := c.comes(4, c.current()) // an observer, whose echoes do not count
		at := c.committed()
		two.says(syncOf(1))
		c.creates("/later")
		two.says(syncOf(2))
		two.heard()
		three.says(pong(0, 0))
		four.says(pong(9, 0))
		if got := two.heard(); len(got) != 0 {
			t.Fatalf("answered with %v by echoes from before", got)
		}
		if _, p := three.pings(); p.GetRound() == 0 {
			three.c.waitInBubble(c.peer.timing.Tick)
		}
		three.says(pong(1, 0))
		got := two.heard()
		if len(got) != 1 || got[0].GetReply().GetId() != 1 || got[0].GetReply().GetAtZxid() != uint64(at) {
			t.Fatalf("answered with %v, want request 1 at %v", got, at)
		}
		three.says(pong(7, 0)) // no round 7 was sent
		got = two.heard()
		if len(got) != 1 || got[0].GetReply().GetId() != 2 || got[0].GetReply().GetAtZxid() != uint64(c.committed()) {
			t.Fatalf("answered with %v, want request 2 at %v", got, c.committed())
		}
		two.says(syncOf(3))
		three.says(pong(9, 0))
		if got := two.heard(); len(got) != 1 {
			t.Errorf("round 3 was sent and echoed: %v", got)
		}
	})
}

// TestP10WhoProvesNothing: a learner that is not in step yet, and one that echoes what it was not told.
func TestP10WhoProvesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, followers := reign(t, premise{timing: patient}, 2)
		defer c.rises()
		followers[0].set(isSilent)
		three := c.meets(3, 1, ackEpoch(1, c.past.last(), c.past.last(), true))
		answers := 0
		asks := func() { c.lead.rounds.begin(0, func(txn.Zxid, error) { answers++ }); restInBubble() }
		asks()
		c.waitInBubble(patient.Tick)
		three.says(pong(1, 0))
		if answers != 0 {
			t.Error("server 3 is being synchronized")
		}
		three.says(ackNewLeader(2))
		gate := make(chan struct{})
		three.set(func(v *voice) { v.mu.gate = gate })
		asks() // the ping with round 2 is on its way
		asks()
		three.says(pong(3, 0))
		if answers != 2 {
			t.Errorf("%d of 3 answered: it was told of two", answers)
		}
		close(gate)
		restInBubble()
		three.says(pong(3, 0))
		if answers != 3 {
			t.Errorf("%d of 3 answered", answers)
		}
	})
}

// TestP10EchoesDieWithTheStream: a quorum is made of streams that stand.
func TestP10EchoesDieWithTheStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		five := append(trio(), txn.Member{ID: 4, Role: txn.Voter}, txn.Member{ID: 5, Role: txn.Voter})
		c, followers := reign(t, premise{members: five, timing: patient}, 2, 3, 4)
		defer c.rises()
		for _, v := range followers {
			v.set(func(v *voice) { v.mu.pongs = false })
		}
		answered := false
		c.lead.rounds.begin(0, func(txn.Zxid, error) { answered = true })
		followers[0].says(pong(1, 0))
		followers[0].leaves()
		followers[1].says(pong(1, 0))
		if answered {
			t.Fatal("answered by two of five, one of which is gone")
		}
		followers[2].says(pong(1, 0))
		if !answered {
			t.Error("not answered by three of five")
		}
	})
}

// TestP10RoundsAreToldAtOnce, not when the next ping is due, and each to all learners; many share a ping.
func TestP10RoundsAreToldAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, followers := reign(t, premise{}, 2, 3)
		defer c.rises()
		began, answers := time.Now(), 0
		for range 100 {
			c.lead.rounds.begin(c.committed(), func(_ txn.Zxid, err error) {
				c.must(err)
				answers++
			})
		}
		restInBubble()
		if answers != 100 || time.Since(began) >= c.peer.timing.Tick/2 {
			t.Fatalf("%d of 100 answered after %v", answers, time.Since(began))
		}
		for _, v := range followers {
			if _, newest := v.pings(); newest.GetRound() != 100 {
				t.Errorf("learner %d was told round %d", v.id, newest.GetRound())
			}
		}
	})
}

// TestP10OnTheLeader: it waits for the quorum as well, and until it has applied what is committed.
func TestP10OnTheLeader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, followers := reign(t, premise{}, 2)
		defer c.rises()
		followers[0].set(func(v *voice) { v.mu.pongs = false })
		answered := make(chan txn.Zxid, 1)
		go func() {
			z, err := c.peer.Sync(t.Context())
			c.must(err)
			answered <- z
		}()
		restInBubble()
		if len(answered) != 0 {
			t.Fatal("answered without a quorum")
		}
		followers[0].says(pong(1, 0))
		if len(answered) != 1 || <-answered != c.committed() {
			t.Error("not answered, or with something else than what is committed")
		}
	})
}

// TestP10DeposedLeaderAnswersNothing (ZOOKEEPER-1675): it cannot prove that it leads, and says so when it has
// found out, to each once.
func TestP10DeposedLeaderAnswersNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, followers := reign(t, premise{}, 2)
		defer c.rises()
		followers[0].set(isSilent) // partitioned: its stream still stands
		answers := make(chan error, 2)
		go func() { _, err := c.peer.Sync(t.Context()); answers <- err }()
		c.lead.rounds.begin(c.committed(), func(_ txn.Zxid, err error) { answers <- err })
		c.waitInBubble(c.peer.timing.SyncLimit)
		if len(answers) != 0 {
			t.Fatal("answered without a quorum")
		}
		c.waitInBubble(2 * c.peer.timing.Tick)
		if err := c.outcome(); !errors.Is(err, errNoQuorum) {
			t.Fatalf("ended with %v", err)
		}
		if len(answers) != 2 || <-answers == nil || <-answers == nil {
			t.Error("not both are told that it leads no more")
		}
	})
}

// TestP10SyncWaitsNoLongerThanItsCaller.
func TestP10SyncWaitsNoLongerThanItsCaller(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, followers := reign(t, premise{}, 2)
		defer c.rises()
		followers[0].set(isSilent)
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		if _, err := c.peer.Sync(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
	})
}

// TestP11TheSameProcessReplacesItsStream; another one with its id is refused as long as that stream lives, and
// replaces it when it has been silent for a tick.
func TestP11TheSameProcessReplacesItsStream(t *testing.T) {
	const tick = 200 * time.Millisecond
	for name, tt := range map[string]struct {
		nonce    uint64
		silence  time.Duration
		replaces bool
	}{
		"the same process":         {2000, 0, true},
		"another one":              {2001, 0, false},
		"another one, a bit later": {2001, tick - time.Millisecond, false},
		"another one, after long":  {2001, tick, true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, followers := reign(t, premise{timing: Timing{Tick: tick}}, 2, 3)
				defer c.rises()
				two := followers[0]
				two.set(isSilent)
				two.says(pong(0, 0))
				c.waitInBubble(tt.silence)
				again := c.dials(2, func(v *voice) { v.nonce = tt.nonce })
				again.says(again.info(2))
				switch {
				case tt.replaces && (two.refused() != refusedReplaced || !again.stands()):
					t.Errorf("not replaced\n%v", &c.record)
				case !tt.replaces && (!two.stands() || again.refused() != refusedDuplicate):
					t.Errorf("not refused\n%v", &c.record)
				}
			})
		})
	}
}

// TestP11OneWhoIsNobody: neither role nor vote follow from what a learner claims, and the leader's own
// id is a duplicate.
func TestP11OneWhoIsNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, _ := reign(t, premise{}, 2)
		defer c.rises()
		one := c.dials(1)
		one.says(one.info(1))
		if one.refused() != refusedDuplicate {
			t.Errorf("the leader's own id: %v", one.refused())
		}
		nine := c.comes(9, c.current())
		if !nine.serves() {
			t.Errorf("a server of no list is not served\n%v", &c.record)
		}
		for _, st := range c.peer.Status().Learners {
			if st.ID == 9 && (st.Votes || st.Counts) {
				t.Errorf("it is taken for a voter: %+v", st)
			}
		}
	})
}

// TestP12UpToDateTellsWhatIsCommitted, also beyond where the synchronization ended, and what follows is sent.
func TestP12UpToDateTellsWhatIsCommitted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, _ := reign(t, premise{}, 2)
		defer c.rises()
		three := c.dials(3)
		three.says(three.info(1))
		three.says(ackEpoch(1, c.past.last(), c.past.last(), true))
		z := c.creates("/b", "/c")
		three.heard()
		three.says(ackNewLeader(2))
		got := three.heard()
		if len(got) != 2 || got[0].GetUpToDate().GetCommitted() != uint64(z) || got[1].GetProposal().GetCommitted() != uint64(z) {
			t.Errorf("told %v, want that %v is committed, and the proposals", got, z)
		}
	})
}

// TestP12ObserverWithADisk gets proposals and acknowledges them; who keeps no log gets what is committed, when
// it is, and acknowledges nothing.
func TestP12ObserverWithADisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, followers := reign(t, premise{}, 2)
		defer c.rises()
		followers[0].set(doesNotAck)
		four, five := c.comes(4, c.current(), doesNotAck), c.comes(5, c.current(), keepsNoLog)
		four.heard()
		five.heard()
		z := c.creates("/b")
		if got := four.heard(); len(got) != 1 || len(got[0].GetProposal().GetTxns()) != 1 {
			t.Errorf("the observer with a disk is told %v", got)
		}
		if got := five.heard(); len(got) != 0 {
			t.Errorf("the one without is told %v, and nothing is committed", got)
		}
		if got := c.lead.term.acks.of(5); got != 0 {
			t.Errorf("the one without a log counts for %v", got)
		}
		four.says(ackOf(z))
		if c.committed() == z {
			t.Error("the observer is counted")
		}
		followers[0].says(ackOf(z))
		if got := four.heard(); len(got) != 1 || got[0].GetCommit().GetZxid() != uint64(z) {
			t.Errorf("the observer with a disk is told %v", got)
		}
		if got := five.heard(); len(got) != 1 || len(got[0].GetInform().GetTxns()) != 1 {
			t.Errorf("the one without is told %v", got)
		}
	})
}

// TestP12InformEndsWithTheCommitted: not a txn beyond it, however much is in the window.
func TestP12InformEndsWithTheCommitted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, followers := reign(t, premise{}, 2)
		defer c.rises()
		followers[0].set(doesNotAck)
		five := c.comes(5, c.current(), keepsNoLog)
		first := c.creates("/b")
		c.creates("/c", "/d")
		five.heard()
		followers[0].says(ackOf(first))
		if got := five.heard(); len(got) != 1 || len(got[0].GetInform().GetTxns()) != 1 {
			t.Errorf("told %v, want one txn", got)
		}
		six := c.comes(6, learnt{}, keepsNoLog) // it starts with what is committed, too
		if got := six.has().last; got != first {
			t.Errorf("one who came later has %v, committed is %v", got, first)
		}
	})
}

// TestP13CounterAtItsEnd resigns at a batch boundary with nothing in flight, and the next epoch begins
// a new count.
func TestP13CounterAtItsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, followers := reign(t, premise{}, 2)
		defer c.rises()
		two := followers[0]
		two.set(doesNotAck)
		c.lead.term.counter = txn.MaxCounter - 2
		c.creates("/b")
		c.must(c.lead.term.Ready())
		last := c.creates("/c")
		if last != txn.MakeZxid(2, txn.MaxCounter) {
			t.Fatalf("the log ends at %v", last)
		}
		if err := c.lead.term.Ready(); !errors.Is(err, ErrRollover) {
			t.Fatalf("another batch may be prepared: %v", err)
		}
		if c.over() {
			t.Fatal("two batches are in flight")
		}
		two.says(ackOf(last))
		if err := c.outcome(); !errors.Is(err, ErrRollover) {
			t.Fatalf("ended with %v", err)
		}
		c.opens()
		c.comes(2, two.has())
		if !c.reigns() || c.committed() != last {
			t.Fatalf("committed %v\n%v", c.committed(), &c.record)
		}
		if got := c.creates("/d"); got != txn.MakeZxid(3, 1) {
			t.Errorf("the next epoch begins with %v", got)
		}
	})
}

// TestDurableBeforeApplied: the leader, too, applies only what its own disk has, though a quorum of followers
// has committed it; those are told at once.
func TestDurableBeforeApplied(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		disk := newStallingDisk()
		c, followers := reign(t, premise{fs: disk}, 2, 3)
		defer c.rises()
		before := c.store.Version().Zxid()
		disk.stall()
		z := c.creates("/b")
		if c.committed() != z || followers[0].has().last != z {
			t.Fatalf("committed %v, want %v by the followers", c.committed(), z)
		}
		if got := c.store.Version().Zxid(); got != before {
			t.Errorf("applied %v, which is not durable here", got)
		}
		disk.goOn()
		restInBubble()
		if got := c.store.Version().Zxid(); got != z {
			t.Errorf("applied %v, want %v", got, z)
		}
		if _, ok := c.store.Version().Get("/b"); !ok {
			t.Error("/b is not there")
		}
	})
}
