package peer

import (
	"context"
	"errors"
	"flag"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/quorate/quorate/internal/golden"
	"github.com/quorate/quorate/peer/election"
	"github.com/quorate/quorate/store/txn"
)

var rewrite = flag.Bool("rewrite", false, "rewrite the golden traces")

const (
	millis = time.Millisecond
	trip   = 2100 * time.Microsecond // there and back in the test's network, and some
)

// TestElectionStories are traces of three servers, to be read. Each way of a message takes 1.013 ms. Run with
// -rewrite after a change, and read the diff.
func TestElectionStories(t *testing.T) {
	for name, play := range map[string]func(c *contest){
		"together":    storyTogether,
		"late-joiner": storyLateJoiner,
		"leader-dies": storyLeaderDies,
		"frozen":      storyFrozen,
	} {
		t.Run(name, func(t *testing.T) {
			elect(t, founded(3, 0), func(c *contest) {
				play(c)
				golden.Check(t, *rewrite, filepath.Join("testdata", "elect-"+name+".txt"), c.story())
			})
		})
	}
}

func storyTogether(c *contest) {
	c.say("# Three start together; 2 has the longest log.")
	c.up(2, 1, 2, 3)
	c.run(100 * millis)
	c.wantLeader(2, 1, 1, 2, 3)
}

func storyLateJoiner(c *contest) {
	c.say("# 1 and 2 elect; 3 comes later with a longer log, and joins.")
	c.up(3, 1, 2)
	c.run(100 * millis)
	c.wantLeader(2, 1, 1, 2)
	c.say("# 3 starts.")
	since := c.now()
	c.up(3, 3)
	c.run(100 * millis)
	c.wantLeader(2, 1, 1, 2, 3)
	c.wantWithin(since, 3*trip, 3)
}

func storyLeaderDies(c *contest) {
	storyTogether(c)
	c.lines = nil
	c.say("# The leader's process dies; its connections close, and the others look.")
	c.kill(2)
	since := c.now()
	c.run(millis)
	c.servers[1].look(stands(1, 9))
	c.servers[3].look(stands(3, 9))
	c.run(100 * millis)
	c.wantLeader(3, 2, 1, 3)
	c.wantWithin(since, millis+2*trip, 1, 3)
}

func storyFrozen(c *contest) {
	storyTogether(c)
	c.lines = nil
	c.say("# The leader's host hangs; its connections stand. The others look when they have had enough.")
	c.freeze(2, true)
	c.run(500 * millis)
	since := c.now()
	c.servers[1].look(stands(1, 9))
	c.servers[3].look(stands(3, 9))
	c.run(100 * millis)
	c.wantLeader(3, 2, 1, 3)
	c.wantWithin(since, election.DefaultSilence+2*trip, 1, 3)
	c.say("# Some time later 1 and 3 give its connection up, and when it wakes up have it back.")
	c.run(3 * time.Second)
	c.freeze(2, false)
	c.run(3 * time.Second)
	c.servers[2].look(stands(2, 9))
	c.run(100 * millis)
	c.wantLeader(3, 2, 1, 2, 3)
}

// TestFiveAndAnObserver: all decide for the greatest, the observer too, in a few round trips.
func TestFiveAndAnObserver(t *testing.T) {
	elect(t, founded(5, 1), func(c *contest) {
		c.up(4, 1, 2, 3, 4, 5, 6)
		c.run(100 * millis)
		c.wantLeader(4, 1, 1, 2, 3, 4, 5, 6)
		c.wantWithin(0, 4*trip, 1, 2, 3, 4, 5, 6)
		if s := c.servers[6].elector.status(); s.State != election.Observing || s.Vote.Leader != 4 {
			t.Errorf("the observer's status: %+v", s)
		}
	})
}

// TestRefusedIsNotWaitedFor: nobody waits for a voter whose host refuses connections.
func TestRefusedIsNotWaitedFor(t *testing.T) {
	elect(t, founded(3, 0), func(c *contest) {
		c.up(2, 1, 2)
		c.run(500 * millis)
		c.wantLeader(2, 1, 1, 2)
		c.wantWithin(0, 4*trip, 1, 2)
	})
}

