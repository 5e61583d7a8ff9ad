package process_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/quorate/quorate/client"
	apiv1 "github.com/quorate/quorate/gen/quorate/api/v1"
)

// callLimit is how long a writer waits for an answer. A server that was killed ends its connections at
// once; one that was paused does not.
const callLimit = 2 * time.Second

// hammer is writers that write without a pause, each on one server as long as that answers, and what
// they notice of a failover.
type hammer struct {
	c       *cluster
	clients []*client.Client
	stop    context.CancelFunc
	wg      sync.WaitGroup

	mu struct {
		sync.Mutex
		writes  int
		failed  map[string]int // calls, by what their errors say
		last    time.Time      // when the last write succeeded
		longest span           // without a successful write, since mark
		watched time.Time      // when watch was called
		waiting map[int]bool   // writers that have not begun and made a write since
		all     chan struct{}  // closed when there is none
	}
}

// span is a stretch of time.
type span struct{ from, to time.Time }

func (s span) length() time.Duration { return s.to.Sub(s.from) }

// strike starts writers, on all servers in turn. They stop at the test's end at the latest.
func strike(c *cluster, writers int) *hammer {
	c.t.Helper()
	h := &hammer{c: c}
	for i := range writers {
		h.clients = append(h.clients, c.client(i))
		c.create(h.clients[i], h.path(i), nil)
	}
	h.mu.failed = map[string]int{}
	h.mark()
	var ctx context.Context
	ctx, h.stop = context.WithCancel(context.Background())
	for i := range writers {
		h.wg.Go(func() { h.write(ctx, i) })
	}
	c.t.Cleanup(h.end)
	return h
}

func (h *hammer) path(writer int) string { return fmt.Sprintf("/writer-%d", writer) }

// end stops the writers.
func (h *hammer) end() {
	h.stop()
	h.wg.Wait()
}

// write is one writer.
func (h *hammer) write(ctx context.Context, i int) {
	for n := 0; ctx.Err() == nil; n++ {
		call, cancel := context.WithTimeout(ctx, patience) // no server is paused meanwhile
		began := time.Now()
		_, err := h.clients[i].Keeper().Set(call, &apiv1.SetRequest{Path: h.path(i), Data: fmt.Appendf(nil, "%0100d", n)})
		cancel()
		switch {
		case err == nil:
			h.hit(i, began)
		case ctx.Err() != nil:
		case passing(err):
			h.missed(err)
			pause(ctx, retryPause)
		default:
			h.c.t.Errorf("writer %d: %v", i, err)
			return
		}
	}
}

// hit notes a success of a write that began at a time.
func (h *hammer) hit(i int, began time.Time) {
	now := time.Now()
	h.mu.Lock()
	defer h.mu.Unlock()
	h.mu.writes++
	if s := (span{h.mu.last, now}); s.length() > h.mu.longest.length() {
		h.mu.longest = s
	}
	h.mu.last = now
	if h.mu.waiting[i] && began.After(h.mu.watched) {
		delete(h.mu.waiting, i)
		if len(h.mu.waiting) == 0 {
			close(h.mu.all)
		}
	}
}

func (h *hammer) missed(err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.mu.failed[kind(err)]++
}

// kind names one of the errors that are passing.
func kind(err error) string {
	for _, k := range []error{client.ErrUnavailable, client.ErrUnknownOutcome, client.ErrOverloaded, client.ErrTimeout} {
		if errors.Is(err, k) {
			return k.Error()
		}
	}
	return err.Error()
}

// mark begins to measure anew.
func (h *hammer) mark() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.mu.last, h.mu.longest = time.Now(), span{}
}

// watch returns a channel that is closed when every writer has begun and made a write.
func (h *hammer) watch() <-chan struct{} {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.mu.watched, h.mu.waiting, h.mu.all = time.Now(), map[int]bool{}, make(chan struct{})
	for i := range h.clients {
		h.mu.waiting[i] = true
	}
	return h.mu.all
}

// awaitAll returns when every writer has begun and made a write from now on.
func (h *hammer) awaitAll() {
	h.c.t.Helper()
	all := h.watch()
	select {
	case <-all:
	case <-time.After(patience):
		h.c.t.Fatalf("a writer has had no success for %v:\n%s", patience, h.c.Look(h.c.t.Context()))
	}
}

// longest returns the longest time without a successful write since mark, of which the last may go on.
func (h *hammer) longest() span {
	h.mu.Lock()
	defer h.mu.Unlock()
	if s := (span{h.mu.last, time.Now()}); s.length() > h.mu.longest.length() {
		return s
	}
	return h.mu.longest
}

// count returns the number of writes.
func (h *hammer) count() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.mu.writes
}

// summary tells what the writers have met.
func (h *hammer) summary() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	s := fmt.Sprintf("%d writes", h.mu.writes)
	for _, k := range slices.Sorted(maps.Keys(h.mu.failed)) {
		s += fmt.Sprintf("; %q %d times", k, h.mu.failed[k])
	}
	return s
}

// fill makes a number of nodes with so many bytes of data each, in folders below path.
func fill(c *cluster, path string, nodes, size int) {
	c.t.Helper()
	folder := min(1000, (2<<20)/size) // one Multi each, which has a bound
	cl := c.client(int(c.leader().ID) - 1)
	c.create(cl, path, nil)
	g, ctx := errgroup.WithContext(c.t.Context())
	g.SetLimit(4)
	for first := 0; first < nodes; first += folder {
		g.Go(func() error {
			_, err := cl.Keeper().Multi(ctx, folderOf(path, first, min(folder, nodes-first), size))
			return err
		})
	}
	if err := g.Wait(); err != nil {
		c.t.Fatal(err)
	}
}

// folderOf is a request for a folder with some of the nodes.
func folderOf(path string, first, nodes, size int) *apiv1.MultiRequest {
	dir, data := fmt.Sprintf("%s/%07d", path, first), make([]byte, size)
	r := &apiv1.MultiRequest{Ops: []*apiv1.MultiOp{createOp(dir, nil)}}
	for i := range nodes {
		r.Ops = append(r.Ops, createOp(fmt.Sprintf("%s/%03d", dir, i), data))
	}
	return r
}

func createOp(path string, data []byte) *apiv1.MultiOp {
	return &apiv1.MultiOp{Op: &apiv1.MultiOp_Create{Create: &apiv1.CreateRequest{Path: path, Data: data}}}
}
