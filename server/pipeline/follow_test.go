package pipeline_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/quorate/quorate/internal/sim"
	"github.com/quorate/quorate/peer"
	"github.com/quorate/quorate/server/pipeline"
	"github.com/quorate/quorate/store"
	"github.com/quorate/quorate/store/fault"
	"github.com/quorate/quorate/store/tree"
	"github.com/quorate/quorate/store/txn"
	"github.com/quorate/quorate/store/vfs"
	"github.com/quorate/quorate/store/wal"
)

// ensemble is three voters and an observer on a network of memory.
type ensemble struct {
	t       *testing.T
	net     *sim.Network
	servers map[txn.ServerID]*server
}

// observerID is who does not vote.
const observerID = 4

func members() []txn.Member {
	var all []txn.Member
	for id := txn.ServerID(1); id <= observerID; id++ {
		m := txn.Member{ID: id, Address: fmt.Sprintf("server%d", id), Role: txn.Voter}
		if id == observerID {
			m.Role = txn.Observer
		}
		all = append(all, m)
	}
	return all
}

// found starts an ensemble and returns when all of it serves.
func found(t *testing.T, also ...func(*pipeline.Config)) *ensemble {
	t.Helper()
	e := &ensemble{t: t, net: sim.NewNetwork(sim.NetworkConfig{Seed: 1}), servers: map[txn.ServerID]*server{}}
	for _, m := range members() {
		e.start(m.ID, vfs.NewMem(), also...)
	}
	for id := range e.servers {
		e.await(id, func(now peer.Standing) bool { return now.Role != peer.Looking })
	}
	for id := range e.servers { // all know that it is founded
		if _, err := e.servers[id].pipe.Sync(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	return e
}

func (e *ensemble) start(id txn.ServerID, fs vfs.FS, also ...func(*pipeline.Config)) {
	e.t.Helper()
	random := locked(rand.New(rand.NewPCG(7, uint64(id))))
	st, err := store.Open(context.Background(), store.Config{
		FS: fs, Dir: "/data", Server: id, SegmentSize: wal.MinSegmentSize, Reserve: -1, Random: random,
	})
	if err != nil {
		e.t.Fatal(err)
	}
	port := e.net.Open(id)
	s := &server{t: e.t, store: st}
	if s.peer, err = peer.New(peer.Config{ID: id, Members: members(), Store: st, Dialer: port, Random: random}); err != nil {
		e.t.Fatal(err)
	}
	s.assemble(also...)
	s.run(func(ctx context.Context) { _ = s.pipe.Run(ctx) })
	s.run(func(ctx context.Context) { _ = s.peer.Run(ctx) })
	s.run(func(ctx context.Context) { _ = port.Serve(ctx, s.peer) })
	s.run(func(ctx context.Context) { _ = s.store.Run(ctx) })
	e.servers[id] = s
}

// await waits until a server stands as wanted.
func (e *ensemble) await(id txn.ServerID, wanted func(peer.Standing) bool) {
	e.t.Helper()
	patience := time.After(time.Minute)
	for now := e.servers[id].peer.Standing(); !wanted(now); now = e.servers[id].peer.Standing() {
		select {
		case <-now.Changed:
		case <-patience:
			e.t.Fatalf("server %d is %v after a minute: %v", id, now.Role, now.Reason)
		}
	}
}

// led returns who leads, and a voter and the observer who do not.
func (e *ensemble) led() (leader, follower, observer *server) {
	e.t.Helper()
	for id := txn.ServerID(1); id < observerID; id++ {
		switch s := e.servers[id]; s.peer.Standing().Role {
		case peer.Leading:
			leader = s
		case peer.Following:
			follower = s
		}
	}
	if leader == nil || follower == nil {
		e.t.Fatal("nobody leads, or nobody follows")
	}
	return leader, follower, e.servers[observerID]
}

// cut separates a server from all others, or heals that.
func (e *ensemble) cut(who *server, do func(from, to txn.ServerID)) {
	for a, s := range e.servers {
		for b, other := range e.servers {
			if a != b && (s == who || other == who) {
				do(a, b)
			}
		}
	}
}

func (e *ensemble) down() {
	for _, s := range e.servers {
		for _, stop := range s.stops[:3] { // pipeline, peer and port
			stop()
		}
	}
	for _, s := range e.servers {
		s.stops[3]()
		_ = s.store.Close()
	}
}

// TestAnyServerTakesWrites: a client reads its own write on the server that it is with, and
// that one's results are those of the leader.
func TestAnyServerTakesWrites(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := found(t)
		leader, follower, observer := e.led()
		for name, s := range map[string]*server{"leader": leader, "follower": follower, "observer": observer} {
			path := "/" + name
			r := s.mustCreate(path)
			n, ok := s.pipe.Version().Get(path)
			if !ok || n.Stat().Czxid != r.Zxid {
				t.Errorf("%s: answered at %v, and reads are at %v", name, r.Zxid, s.pipe.Version().Zxid())
			}
			if len(r.Results) != 1 || r.Results[0].Path != path || r.Results[0].Stat != n.Stat() {
				t.Errorf("%s: results %+v, the node has %+v", name, r.Results, n.Stat())
			}
		}
		r, err := follower.submit(&tree.MultiRequest{Ops: []tree.Request{
			&tree.CheckRequest{Path: "/leader", Version: 0}, create("/m"), &tree.DeleteRequest{Path: "/leader", Version: 0},
		}})
		if err != nil || len(r.Results) != 3 || r.Results[1].Path != "/m" || r.Results[0] != (tree.Result{}) {
			t.Errorf("a Multi through a follower: %+v, %v", r, err)
		}
		if z, err := observer.pipe.Sync(t.Context()); err != nil || z < r.Zxid {
			t.Errorf("a Sync on the observer after %v: %v, %v", r.Zxid, z, err)
		}
		if _, ok := observer.pipe.Version().Get("/m"); !ok {
			t.Error("after a Sync the observer does not have what was acknowledged")
		}
		e.down()
	})
}

