package process_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/quorate/quorate/client"
	adminv1 "github.com/quorate/quorate/gen/quorate/admin/v1"
	apiv1 "github.com/quorate/quorate/gen/quorate/api/v1"
	"github.com/quorate/quorate/internal/process"
)

// TestStoppedLeader stops the leader's process without ending it. Another takes over. When the old one
// goes on it believes for a moment that it leads; but whoever asks it for a Sync first never reads what is stale.
func TestStoppedLeader(t *testing.T) {
	c := startCluster(t, process.Shape{Voters: 3})
	old := c.leader()
	cl := c.client(int(old.ID)) // of the others first
	c.create(cl, "/a", []byte("old"))
	c.await("all servers are equal", process.View.Equal)

	if err := old.Pause(); err != nil {
		t.Fatal(err)
	}
	took := c.await("another server leads", func(v process.View) bool {
		return v.Leader() != nil && v.Leader().GetId() != old.ID && v.Leader().GetEpoch() > 1
	})
	c.setNew(cl)

	// On their way before the old leader can learn of anything, and until it has.
	answered := c.askOn(old, "new")
	if err := old.Resume(); err != nil {
		t.Fatal(err)
	}
	v := c.await("all servers are equal", process.View.Equal)
	if s := v[old.ID-1]; s.GetRole() != adminv1.Role_ROLE_FOLLOWER && s.GetEpoch() == took.Leader().GetEpoch() {
		t.Errorf("the old leader is a %v", s.GetRole())
	}
	answered()
}

// setNew writes "new" to /a.
func (c *cluster) setNew(cl *client.Client) {
	c.t.Helper()
	c.do("set /a", func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, callLimit)
		defer cancel()
		_, err := cl.Keeper().Set(ctx, &apiv1.SetRequest{Path: "/a", Data: []byte("new")})
		return err
	})
}

// askOn asks a server, again and again, for a Sync and then for /a, which must be what is wanted whenever
// there is an answer. The function that it returns ends that once there was one.
func (c *cluster) askOn(m *process.Member, want string) func() {
	const askers = 8
	ctx, stop := context.WithCancel(c.t.Context())
	var answers, refusals atomic.Int64
	var wg sync.WaitGroup
	for range askers {
		wg.Go(func() {
			for ctx.Err() == nil {
				switch data, err := readAfterSync(ctx, m); {
				case err == nil && data == want:
					answers.Add(1)
				case err == nil:
					c.t.Errorf("server %d, after a Sync, has %q, want %q", m.ID, data, want)
					return
				case ctx.Err() == nil && !passing(err):
					c.t.Errorf("a Sync at server %d: %v", m.ID, err)
					return
				default:
					refusals.Add(1)
				}
			}
		})
	}
	return func() {
		defer stop()
		c.await("the server has answered", func(process.View) bool { return c.t.Failed() || answers.Load() > 0 })
		stop()
		wg.Wait()
		c.t.Logf("server %d answered %d times, and refused %d times", m.ID, answers.Load(), refusals.Load())
	}
}

// readAfterSync asks a server for a Sync and then for /a.
func readAfterSync(ctx context.Context, m *process.Member) (string, error) {
	if _, err := m.Client().Keeper().Sync(ctx, &apiv1.SyncRequest{}); err != nil {
		return "", err
	}
	got, err := m.Client().Keeper().Get(ctx, &apiv1.GetRequest{Path: "/a"})
	return string(got.GetData()), err
}
