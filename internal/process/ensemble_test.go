package process_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/quorate/quorate/client"
	apiv1 "github.com/quorate/quorate/gen/quorate/api/v1"
	"github.com/quorate/quorate/internal/process"
)

const (
	// patience is how long a test waits for what should come at once, on a machine that is busy with other things.
	patience = 60 * time.Second
	// retryPause is how long a writer waits after a server had nothing better to say than that it has no leader.
	retryPause = 10 * time.Millisecond
	// logShown is how many lines of the servers' logs are shown of a test that failed. The
	// files among the test's artifacts have them all.
	logShown = 150
)

// lenient are arguments by which servers cut off nobody who only stands still: for tests in which those who go close their connections.
func lenient() []string { return []string{"--sync-limit", "20s"} }

// cluster is an ensemble in a test, which fails with it.
type cluster struct {
	*process.Ensemble
	t *testing.T
}

// newCluster returns an ensemble that has not been started. It is killed at the test's end, and its
// logs are shown if the test failed.
func newCluster(t *testing.T, shape process.Shape) *cluster {
	t.Helper()
	// The least segments there may be: they are written full of zeros before they are used.
	shape.Args = append([]string{"--segment-size", "4160KiB"}, shape.Args...)
	e, err := process.NewEnsemble(binary(), t.TempDir(), shape)
	if err != nil {
		t.Fatal(err)
	}
	c := &cluster{Ensemble: e, t: t}
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
		if t.Failed() {
			c.report()
		}
	})
	return c
}

// startCluster returns an ensemble of which all servers serve and count.
func startCluster(t *testing.T, shape process.Shape) *cluster {
	t.Helper()
	c := newCluster(t, shape)
	c.startAll()
	return c
}

// startAll starts those servers that do not run, and returns when all serve and count.
func (c *cluster) startAll() process.View {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), patience)
	defer cancel()
	if err := c.Start(ctx); err != nil {
		c.t.Fatal(err)
	}
	return c.await("all servers serve", process.View.Complete)
}

// start starts one server.
func (c *cluster) start(m *process.Member) {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), patience)
	defer cancel()
	if err := m.Start(ctx); err != nil {
		c.t.Fatalf("server %d: %v", m.ID, err)
	}
}

// await returns what the servers say once it is what is expected, soon.
func (c *cluster) await(what string, holds func(process.View) bool) process.View {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), patience)
	defer cancel()
	v, err := c.Await(ctx, what, holds)
	if err != nil {
		c.t.Fatal(err)
	}
	return v
}

// leader returns who leads, once somebody does.
func (c *cluster) leader() *process.Member {
	c.t.Helper()
	v := c.await("there is a leader", func(v process.View) bool { return v.Leader() != nil })
	return c.Member(v.Leader().GetId())
}

// follower returns the voter of the least id that does not lead.
func (c *cluster) follower() *process.Member {
	c.t.Helper()
	return c.Others(c.leader())[0]
}

// client returns a client of all servers, which begins with one of them.
func (c *cluster) client(first int) *client.Client {
	c.t.Helper()
	cl, err := c.Dial(first)
	if err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(func() { _ = cl.Close() })
	return cl
}

// do repeats a call until it succeeds or fails for good.
func (c *cluster) do(what string, call func(ctx context.Context) error) {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), patience)
	defer cancel()
	for {
		err := call(ctx)
		switch {
		case err == nil:
			return
		case ctx.Err() != nil || !passing(err):
			c.t.Fatalf("%s: %v", what, err)
		}
		pause(ctx, retryPause)
	}
}

// passing tells whether an error is one that a failover brings with it.
func passing(err error) bool {
	return errors.Is(err, client.ErrUnavailable) || errors.Is(err, client.ErrUnknownOutcome) ||
		errors.Is(err, client.ErrOverloaded) || errors.Is(err, client.ErrTimeout)
}

// pause waits for d, or for ctx to end.
func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// create creates a node, or finds it there.
func (c *cluster) create(cl *client.Client, path string, data []byte) {
	c.t.Helper()
	c.do("create "+path, func(ctx context.Context) error {
		_, err := cl.Keeper().Create(ctx, &apiv1.CreateRequest{Path: path, Data: data})
		if errors.Is(err, client.ErrNodeExists) {
			return nil
		}
		return err
	})
}

// report shows the ends of the servers' logs, and leaves the whole in files.
func (c *cluster) report() {
	dir := c.t.ArtifactDir()
	for _, m := range c.Members {
		var all []string
		for _, l := range m.Lines() {
			all = append(all, l.Text)
		}
		name := filepath.Join(dir, fmt.Sprintf("server-%d.log", m.ID))
		if err := os.WriteFile(name, []byte(strings.Join(all, "\n")+"\n"), 0o666); err != nil {
			c.t.Error(err)
		}
	}
	c.t.Logf("the last of what the servers logged (all of it with -artifacts, in %s):\n%s", dir, c.Log(logShown))
}
