package peer

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	quorumv1 "github.com/quorate/quorate/gen/quorate/quorum/v1"
	"github.com/quorate/quorate/peer/resync"
	"github.com/quorate/quorate/store/tree"
	"github.com/quorate/quorate/store/txn"
)

// TestThrottleLimits: so many at once by snapshot, so many by records; voters are never refused, and
// counted; a place is given back once, however often it is said.
func TestThrottleLimits(t *testing.T) {
	for _, tt := range []struct {
		kind  resync.Kind
		limit int
	}{{resync.Snap, 2}, {resync.Diff, 3}, {resync.Trunc, 3}} {
		th := &throttle{limits: Limits{Snapshots: 2, Diffs: 3}}
		var releases []func()
		admit := func(voter bool) error {
			release, err := th.admit(tt.kind, voter)
			if err == nil {
				releases = append(releases, release)
			}
			return err
		}
		for range tt.limit {
			if err := admit(false); err != nil {
				t.Fatalf("%v: refused with %d: %v", tt.kind, len(releases), err)
			}
		}
		err := admit(false)
		var r *Rejection
		if !errors.As(err, &r) || r.Reason != refusedThrottled || r.RetryAfter != throttleRetry {
			t.Errorf("%v: one too many: %v", tt.kind, err)
		}
		if err := admit(true); err != nil {
			t.Errorf("%v: a voter is refused: %v", tt.kind, err)
		}
		releases[0]()
		releases[0]()
		if err := admit(false); err == nil {
			t.Errorf("%v: the voter was not counted, or a place given back twice", tt.kind)
		}
		releases[1]()
		if err := admit(false); err != nil {
			t.Errorf("%v: %v", tt.kind, err)
		}
	}
}

// TestThrottleKindsApart: who takes a snapshot is in nobody's way who takes records.
func TestThrottleKindsApart(t *testing.T) {
	th := &throttle{limits: Limits{Snapshots: 1, Diffs: 1}}
	for _, kind := range []resync.Kind{resync.Snap, resync.Diff} {
		if _, err := th.admit(kind, false); err != nil {
			t.Errorf("%v: %v", kind, err)
		}
	}
	if _, err := th.admit(resync.Trunc, false); err == nil {
		t.Error("TRUNC is followed by records as well")
	}
}

// admitted is how many places are taken.
func (c *court) admitted() (snapshots, diffs int) {
	restInBubble()
	t := c.lead.throttle
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.mu.snapshots, t.mu.diffs
}

// TestThrottledObserver is told when to come back, and a voter is let in. The place is given back on each
// way out of synchronization.
func TestThrottledObserver(t *testing.T) {
	for name, out := range map[string]func(v *voice){
		"synchronized":      func(v *voice) { v.says(ackNewLeader(2)) },
		"breaks off":        func(v *voice) { v.leaves() },
		"says what is bad":  func(v *voice) { v.says(ackOf(1)) },
		"takes nothing":     func(v *voice) { v.c.waitInBubble(brisk.InitLimit + slack) },
		"ends in order":     func(v *voice) { close(v.quit); v.c.settle() },
		"comes once more":   func(v *voice) { n := v.c.dials(v.id); n.says(n.info(1)) },
		"the reign is over": func(v *voice) { v.c.depose(errors.New("enough")); v.c.settle() },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, _ := reign(t, premise{limits: Limits{Snapshots: 1, Diffs: 1}, timing: brisk}, 2)
				defer c.rises()
				enters := func(id txn.ServerID) *voice {
					v := c.dials(id)
					v.says(v.info(1))
					v.says(ackEpoch(1, c.past.last(), c.past.last(), true))
					return v
				}
				first := enters(8)
				if second := enters(9); !first.stands() || second.refused() != refusedThrottled {
					t.Fatalf("told %v\n%v", second.refused(), &c.record)
				}
				if three := enters(3); !three.stands() {
					t.Fatalf("a voter is told %v", three.refused())
				} else {
					three.leaves()
				}
				if _, n := c.admitted(); n != 1 {
					t.Fatalf("%d places are taken", n)
				}
				out(first)
				if s, n := c.admitted(); s != 0 || n != 0 {
					t.Errorf("%d and %d places are taken still", s, n)
				}
			})
		})
	}
}

