package peer

import (
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	quorumv1 "github.com/quorate/quorate/gen/quorate/quorum/v1"
	"github.com/quorate/quorate/store/tree"
	"github.com/quorate/quorate/store/txn"
)

// What a learner costs that takes nothing, asks for much, or goes away.

// patient timing never gives up a learner within these tests.
var patient = Timing{Tick: 100 * time.Millisecond, InitLimit: time.Hour, SyncLimit: time.Hour, StallLimit: -1}

// TestStalledLearnerHoldsUpNobody, neither the others nor the end of the reign, in whatever it is stuck.
func TestStalledLearnerHoldsUpNobody(t *testing.T) {
	for name, stuck := range map[string]func(c *court) *voice{
		"before the epoch": func(c *court) *voice {
			v := c.dials(3)
			v.set(stalls)
			v.says(v.info(1))
			return v
		},
		"in its history": func(c *court) *voice {
			v := c.dials(3)
			v.says(v.info(1))
			v.set(stalls)
			v.says(ackEpoch(1, txn.MakeZxid(1, 1), txn.MakeZxid(1, 1), true))
			return v
		},
		"in its snapshot": func(c *court) *voice {
			v := c.dials(3)
			v.says(v.info(1))
			v.set(stalls)
			ack := ackEpoch(1, txn.MakeZxid(1, 1), txn.MakeZxid(1, 1), true)
			ack.GetAckEpoch().Resync = true
			v.says(ack)
			return v
		},
		"in broadcast": func(c *court) *voice {
			v := c.comes(3, c.current())
			v.set(stalls)
			return v
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, followers := reign(t, premise{timing: patient}, 2)
				defer c.rises()
				v := stuck(c)
				for i := range 50 {
					if z := c.creates(fmt.Sprintf("/n%d", i)); c.committed() != z || c.store.Version().Zxid() != z {
						t.Fatalf("committed %v, want %v", c.committed(), z)
					}
				}
				followers[0].heard()
				followers[0].says(syncOf(1))
				if len(followers[0].heard()) != 1 {
					t.Error("a Sync is not answered")
				}
				_ = c.lead.term.end(&resignation{})
				var asked *resignation
				if err := c.outcome(); !errors.As(err, &asked) {
					t.Errorf("ended with %v", err)
				}
				if v.refused() != refusedResigned {
					t.Errorf("the stalled one is told %v", v.refused())
				}
			})
		})
	}
}

// TestWindowBoundsWhatIsUnacknowledged: a learner that acknowledges nothing is sent so many bytes, and one
// batch, and the rest when it does; the leader keeps no more than that of it.
func TestWindowBoundsWhatIsUnacknowledged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const window = 10 << 10
		c, _ := reign(t, premise{timing: patient, limits: Limits{Window: window, Feed: 4 << 10}}, 2)
		defer c.rises()
		three := c.comes(3, c.current())
		last := c.creates("/first")
		three.set(doesNotAck)
		for i := range 60 {
			last = c.creates(fmt.Sprintf("/%01000d", i))
		}
		s := c.lead.roster.of(3)
		bytes, _ := s.flow.waiting()
		if bytes < window || bytes > window+2<<10 {
			t.Fatalf("%d bytes are not acknowledged, the window is %d", bytes, window)
		}
		if st := s.status(); st.LagBytes != bytes || st.LagTxns != 60 || st.Acked != txn.MakeZxid(2, 1) {
			t.Errorf("status %+v", st)
		}
		for n := 0; three.has().last < last; n++ {
			if n > 60 {
				t.Fatalf("it has %v, and gets no more", three.has().last)
			}
			three.says(ackOf(three.has().last))
		}
		three.says(ackOf(last))
		if bytes, oldest := s.flow.waiting(); bytes != 0 || oldest != 0 {
			t.Errorf("%d bytes for %v, and all is acknowledged", bytes, oldest)
		}
	})
}

// TestLogIsKeptForNobodyWhoIsGone: a learner that reads from the log's files keeps them from being purged, as long
// as its stream stands.
func TestLogIsKeptForNobodyWhoIsGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, _ := reign(t, premise{timing: patient, limits: Limits{Feed: 1 << 10}}, 2)
		defer c.rises()
		grows := func() {
			for range 3 { // the log is kept back to the second newest snapshot
				for i := range 20 {
					c.creates(fmt.Sprintf("/%d-%01500d", time.Now().UnixNano(), i))
				}
				_, err := c.store.Snapshot(t.Context())
				c.must(err)
			}
			restInBubble()
		}
		three := c.dials(3)
		three.says(three.info(1))
		three.set(stalls)
		three.says(ackEpoch(1, txn.MakeZxid(1, 1), txn.MakeZxid(1, 1), true))
		grows()
		if base := c.store.Base(); base > txn.MakeZxid(1, 1) {
			t.Fatalf("the log begins after %v, and a learner reads at 1.1", base)
		}
		three.leaves()
		grows()
		if base := c.store.Base(); base <= txn.MakeZxid(1, 1) {
			t.Errorf("the log begins after %v", base)
		}
	})
}

