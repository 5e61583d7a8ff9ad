package process_test

import (
	"fmt"
	"testing"

	adminv1 "github.com/quorate/quorate/gen/quorate/admin/v1"
	apiv1 "github.com/quorate/quorate/gen/quorate/api/v1"
	"github.com/quorate/quorate/internal/process"
)

// returned returns how a server came back, once it serves again and all count.
func (c *cluster) returned(m *process.Member) *adminv1.LearnerStatus {
	c.t.Helper()
	v := c.await(fmt.Sprintf("server %d is back and counts", m.ID), process.View.Complete)
	return v.Learner(m.ID)
}

// wantKind checks how a server came back.
func (c *cluster) wantKind(m *process.Member, want adminv1.SyncKind) {
	c.t.Helper()
	l := c.returned(m)
	if l.GetSyncKind() != want {
		c.t.Errorf("server %d came back by %v, want %v\n%s", m.ID, l.GetSyncKind(), want, c.Look(c.t.Context()))
	}
	c.t.Logf("server %d came back by %v: %d bytes in %v", m.ID, l.GetSyncKind(), l.GetSyncBytes(), l.GetSyncTook().AsDuration())
}

// TestWayBackBySnap wipes a follower under load. It gets a snapshot, and is readmitted: until then nobody counts
// a server that has forgotten what it had acknowledged.
func TestWayBackBySnap(t *testing.T) {
	c := startCluster(t, process.Shape{Voters: 3, Args: lenient()})
	// More than a leader keeps of its log in memory: otherwise the whole log is the shorter way.
	fill(c, "/filled", 20, 1<<20)
	h := strike(c, 4)
	m := c.follower()
	v := c.await("the follower counts", process.View.Complete)
	before := v.Learner(m.ID).GetStorage()

	m.Kill()
	if err := m.Wipe(); err != nil {
		t.Fatal(err)
	}
	h.awaitAll()
	c.start(m)
	c.wantKind(m, adminv1.SyncKind_SYNC_KIND_SNAP)
	h.end()
	v = c.await("all servers are equal", process.View.Equal)
	after := v.Learner(m.ID).GetStorage()
	if after == before || after != v[m.ID-1].GetStorage() {
		t.Errorf("the follower's identity was %016x; it says %016x, its leader %016x", before, v[m.ID-1].GetStorage(), after)
	}
	for _, s := range v {
		if got := s.GetMembers()[m.ID-1].GetStorage(); got != after {
			t.Errorf("server %d's list has the follower with %016x, want %016x", s.GetId(), got, after)
		}
	}
}

// TestWayBackByDiff stops a follower for a moment, under load.
func TestWayBackByDiff(t *testing.T) {
	c := startCluster(t, process.Shape{Voters: 3, Args: lenient()})
	h := strike(c, 4)
	m := c.follower()
	if code := m.Stop(); code != 0 {
		t.Errorf("exit code %d after SIGTERM", code)
	}
	h.awaitAll()
	c.start(m)
	c.wantKind(m, adminv1.SyncKind_SYNC_KIND_DIFF)
	h.end()
	c.await("all servers are equal", process.View.Equal)
}

// TestWayBackByTrunc lets a leader log what nobody else has, and replaces it by one that goes on without
// that. The old one cuts it off when it comes back.
func TestWayBackByTrunc(t *testing.T) {
	c := startCluster(t, process.Shape{Voters: 3, Args: lenient()})
	old := c.leader()
	others := c.Others(old)
	others[0].Kill()
	if err := others[1].Pause(); err != nil { // the leader takes it for one that follows, until it is given up
		t.Fatal(err)
	}
	lost := make(chan error, 1)
	go func() { lost <- createOn(old, "/diverged") }()
	v := c.await("the leader has a txn that is not committed", func(v process.View) bool {
		s := v[old.ID-1]
		return s.GetLastDurable() > s.GetLastCommitted()
	})
	tail := v[old.ID-1].GetLastLogged()
	old.Kill()
	others[1].Kill()
	if err := <-lost; err == nil {
		t.Error("a leader without followers has acknowledged a write")
	}

	for _, m := range others {
		c.start(m)
	}
	cl := c.client(int(others[0].ID) - 1)
	c.create(cl, "/went-on", nil)
	c.start(old)
	c.wantKind(old, adminv1.SyncKind_SYNC_KIND_TRUNC)
	v = c.await("all servers are equal", process.View.Equal)
	if v[0].GetLastLogged() <= tail {
		t.Errorf("the log ends at %d, not after %d, which was cut", v[0].GetLastLogged(), tail)
	}
	for _, m := range c.Members {
		got, err := m.Client().Keeper().Exists(t.Context(), &apiv1.ExistsRequest{Path: "/diverged"})
		if err != nil || got.GetStat() != nil {
			t.Errorf("server %d has what was never committed: %v, %v", m.ID, got, err)
		}
	}
}
