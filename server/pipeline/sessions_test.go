package pipeline_test

import (
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/quorate/quorate/peer"
	"github.com/quorate/quorate/server/pipeline"
	"github.com/quorate/quorate/store/fault"
	"github.com/quorate/quorate/store/tree"
	"github.com/quorate/quorate/store/txn"
	"github.com/quorate/quorate/store/vfs"
)

const tick = 200 * time.Millisecond // the pipeline's default

// opens opens a session on this server; timeout is in milliseconds.
func (s *server) opens(timeout int64) txn.SessionID {
	s.t.Helper()
	r, err := s.submit(&tree.CreateSessionRequest{CreateSession: txn.CreateSession{Timeout: timeout, TokenHash: []byte("hash")}})
	if err != nil {
		s.t.Fatal(err)
	}
	return txn.MakeSessionID(s.peer.ID(), r.Zxid)
}

// asks carries out what a session asks for on its own stream.
func (s *server) asks(id txn.SessionID, op tree.Request) error {
	_, err := s.pipe.Submit(s.t.Context(), pipeline.Request{Op: op, Session: id, Attached: true})
	return err
}

// attaches brings a session's client here.
func (s *server) attaches(id txn.SessionID) error {
	_, err := s.submit(&tree.AttachRequest{Session: id, TokenHash: []byte("hash")})
	return err
}

// touches notes that this server has heard of a session; collect gives that to the peer.
func (s *server) touches(id txn.SessionID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mu.touched = append(s.mu.touched, id)
}

func (s *server) collect() []txn.SessionID {
	s.mu.Lock()
	defer s.mu.Unlock()
	touched := s.mu.touched
	s.mu.touched = nil
	return touched
}

func (s *server) isOpen(id txn.SessionID) bool {
	_, open := s.pipe.Version().Session(id)
	return open
}

// livesInBubble waits until a session is gone here, and returns how long it took since began.
func (s *server) livesInBubble(id txn.SessionID, began time.Time) time.Duration {
	s.t.Helper()
	for range 1_000_000 {
		if !s.isOpen(id) {
			return time.Since(began)
		}
		time.Sleep(time.Millisecond)
	}
	s.t.Fatalf("session %v lives on", id)
	return 0
}

// TestSessionOnAnyServer: its id is the server's that opened it, and nobody else's; it is fenced when its client goes elsewhere.
func TestSessionOnAnyServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := found(t)
		defer e.down()
		leader, follower, observer := e.led()
		all := []*server{leader, follower, observer}
		seen := map[txn.SessionID]bool{}
		for i, s := range all {
			id := s.opens(60_000)
			if !s.isOpen(id) || id.Server() != s.peer.ID() || seen[id] {
				t.Fatalf("session %v of server %d: open: %t", id, s.peer.ID(), s.isOpen(id))
			}
			seen[id] = true
			if err := s.asks(id, create("/"+string(rune('a'+i)))); err != nil {
				t.Fatalf("where it was opened: %v", err)
			}
			other := all[(i+1)%3]
			if err := other.asks(id, create("/x")); !fault.Is(err, fault.SessionMoved) {
				t.Errorf("without attaching: %v", err)
			}
			before := leader.pipe.Version().Zxid()
			if err := other.attaches(id); err != nil {
				t.Fatalf("attaching: %v", err)
			}
			if now := leader.pipe.Version().Zxid(); now != before {
				t.Errorf("attaching took the zxid %v", now)
			}
			err := s.asks(id, create("/x"))
			var f *fault.Error
			if !errors.As(err, &f) || f.Kind != fault.SessionMoved || f.Zxid == 0 {
				t.Errorf("from where it was: %v", err)
			}
			if _, err := s.pipe.Submit(t.Context(), pipeline.Request{Op: &tree.CheckRequest{Path: "/", Version: tree.AnyVersion}, Session: id}); err != nil {
				t.Errorf("who only names it: %v", err)
			}
			if err := other.asks(id, &tree.CloseSessionRequest{CloseSession: txn.CloseSession{Session: id}}); err != nil {
				t.Fatal(err)
			}
			for _, s := range all {
				if err := s.asks(id, create("/x")); !fault.Is(err, fault.NoSession) {
					t.Errorf("closed: %v", err)
				}
				if err := s.attaches(id); !fault.Is(err, fault.NoSession) {
					t.Errorf("attaching to a closed one: %v", err)
				}
			}
		}
		if _, there := leader.pipe.Version().Get("/x"); there {
			t.Error("a fenced write was carried out")
		}
	})
}

