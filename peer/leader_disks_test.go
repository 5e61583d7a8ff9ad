package peer

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/quorate/quorate/store/tree"
	"github.com/quorate/quorate/store/txn"
)

// P6: a voter is a server and its disk.

// strangers are those who count in nothing: an observer, a server nobody knows, a voter on another disk.
var strangers = map[string]struct {
	id   txn.ServerID
	disk txn.StorageID
}{
	"an observer of the list": {4, 44},
	"a server of no list":     {9, 99},
	"a voter's other disk":    {2, 23},
}

func quartet() []txn.Member {
	return append(trio(), txn.Member{ID: 4, Role: txn.Observer, Address: "four:1"})
}

// TestP6StrangersCountInNoRendezvous: they take part in everything, and complete no quorum.
func TestP6StrangersCountInNoRendezvous(t *testing.T) {
	for name, who := range strangers {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := convene(t, premise{members: quartet(), past: worlds["founded"]}).opens()
				defer c.rises()
				l := c.current()
				stranger := c.comes(who.id, l, onDisk(who.disk))
				if c.lead.infos.complete() {
					t.Fatal("it counts as an epoch reported")
				}
				three := c.dials(3)
				three.says(three.info(1))
				if stranger.has().accepted != 2 || c.lead.epochAcks.complete() {
					t.Fatalf("its promise counts, or it has made none\n%v", &c.record)
				}
				three.says(ackEpoch(l.current, l.last, l.floor, true))
				if stranger.has().current != 2 || c.reigns() {
					t.Fatalf("its history counts, or it has none\n%v", &c.record)
				}
				three.says(ackNewLeader(2))
				if !c.reigns() || !stranger.serves() {
					t.Errorf("it is served like anybody\n%v", &c.record)
				}
			})
		})
	}
}

// TestP6StrangersCommitNothing: their acknowledgements and echoes are taken and not counted, and their
// streams are no quorum.
func TestP6StrangersCommitNothing(t *testing.T) {
	for name, who := range strangers {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, followers := reign(t, premise{members: quartet()}, 3)
				defer c.rises()
				c.peer.Handle(func(Request, func(Reply, error)) {}) // nobody is readmitted
				stranger := c.comes(who.id, c.current(), onDisk(who.disk))
				if !stranger.serves() {
					t.Fatalf("it is not served\n%v", &c.record)
				}
				before := c.committed()
				followers[0].set(isSilent)
				z := c.creates("/b")
				if stranger.has().last != z || c.lead.term.acks.of(who.id) != z {
					t.Fatalf("it has %v, acknowledged %v, want %v", stranger.has().last, c.lead.term.acks.of(who.id), z)
				}
				if c.committed() != before {
					t.Errorf("it has committed %v", c.committed())
				}
				answered := false
				c.lead.rounds.begin(before, func(txn.Zxid, error) { answered = true })
				restInBubble()
				if answered {
					t.Error("it has proven that the leader leads")
				}
				followers[0].leaves()
				c.waitInBubble(2 * c.peer.timing.Tick)
				if !c.over() {
					t.Error("it is a quorum for the leader")
				}
			})
		})
	}
}

// TestP6ReadmittedByCommit: a voter on a new disk that has been synchronized is proposed once, and counts
// when that is committed, not before.
func TestP6ReadmittedByCommit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, followers := reign(t, premise{}, 2)
		defer c.rises()
		two := followers[0]
		two.set(doesNotAck)
		three := c.comes(3, learnt{}, onDisk(34))
		if !three.serves() {
			t.Fatalf("server 3 is not served\n%v", &c.record)
		}
		before := c.store.Last()
		c.waitInBubble(c.peer.timing.Tick)
		if got := c.store.Last(); got != txn.MakeZxid(2, 1) || c.committed() != before {
			t.Fatalf("the log ends at %v, committed %v: want the readmission proposed, and not committed by server 3", got, c.committed())
		}
		c.waitInBubble(5 * c.peer.timing.Tick)
		if got := c.store.Last(); got != txn.MakeZxid(2, 1) {
			t.Fatalf("the log ends at %v: proposed more than once", got)
		}
		z := c.creates("/b")
		if c.committed() != before {
			t.Fatalf("committed %v by one who is not readmitted yet", c.committed())
		}
		two.says(ackOf(txn.MakeZxid(2, 1)))
		if c.committed() != z {
			t.Errorf("committed %v, want %v: server 3 is readmitted, and has it", c.committed(), z)
		}
		if m, _ := c.store.Version().Membership(); m.Members[2].Storage != 34 || m.Members[1].Storage != 22 || m.Ensemble != 77 {
			t.Errorf("the membership is %+v", m)
		}
		c.waitInBubble(5 * c.peer.timing.Tick)
		if got := c.store.Last(); got != z {
			t.Errorf("the log ends at %v: readmitted again", got)
		}
	})
}