// TestNowhere: a voter that is dialled into the void is waited for 200 ms while nobody knows
// better, and not at all once it could not be reached.
func TestNowhere(t *testing.T) {
	elect(t, founded(3, 0), func(c *contest) {
		c.freeze(3, true)
		c.up(2, 1, 2)
		c.run(500 * millis)
		c.wantLeader(2, 1, 1, 2)
		c.wantWithin(0, election.DefaultPatience+4*trip, 1, 2)
		c.run(linkSilence)
		since := c.now()
		c.servers[1].look(stands(1, 5))
		c.servers[2].look(stands(2, 9))
		c.run(500 * millis)
		c.wantLeader(2, 2, 1, 2)
		c.wantWithin(since, 2*trip, 1, 2)
		if n := c.network.dials(1, 3); n != 2 {
			t.Errorf("%d attempts to connect in 3 s, want one each 2 s and a pause", n)
		}
	})
}

// TestSameStorySameTrace: nothing but the network's times decides what happens.
func TestSameStorySameTrace(t *testing.T) {
	var first string
	for range 5 {
		elect(t, founded(5, 0), func(c *contest) {
			c.up(4, 1, 2, 3, 4, 5)
			c.run(300 * millis)
			c.kill(4)
			for _, id := range c.ids() {
				c.servers[id].look(stands(id, 9))
			}
			c.run(3 * time.Second)
			if first == "" {
				first = c.story()
			}
			if got := c.story(); got != first {
				t.Errorf("first\n%s\nand then\n%s", first, got)
			}
		})
	}
}

// TestAlone: one server decides for itself at once, without a dialer.
func TestAlone(t *testing.T) {
	elect(t, founded(1, 0), func(c *contest) {
		s := c.boot(1, func(p *Peer, _ *election.Config) { p.dialer = nil })
		s.look(stands(1, 1))
		c.wantLeader(1, 1, 1)
		c.wantWithin(c.now(), 0, 1)
	})
}

// TestAbstainer: whoever has resigned lets another lead, and stands again when nobody is elected.
func TestAbstainer(t *testing.T) {
	abstains := func(id txn.ServerID) election.Look {
		l := stands(id, 9)
		l.Abstain = true
		return l
	}
	elect(t, founded(3, 0), func(c *contest) {
		c.boot(1).look(stands(1, 5))
		c.boot(2).look(stands(2, 5))
		c.boot(3).look(abstains(3))
		c.run(100 * millis)
		c.wantLeader(2, 1, 1, 2, 3)
		c.run(2 * time.Second)
		if n := len(saws[Electing](c.servers[3])); n != 1 {
			t.Errorf("it has begun %d elections, want one: it has a leader", n)
		}
	})
	elect(t, founded(2, 0), func(c *contest) {
		c.boot(1).look(abstains(1))
		c.boot(2).look(abstains(2))
		c.run(900 * millis)
		c.wantUndecided(1, 2)
		c.run(200 * millis)
		c.wantLeader(2, 1, 1, 2)
	})
}

// TestLinksFlap: streams end at any moment, for half a minute, while servers look at any moment. Then all
// are soon for the same leader, which leads, and every link stands.
func TestLinksFlap(t *testing.T) {
	for seed := range uint64(5) {
		elect(t, founded(5, 0), func(c *contest) {
			chance := rand.New(rand.NewPCG(seed, 0))
			c.up(3, 1, 2, 3, 4, 5)
			for c.now() < 30*time.Second {
				c.run(time.Duration(chance.Int64N(int64(300 * millis))))
				a, b := txn.ServerID(1+chance.IntN(5)), txn.ServerID(1+chance.IntN(5))
				if chance.IntN(4) == 0 {
					c.lookAgain(a)
				}
				c.network.reset(a, b)
			}
			for c.deserted() && c.now() < time.Minute {
				c.run(50 * millis)
			}
			c.run(time.Second)
			if c.deserted() {
				t.Errorf("seed %d: a server has no leader a second after the last link has ended", seed)
			}
			for _, id := range c.ids() {
				if n := len(c.servers[id].reached()); n != 4 {
					t.Errorf("seed %d: server %d reaches %d others, want 4", seed, id, n)
				}
			}
		})
	}
}

// lookAgain makes a server look that has decided.
func (c *contest) lookAgain(id txn.ServerID) {
	if s := c.servers[id]; s.elector.status().State != election.Looking {
		s.look(c.credentials(id, 3))
	}
}

// deserted tells whether a server looks, or is for somebody who does not lead: it looks
// again, as one does that the leader sends away.
func (c *contest) deserted() (deserted bool) {
	for _, id := range c.ids() {
		switch s := c.servers[id].elector.status(); {
		case s.State == election.Looking:
			deserted = true
		case c.servers[s.Vote.Leader].elector.status().State != election.Leading:
			deserted = true
			c.lookAgain(id)
		}
	}
	return deserted
}

