package pipeline_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/quorate/quorate/peer"
	"github.com/quorate/quorate/server/pipeline"
	"github.com/quorate/quorate/store"
	"github.com/quorate/quorate/store/fault"
	"github.com/quorate/quorate/store/tree"
	"github.com/quorate/quorate/store/txn"
	"github.com/quorate/quorate/store/vfs"
	"github.com/quorate/quorate/store/wal"
)

// server is one life of a server, up to its pipeline, in virtual time.
type server struct {
	t     *testing.T
	store *store.Store
	peer  *peer.Peer
	pipe  *pipeline.Pipeline
	// stops end pipeline, peer and store, in this order, each waiting for its end.
	stops []func()

	mu struct {
		sync.Mutex
		touched []txn.SessionID
	}
}

func boot(t *testing.T, fs vfs.FS, also ...func(*pipeline.Config)) *server {
	t.Helper()
	s := prepare(t, fs, also...)
	s.run(func(ctx context.Context) { _ = s.pipe.Run(ctx) })
	s.run(func(ctx context.Context) { _ = s.peer.Run(ctx) })
	s.run(func(ctx context.Context) { _ = s.store.Run(ctx) })
	synctest.Wait()
	return s
}

// prepare makes a server of which nothing runs.
func prepare(t *testing.T, fs vfs.FS, also ...func(*pipeline.Config)) *server {
	t.Helper()
	random := locked(rand.New(rand.NewPCG(7, 8)))
	st, err := store.Open(context.Background(), store.Config{
		FS: fs, Dir: "/data", Server: 1, SegmentSize: wal.MinSegmentSize, Reserve: -1, Random: random,
	})
	if err != nil {
		t.Fatal(err)
	}
	s := &server{t: t, store: st}
	if s.peer, err = peer.New(peer.Config{ID: 1, Members: []txn.Member{{ID: 1}}, Store: st, Random: random}); err != nil {
		t.Fatal(err)
	}
	s.assemble(also...)
	return s
}

// assemble puts the pipeline on the peer.
func (s *server) assemble(also ...func(*pipeline.Config)) {
	c := pipeline.Config{Peer: s.peer, Store: s.store, Touched: s.collect}
	for _, change := range also {
		change(&c)
	}
	s.pipe = pipeline.New(c)
	s.peer.Handle(s.pipe.Forwarded)
	s.peer.HandleTouches(s.collect, s.pipe.Heard)
}

func locked(rng *rand.Rand) func() uint64 {
	var mu sync.Mutex
	return func() uint64 { mu.Lock(); defer mu.Unlock(); return rng.Uint64() }
}

func (s *server) run(f func(context.Context)) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); f(ctx) }()
	s.stops = append(s.stops, func() { cancel(); <-done })
}

func (s *server) down() {
	for _, stop := range s.stops {
		stop()
	}
	_ = s.store.Close()
}

func (s *server) submit(op tree.Request) (pipeline.Reply, error) {
	return s.pipe.Submit(context.Background(), pipeline.Request{Op: op})
}

func (s *server) mustCreate(path string) pipeline.Reply {
	s.t.Helper()
	r, err := s.submit(create(path))
	if err != nil {
		s.t.Fatalf("create %s: %v", path, err)
	}
	return r
}

func create(path string) *tree.CreateRequest {
	return &tree.CreateRequest{Path: path, ACL: tree.OpenACL(), Data: make([]byte, 100)}
}

func TestSubmitAnswersWhenReadsSeeIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := boot(t, vfs.NewMem())
		defer s.down()
		r := s.mustCreate("/a")
		n, ok := s.pipe.Version().Get("/a")
		if !ok || n.Stat().Czxid != r.Zxid || s.pipe.Version().Zxid() < r.Zxid {
			t.Errorf("answered at %v, reads are at %v", r.Zxid, s.pipe.Version().Zxid())
		}
		if len(r.Results) != 1 || r.Results[0].Path != "/a" || r.Results[0].Stat != n.Stat() {
			t.Errorf("results %+v, the node has %+v", r.Results, n.Stat())
		}
	})
}

// TestRefusalWaitsForItsTip: that /a exists is known only because of a creation
// that is not durable yet. The refusal must not be heard before it is.
func TestRefusalWaitsForItsTip(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gate := make(chan struct{})
		holding := false
		disk := vfs.NewFaults(vfs.NewMem(), func(op vfs.Op) error {
			if holding && op.Kind == vfs.OpSync {
				<-gate
			}
			return nil
		})
		s := boot(t, disk)
		defer s.down()
		holding = true
		var answers atomic.Int32
		var errs [2]error
		var wg sync.WaitGroup
		for i := range errs {
			wg.Go(func() { _, errs[i] = s.submit(create("/a")); answers.Add(1) })
			synctest.Wait()
		}
		if n := answers.Load(); n != 0 {
			t.Fatalf("%d answers while the disk is busy", n)
		}
		close(gate)
		wg.Wait()
		first, second := errs[0], errs[1]
		if first != nil || !fault.Is(second, fault.NodeExists) {
			t.Errorf("%v, %v; want no error, then a refusal", first, second)
		}
		var f *fault.Error
		if errors.As(second, &f) && f.Zxid != s.pipe.Version().Zxid() {
			t.Errorf("refused at %v, reads are at %v", f.Zxid, s.pipe.Version().Zxid())
		}
	})
}