// TestRefusalThroughAFollower arrives with all that it says, once what it rests on is applied there.
func TestRefusalThroughAFollower(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := found(t)
		leader, follower, _ := e.led()
		made := leader.mustCreate("/a")
		_, err := follower.submit(create("/a"))
		var f *fault.Error
		if !errors.As(err, &f) || f.Kind != fault.NodeExists || f.Path != "/a" || f.Zxid < made.Zxid {
			t.Fatalf("got %#v", err)
		}
		if _, ok := follower.pipe.Version().Get("/a"); !ok {
			t.Errorf("a client of the follower heard of /a, created as %v, and the follower has %v", made.Zxid, follower.pipe.Version().Zxid())
		}
		_, err = follower.submit(&tree.MultiRequest{Ops: []tree.Request{create("/b"), &tree.SetRequest{Path: "/a", Version: 7}}})
		if !errors.As(err, &f) || f.Kind != fault.BadVersion || f.Op != 2 || f.Version != 0 {
			t.Errorf("got %#v, want the version of operation 2", err)
		}
		e.down()
	})
}

// TestRequestsKeepTheirOrder: a follower's queue goes to the leader in the order in which it was filled.
func TestRequestsKeepTheirOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := found(t)
		_, follower, _ := e.led()
		var wg sync.WaitGroup
		var zxids [200]txn.Zxid
		for i := range zxids {
			wg.Go(func() { zxids[i] = follower.mustCreate(fmt.Sprintf("/%03d", i)).Zxid })
			synctest.Wait() // it is in the queue, or on its way
		}
		wg.Wait()
		for i, z := range zxids[1:] {
			if z <= zxids[i] {
				t.Fatalf("request %d became %v, and the one before it %v", i+1, z, zxids[i])
			}
		}
		e.down()
	})
}