// reached returns whom a server reaches, by its events.
func (s *contender) reached() map[txn.ServerID]bool {
	s.c.mu.Lock()
	defer s.c.mu.Unlock()
	reached := map[txn.ServerID]bool{}
	for _, e := range s.events {
		switch e := e.(type) {
		case PeerReached:
			reached[e.ID] = true
		case PeerUnreachable:
			delete(reached, e.ID)
		}
	}
	return reached
}

// TestOneNameLeadsNowhere: an election goes on, as fast as ever, though a member's name cannot be resolved.
func TestOneNameLeadsNowhere(t *testing.T) {
	view := founded(3, 0)
	view.Membership.Members[2].Address = "no such name \xff"
	elect(t, view, func(c *contest) {
		c.up(2, 1, 2)
		c.run(time.Minute)
		c.wantLeader(2, 1, 1, 2)
		c.wantWithin(0, 4*trip, 1, 2)
		if n := len(saws[PeerUnreachable](c.servers[1])); n != 1 {
			t.Errorf("told %d times that 3 is not reached, want once", n)
		}
		if n := c.network.dials(1, 3); n < 4*60*8/10 || n > 4*60*12/10+10 {
			t.Errorf("%d attempts in a minute, want about four a second", n)
		}
	})
}

// TestRestart: a server comes back, in the same second, with half a stream of its former life
// still open: the new one takes its place, and it is dialled without delay.
func TestRestart(t *testing.T) {
	elect(t, founded(3, 0), func(c *contest) {
		c.up(2, 1, 2, 3)
		c.run(5 * time.Second)
		c.freeze(1, true) // its last words of parting are lost
		old := c.servers[1]
		delete(c.servers, 1)
		c.network.listen(1, nil)
		old.stop()
		c.run(400 * millis)
		c.freeze(1, false)
		since := c.now()
		c.up(2, 1)
		c.run(100 * millis)
		c.wantLeader(2, 1, 1, 2, 3)
		c.wantWithin(since, 3*trip, 1)
		for _, id := range []txn.ServerID{2, 3} {
			if n := len(c.servers[id].elector.mu.streams); n != 2 {
				t.Errorf("server %d has %d streams of others, want 2", id, n)
			}
		}
		<-old.ended
	})
}

// TestMemberComesAndGoes: links follow the membership, addresses the configuration first.
func TestMemberComesAndGoes(t *testing.T) {
	elect(t, founded(3, 0), func(c *contest) {
		c.up(2, 1, 2, 3)
		c.run(100 * millis)
		s := c.servers[1]
		old := s.elector.links[1]
		next := founded(4, 0)
		next.Version = txn.MakeZxid(1, 2)
		next.Membership.Members = slices.Delete(next.Membership.Members, 2, 3) // 3 goes, 4 comes
		s.elector.changed(next)
		c.run(100 * millis)
		if ids := s.linked(); !slices.Equal(ids, []txn.ServerID{2, 4}) {
			t.Errorf("links to %v, want 2 and 4", ids)
		}
		if s.elector.status().View.Version != next.Version {
			t.Error("the status does not have the new membership")
		}
		gone := c.network.dials(1, 3)
		old.tell(reach{cause: errReset})
		c.run(time.Second)
		if saws[PeerUnreachable](s)[0].ID != 4 || len(saws[PeerUnreachable](s)) != 1 {
			t.Errorf("not reached: %v, want 4 alone", saws[PeerUnreachable](s))
		}
		if c.servers[3].elector.mu.streams[1] != nil {
			t.Error("the stream to 3 still stands")
		}
		if n := c.network.dials(1, 3); n != gone {
			t.Errorf("3 is dialled %d times after it has gone", n-gone)
		}
		kept := s.elector.links[0]
		next = founded(4, 0)
		next.Version = txn.MakeZxid(1, 3)
		next.Membership.Members[1].Storage = 0xbad
		next.Membership.Members[3].Address = "elsewhere:3888"
		s.elector.changed(next)
		synctest.Wait()
		if l := s.elector.links[0]; l != kept {
			t.Error("the link to 2 is another one, and only its disk has changed")
		}
		if a := s.elector.links[2].to.Address; a != "elsewhere:3888" {
			t.Errorf("4 is dialled at %q", a)
		}
	})
}

