package process_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/quorate/quorate/client"
	apiv1 "github.com/quorate/quorate/gen/quorate/api/v1"
)

// TestKillNine kills a real server with SIGKILL, again and again, while writers
// write, and after each restart finds every acknowledged write at its version.
func TestKillNine(t *testing.T) {
	kills := 20
	if testing.Short() {
		kills = 3
	}
	const writers = 8
	addr, dir := address(t), t.TempDir()
	// The smallest segments and the most frequent snapshots, so that rolls, purges and snapshots are hit too.
	args := []string{"--data-dir", dir, "--segment-size", "4160KiB", "--snapshot-txns", "1000", "--snapshot-bytes", "1MiB"}

	var group []*writer
	for i := range writers {
		group = append(group, &writer{path: fmt.Sprintf("/writer-%d", i)})
	}
	rng := rand.New(rand.NewPCG(1, 2))
	for life := range kills + 1 {
		s := start(t, addr, args...)
		c, err := client.Dial([]string{addr})
		if err != nil {
			t.Fatal(err)
		}
		for _, w := range group {
			w.verify(t, c)
		}
		if life == kills {
			_ = c.Close()
			if code := s.Stop(); code != 0 {
				t.Errorf("exit code %d after SIGTERM\n%s", code, s.Output())
			}
			break
		}
		killUnderLoad(t, c, s.Kill, group, 20+rng.IntN(2000))
		_ = c.Close()
	}
	total := 0
	for _, w := range group {
		total += w.acked + len(w.created)
	}
	t.Logf("%d kills, %d acknowledged writes, all found", kills, total)
}

// killUnderLoad lets the writers write and kills the server after a number of
// acknowledged writes, in the middle of others.
func killUnderLoad(t *testing.T, c *client.Client, kill func(), group []*writer, after int) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var acked atomic.Int64
	enough := make(chan struct{})
	var wg sync.WaitGroup
	for _, w := range group {
		wg.Go(func() {
			for w.write(ctx, c) == nil {
				if acked.Add(1) == int64(after) {
					close(enough)
				}
			}
		})
	}
	<-enough
	kill()
	stop()
	wg.Wait()
}

// writer is one client and what it knows. Its node holds the number of writes to
// it, so data and version say the same.
type writer struct {
	path    string
	exists  bool
	acked   int   // the last number that was acknowledged
	unsure  bool  // whether the write after it may have happened
	created []int // numbered children whose creation was acknowledged
}

// write makes one write: every fourth creates a child, the others set the node.
func (w *writer) write(ctx context.Context, c *client.Client) error {
	if !w.exists {
		_, err := c.Keeper().Create(ctx, &apiv1.CreateRequest{Path: w.path, Data: []byte("0")})
		if err == nil || errors.Is(err, client.ErrNodeExists) {
			w.exists = true
			return nil
		}
		return err
	}
	if (w.acked+len(w.created))%4 == 3 {
		return w.create(ctx, c)
	}
	return w.set(ctx, c)
}

func (w *writer) create(ctx context.Context, c *client.Client) error {
	n := len(w.created)
	if n > 0 {
		n = w.created[n-1] + 1
	}
	_, err := c.Keeper().Create(ctx, &apiv1.CreateRequest{Path: fmt.Sprintf("%s/%06d", w.path, n)})
	if err == nil || errors.Is(err, client.ErrNodeExists) { // it exists if an unanswered try before a kill got through
		w.created = append(w.created, n)
		return nil
	}
	return err
}

func (w *writer) set(ctx context.Context, c *client.Client) error {
	next := w.acked + 1
	w.unsure = true
	_, err := c.Keeper().Set(ctx, &apiv1.SetRequest{Path: w.path, Data: []byte(strconv.Itoa(next))})
	if err == nil {
		w.acked, w.unsure = next, false
	}
	return err
}

// verify holds the server's tree against what was acknowledged.
func (w *writer) verify(t *testing.T, c *client.Client) {
	t.Helper()
	if !w.exists {
		return
	}
	got, err := c.Keeper().Get(t.Context(), &apiv1.GetRequest{Path: w.path})
	if err != nil {
		t.Fatalf("%s was acknowledged and is lost: %v", w.path, err)
	}
	n, err := strconv.Atoi(string(got.GetData()))
	if err != nil || n != int(got.GetStat().GetVersion()) {
		t.Fatalf("%s holds %q at version %d", w.path, got.GetData(), got.GetStat().GetVersion())
	}
	if n != w.acked && (!w.unsure || n != w.acked+1) {
		t.Fatalf("%s is at %d; acknowledged was %d (one more in doubt: %v)", w.path, n, w.acked, w.unsure)
	}
	w.acked, w.unsure = n, false
	w.verifyChildren(t, c)
}

func (w *writer) verifyChildren(t *testing.T, c *client.Client) {
	t.Helper()
	for _, n := range w.created {
		path := fmt.Sprintf("%s/%06d", w.path, n)
		got, err := c.Keeper().Exists(t.Context(), &apiv1.ExistsRequest{Path: path})
		if err != nil || got.GetStat() == nil {
			t.Fatalf("%s was acknowledged and is lost (%v)", path, err)
		}
		if v := got.GetStat().GetVersion(); v != 0 {
			t.Fatalf("%s is at version %d, want 0", path, v)
		}
	}
}