// TestFlow holds the account of what is not acknowledged against its definition.
func TestFlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var f flow
		f.start(10)
		for z, ok := range map[txn.Zxid]bool{0: true, 10: true, 11: false} {
			if f.acked(z) != ok {
				t.Errorf("Ack of %v where nothing beyond 10 was sent", z)
			}
		}
		f.sent(12, 100)
		time.Sleep(time.Second)
		f.sent(15, 50)
		time.Sleep(time.Second)
		check := func(acked txn.Zxid, bytes int64, oldest time.Duration) {
			t.Helper()
			if !f.acked(acked) {
				t.Errorf("Ack of %v", acked)
			}
			if b, o := f.waiting(); b != bytes || o != oldest {
				t.Errorf("after %v %d bytes for %v, want %d for %v", acked, b, o, bytes, oldest)
			}
		}
		if f.acked(16) {
			t.Error("Ack of what was not sent")
		}
		if !f.room(151) || f.room(150) {
			t.Error("150 bytes wait")
		}
		check(11, 150, 2*time.Second)
		check(12, 50, time.Second)
		check(11, 50, time.Second)
		check(15, 0, 0)
		if !f.room(1) {
			t.Error("there is room")
		}
	})
}

// TestAnswersAreBounded: of a learner that asks and takes no answers no more is read than maxReplies, whatever it
// asks; the rest is answered when it takes them.
func TestAnswersAreBounded(t *testing.T) {
	for name, question := range map[string]func(n uint64) *quorumv1.SyncRequest{
		"Revalidate": func(n uint64) *quorumv1.SyncRequest { return revalidation(n, aSession) },
		"Sync":       syncOf,
		"Request":    func(n uint64) *quorumv1.SyncRequest { return creation(n, "/a") }, // is there already
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, _ := reign(t, premise{timing: patient}, 2)
				defer c.rises()
				three := c.comes(3, c.current())
				var gate chan struct{}
				three.set(func(v *voice) { gate = make(chan struct{}); v.mu.gate = gate })
				const all = maxReplies + 500
				for n := range uint64(all) {
					three.up <- question(n + 1)
				}
				restInBubble()
				s := c.lead.roster.of(3)
				if unread := len(three.up); unread != 499 || s.mu.owed != maxReplies { // one more is read, and waits
					t.Errorf("%d of %d are not read, %d answers underway", unread, all, s.mu.owed)
				}
				three.heard()
				three.set(func(v *voice) { v.mu.gate = nil })
				close(gate)
				restInBubble()
				if got := len(three.heard()); got != all || s.mu.owed != 0 {
					t.Errorf("%d of %d are answered, %d underway", got, all, s.mu.owed)
				}
			})
		})
	}
}

// TestRoundsHoldUpNothingElse: rounds that begin faster than they can be told keep no proposal from being sent.
func TestRoundsHoldUpNothingElse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, followers := reign(t, premise{timing: patient}, 2)
		defer c.rises()
		two := followers[0]
		two.set(func(v *voice) { v.mu.pongs = false })
		n := 0
		two.set(func(v *voice) { // whenever a ping goes out, another round begins
			v.mu.sees = func(m *quorumv1.SyncResponse) {
				if n++; m.GetPing() != nil && n < 10_000 {
					c.lead.rounds.begin(0, func(txn.Zxid, error) {})
				}
			}
		})
		c.lead.rounds.begin(0, func(txn.Zxid, error) {})
		z := c.creates("/b")
		if got := c.committed(); got != z || n >= 10_000 {
			t.Errorf("committed %v of %v after %d messages", got, z, n)
		}
		two.set(func(v *voice) { v.mu.sees = nil })
	})
}