// TestP6ReadmittedOneAtATime: the next one is proposed when the one before is in force.
func TestP6ReadmittedOneAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		five := append(trio(), txn.Member{ID: 4, Role: txn.Voter}, txn.Member{ID: 5, Role: txn.Voter})
		c, followers := reign(t, premise{members: five}, 2, 3)
		defer c.rises()
		for _, v := range followers {
			v.set(doesNotAck)
		}
		c.comes(4, learnt{}, onDisk(45))
		c.comes(5, learnt{}, onDisk(56))
		for n := 1; n <= 2; n++ {
			c.waitInBubble(5 * c.peer.timing.Tick)
			if got := c.store.Last(); got != txn.MakeZxid(2, uint32(n)) {
				t.Fatalf("%d readmitted, the log ends at %v", n-1, got)
			}
			for _, v := range followers {
				v.says(ackOf(c.store.Last()))
			}
		}
		if m, _ := c.store.Version().Membership(); m.Members[3].Storage != 45 || m.Members[4].Storage != 56 {
			t.Errorf("the membership is %+v", m)
		}
	})
}

// TestP6ReadmissionTriedAgain: one that could not be proposed is, at the next look.
func TestP6ReadmissionTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, _ := reign(t, premise{}, 2)
		defer c.rises()
		tries := 0
		c.peer.Handle(func(r Request, done func(Reply, error)) {
			if tries++; tries < 3 {
				done(Reply{}, Refusal(nil))
				return
			}
			c.carryOut(r, done)
		})
		c.comes(3, learnt{}, onDisk(34))
		c.waitInBubble(5 * c.peer.timing.Tick)
		if m, _ := c.store.Version().Membership(); tries != 3 || m.Members[2].Storage != 34 {
			t.Errorf("%d tries, and the membership is %+v", tries, m)
		}
	})
}

// TestP6WhoIsNotReadmitted: observers, who do not vote on any disk; and voters that are not in step yet.
func TestP6WhoIsNotReadmitted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, _ := reign(t, premise{members: quartet()}, 2)
		defer c.rises()
		c.peer.Handle(func(r Request, _ func(Reply, error)) {
			t.Errorf("proposed: %+v", r.Op.(*tree.MembershipRequest).Membership)
		})
		c.comes(4, learnt{}, onDisk(45))
		c.comes(9, learnt{}, onDisk(99))
		three := c.dials(3, onDisk(34))
		three.says(three.info(0))
		three.says(ackEpoch(0, 0, 0, true))
		c.waitInBubble(3 * c.peer.timing.Tick)
	})
}

// TestP6FoundingNamesTheDisks of those who came in time. Who comes later is readmitted.
func TestP6FoundingNamesTheDisks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := convene(t, premise{}).opens()
		defer c.rises()
		c.comes(2, learnt{}, onDisk(23))
		if c.reigns() {
			t.Fatal("founded without waiting for server 3")
		}
		c.waitInBubble(time.Second)
		storage := func(i int) txn.StorageID {
			m, _ := c.store.Version().Membership()
			return m.Members[i].Storage
		}
		if !c.reigns() || storage(0) != c.store.Identity().Storage || storage(1) != 23 || storage(2) != 0 {
			t.Fatalf("founded: %v; disks %v, %v, %v", c.reigns(), storage(0), storage(1), storage(2))
		}
		if m, _ := c.store.Version().Membership(); m.Ensemble == 0 || m.Ensemble != c.store.Identity().Ensemble {
			t.Errorf("the ensemble is %v, the directory's %v", m.Ensemble, c.store.Identity().Ensemble)
		}
		c.comes(3, learnt{})
		c.waitInBubble(c.peer.timing.Tick)
		if storage(2) != 33 {
			t.Errorf("server 3 is in the membership with disk %v", storage(2))
		}
	})
}

// TestP6FoundingWaitsForVotersOnly: observers are not waited for; and there is no membership to tell of
// before it is founded.
func TestP6FoundingWaitsForVotersOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := convene(t, premise{members: quartet()}).opens()
		defer c.rises()
		two := c.comes(2, learnt{})
		c.comes(3, learnt{})
		if !c.reigns() {
			t.Errorf("not founded\n%v", &c.record)
		}
		five := c.comes(5, learnt{})
		for _, tt := range []struct {
			v       *voice
			founded bool
		}{{two, false}, {five, true}} {
			for _, m := range tt.v.heard() {
				if n := m.GetNewLeader(); n != nil && ((n.GetMembership() != nil) != tt.founded || (n.GetMembershipZxid() == uint64(txn.MakeZxid(1, 1))) != tt.founded) {
					t.Errorf("learner %d is told the membership %v of %v", tt.v.id, n.GetMembership(), n.GetMembershipZxid())
				}
			}
		}
	})
}
