package factstest

import (
	"fmt"
	"net"
	"testing"
	"time"

	"github.com/quorate/quorate/peer"
	"github.com/quorate/quorate/server/config"
	"github.com/quorate/quorate/server/facts"
	"github.com/quorate/quorate/server/lease"
	"github.com/quorate/quorate/server/metrics"
	"github.com/quorate/quorate/server/summary"
	"github.com/quorate/quorate/server/traffic"
	"github.com/quorate/quorate/server/watch"
	"github.com/quorate/quorate/store"
	"github.com/quorate/quorate/store/tree"
	"github.com/quorate/quorate/store/txn"
)

// The sessions of the two clients.
const (
	One = txn.SessionID(0x10002d871130000)
	Two = txn.SessionID(0x10002d871130001)
)

// Source returns what a server in a state has to tell. As a leader it has an observer.
func Source(t *testing.T, state facts.State) *facts.Source {
	t.Helper()
	c := config.Default()
	c.DataDir = t.TempDir()
	c.ReadOnlyMode = state == facts.ReadOnly
	s := &facts.Source{
		Config: &c, Build: "v1.2.3", Started: time.Now().Add(-time.Minute), ClientAddress: "127.0.0.1:2181",
		Store: func() store.Stats { return store.Stats{LogBytes: 4096} }, Locals: func() map[txn.SessionID]time.Time { return nil },
		Traffic: traffic.New(), Metrics: metrics.New(), Deadlines: func() ([]lease.Deadline, bool) { return nil, false },
	}
	if state != facts.Standalone {
		s.PeerAddress = "127.0.0.1:2888"
		for id := txn.ServerID(1); id <= 4; id++ {
			c.Peers = append(c.Peers, member(id).Member)
		}
	}
	if state == facts.Standalone || state == facts.Leader {
		s.Deadlines = func() ([]lease.Deadline, bool) {
			return []lease.Deadline{
				{At: time.Now().Add(time.Second), Sessions: []txn.SessionID{One}}, {At: time.Now().Add(time.Minute), Sessions: []txn.SessionID{Two}},
			}, true
		}
	}
	s.Peer = func() peer.Status { return status(state) }
	v := grown()
	s.Version = func() *tree.Version { return v }
	s.Watches = watched(t, v)
	for i, id := range []txn.SessionID{One, Two} {
		visit(s.Traffic, i, id)
	}
	counted(s)
	return s
}

// member is the n-th server of an ensemble; the fourth is an observer.
func member(id txn.ServerID) peer.MemberStatus {
	m := peer.MemberStatus{Member: txn.Member{ID: id, Role: txn.Voter, Address: fmt.Sprintf("127.0.0.%d:2888", id)}}
	if id == 4 {
		m.Role = txn.Observer
	}
	m.Address = m.Member.Address
	return m
}

func status(state facts.State) peer.Status {
	roles := map[facts.State]peer.Role{
		facts.Standalone: peer.Leading, facts.Leader: peer.Leading, facts.Follower: peer.Following, facts.Observer: peer.Observing,
	}
	s := peer.Status{Role: roles[state]}
	if state == facts.Standalone {
		return s
	}
	for id := txn.ServerID(1); id <= 4; id++ {
		s.Members = append(s.Members, member(id))
	}
	switch state {
	case facts.Leader:
		s.Leader = 1
		s.Learners = []peer.LearnerStatus{
			{ID: 2, State: "serving", Votes: true, Counts: true},
			{ID: 3, State: "serving", Votes: true, Counts: true},
			{ID: 4, State: "serving", Acked: 5, Sync: peer.SyncStatus{Began: time.Now()}},
		}
	case facts.Follower, facts.Observer:
		s.Leader = 3
	}
	return s
}

// grown is a tree with what two clients have made.
func grown() *tree.Version {
	tip := tree.New().Edit()
	do := func(op txn.Op) {
		tip.Apply(&txn.Txn{Header: txn.Header{Zxid: tip.Zxid() + 1}, Op: op})
	}
	create := func(path string, kind txn.Kind, owner txn.SessionID) {
		do(&txn.Create{Path: path, ACL: tree.OpenACL(), Kind: kind, Owner: owner})
	}
	do(&txn.CreateSession{Session: One, Timeout: 20_000, TokenHash: []byte("1")})
	do(&txn.CreateSession{Session: Two, Timeout: 30_000, TokenHash: []byte("2")})
	create("/app", txn.Persistent, 0)
	create("/app/e1", txn.Ephemeral, One)
	create("/app/e2", txn.Ephemeral, One)
	create("/app/e3", txn.Ephemeral, Two)
	return tip.Publish()
}

// watched is a hub with their watches.
func watched(t *testing.T, v *tree.Version) *watch.Hub {
	h := watch.New(watch.Config{})
	h.Published(store.Publication{Version: v, Jump: true})
	for id, paths := range map[txn.SessionID][]string{One: {"/app", "/app/none"}, Two: {"/app", "/app/e1"}} {
		w := h.NewWatcher(func(watch.Event) {}, func() tree.Caller { return nil }, func(error) {})
		w.Belongs(id)
		for _, p := range paths {
			if err := w.Add(p, watch.Exists, 0, func(txn.Zxid) {}); err != nil {
				t.Fatal(err)
			}
		}
	}
	return h
}

// visit is a client that has asked for something.
func visit(all *traffic.Traffic, i int, id txn.SessionID) {
	c := all.Enter(&net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 50000 + i})
	c.Opened(id, time.Duration(20+10*i)*time.Second)
	c.Came(4, 11)
	c.Went(4, 11, 6, 2*time.Millisecond)
	c.Out(100)
}

// counted wires the metrics as a server does.
func counted(s *facts.Source) {
	s.Metrics.WatchTraffic(s.Traffic)
	s.Metrics.WatchHub(s.Watches.Stats)
	s.Metrics.WatchEvents(func(watch.EventType) *summary.Summary { return summary.New() })
	s.Metrics.Peer()
	s.Metrics.Pipeline().Proposed(1, 1, 97)
	s.Metrics.Messages().Acked(2, time.Millisecond)
	s.Metrics.Watch(metrics.Source{
		Version: s.Version, Store: s.Store, Peer: s.Peer, Connections: func() int64 { return 2 }, Calls: func() int64 { return 0 },
		Build: s.Build, Started: s.Started,
	})
}
