package peer

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/quorate/quorate/store/txn"
)

// How long a leader waits for whom.

var brisk = Timing{Tick: 100 * time.Millisecond, InitLimit: 3 * time.Second, SyncLimit: time.Second, StallLimit: 2 * time.Second}

// slack is how late a leader may be: it looks every half tick.
const slack = 60 * time.Millisecond

// endsWithin checks that a stream stands until a limit is over, and not much longer.
func (v *voice) endsWithin(limit time.Duration) {
	v.c.t.Helper()
	began := time.Now()
	v.c.waitInBubble(limit - slack)
	if !v.stands() {
		v.c.t.Fatalf("ended too early: %v\n%v", v.err, &v.c.record)
	}
	v.c.waitInBubble(3 * slack)
	if v.refused() != refusedTooSlow {
		v.c.t.Errorf("after %v it stands: %v, refused with %v\n%v", time.Since(began), v.stands(), v.refused(), &v.c.record)
	}
}

// TestTooSlow takes a learner through its stages, and each time lets it do nothing more, or only what is no
// progress there.
func TestTooSlow(t *testing.T) {
	for name, tt := range map[string]struct {
		enter func(c *court) *voice
		limit time.Duration
	}{
		"says nothing": {func(c *court) *voice { return c.dials(3) }, brisk.InitLimit},
		"does not promise": {func(c *court) *voice {
			v := c.dials(3)
			v.says(v.info(1))
			return v
		}, brisk.InitLimit},
		"only pings in discovery": {func(c *court) *voice {
			v := c.dials(3)
			v.says(v.info(1))
			v.pingsInBubble()
			return v
		}, brisk.InitLimit},
		"is not synchronized": {func(c *court) *voice {
			return c.meets(3, 1, ackEpoch(1, c.past.last(), c.past.last(), true))
		}, brisk.InitLimit},
		"only pings in synchronization": {func(c *court) *voice {
			v := c.meets(3, 1, ackEpoch(1, c.past.last(), c.past.last(), true))
			v.set(func(v *voice) { v.mu.pongs = true })
			return v
		}, brisk.InitLimit},
		"takes nothing in synchronization": {func(c *court) *voice {
			v := c.dials(3)
			v.says(v.info(1))
			v.set(stalls)
			v.says(ackEpoch(1, c.past.last(), c.past.last(), true))
			return v
		}, brisk.InitLimit},
		"falls silent": {func(c *court) *voice {
			return c.comes(3, c.current(), func(v *voice) { v.mu.pongs = false })
		}, brisk.SyncLimit},
		"acknowledges nothing": {func(c *court) *voice {
			v := c.comes(3, c.current(), doesNotAck)
			c.creates("/b")
			return v
		}, brisk.SyncLimit},
		"acknowledges too little": {func(c *court) *voice {
			v := c.comes(3, c.current(), doesNotAck)
			first := c.creates("/b")
			c.creates("/c")
			v.says(ackOf(first))
			return v
		}, brisk.SyncLimit},
		"takes nothing": {func(c *court) *voice {
			v := c.comes(3, c.current())
			v.set(stalls)
			return v
		}, brisk.SyncLimit},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, _ := reign(t, premise{timing: brisk}, 2)
				defer c.rises()
				tt.enter(c).endsWithin(tt.limit)
				if c.over() {
					t.Errorf("the leader is gone\n%v", &c.record)
				}
			})
		})
	}
}

// pingsInBubble makes it ping for a long time, though it is not asked.
func (v *voice) pingsInBubble() {
	v.c.running.Go(func() {
		for range 100 {
			time.Sleep(100 * time.Millisecond)
			v.up <- pong(0, 0)
		}
	})
}

