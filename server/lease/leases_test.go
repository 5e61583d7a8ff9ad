package lease_test

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/quorate/quorate/server/lease"
	"github.com/quorate/quorate/store/tree"
	"github.com/quorate/quorate/store/txn"
)

// court is leases and what they ask of the world, each part a test's.
type court struct {
	*lease.Leases
	mu struct {
		sync.Mutex
		rounds   uint64
		answered uint64
		pauses   int
		own      []txn.SessionID
		stands   time.Duration // for how long nothing goes on, the next time that own clients are asked for
		asked    []txn.SessionID
		flying   int
		most     int // that were being closed at a time
		dones    []func(error)
		holds    bool  // nothing that is asked for is done
		fails    error // what is asked for ends with
		closed   map[txn.SessionID]time.Time
	}
}

func rule(t *testing.T, n int, timeout int64) *court {
	c := &court{}
	c.mu.closed = map[txn.SessionID]time.Time{}
	c.Leases = lease.New(lease.Config{
		Tick:     tick,
		Round:    func() uint64 { c.mu.Lock(); defer c.mu.Unlock(); c.mu.rounds++; return c.mu.rounds },
		Answered: func(round uint64) bool { c.mu.Lock(); defer c.mu.Unlock(); return c.mu.answered >= round },
		Own:      c.collectInBubble,
		Expire:   c.expire,
		Paused:   func() { c.mu.Lock(); defer c.mu.Unlock(); c.mu.pauses++ },
	}, func(yield func(tree.Session) bool) {
		for i := range n {
			if !yield(tree.Session{ID: txn.SessionID(i + 1), Timeout: timeout}) {
				return
			}
		}
	})
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); c.Run(ctx) }()
	t.Cleanup(func() { stop(); <-done })
	return c
}

// collectInBubble may stand still first, as a process does that was stopped.
func (c *court) collectInBubble() []txn.SessionID {
	c.mu.Lock()
	stands := c.mu.stands
	c.mu.stands = 0
	c.mu.Unlock()
	time.Sleep(stands)
	c.mu.Lock()
	defer c.mu.Unlock()
	own := c.mu.own
	c.mu.own = nil
	return own
}

// restInBubble lets time pass, and all that happens at its end.
func restInBubble(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func (c *court) set(change func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	change()
}

// expire closes a session, in its own time.
func (c *court) expire(id txn.SessionID, done func(error)) {
	c.mu.Lock()
	c.mu.asked = append(c.mu.asked, id)
	c.mu.flying++
	c.mu.most = max(c.mu.most, c.mu.flying)
	holds, fails := c.mu.holds, c.mu.fails
	finish := func(err error) {
		c.mu.Lock()
		c.mu.flying--
		c.mu.Unlock()
		if err == nil && c.Expire(id) {
			c.Closed(id)
			c.mu.Lock()
			c.mu.closed[id] = time.Now()
			c.mu.Unlock()
		}
		done(err)
	}
	if holds {
		c.mu.dones = append(c.mu.dones, finish)
		c.mu.Unlock()
		return
	}
	c.mu.Unlock()
	finish(fails)
}

// expired returns which sessions have been closed, and when.
func (c *court) expired() map[txn.SessionID]time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return maps.Clone(c.mu.closed)
}

func (c *court) gone() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.mu.closed)
}

// TestWaitsForTheLearners: nothing expires before a round that was begun in this reign is answered, and then what is due does.
func TestWaitsForTheLearners(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := rule(t, 2, 1000)
		restInBubble(10 * time.Second)
		if c.mu.rounds != 1 || c.mu.pauses != 1 || c.gone() != 0 {
			t.Fatalf("%d rounds, %d pauses, %d expired", c.mu.rounds, c.mu.pauses, c.gone())
		}
		c.Touched([]txn.SessionID{2})
		c.set(func() { c.mu.answered = 1 })
		restInBubble(tick)
		if c.gone() != 1 || c.expired()[1].IsZero() {
			t.Errorf("expired: %v", c.expired())
		}
		restInBubble(time.Second + tick)
		if c.gone() != 2 {
			t.Errorf("expired: %v", c.expired())
		}
	})
}