// TestPingsBetweenMessages: a heartbeat waits for no more than one message.
func TestPingsBetweenMessages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, _ := reign(t, premise{
			past: func(h *annals) {
				for i := range 100 {
					h.does(1, &tree.CreateRequest{Path: fmt.Sprintf("/%02d", i), ACL: tree.OpenACL(), Data: make([]byte, maxBatchBytes/6)})
				}
			},
			timing: brisk,
		}, 2)
		defer c.rises()
		slow := func(v *voice) { v.mu.sees = func(*quorumv1.SyncResponse) { time.Sleep(brisk.Tick / 5) } }
		for name, ack := range map[string]*quorumv1.SyncRequest{
			"history":  ackEpoch(1, txn.MakeZxid(1, 1), txn.MakeZxid(1, 1), true),
			"snapshot": func() *quorumv1.SyncRequest { m := ackEpoch(1, 0, 0, true); m.GetAckEpoch().Resync = true; return m }(),
		} {
			three := c.dials(3, slow)
			three.says(three.info(1))
			three.up <- ack
			for began := time.Now(); !three.hasHistory(); c.waitInBubble(brisk.Tick) {
				if time.Since(began) > time.Minute {
					t.Fatalf("%s: no end", name)
				}
			}
			three.mu.Lock()
			run := 0
			for _, m := range three.mu.heard {
				if run++; m.GetPing() != nil {
					run = 0
				}
				if run > 4 {
					t.Errorf("%s: %d messages without a ping", name, run)
					break
				}
			}
			three.mu.Unlock()
			three.leaves()
		}
	})
}

// TestAllIsGoneWithTheReign: when lead returns, every stream's goroutines have ended, whatever stage they were
// in. (The bubble would not end with one of them left.)
func TestAllIsGoneWithTheReign(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, _ := reign(t, premise{timing: patient}, 2)
		defer c.rises()
		var all []*voice
		for _, stage := range stages {
			all = append(all, stage.enter(c))
		}
		c.depose(errors.New("enough"))
		if err := c.outcome(); err == nil || err.Error() != "enough" {
			t.Errorf("ended with %v", err)
		}
		for i, v := range all {
			if !closed(v.over) {
				t.Errorf("stream %d (%s) is still served", i, stages[i].name)
			}
		}
		if left := c.lead.roster.all(); len(left) != 0 {
			t.Errorf("%d streams are in the roster", len(left))
		}
	})
}

// TestListenerIsWaitedFor: lead does not return while something that a learner asked is still carried out.
func TestListenerIsWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, followers := reign(t, premise{timing: patient}, 2)
		defer c.rises()
		gate := make(chan struct{})
		c.peer.Handle(func(_ Request, done func(Reply, error)) { <-gate; done(Reply{}, nil) })
		followers[0].says(creation(1, "/b"))
		c.depose(errors.New("enough"))
		if c.over() {
			t.Error("the reign has ended, and a request is being carried out")
		}
		close(gate)
		if !c.over() {
			t.Error("it has not ended")
		}
	})
}

// TestLateConversations: a peer that has ended takes none.
func TestLateConversations(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := boot(t, newStallingDisk())
		s.term()
		if err := s.down(); err != nil {
			t.Fatal(err)
		}
		if err := s.peer.ServeSync(nil); err == nil {
			t.Error("it serves a learner")
		}
		if err := s.peer.ServeExchange(nil); err == nil {
			t.Error("it takes part in elections")
		}
	})
}

// TestTooEarly: who comes before the candidacy is kept waiting for a moment, and who comes to a follower is
// sent to its leader.
func TestTooEarly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := convene(t, premise{past: worlds["founded"]})
		defer c.rises()
		two := c.dials(2)
		c.waitInBubble(holdOn / 2)
		if !two.stands() {
			t.Fatal("refused at once")
		}
		c.opens()
		two.says(two.info(1))
		if len(two.heard()) == 0 {
			t.Errorf("not served\n%v", &c.record)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		c := convene(t, premise{past: worlds["founded"]})
		defer c.rises()
		two, three := c.dials(2), c.dials(3)
		c.waitInBubble(holdOn / 2)
		three.leaves()
		if three.err == nil || three.refused() != 0 {
			t.Errorf("one that has left is told %v", three.err)
		}
		c.peer.become(Standing{Role: Following, Leader: 5})
		var r *Rejection
		if two.refused() != refusedNotLeader || !errors.As(two.err, &r) || r.Leader != 5 {
			t.Errorf("told %v, leader %v", two.refused(), r)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		c := convene(t, premise{past: worlds["founded"]})
		defer c.rises()
		two := c.dials(2)
		c.waitInBubble(holdOn - time.Millisecond)
		if !two.stands() {
			t.Error("refused too early")
		}
		c.waitInBubble(2 * time.Millisecond)
		if two.refused() != refusedNotLeader {
			t.Errorf("told %v", two.refused())
		}
	})
}