// TestProgressIsEnough: a synchronization goes on for as long as bytes become durable, and no longer.
func TestProgressIsEnough(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, _ := reign(t, premise{timing: brisk}, 2)
		defer c.rises()
		v := c.meets(3, 1, ackEpoch(1, c.past.last(), c.past.last(), true))
		for n := range uint64(10) {
			c.waitInBubble(brisk.InitLimit - slack)
			if !v.stands() {
				t.Fatalf("ended after %d steps forward: %v", n, v.err)
			}
			v.says(pong(0, n+1))
		}
		c.waitInBubble(brisk.InitLimit / 2)
		v.says(pong(0, 10)) // as many as before
		v.endsWithin(brisk.InitLimit / 2)
	})
}

// TestSlowButAlive: whatever it says shows that it lives, and acknowledging in time is all that is asked.
func TestSlowButAlive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, _ := reign(t, premise{timing: brisk}, 2)
		defer c.rises()
		three := c.comes(3, c.current(), isSilent, func(v *voice) { v.mu.obeys = true })
		for range 5 {
			c.waitInBubble(brisk.SyncLimit - slack)
			three.says(revalidation(1, aSession))
			z := c.creates("/" + time.Now().Format("150405.000000000"))
			c.waitInBubble(brisk.SyncLimit - slack)
			three.says(ackOf(z))
		}
		if !three.stands() {
			t.Errorf("ended: %v", three.err)
		}
	})
}

// TestWhoWaitsIsNotToBlame: a learner that waits for others is kept, though it says nothing for long, and has
// its time when it can go on.
func TestWhoWaitsIsNotToBlame(t *testing.T) {
	five := append(trio(), txn.Member{ID: 4, Role: txn.Voter}, txn.Member{ID: 5, Role: txn.Voter})
	for name, promises := range map[string]bool{"before the epoch": false, "after its promise": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := convene(t, premise{members: five, past: worlds["founded"], timing: brisk}).opens()
				defer c.rises()
				l := c.current()
				two := c.dials(2)
				two.says(two.info(1))
				if promises {
					// The epoch takes three reports; the third does not go on.
					three := c.dials(3)
					three.says(three.info(1))
					two.says(ackEpoch(l.current, l.last, l.floor, true))
				}
				c.waitInBubble(brisk.InitLimit - slack)
				if !two.stands() || c.over() {
					t.Fatalf("server 2 is blamed: %v", two.err)
				}
				four := c.dials(4)
				four.says(four.info(1))
				if promises {
					four.says(ackEpoch(l.current, l.last, l.floor, true))
				}
				c.waitInBubble(brisk.InitLimit / 2)
				if !two.stands() {
					t.Errorf("server 2 is blamed: %v\n%v", two.err, &c.record)
				}
			})
		})
	}
}

// TestCandidateWaitsForAQuorum for InitLimit; and longer, as long as it is there.
func TestCandidateWaitsForAQuorum(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := convene(t, premise{past: worlds["founded"], timing: brisk}).opens()
		defer c.rises()
		c.waitInBubble(brisk.InitLimit - slack)
		if c.over() {
			t.Fatal("gave up too early")
		}
		c.waitInBubble(brisk.Tick + 3*slack)
		if err := c.outcome(); !errors.Is(err, errNobody) {
			t.Errorf("ended with %v", err)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		c := convene(t, premise{past: worlds["founded"], timing: brisk}).opens()
		defer c.rises()
		two := c.meets(2, 1, ackEpoch(1, c.past.last(), c.past.last(), true))
		for n := range uint64(5) {
			c.waitInBubble(brisk.InitLimit - slack)
			two.says(pong(0, n+1))
		}
		if c.over() {
			t.Fatalf("gave up a quorum that makes progress\n%v", &c.record)
		}
		two.says(ackNewLeader(2))
		if !c.reigns() {
			t.Error("not established")
		}
	})
}