// TestThrottleEndsWithTheHistory: the place is free when the learner has the history, though the reign is
// not established yet.
func TestThrottleEndsWithTheHistory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := convene(t, premise{past: worlds["founded"]}).opens()
		defer c.rises()
		eight := c.dials(8)
		eight.says(eight.info(1))
		two := c.meets(2, 1, ackEpoch(1, c.past.last(), c.past.last(), true))
		eight.says(ackEpoch(1, c.past.last(), c.past.last(), true))
		if _, n := c.admitted(); n != 2 {
			t.Fatalf("%d places are taken", n)
		}
		eight.says(ackNewLeader(2))
		if _, n := c.admitted(); n != 1 || c.reigns() {
			t.Errorf("%d places are taken; established: %v", n, c.reigns())
		}
		two.says(ackNewLeader(2))
		if _, n := c.admitted(); n != 0 || !eight.stands() {
			t.Errorf("%d places are taken", n)
		}
	})
}

// TestSnapshotRate: each snapshot is sent as fast as is allowed, and no faster; pings go between.
func TestSnapshotRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const nodes, rate = 80, 512 << 10
		c, _ := reign(t, premise{
			past: func(h *annals) {
				for i := range nodes {
					h.does(1, &tree.CreateRequest{Path: fmt.Sprintf("/%02d", i), ACL: tree.OpenACL(), Data: make([]byte, 32<<10)})
				}
			},
			limits: Limits{SnapshotRate: rate}, timing: brisk,
		}, 2)
		defer c.rises()
		ack := ackEpoch(1, c.past.last(), c.past.last(), true)
		ack.GetAckEpoch().Resync = true
		three := c.dials(3)
		three.says(three.info(1))
		began := time.Now()
		three.says(ack)
		for !three.hasHistory() {
			c.waitInBubble(10 * time.Millisecond)
			if time.Since(began) > time.Minute {
				t.Fatalf("no end\n%v", &c.record)
			}
		}
		bytes, took := 0, time.Since(began)
		three.mu.Lock()
		pings := 0
		for _, m := range three.mu.heard {
			bytes += len(m.GetSnapshot().GetChunk().GetData())
			if m.GetPing() != nil {
				pings++
			}
		}
		three.mu.Unlock()
		want := time.Duration(float64(bytes) / rate * float64(time.Second))
		if bytes < nodes*32<<10 || took < want-100*time.Millisecond || took > want+500*time.Millisecond {
			t.Errorf("%d bytes in %v, want %v", bytes, took, want)
		}
		if least := int(took / brisk.Tick); pings < least {
			t.Errorf("%d pings in %v", pings, took)
		}
		if st := c.lead.roster.of(3).status(); st.Sync.Bytes != int64(bytes) || st.Sync.Kind != resync.Snap {
			t.Errorf("status %+v", st.Sync)
		}
	})
}

// TestSlowestSnapshotRate: the leader's own slowness is not the learner's fault.
func TestSlowestSnapshotRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, _ := reign(t, premise{limits: Limits{SnapshotRate: 10}, timing: brisk}, 2)
		defer c.rises()
		three := c.dials(3)
		three.says(three.info(1))
		ack := ackEpoch(1, c.past.last(), c.past.last(), true)
		ack.GetAckEpoch().Resync = true
		three.says(ack)
		c.waitInBubble(3 * brisk.InitLimit)
		if !three.stands() {
			t.Errorf("ended: %v", three.err)
		}
	})
}

// hasHistory tells whether a learner was sent NewLeader.
func (v *voice) hasHistory() bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	return slices.ContainsFunc(v.mu.heard, func(m *quorumv1.SyncResponse) bool { return m.GetNewLeader() != nil })
}