// TestAttachingNeedsAQuorum: a leader that nobody follows any more, and does not know it, does not know either what a session has done since: it lets nobody
// take one up. (Its client would repeat what has taken effect.)
func TestAttachingNeedsAQuorum(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := found(t)
		defer e.down()
		deposed, follower, observer := e.led()
		id := follower.opens(60_000)
		e.cut(deposed, e.net.Cut)
		outcome, unheardOf := make(chan error, 1), make(chan error, 1)
		go func() { outcome <- deposed.attaches(id) }()
		go func() { unheardOf <- deposed.attaches(id + 1) }()
		if err := follower.asks(id, create("/sent")); !fault.Is(err, fault.Unknown) {
			t.Errorf("on its way when the leader was lost: %v", err)
		}
		e.await(idOf(follower), func(now peer.Standing) bool { return now.Role != peer.Looking })
		if err := follower.attaches(id); err != nil {
			t.Fatal(err)
		}
		if err := follower.asks(id, create("/since")); err != nil {
			t.Fatal(err)
		}
		if err := <-outcome; !fault.Is(err, fault.Unavailable) {
			t.Errorf("a leader without a quorum has let a session be taken up: %v", err)
		}
		if err := <-unheardOf; !fault.Is(err, fault.Unavailable) {
			t.Errorf("a leader without a quorum says of a session that may have been opened elsewhere: %v", err)
		}
		e.cut(deposed, e.net.Heal)
		for _, s := range []*server{deposed, observer} {
			e.await(idOf(s), func(now peer.Standing) bool { return now.Role != peer.Looking })
			if err := s.attaches(id); err != nil {
				t.Errorf("when all are back: %v", err)
			}
		}
	})
}

// TestEndOfASessionWaitsForItsTip: that it is closed is known only because of a txn that is not durable yet.
func TestEndOfASessionWaitsForItsTip(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gate, holding := make(chan struct{}), atomic.Bool{}
		s := boot(t, vfs.NewFaults(vfs.NewMem(), func(op vfs.Op) error {
			if holding.Load() && op.Kind == vfs.OpSync {
				<-gate
			}
			return nil
		}))
		defer s.down()
		id := s.opens(60_000)
		holding.Store(true)
		var answers []error
		start := func(r pipeline.Request) {
			s.pipe.Start(r, func(_ pipeline.Reply, err error) { answers = append(answers, err) })
		}
		start(pipeline.Request{Op: &tree.CloseSessionRequest{CloseSession: txn.CloseSession{Session: id}}})
		start(pipeline.Request{Op: create("/a"), Session: id})
		start(pipeline.Request{Op: &tree.AttachRequest{Session: id, TokenHash: []byte("hash")}})
		synctest.Wait()
		if len(answers) != 0 {
			t.Fatalf("answered before the disk: %v", answers)
		}
		close(gate)
		synctest.Wait()
		if len(answers) != 3 || answers[0] != nil || !fault.Is(answers[1], fault.NoSession) || !fault.Is(answers[2], fault.NoSession) {
			t.Errorf("answers %v", answers)
		}
	})
}

// TestExpiryInTime: within (timeout, timeout + tick] after the last touch, on the leader itself and through a learner, with its
// ephemeral nodes, in one txn. Requests and pings are touches.
func TestExpiryInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := boot(t, vfs.NewMem())
		defer s.down()
		time.Sleep(tick) // the pause at the reign's beginning is over
		for phase := range 20 {
			time.Sleep(time.Duration(phase) * 17 * time.Millisecond)
			id := s.opens(1000)
			touches := []func(){
				func() { s.pipe.Heard([]txn.SessionID{id}) },
				func() {
					if err := s.asks(id, &tree.CheckRequest{Path: "/", Version: tree.AnyVersion}); err != nil {
						t.Error(err)
					}
				},
				func() {
					if err := s.attaches(id); err != nil {
						t.Error(err)
					}
				},
			}
			if err := s.asks(id, &tree.CreateRequest{Path: "/e", ACL: tree.OpenACL(), Kind: txn.Ephemeral, Owner: id}); err != nil {
				t.Fatal(err)
			}
			for range phase % 4 {
				time.Sleep(990 * time.Millisecond)
				touches[phase%3]()
			}
			took := s.livesInBubble(id, time.Now())
			if took <= time.Second || took > time.Second+tick+time.Millisecond { // looked at every millisecond
				t.Errorf("phase %d: it lived for %v", phase, took)
			}
			if _, there := s.pipe.Version().Get("/e"); there {
				t.Error("its ephemeral node has outlived it")
			}
		}
	})
}