// TestLeaderIsLostUnderAFollower: what was sent may or may not have been done; what comes after is
// refused until there is a leader, and then goes to that one.
func TestLeaderIsLostUnderAFollower(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := found(t)
		leader, follower, _ := e.led()
		e.cut(leader, e.net.Cut)
		_, err := follower.submit(create("/sent"))
		if !fault.Is(err, fault.Unknown) {
			t.Errorf("on its way when the leader was lost: %v", err)
		}
		if _, err := follower.submit(create("/late")); !fault.Is(err, fault.Unavailable) && err != nil {
			t.Errorf("without a leader: %v", err)
		}
		e.await(idOf(follower), func(now peer.Standing) bool { return now.Role != peer.Looking })
		follower.mustCreate("/again")
		if _, err := leader.submit(create("/deposed")); !fault.Is(err, fault.Unavailable) && !fault.Is(err, fault.Unknown) {
			t.Errorf("a leader cut off from its quorum: %v", err)
		}
		e.cut(leader, e.net.Heal)
		e.await(idOf(leader), func(now peer.Standing) bool { return now.Role == peer.Following })
		leader.mustCreate("/healed")
		if _, ok := leader.pipe.Version().Get("/again"); !ok {
			t.Error("the deposed leader answered a write without what came before")
		}
		if _, ok := leader.pipe.Version().Get("/deposed"); ok {
			t.Error("what no quorum had was committed")
		}
		e.down()
	})
}

func idOf(s *server) txn.ServerID { return s.store.Identity().Server }

// TestOutstandingOfAFollower: no more than so many wait for the leader, and no more than so
// many for that.
func TestOutstandingOfAFollower(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		forwards := 0
		e := found(t, func(c *pipeline.Config) {
			c.Outstanding = 3
			c.Events.Forwarded = func() { forwards++ }
		})
		leader, follower, _ := e.led()
		e.cut(leader, e.net.Cut)
		outcomes := make(chan error, 10)
		for i := range 10 {
			go func() { _, err := follower.submit(create(fmt.Sprintf("/%d", i))); outcomes <- err }()
			synctest.Wait()
		}
		if len(outcomes) != 4 {
			t.Errorf("%d of 10 are refused; want 4, since 3 are sent and 3 wait", len(outcomes))
		}
		if forwards != 3 {
			t.Errorf("%d were forwarded, want 3", forwards)
		}
		for range 10 {
			if err := <-outcomes; !fault.Is(err, fault.Overloaded) && !fault.Is(err, fault.Unknown) && !fault.Is(err, fault.Unavailable) {
				t.Errorf("got %v", err)
			}
		}
		e.down()
	})
}

// TestTooLargeToForward: a request that no message between servers takes must not end their stream.
func TestTooLargeToForward(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const limit = 1 << 20
		e := found(t, func(c *pipeline.Config) { c.Limits.MaxRecord = limit })
		leader, follower, _ := e.led()
		checks := &tree.MultiRequest{}
		for range 3000 {
			checks.Ops = append(checks.Ops, &tree.CheckRequest{Path: "/" + strings.Repeat("x", 1<<10), Version: -1})
		}
		if _, err := follower.submit(checks); !fault.Is(err, fault.TooLarge) {
			t.Errorf("3 MiB of checks: %v", err)
		}
		_, err := follower.submit(&tree.CreateRequest{Path: "/a", ACL: tree.OpenACL(), Data: make([]byte, limit)})
		_, here := leader.submit(&tree.CreateRequest{Path: "/a", ACL: tree.OpenACL(), Data: make([]byte, limit)})
		if !fault.Is(err, fault.TooLarge) || !fault.Is(here, fault.TooLarge) {
			t.Errorf("a txn beyond the limit: %v through the follower, %v from the leader", err, here)
		}
		if now := follower.peer.Standing(); now.Role != peer.Following {
			t.Errorf("the follower lost its leader: %v", now.Reason)
		}
		follower.mustCreate("/b")
		e.down()
	})
}

// TestStopOfAFollower: what is on its way to the leader is waited for, what is not is refused.
func TestStopOfAFollower(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := found(t)
		_, follower, _ := e.led()
		outcomes := make(chan error, 20)
		for i := range 20 {
			go func() { _, err := follower.submit(create(fmt.Sprintf("/%02d", i))); outcomes <- err }()
		}
		synctest.Wait()
		follower.stops[0]()
		done := 0
		for range 20 {
			err := <-outcomes
			if err != nil && !fault.Is(err, fault.Unavailable) {
				t.Errorf("got %v", err)
			}
			if err == nil {
				done++
			}
		}
		if n := follower.pipe.Version().Len() - tree.New().Len(); n != done {
			t.Errorf("%d were acknowledged, and %d are there", done, n)
		}
		if _, err := follower.submit(create("/late")); !fault.Is(err, fault.Unavailable) {
			t.Errorf("after the stop: %v", err)
		}
		e.down()
	})
}
