package process_test

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	adminv1 "github.com/quorate/quorate/gen/quorate/admin/v1"
	apiv1 "github.com/quorate/quorate/gen/quorate/api/v1"
	"github.com/quorate/quorate/internal/process"
)

// bars are how long a synchronization may take, and what it may cost the leader in bytes of memory.
type bars struct {
	snap, diff time.Duration
	memory     int64
}

// TestSyncSpeed measures how long a follower that was wiped needs for a snapshot while writes go on, and what that
// costs the leader in memory; and how long one needs for a diff. `make syncspeed` does it with a
// tree of 1,000,000 nodes and 100,000 txns, and holds the results against the bars of issue 3.
func TestSyncSpeed(t *testing.T) {
	// More than a leader keeps of its log in memory, or the whole log is the shorter way.
	nodes, size, txns, b := 5_000, 5_000, 5_000, bars{10 * time.Second, 10 * time.Second, 1 << 30}
	args := lenient()
	if n := setting(t, "QUORATE_TEST_SYNC_NODES", 0); n > 0 {
		nodes, size, txns, b = n, 100, n/10, bars{3 * time.Second, time.Second, 64 << 20}
		args = append(args, "--segment-size", "64MiB")
	}
	c := startCluster(t, process.Shape{Voters: 3, Args: args})
	fill(c, "/filled", nodes, size)
	c.await("all servers are equal", process.View.Equal)
	snapUnderLoad(c, b)
	diff(c, txns, b)
}

// snapUnderLoad wipes a follower and lets it come back while writers write.
func snapUnderLoad(c *cluster, b bars) {
	c.t.Helper()
	m, lead := c.follower(), c.leader()
	m.Kill()
	if err := m.Wipe(); err != nil {
		c.t.Fatal(err)
	}
	h := strike(c, 8)
	defer h.end()
	quiet := cost(c.t, lead, func() { // what writing alone makes of it
		for range 500 {
			h.awaitAll()
		}
	})
	before, began := h.count(), time.Now()
	h.mark()
	busy := cost(c.t, lead, func() {
		c.start(m)
		c.wantKind(m, adminv1.SyncKind_SYNC_KIND_SNAP)
	})
	took := c.returned(m).GetSyncTook().AsDuration()
	c.t.Logf("SNAP took %v, %v from the process's start until it counts; meanwhile %d writes, at most %v without one", took, time.Since(began), h.count()-before, h.longest().length())
	c.t.Logf("the leader: %s while writing; %s while synchronizing", quiet, busy)
	c.t.Logf("the follower's process has used %v of CPU", cpu(c.t, m))
	if took > b.snap {
		c.t.Errorf("SNAP took %v, the bar is %v", took, b.snap)
	}
	if extra := busy.peak - quiet.peak; extra > b.memory {
		c.t.Errorf("the leader's memory grew by %d MB, the bar is %d MB", extra>>20, b.memory>>20)
	}
}

// diff stops a follower, makes a number of txns, and lets it come back.
func diff(c *cluster, txns int, b bars) {
	c.t.Helper()
	m := c.follower()
	m.Stop()
	write(c, txns)
	began := time.Now()
	c.start(m)
	c.wantKind(m, adminv1.SyncKind_SYNC_KIND_DIFF)
	l := c.returned(m)
	c.t.Logf("DIFF of %d txns took %v for %d bytes, %v from the process's start", txns, l.GetSyncTook().AsDuration(), l.GetSyncBytes(), time.Since(began))
	if took := l.GetSyncTook().AsDuration(); took > b.diff {
		c.t.Errorf("DIFF took %v, the bar is %v", took, b.diff)
	}
}

// write makes a number of txns, many at a time.
func write(c *cluster, txns int) {
	c.t.Helper()
	const writers = 64
	cl := c.client(int(c.leader().ID) - 1)
	g, ctx := errgroup.WithContext(c.t.Context())
	for i := range writers {
		path := fmt.Sprintf("/diff-%d", i)
		c.create(cl, path, nil)
		g.Go(func() error { return sets(ctx, cl.Keeper(), path, txns/writers) })
	}
	if err := g.Wait(); err != nil {
		c.t.Fatal(err)
	}
}

func sets(ctx context.Context, k apiv1.KeeperClient, path string, n int) error {
	for range n {
		if _, err := k.Set(ctx, &apiv1.SetRequest{Path: path, Data: make([]byte, 100)}); err != nil {
			return err
		}
	}
	return nil
}

// spent is what memory a process had resident, in bytes, and what time it computed.
type spent struct {
	before, peak, after int64
	cpu, took           time.Duration
}

func (s spent) String() string {
	return fmt.Sprintf("%d MB before, %d MB at most, %d MB after, %v of CPU in %v", s.before>>20, s.peak>>20, s.after>>20, s.cpu, s.took.Round(time.Millisecond))
}

// cost does something and returns what it cost a server.
func cost(t *testing.T, m *process.Member, do func()) spent {
	t.Helper()
	// 5 sets the peak back to what is resident: proc(5).
	if err := os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", m.Server().Pid()), []byte("5"), 0); err != nil {
		t.Fatal(err)
	}
	began, used := time.Now(), cpu(t, m)
	r := spent{before: resident(t, m, "VmRSS:")}
	do()
	r.peak, r.after = resident(t, m, "VmHWM:"), resident(t, m, "VmRSS:")
	r.cpu, r.took = cpu(t, m)-used, time.Since(began)
	return r
}

// resident reads a number of bytes from what Linux tells of a process.
func resident(t *testing.T, m *process.Member, name string) int64 {
	t.Helper()
	for line := range strings.Lines(proc(t, m, "status")) {
		if fields := strings.Fields(line); len(fields) == 3 && fields[0] == name {
			return number(t, fields[1]) << 10
		}
	}
	t.Fatalf("/proc/%d/status has no %s", m.Server().Pid(), name)
	return 0
}

// cpu returns the time that a server's process has computed, for itself and in the system.
func cpu(t *testing.T, m *process.Member) time.Duration {
	t.Helper()
	const tick = 10 * time.Millisecond // of proc(5), on every architecture that Go knows
	stat := proc(t, m, "stat")
	fields := strings.Fields(stat[strings.LastIndexByte(stat, ')')+1:]) // from the third on
	return time.Duration(number(t, fields[11])+number(t, fields[12])) * tick
}

func proc(t *testing.T, m *process.Member, file string) string {
	t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/%s", m.Server().Pid(), file))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func number(t *testing.T, s string) int64 {
	t.Helper()
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}
