package process_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/quorate/quorate/client"
	adminv1 "github.com/quorate/quorate/gen/quorate/admin/v1"
	apiv1 "github.com/quorate/quorate/gen/quorate/api/v1"
	"github.com/quorate/quorate/internal/process"
)

// TestPartition cuts the leader off by a network that loses everything and says nothing. The others elect another; the old one
// finds out that it has no quorum, answers no Sync meanwhile, and what it had logged alone is cut when it is back.
func TestPartition(t *testing.T) {
	c := startCluster(t, process.Shape{Voters: 3, Wired: true, Args: []string{"--sync-limit", "5s"}})
	old := c.leader()
	cl := c.client(int(old.ID)) // of the others first
	c.create(cl, "/a", []byte("old"))
	c.await("all servers are equal", process.View.Equal)

	c.Part(old)
	cut := time.Now()
	lost := make(chan error, 1)
	go func() { lost <- createOn(old, "/lost") }()
	c.await("another server leads", func(v process.View) bool {
		return v.Leader() != nil && v.Leader().GetId() != old.ID && v.Leader().GetEpoch() > 1
	})
	c.setNew(cl)
	t.Logf("a write is acknowledged again %v after the leader was cut off", time.Since(cut).Round(time.Millisecond))
	answered := c.askOn(old, "new")
	c.await("the old leader has none", func(v process.View) bool {
		return v[old.ID-1].GetRole() == adminv1.Role_ROLE_LOOKING
	})

	if err := <-lost; err == nil {
		t.Error("a leader without a quorum has acknowledged a write")
	}

	c.Part()
	c.await("all servers are equal", process.View.Equal)
	answered()
	c.wantKind(old, adminv1.SyncKind_SYNC_KIND_TRUNC)
	if _, err := cl.Keeper().Get(t.Context(), &apiv1.GetRequest{Path: "/lost"}); !errors.Is(err, client.ErrNoNode) {
		t.Errorf("what no quorum had is there: %v", err)
	}
}

// createOn makes a node through one server.
func createOn(m *process.Member, path string) error {
	ctx, cancel := context.WithTimeout(context.Background(), callLimit)
	defer cancel()
	_, err := m.Client().Keeper().Create(ctx, &apiv1.CreateRequest{Path: path})
	return err
}