// TestStandstill: a leader that stood still has nobody expire before all learners have answered since; what they tell counts, and the
// time that was lost does not.
func TestStandstill(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := rule(t, 3, 1000)
		c.set(func() { c.mu.answered = 1 })
		restInBubble(500 * time.Millisecond)
		c.Touched([]txn.SessionID{3})
		c.set(func() { c.mu.stands = time.Minute })
		restInBubble(time.Minute + 7*tick)
		if c.gone() != 0 || c.mu.rounds != 2 || c.mu.pauses != 2 {
			t.Fatalf("expired: %v; %d rounds, %d pauses", c.expired(), c.mu.rounds, c.mu.pauses)
		}
		c.Touched([]txn.SessionID{2})
		c.set(func() { c.mu.answered = 2 })
		restInBubble(tick)
		if c.gone() != 1 || c.expired()[1].IsZero() {
			t.Errorf("when all were heard, expired: %v", c.expired())
		}
	})
}

// TestOwnClientsAreHeard each time before it is looked what is due.
func TestOwnClientsAreHeard(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := rule(t, 1, 200)
		c.set(func() { c.mu.answered = 9 })
		for range 50 {
			restInBubble(199 * time.Millisecond)
			c.set(func() { c.mu.own = []txn.SessionID{1} })
		}
		if c.gone() != 0 {
			t.Fatal("expired")
		}
		last := time.Now()
		restInBubble(time.Second)
		if took := c.expired()[1].Sub(last); took <= 200*time.Millisecond || took > 200*time.Millisecond+tick+tick/2 {
			t.Errorf("lived for %v", took)
		}
	})
}

// TestFewAtATime: however many are due, only some of them are asked for at a time, and each once.
func TestFewAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const n = 100_000
		c := rule(t, n, 500)
		c.set(func() { c.mu.answered, c.mu.holds = 9, true })
		restInBubble(time.Second)
		if c.mu.flying == 0 || c.mu.flying > 128 || c.gone() != 0 {
			t.Fatalf("%d are asked for", c.mu.flying)
		}
		for c.gone() < n {
			c.mu.Lock()
			dones := c.mu.dones
			c.mu.dones = nil
			c.mu.Unlock()
			if len(dones) == 0 {
				t.Fatalf("after %d nothing more is asked for", c.gone())
			}
			for _, done := range dones {
				done(nil)
			}
			synctest.Wait()
		}
		if c.mu.most > 128 || len(c.mu.asked) != n {
			t.Errorf("up to %d at a time, %d in all", c.mu.most, len(c.mu.asked))
		}
	})
}

// TestAskedAgain: what cannot be done now is tried again in the next half tick, not before.
func TestAskedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := rule(t, 1000, 500)
		c.set(func() { c.mu.answered, c.mu.fails = 9, errors.New("busy") })
		restInBubble(time.Second)
		if tries := len(c.mu.asked); tries == 0 || tries > 128*12 || c.gone() != 0 {
			t.Fatalf("tried %d times in half a second", tries)
		}
		c.set(func() { c.mu.fails = nil })
		restInBubble(2 * tick)
		if c.gone() != 1000 {
			t.Errorf("%d of 1000 expired", c.gone())
		}
	})
}

// TestTouchedMeanwhile: who is heard of while the end is on its way lives on.
func TestTouchedMeanwhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := rule(t, 2, 500)
		c.set(func() { c.mu.answered, c.mu.holds = 9, true })
		restInBubble(time.Second)
		c.Touched([]txn.SessionID{1})
		c.set(func() { c.mu.holds = false })
		for _, done := range c.mu.dones {
			done(nil)
		}
		synctest.Wait()
		if !slices.Equal(c.mu.asked, []txn.SessionID{1, 2}) || c.gone() != 1 || !c.expired()[1].IsZero() {
			t.Fatalf("asked for %v, expired: %v", c.mu.asked, c.expired())
		}
		restInBubble(time.Second)
		if c.gone() != 2 {
			t.Error("it never expires")
		}
	})
}

// TestAsks: only the server to which a session was attached last, in this reign, may ask for it.
func TestAsks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := rule(t, 1, 500)
		check := func(id txn.SessionID, via txn.ServerID, want lease.Standing) {
			t.Helper()
			if got := c.Asks(id, via); got != want {
				t.Errorf("session %d via server %d: %d, want %d", id, via, got, want)
			}
		}
		check(1, 2, lease.Unattached)
		check(1, 2, lease.Unattached)
		c.Attached(1, 3)
		check(1, 3, lease.Attached)
		check(1, 2, lease.Moved)
		c.Attached(1, 2)
		check(1, 3, lease.Moved)
		check(1, 2, lease.Attached)
		c.Opened(2, 500, 1)
		check(2, 2, lease.Moved)
		check(2, 1, lease.Attached)
	})
}
