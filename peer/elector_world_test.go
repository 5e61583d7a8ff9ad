package peer

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/quorate/quorate/peer/election"
	"github.com/quorate/quorate/store/txn"
)

// contest is an ensemble that does nothing but elect. Everything happens in one bubble.
type contest struct {
	network *network
	t       *testing.T
	view    election.View
	start   time.Time
	servers map[txn.ServerID]*contender

	mu    sync.Mutex // guards lines, and what the contenders say it guards
	lines []string
}

// contender is one life of one server.
type contender struct {
	c       *contest
	id      txn.ServerID
	elector *elector
	ctx     context.Context
	stop    context.CancelFunc
	ended   chan struct{}

	// Guarded by contest.mu.
	events  []Event
	decided []election.Decide
	at      time.Duration // of the last decision, in the contest's time
}

// founded is a membership of so many voters and observers, with addresses.
func founded(voters, observers int) election.View {
	v := election.View{Version: txn.MakeZxid(1, 1), Membership: txn.Membership{Ensemble: 7}}
	for i := range voters + observers {
		m := txn.Member{ID: txn.ServerID(i + 1), Address: fmt.Sprintf("host%d:3888", i+1), Role: txn.Voter, Storage: diskOf(txn.ServerID(i + 1))}
		if i >= voters {
			m.Role = txn.Observer
		}
		v.Membership.Members = append(v.Membership.Members, m)
	}
	return v
}

func diskOf(id txn.ServerID) txn.StorageID { return txn.StorageID(id) * 0x100 }

// elect runs f in a bubble with a contest, and stops all servers at the end: the bubble
// fails if a goroutine is left.
func elect(t *testing.T, view election.View, f func(c *contest)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		c := &contest{network: newNetwork(), t: t, view: view, start: time.Now(), servers: map[txn.ServerID]*contender{}}
		f(c)
		for _, id := range c.ids() {
			c.kill(id)
		}
	})
}

func (c *contest) ids() []txn.ServerID {
	var ids []txn.ServerID
	for id := range c.servers {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids
}

// boot starts a server, with what a test wants otherwise.
func (c *contest) boot(id txn.ServerID, also ...func(*Peer, *election.Config)) *contender {
	c.t.Helper()
	s := &contender{c: c, id: id, ended: make(chan struct{})}
	source := rand.NewPCG(uint64(id), 1)
	p := &Peer{id: id, dialer: dialer{c.network, id}, random: source.Uint64, emit: s.saw}
	config := election.Config{ID: id, View: c.view}
	for _, f := range also {
		f(p, &config)
	}
	var err error
	if s.elector, err = newElector(p, config); err != nil {
		c.t.Fatal(err)
	}
	p.elector = s.elector
	s.ctx, s.stop = context.WithCancel(c.t.Context())
	go func() {
		defer close(s.ended)
		if err := s.elector.run(s.ctx); err != nil {
			c.t.Errorf("server %d: %v", id, err)
		}
	}()
	synctest.Wait()
	c.network.listen(id, s.elector.serve)
	c.servers[id] = s
	passInBubble(17*time.Microsecond + time.Duration(id)) // no two begin at the same instant
	return s
}

// kill ends a server and its connections, and waits until nothing is left of it.
func (c *contest) kill(id txn.ServerID) {
	s := c.servers[id]
	delete(c.servers, id)
	c.network.listen(id, nil)
	c.network.reset(id, 0)
	s.stop()
	<-s.ended
}

// freeze makes a server, without its connections' ends, neither hear nor be heard.
func (c *contest) freeze(id txn.ServerID, frozen bool) {
	for _, m := range c.view.Membership.Members {
		c.network.lose(id, m.ID, frozen)
		c.network.lose(m.ID, id, frozen)
	}
}

func (s *contender) saw(e Event) {
	s.c.mu.Lock()
	s.events = append(s.events, e)
	s.c.mu.Unlock()
	s.c.say(fmt.Sprintf("%9.3f ms  %d  %v", float64(s.c.now())/float64(time.Millisecond), s.id, e))
}

// run lets time pass.
func (c *contest) run(d time.Duration) { passInBubble(d) }

func (c *contest) now() time.Duration { return time.Since(c.start) }

// say puts a line into the story.
func (c *contest) say(line string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lines = append(c.lines, line)
}

func (c *contest) story() string { return strings.Join(c.lines, "\n") + "\n" }

// stands is what a server may be elected for: a log that ends at 1.zxid.
func stands(id txn.ServerID, zxid uint32) election.Look {
	return election.Look{Epoch: 1, Zxid: txn.MakeZxid(1, zxid), Storage: diskOf(id)}
}

// look makes a server look for a leader; it does not wait for the decision.
func (s *contender) look(l election.Look) {
	synctest.Wait()
	go func() {
		if d, err := s.elector.look(s.ctx, l); err == nil {
			s.c.mu.Lock()
			defer s.c.mu.Unlock()
			s.decided, s.at = append(s.decided, d), s.c.now()
		}
	}()
	synctest.Wait()
	passInBubble(23*time.Microsecond + time.Duration(s.id))
}

// up starts servers that look at once, the greatest log at the server best.
func (c *contest) up(best txn.ServerID, ids ...txn.ServerID) {
	c.t.Helper()
	for _, id := range ids {
		c.boot(id).look(c.credentials(id, best))
	}
}

func (c *contest) credentials(id, best txn.ServerID) election.Look {
	if id == best {
		return stands(id, 9)
	}
	return stands(id, 5)
}

// wantLeader fails unless each server's last decision is for the leader, and all its
// decisions so many.
func (c *contest) wantLeader(leader txn.ServerID, decisions int, ids ...txn.ServerID) {
	c.t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, id := range ids {
		s := c.servers[id]
		if n := len(s.decided); n != decisions || s.decided[n-1].Leader != leader {
			c.t.Errorf("server %d has decided %d time(s): %v; want leader %d after %d", id, n, s.decided, leader, decisions)
		}
	}
}

// wantUndecided fails if one has decided.
func (c *contest) wantUndecided(ids ...txn.ServerID) {
	c.t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, id := range ids {
		if d := c.servers[id].decided; len(d) != 0 {
			c.t.Errorf("server %d has decided %v, want nothing yet", id, d)
		}
	}
}

// wantWithin fails unless the servers' last decisions came no later than limit after since.
func (c *contest) wantWithin(since, limit time.Duration, ids ...txn.ServerID) {
	c.t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, id := range ids {
		if took := c.servers[id].at - since; took > limit {
			c.t.Errorf("server %d needed %v to decide, want at most %v", id, took, limit)
		}
	}
}

// saws returns the events of a kind.
func saws[E Event](s *contender) (found []E) {
	s.c.mu.Lock()
	defer s.c.mu.Unlock()
	for _, e := range s.events {
		if e, ok := e.(E); ok {
			found = append(found, e)
		}
	}
	return found
}

// wantRejection fails unless an error is a Rejection for a reason.
func wantRejection(t *testing.T, err error, reason fmt.Stringer) {
	t.Helper()
	r := (*Rejection)(nil)
	if !errors.As(err, &r) || r.Reason.String() != reason.String() {
		t.Errorf("ended with %v, want a rejection: %v", err, reason)
	}
}