// TestTouchBeforeTheTurnSaves: expiry is a proposal, and is judged when its turn has come.
func TestTouchBeforeTheTurnSaves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gate, holding := make(chan struct{}), atomic.Bool{}
		s := boot(t, vfs.NewFaults(vfs.NewMem(), func(op vfs.Op) error {
			if holding.Load() && op.Kind == vfs.OpSync {
				<-gate
			}
			return nil
		}))
		defer s.down()
		saved, lost := s.opens(1000), s.opens(1000)
		began := time.Now()
		time.Sleep(900 * time.Millisecond)
		holding.Store(true)
		for _, path := range []string{"/a", "/b", "/c"} { // so that the sequencer waits
			s.pipe.Start(pipeline.Request{Op: create(path)}, func(pipeline.Reply, error) {})
			synctest.Wait()
		}
		time.Sleep(2*tick - time.Millisecond)
		s.pipe.Heard([]txn.SessionID{saved})
		holding.Store(false)
		close(gate)
		synctest.Wait()
		if !s.isOpen(saved) || s.isOpen(lost) {
			t.Errorf("after %v: the touched one is open: %t, the other: %t", time.Since(began), s.isOpen(saved), s.isOpen(lost))
		}
		if took := s.livesInBubble(saved, time.Now()); took <= time.Second || took > time.Second+tick {
			t.Errorf("saved for %v", took)
		}
	})
}

// TestLeaderChangeMidExpiry: the next leader gives everybody the whole timeout again, and waits for what is heard of them.
func TestLeaderChangeMidExpiry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := found(t)
		defer e.down()
		leader, follower, _ := e.led()
		id := follower.opens(4000)
		time.Sleep(3900 * time.Millisecond)
		was := follower.peer.Standing().Upstream
		if err := leader.peer.Resign(t.Context(), 0); err != nil {
			t.Fatal(err)
		}
		e.await(follower.peer.ID(), func(now peer.Standing) bool { return now.Role != peer.Looking && now.Upstream != was })
		began := time.Now()
		if took := follower.livesInBubble(id, began); took < 3500*time.Millisecond || took > 5*time.Second {
			t.Errorf("in the next reign it lived for %v", took)
		}
		if err := follower.asks(id, create("/late")); !fault.Is(err, fault.NoSession) {
			t.Errorf("after its end: %v", err)
		}
	})
}

// TestEachReignAttachesAnew: what comes late from where a client was before it went elsewhere is not carried out in the next reign
// either, though it comes first there.
func TestEachReignAttachesAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := found(t)
		defer e.down()
		leader, old, now := e.led()
		id := old.opens(60_000)
		if err := now.attaches(id); err != nil {
			t.Fatal(err)
		}
		before := map[*server]*peer.Upstream{old: old.peer.Standing().Upstream, now: now.peer.Standing().Upstream}
		if err := leader.peer.Resign(t.Context(), 0); err != nil {
			t.Fatal(err)
		}
		for s, was := range before {
			e.await(s.peer.ID(), func(now peer.Standing) bool { return now.Role != peer.Looking && now.Upstream != was })
			if err := s.asks(id, create("/late")); !fault.Is(err, fault.Unavailable) {
				t.Errorf("server %d: %v", s.peer.ID(), err)
			}
		}
		if err := now.attaches(id); err != nil {
			t.Fatal(err)
		}
		if err := now.asks(id, create("/a")); err != nil {
			t.Error(err)
		}
		if err := old.asks(id, create("/late")); !fault.Is(err, fault.SessionMoved) {
			t.Errorf("where it was: %v", err)
		}
	})
}

// TestTouchesOnLearners keep a session alive for as long as they come, and a stream that breaks does not end it.
func TestTouchesOnLearners(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := found(t)
		defer e.down()
		_, follower, observer := e.led()
		for _, s := range []*server{follower, observer} {
			id := s.opens(1000)
			for range 20 {
				time.Sleep(300 * time.Millisecond)
				s.touches(id)
			}
			began := time.Now()
			if !s.isOpen(id) {
				t.Fatalf("it was touched, and is gone")
			}
			if took := s.livesInBubble(id, began); took <= time.Second || took > time.Second+tick+tick/2+10*time.Millisecond {
				t.Errorf("it lived for %v after it was last touched", took)
			}
		}
	})
}

// TestManyExpireAtOnce and hold up nobody: there is always room for others, and each of them goes once.
func TestManyExpireAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		expired := make(chan txn.SessionID, 10_000)
		s := boot(t, vfs.NewMem(), func(c *pipeline.Config) {
			c.Events.Expired = func(id txn.SessionID) { expired <- id }
		})
		defer s.down()
		const n = 5000
		opened := make(chan error, n)
		for range n {
			s.pipe.Start(pipeline.Request{Op: &tree.CreateSessionRequest{CreateSession: txn.CreateSession{Timeout: 2000}}}, func(_ pipeline.Reply, err error) { opened <- err })
		}
		for range n {
			if err := <-opened; err != nil {
				t.Fatal(err)
			}
		}
		for len(expired) == 0 {
			time.Sleep(time.Millisecond)
			s.mustCreate("/" + time.Now().Format("150405.000"))
		}
		synctest.Wait()
		seen := map[txn.SessionID]bool{}
		for len(expired) > 0 {
			seen[<-expired] = true
		}
		if len(seen) != n || s.pipe.Version().Sessions() != 0 {
			t.Errorf("%d of %d expired, %d are left", len(seen), n, s.pipe.Version().Sessions())
		}
	})
}