// TestLonelyLeader: it leads as long as a quorum has streams, and a bit more than a tick longer.
func TestLonelyLeader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, followers := reign(t, premise{timing: brisk}, 2)
		defer c.rises()
		for range 5 { // a stream that flaps within a tick ends nothing
			had := followers[0].has()
			followers[0].leaves()
			c.waitInBubble(brisk.Tick)
			if c.over() {
				t.Fatalf("gave up within a tick\n%v", &c.record)
			}
			followers[0] = c.comes(2, had)
			c.waitInBubble(brisk.Tick / 2)
		}
		followers[0].leaves()
		c.waitInBubble(2*brisk.Tick + slack)
		if err := c.outcome(); !errors.Is(err, errNoQuorum) {
			t.Errorf("ended with %v", err)
		}
	})
}

// TestLearnersOfALonelyLeader are told, and where to go is not known.
func TestLearnersOfALonelyLeader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, followers := reign(t, premise{members: quartet(), timing: brisk}, 2)
		defer c.rises()
		four := c.comes(4, c.current())
		followers[0].leaves()
		c.waitInBubble(2*brisk.Tick + slack)
		if four.refused() != refusedResigned {
			t.Errorf("the observer is told %v", four.refused())
		}
		late := c.comes(2, c.current())
		c.waitInBubble(holdOn)
		if late.refused() != refusedNotLeader {
			t.Errorf("one who comes later is told %v", late.refused())
		}
	})
}

// TestStalledDisk: a leader whose own disk stalls, while a quorum of the others has more, gives up, at most
// once in half a minute.
func TestStalledDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newStallingDisk()
		c, followers := reign(t, premise{fs: d, timing: brisk}, 2, 3)
		defer c.rises()
		d.stall()
		c.waitInBubble(3 * brisk.StallLimit)
		if c.over() {
			t.Fatal("nobody has written anything")
		}
		c.creates("/b")
		c.waitInBubble(brisk.StallLimit - slack)
		if c.over() {
			t.Fatal("gave up too early")
		}
		c.waitInBubble(4 * slack)
		if err := c.outcome(); !errors.Is(err, errStalled) {
			t.Fatalf("ended with %v", err)
		}
		d.goOn()
		restInBubble()

		c.opens()
		for _, v := range followers {
			c.comes(v.id, v.has())
		}
		d.stall()
		z := c.creates("/c")
		c.waitInBubble(rarely - 2*brisk.StallLimit)
		if c.over() || c.committed() != z {
			t.Fatalf("gave up twice within %v, or nothing is committed", rarely)
		}
		c.waitInBubble(2*brisk.StallLimit + slack)
		if !c.over() {
			t.Error("gave up no more")
		}
	})
}

// TestDiskThatIsNoSlower than a quorum of the others' is no reason to go: the next leader would wait, too.
func TestDiskThatIsNoSlower(t *testing.T) {
	for name, tt := range map[string]struct {
		stall  bool
		limit  time.Duration
		acks   bool
		passes bool // the disk makes progress
	}{
		"the others stall too":     {true, brisk.StallLimit, false, false},
		"it is slow, not stalled":  {true, brisk.StallLimit, true, true},
		"it may stall for ever":    {true, -1, true, false},
		"only the others stall":    {false, brisk.StallLimit, false, false},
		"nobody stalls, of course": {false, brisk.StallLimit, true, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d, timing := newStallingDisk(), brisk
				timing.StallLimit, timing.SyncLimit = tt.limit, time.Minute
				c, followers := reign(t, premise{fs: d, timing: timing}, 2, 3)
				defer c.rises()
				if !tt.acks {
					followers[0].set(doesNotAck)
					followers[1].set(doesNotAck)
				}
				for _, path := range []string{"/b", "/c", "/d", "/e"} {
					if tt.stall {
						d.stall()
					}
					c.creates(path)
					c.waitInBubble(brisk.StallLimit * 3 / 4)
					if tt.stall && tt.passes {
						d.goOn()
						restInBubble()
					}
				}
				if c.over() {
					t.Errorf("gave up: %v", c.outcome())
				}
			})
		})
	}
}
