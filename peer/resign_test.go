package peer

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/quorate/quorate/peer/election"
	"github.com/quorate/quorate/store/fault"
	"github.com/quorate/quorate/store/txn"
)

// resigns asks the leader to, and returns what Resign will.
func (c *court) resigns(successor txn.ServerID) <-chan error {
	c.record.step("is asked to resign in favour of %d", successor)
	answer := make(chan error, 1)
	go func() { answer <- c.peer.Resign(c.t.Context(), successor) }()
	c.settle()
	return answer
}

// TestResign finishes what is in flight, and tells the learners where to go.
func TestResign(t *testing.T) {
	for _, successor := range []txn.ServerID{0, 3} {
		synctest.Test(t, func(t *testing.T) {
			c, followers := reign(t, premise{}, 2, 3)
			defer c.rises()
			for _, v := range followers {
				v.set(doesNotAck)
			}
			z := c.creates("/b")
			answer := c.resigns(successor)
			if len(answer) != 0 || c.over() {
				t.Fatal("a batch is in flight")
			}
			followers[1].says(ackOf(z))
			if err := c.outcome(); err == nil || c.store.Version().Zxid() != z {
				t.Fatalf("ended with %v, applied %v of %v", err, c.store.Version().Zxid(), z)
			}
			restInBubble()
			if len(answer) != 1 || <-answer != nil || !c.peer.abstain {
				t.Errorf("answered, or not; the peer stands back: %v", c.peer.abstain)
			}
			for _, v := range followers {
				var r *Rejection
				if v.refused() != refusedResigned || !errors.As(v.err, &r) || r.Leader != successor {
					t.Errorf("learner %d is told %v", v.id, v.err)
				}
			}
		})
	}
}

// TestResignWaitsForTheSuccessor, until it has the whole log, SyncLimit at most.
func TestResignWaitsForTheSuccessor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, followers := reign(t, premise{}, 2, 3)
		defer c.rises()
		followers[1].set(doesNotAck)
		first := c.creates("/b")
		z := c.creates("/c")
		c.resigns(3)
		if c.over() || c.store.Version().Zxid() != z {
			t.Fatal("server 3 does not have it yet")
		}
		followers[1].says(ackOf(first))
		if c.over() {
			t.Fatal("server 3 does not have all of it yet")
		}
		followers[1].says(ackOf(z))
		if !c.over() {
			t.Error("server 3 has it all")
		}
	})
	synctest.Test(t, func(t *testing.T) {
		c, followers := reign(t, premise{timing: Timing{SyncLimit: time.Second}}, 2, 3)
		defer c.rises()
		c.waitInBubble(900 * time.Millisecond)
		followers[1].set(doesNotAck)
		c.creates("/b")
		c.resigns(3)
		c.waitInBubble(900 * time.Millisecond)
		if c.over() {
			t.Fatal("too early")
		}
		c.waitInBubble(200 * time.Millisecond)
		if !c.over() {
			t.Error("it waits for ever")
		}
	})
}

// TestResignWaitsForNobodyWhoIsGone.
func TestResignWaitsForNobodyWhoIsGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, followers := reign(t, premise{timing: patient}, 2, 3)
		defer c.rises()
		followers[1].set(doesNotAck)
		c.creates("/b")
		c.resigns(3)
		if c.over() {
			t.Fatal("server 3 is still there")
		}
		followers[1].leaves()
		if !c.over() {
			t.Error("it waits for a server that is gone")
		}
	})
}

// TestResignHoldsUpNoEnd: what ends the candidacy ends the waiting for a successor.
func TestResignHoldsUpNoEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, followers := reign(t, premise{timing: patient}, 2, 3)
		defer c.rises()
		followers[1].set(doesNotAck)
		c.creates("/b")
		c.resigns(3)
		c.depose(errors.New("enough"))
		if err := c.outcome(); err == nil || err.Error() != "enough" {
			t.Errorf("ended with %v", err)
		}
	})
}

// TestResignRefused: in favour of one that could not lead at once, and by one that does not lead.
func TestResignRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, _ := reign(t, premise{members: quartet()}, 2)
		defer c.rises()
		c.peer.Handle(func(Request, func(Reply, error)) {}) // nobody is readmitted
		c.comes(3, c.current(), onDisk(34))
		c.comes(4, c.current())
		for id, who := range map[txn.ServerID]string{1: "itself", 3: "a voter's other disk", 4: "an observer", 9: "nobody"} {
			if err := c.peer.Resign(t.Context(), id); !fault.Is(err, fault.BadArguments) || c.over() {
				t.Errorf("in favour of %s: %v", who, err)
			}
		}
		two := c.dials(2)
		two.says(two.info(2))
		if err := c.peer.Resign(t.Context(), 2); !fault.Is(err, fault.BadArguments) || c.over() {
			t.Errorf("in favour of one that is not in step: %v", err)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		c := convene(t, premise{past: worlds["founded"]}).opens()
		defer c.rises()
		if err := c.peer.Resign(t.Context(), 0); !fault.Is(err, fault.Unavailable) {
			t.Errorf("a candidate: %v", err)
		}
	})
}

// TestResignWaitsNoLongerThanItsCaller.
func TestResignWaitsNoLongerThanItsCaller(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, followers := reign(t, premise{}, 2)
		defer c.rises()
		followers[0].set(doesNotAck)
		c.creates("/b")
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		if err := c.peer.Resign(ctx, 0); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
	})
}

func disloyalty(deserted bool) election.Disloyal { return election.Disloyal{Deserted: deserted} }

// TestVotersDesertTheCandidate: a candidate that its voters have left gives up at once; an established leader knows better by
// its streams.
func TestVotersDesertTheCandidate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := convene(t, premise{past: worlds["founded"]}).opens()
		defer c.rises()
		c.peer.disloyal(disloyalty(false))
		if c.over() {
			t.Fatal("one voter more or less")
		}
		c.peer.disloyal(disloyalty(true))
		if err := c.outcome(); !errors.Is(err, errDeserted) {
			t.Errorf("ended with %v", err)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		c, _ := reign(t, premise{}, 2)
		defer c.rises()
		c.peer.disloyal(disloyalty(true))
		if c.over() {
			t.Errorf("ended with %v", c.outcome())
		}
	})
}