// TestBatchesGrowWithTheLoad: what comes while the disk is busy goes as one batch.
func TestBatchesGrowWithTheLoad(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gate, holding := make(chan struct{}), false
		disk := vfs.NewFaults(vfs.NewMem(), func(op vfs.Op) error {
			if holding && op.Kind == vfs.OpSync {
				<-gate
			}
			return nil
		})
		var batches []int
		s := boot(t, disk, func(c *pipeline.Config) {
			c.Events.Proposed = func(requests, txns, bytes int) { batches = append(batches, requests) }
		})
		defer s.down()
		holding = true
		for i := range 100 {
			go func() { s.mustCreate(fmt.Sprintf("/%03d", i)) }()
			synctest.Wait()
		}
		close(gate)
		synctest.Wait()
		if got := fmt.Sprint(batches); got != "[1 1 98]" {
			t.Errorf("batches of %s, want one on the disk, one behind it, and the rest as one", got)
		}
	})
}

func TestMultiHasAResultForEachOperation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := boot(t, vfs.NewMem())
		defer s.down()
		s.mustCreate("/a")
		r, err := s.submit(&tree.MultiRequest{Ops: []tree.Request{
			&tree.CheckRequest{Path: "/a", Version: 0},
			create("/a/b"),
			&tree.CheckRequest{Path: "/a/b", Version: tree.AnyVersion},
			&tree.SetRequest{Path: "/a/b", Version: 0},
			&tree.DeleteRequest{Path: "/a/b", Version: 1},
		}})
		if err != nil {
			t.Fatal(err)
		}
		var paths []string
		for _, res := range r.Results {
			paths = append(paths, res.Path)
		}
		if got := fmt.Sprintf("%q", paths); got != `["" "/a/b" "" "/a/b" "/a/b"]` {
			t.Errorf("results for %s", got)
		}
		_, err = s.submit(&tree.MultiRequest{Ops: []tree.Request{create("/c"), create("/missing/d")}})
		var f *fault.Error
		if !errors.As(err, &f) || f.Kind != fault.NoParent || f.Op != 2 {
			t.Errorf("got %v, want operation 2 refused", err)
		}
		if _, ok := s.pipe.Version().Get("/c"); ok {
			t.Error("half of a Multi was carried out")
		}
	})
}

func TestQueueIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := prepare(t, vfs.NewMem(), func(c *pipeline.Config) { c.Outstanding = 1 })
		ctx, cancel := context.WithCancel(t.Context())
		go func() { _, _ = s.pipe.Submit(ctx, pipeline.Request{Op: create("/a")}) }()
		synctest.Wait()
		_, err := s.submit(create("/b"))
		var f *fault.Error
		if !errors.As(err, &f) || f.Kind != fault.Overloaded || f.RetryAfter == 0 {
			t.Errorf("got %v, want OVERLOADED with a time to come back", err)
		}
		cancel()
		synctest.Wait()
		_ = s.store.Close()
	})
}

// What waits is bounded in memory too, and what is done makes room.
func TestMemoryIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gate, holding := make(chan struct{}), atomic.Bool{}
		disk := vfs.NewFaults(vfs.NewMem(), func(op vfs.Op) error {
			if holding.Load() && op.Kind == vfs.OpSync {
				<-gate
			}
			return nil
		})
		s := boot(t, disk, func(c *pipeline.Config) { c.Bytes = 10_000 })
		defer s.down()
		holding.Store(true)
		large := func(path string, size int) pipeline.Request {
			return pipeline.Request{Op: &tree.CreateRequest{Path: path, ACL: tree.OpenACL(), Data: make([]byte, size)}}
		}
		errs := make(chan error, 3)
		for i := range 3 {
			s.pipe.Start(large(fmt.Sprint("/", i), 4000), func(_ pipeline.Reply, err error) { errs <- err })
		}
		if err := <-errs; !fault.Is(err, fault.Overloaded) {
			t.Fatalf("the third: %v", err)
		}
		close(gate)
		for range 2 {
			if err := <-errs; err != nil {
				t.Error(err)
			}
		}
		for i := range 10 {
			if _, err := s.pipe.Submit(t.Context(), large(fmt.Sprint("/again", i), 4000)); err != nil {
				t.Error(err)
			}
		}
		if _, err := s.pipe.Submit(t.Context(), large("/huge", 20_000)); !fault.Is(err, fault.Overloaded) {
			t.Errorf("more than there is room for: %v", err)
		}
	})
}