// TestRoundTripsChangeQuietly: the election hears of them, and nobody else.
func TestRoundTripsChangeQuietly(t *testing.T) {
	elect(t, founded(3, 0), func(c *contest) {
		c.up(2, 1, 2, 3)
		c.run(2 * time.Second)
		c.network.slow(100 * millis)
		c.run(5 * time.Second)
		for _, id := range c.ids() {
			if n := len(saws[PeerReached](c.servers[id])); n != 2 {
				t.Errorf("server %d has reached others %d times, want each once", id, n)
			}
		}
		c.freeze(2, true)
		since := c.now()
		c.servers[1].look(stands(1, 5))
		c.servers[3].look(stands(3, 5))
		c.run(time.Second)
		c.wantLeader(3, 2, 1, 3)
		c.wantWithin(since+300*millis, election.DefaultPatience, 1, 3)
		if c.servers[3].at < since+200*millis+election.DefaultPatience {
			t.Error("2 was not waited for as long as it may take")
		}
	})
}

// linked returns whom a server has links to.
func (s *contender) linked() (ids []txn.ServerID) {
	for _, l := range s.elector.links {
		ids = append(ids, l.to.ID)
	}
	return ids
}

// TestConfiguredAddressFirst: an operator's address for a member beats the membership's.
func TestConfiguredAddressFirst(t *testing.T) {
	elect(t, founded(3, 0), func(c *contest) {
		s := c.boot(1, func(p *Peer, _ *election.Config) {
			p.members = []txn.Member{{ID: 2, Address: "10.0.0.2:3888"}, {ID: 3}}
		})
		synctest.Wait()
		if a, b := s.elector.links[0].to.Address, s.elector.links[1].to.Address; a != "10.0.0.2:3888" || b != "host3:3888" {
			t.Errorf("dialled at %q and %q", a, b)
		}
	})
}

// TestNewerMembershipIsFollowed: a server that was away learns the membership in the election, and
// links to whom it names.
func TestNewerMembershipIsFollowed(t *testing.T) {
	elect(t, founded(3, 0), func(c *contest) {
		next := founded(4, 0)
		next.Version = txn.MakeZxid(1, 2)
		c.boot(1).look(stands(1, 5))
		c.boot(2, func(_ *Peer, ec *election.Config) { ec.View = next }).look(stands(2, 9))
		c.run(100 * millis)
		c.boot(4, func(_ *Peer, ec *election.Config) { ec.View = next }).look(stands(4, 5))
		c.run(500 * millis)
		c.wantLeader(2, 1, 1, 2, 4)
		if ids := c.servers[1].linked(); !slices.Equal(ids, []txn.ServerID{2, 3, 4}) {
			t.Errorf("server 1 has links to %v", ids)
		}
	})
}

// TestLookEndsWithItsContext: nobody decides for one server of three, and its caller gets the cause.
func TestLookEndsWithItsContext(t *testing.T) {
	elect(t, founded(3, 0), func(c *contest) {
		s := c.boot(1)
		enough := errors.New("enough")
		ctx, cancel := context.WithCancelCause(c.t.Context())
		time.AfterFunc(time.Minute, func() { cancel(enough) })
		if _, err := s.elector.look(ctx, stands(1, 1)); !errors.Is(err, enough) {
			t.Errorf("ended with %v", err)
		}
		if u := s.elector.status().Unheard; !slices.Equal(u, []txn.ServerID{2, 3}) {
			t.Errorf("unheard: %v, want 2 and 3", u)
		}
		c.boot(2).look(stands(2, 5))
		s.look(stands(1, 5))
		c.run(100 * millis)
		c.wantLeader(2, 1, 1, 2) // the next one is answered
	})
}

// TestDeserted: a candidate whose voters all look for another is told, and waits for them in vain no longer.
func TestDeserted(t *testing.T) {
	elect(t, founded(3, 0), func(c *contest) {
		c.up(2, 1, 2, 3)
		c.run(100 * millis)
		p := c.servers[2].elector.p
		lead := &leader{Peer: p, established: make(chan struct{})}
		lead.ctx, lead.fail = context.WithCancelCause(c.t.Context())
		p.mu.standing.candidacy = lead
		c.servers[1].look(stands(1, 5))
		c.run(trip)
		if err := context.Cause(lead.ctx); err != nil {
			t.Errorf("it gives up for one of three: %v", err)
		}
		c.servers[1].look(stands(1, 5))
		c.servers[3].look(stands(3, 5))
		c.run(trip)
		if err := context.Cause(lead.ctx); !errors.Is(err, errDeserted) {
			t.Errorf("all have turned away: %v", err)
		}
	})
}

// TestStranger: a server that its own list does not name has no part in elections.
func TestStranger(t *testing.T) {
	if _, err := newElector(&Peer{id: 4, random: rand.Uint64}, election.Config{ID: 4, View: founded(3, 0)}); err == nil {
		t.Error("a server takes part that is not in its own list")
	}
}
