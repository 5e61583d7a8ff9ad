package peer

import (
	"io"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	quorumv1 "github.com/quorate/quorate/gen/quorate/quorum/v1"
	"github.com/quorate/quorate/store/txn"
	"github.com/quorate/quorate/store/vfs"
)

func touching(round uint64, ids ...uint64) *quorumv1.SyncRequest {
	m := pong(round, 0)
	m.GetPing().Sessions = ids
	return m
}

// TestTouchesAreHeardBeforeTheirRound: who sees that a learner has answered a round has been told what it had heard of.
func TestTouchesAreHeardBeforeTheirRound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, followers := reign(t, premise{timing: patient}, 2, 3)
		defer c.rises()
		two, three := followers[0], followers[1]
		two.set(func(v *voice) { v.mu.pongs = false })
		three.set(func(v *voice) { v.mu.pongs = false })
		var heard []txn.SessionID
		answered, round := false, c.lead.term.Round()
		c.peer.HandleTouches(nil, func(ids []txn.SessionID) {
			heard = append(heard, ids...)
			answered = answered || c.lead.term.Answered(round)
		})
		restInBubble()
		if c.lead.term.Answered(round) {
			t.Fatal("nobody has said anything")
		}
		three.says(pong(round, 0))
		two.says(touching(round-1, 7, 8))
		if c.lead.term.Answered(round) {
			t.Error("server 2 has not answered that round")
		}
		two.says(touching(round, 9))
		if !c.lead.term.Answered(round) || answered || !slices.Equal(heard, []txn.SessionID{7, 8, 9}) {
			t.Errorf("answered: %t, before it was heard: %t; heard %v", c.lead.term.Answered(round), answered, heard)
		}
	})
}

// TestWhoLeavesIsNotWaitedFor, and who comes is not until it has the history; what was never asked is no answer.
func TestWhoLeavesIsNotWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, followers := reign(t, premise{timing: patient}, 2, 3)
		defer c.rises()
		three := followers[1]
		three.set(func(v *voice) { v.mu.pongs = false })
		round := c.lead.term.Round()
		restInBubble()
		for _, v := range followers {
			v.says(pong(round+1, 0)) // is taken for what it was asked
		}
		if !c.lead.term.Answered(round) || c.lead.term.Answered(round+1) {
			t.Error("an answer counts for more than was asked")
		}
		round = c.lead.term.Round()
		restInBubble()
		three.leaves()
		if !c.lead.term.Answered(round) {
			t.Error("who has left is waited for")
		}
		c.dials(3).introduces()
		if !c.lead.term.Answered(round) {
			t.Error("who has no history yet is waited for")
		}
	})
}

// TestTooManyTouches in one ping make no sense.
func TestTooManyTouches(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, followers := reign(t, premise{}, 2)
		defer c.rises()
		two := followers[0]
		two.says(touching(0, make([]uint64, maxTouches)...))
		if !two.stands() {
			t.Fatalf("as many as fit: %v", two.err)
		}
		two.says(touching(0, make([]uint64, maxTouches+1)...))
		if two.refused() != quorumv1.RefusalReason_REFUSAL_REASON_MALFORMED {
			t.Errorf("stands: %t, %v", two.stands(), two.err)
		}
	})
}

// TestLearnerTellsOfTouches with each ping, those of the leader's and its own, each once.
func TestLearnerTellsOfTouches(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := awake(t, vfs.NewMem())
		defer f.asleep()
		touched := make(chan []txn.SessionID, 1)
		f.peer.HandleTouches(func() []txn.SessionID {
			select {
			case ids := <-touched:
				return ids
			default:
				return nil
			}
		}, nil)
		s, ended := f.follow(Following)
		s.lead(1, newAnnals(t))
		s.pinged()
		touched <- []txn.SessionID{7, 8}
		s.say(ping(3))
		if m := s.pinged(); m.GetRound() != 3 || !slices.Equal(m.GetSessions(), []uint64{7, 8}) {
			t.Errorf("answered with %v", m)
		}
		time.Sleep(f.peer.timing.Tick)
		if m := s.pinged(); len(m.GetSessions()) != 0 {
			t.Errorf("told again: %v", m)
		}
		touched <- []txn.SessionID{9}
		time.Sleep(f.peer.timing.Tick / 2)
		if m := s.pinged(); !slices.Equal(m.GetSessions(), []uint64{9}) {
			t.Errorf("of its own clock: %v", m)
		}
		s.end(io.EOF)
		<-ended
	})
}

// TestTidings holds what a learner tells against what it has to.
func TestTidings(t *testing.T) {
	now := time.Unix(1000, 0)
	var touched []txn.SessionID
	told := &tidings{keep: time.Second, collect: func() []txn.SessionID { ids := touched; touched = nil; return ids }}
	told.begin(now)
	check := func(what string, m *quorumv1.Ping, more bool, round uint64, n int, rest bool) {
		t.Helper()
		if m.GetRound() != round || len(m.GetSessions()) != n || more != rest {
			t.Errorf("%s: round %d, %d sessions, more: %t; want %d, %d, %t", what, m.GetRound(), len(m.GetSessions()), more, round, n, rest)
		}
	}
	many := make([]txn.SessionID, 2*maxTouches+5)
	for i := range many {
		many[i] = txn.SessionID(i + 1)
	}
	m, more := told.ping(4, 11, now)
	check("nothing", m, more, 4, 0, false)
	if m.GetDurableBytes() != 11 {
		t.Errorf("durable bytes %d", m.GetDurableBytes())
	}
	touched = many
	m, more = told.ping(5, 0, now)
	check("the first of many", m, more, 4, maxTouches, true)
	m, more = told.ping(6, 0, now)
	check("the next", m, more, 4, maxTouches, true)
	m, more = told.ping(6, 0, now)
	check("the last", m, more, 6, 5, false)

	touched = many[:3] // on the next stream: all that may have been lost, and what is new
	told.begin(now.Add(900 * time.Millisecond))
	m, more = told.ping(1, 0, now.Add(900*time.Millisecond))
	check("on the next stream", m, more, 0, maxTouches, true)
	for more {
		m, more = told.ping(1, 0, now.Add(900*time.Millisecond))
	}
	check("all told", m, more, 1, 5+3, false)
	told.begin(now.Add(2901 * time.Millisecond))
	m, more = told.ping(1, 0, now.Add(2901*time.Millisecond))
	check("what was heard long ago", m, more, 1, 0, false)
}