func TestGivingUpIsAnUnknownOutcome(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := prepare(t, vfs.NewMem())
		ctx, cancel := context.WithCancel(t.Context())
		var err error
		go func() { _, err = s.pipe.Submit(ctx, pipeline.Request{Op: create("/a")}) }()
		synctest.Wait()
		cancel()
		synctest.Wait()
		if !fault.Is(err, fault.Unknown) || !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
		_ = s.store.Close()
	})
}

// TestStopAnswersEverybody: what was proposed is finished, what was not is refused.
func TestStopAnswersEverybody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := boot(t, vfs.NewMem())
		outcomes := map[string]int{}
		var mu sync.Mutex
		for i := range 200 {
			go func() {
				_, err := s.submit(create(fmt.Sprintf("/%03d", i)))
				mu.Lock()
				defer mu.Unlock()
				switch {
				case err == nil:
					outcomes["done"]++
				case fault.Is(err, fault.Unavailable):
					outcomes["refused"]++
				default:
					t.Errorf("%v", err)
				}
			}()
		}
		s.down()
		synctest.Wait()
		if outcomes["done"]+outcomes["refused"] != 200 {
			t.Errorf("outcomes %v of 200", outcomes)
		}
		if children := s.pipe.Version().Len() - tree.New().Len(); children != outcomes["done"] {
			t.Errorf("%d nodes for %d acknowledged creations", children, outcomes["done"])
		}
		if _, err := s.submit(create("/late")); !fault.Is(err, fault.Unavailable) {
			t.Errorf("after the stop: %v", err)
		}
	})
}

// TestFullDisk: writes are refused, reads go on, nothing acknowledged is lost, and
// writes come back when there is room.
func TestFullDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		disk := vfs.NewMem()
		s := boot(t, disk)
		disk.SetLimit(5 * wal.MinSegmentSize)
		acked := 0
		var err error
		for err == nil {
			if _, err = s.submit(create(fmt.Sprintf("/%06d", acked))); err == nil {
				acked++
			}
		}
		var f *fault.Error
		if !errors.As(err, &f) || f.Kind != fault.NoSpace || f.RetryAfter == 0 {
			t.Fatalf("after %d writes: %v; want NO_SPACE with a time to come back", acked, err)
		}
		if acked < 100 {
			t.Errorf("full after %d writes only", acked)
		}
		for i := range acked {
			if _, ok := s.pipe.Version().Get(fmt.Sprintf("/%06d", i)); !ok {
				t.Fatalf("write %d was acknowledged and cannot be read", i)
			}
		}
		if _, err := s.submit(create("/full")); !fault.Is(err, fault.NoSpace) {
			t.Errorf("still full: %v", err)
		}
		disk.SetLimit(100 * wal.MinSegmentSize)
		for now := s.peer.Standing(); now.Term == nil; now = s.peer.Standing() {
			<-now.Changed
		}
		s.mustCreate("/room")
		s.down()
		reopened := boot(t, disk.CrashClone(nil, vfs.KeepSynced))
		defer reopened.down()
		for i := range acked {
			if _, ok := reopened.pipe.Version().Get(fmt.Sprintf("/%06d", i)); !ok {
				t.Fatalf("write %d was acknowledged and is lost", i)
			}
		}
	})
}

// TestPowerCutsUnderWriters cuts the power at random moments under eight writers
// and finds whatever was acknowledged by then.
func TestPowerCutsUnderWriters(t *testing.T) {
	for seed := range uint64(20) {
		synctest.Test(t, func(t *testing.T) { powerCut(t, seed) })
	}
}

func powerCut(t *testing.T, seed uint64) {
	rng := rand.New(rand.NewPCG(seed, 9))
	disk := vfs.NewMem()
	var mu sync.Mutex
	acked := map[string]txn.Zxid{}
	var clone *vfs.Mem
	var held map[string]txn.Zxid
	ops, cut := 0, 40+rng.IntN(200)
	faulty := vfs.NewFaults(disk, func(vfs.Op) error {
		mu.Lock()
		defer mu.Unlock()
		if ops++; ops == cut {
			held = map[string]txn.Zxid{}
			for path, z := range acked {
				held[path] = z
			}
			clone = disk.CrashClone(rng, vfs.KeepSome)
		}
		return nil
	})
	s := boot(t, faulty)
	var wg sync.WaitGroup
	for w := range 8 {
		wg.Go(func() {
			for i := range 60 {
				path := fmt.Sprintf("/w%d-%d", w, i)
				r := s.mustCreate(path)
				mu.Lock()
				acked[path] = r.Zxid
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	s.down()
	if clone == nil {
		t.Fatalf("seed %d: only %d operations, none was the %dth", seed, ops, cut)
	}
	after := boot(t, clone)
	defer after.down()
	for path, z := range held {
		n, ok := after.pipe.Version().Get(path)
		if !ok || n.Stat().Czxid != z {
			t.Errorf("seed %d: %s was acknowledged as %v and is lost", seed, path, z)
		}
	}
}
