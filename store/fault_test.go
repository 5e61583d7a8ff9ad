package store

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/quorate/quorate/store/epochs"
	"github.com/quorate/quorate/store/snap"
	"github.com/quorate/quorate/store/txn"
	"github.com/quorate/quorate/store/vfs"
)

// model is what a store may be found to hold after a crash.
type model struct {
	sync.Mutex
	digests map[txn.Zxid]uint64 // the tree after each txn that may be in the log
	floor   txn.Zxid            // the log reaches at least this far
	promise epochs.Record       // acknowledged
}

func newModel() *model { return &model{digests: map[txn.Zxid]uint64{0: openDigest()}} }

func (m *model) proposed(d *driver) {
	m.Lock()
	defer m.Unlock()
	m.digests[d.tip.Zxid()] = d.tip.Digest()
}

// acked records that the log reaches z.
func (m *model) acked(z txn.Zxid) {
	m.Lock()
	defer m.Unlock()
	m.floor = max(m.floor, z)
}

// cutting records that what is after z is about to go, cut that it has gone.
func (m *model) cutting(z txn.Zxid) {
	m.Lock()
	defer m.Unlock()
	m.floor = min(m.floor, z)
}

func (m *model) cut(z txn.Zxid) {
	m.Lock()
	defer m.Unlock()
	for at := range m.digests {
		if at > z {
			delete(m.digests, at)
		}
	}
}

// claim is what a model says at one moment.
type claim struct {
	*model
	floor   txn.Zxid
	promise epochs.Record
	before  map[txn.Zxid]uint64 // what may be found though it is cut by now
}

// claim returns what holds from now on for a crash that follows.
func (m *model) claim() claim {
	m.Lock()
	defer m.Unlock()
	return claim{model: m, floor: m.floor, promise: m.promise, before: maps.Clone(m.digests)}
}

// holds compares a store, as it was found, with the claim.
func (c claim) holds(s *Store) error {
	at := s.Version()
	if err := c.knows(at.Zxid(), at.Digest()); err != nil {
		return fmt.Errorf("recovered: %w", err)
	}
	tip := at.Edit()
	for t, err := range s.Tail() {
		if err == nil {
			_, err = tip.ApplyChecked(t)
		}
		if err == nil {
			err = c.knows(t.Zxid, tip.Digest())
		}
		if err != nil {
			return fmt.Errorf("tail: %w", err)
		}
	}
	if got := s.Epochs(); got.Accepted < c.promise.Accepted || got.Current < c.promise.Current {
		return fmt.Errorf("promised %+v, found %+v", c.promise, got)
	}
	if s.Last() < c.floor || tip.Zxid() != s.Last() {
		return fmt.Errorf("the log ends at %s and the tail at %s, acknowledged is %s", s.Last(), tip.Zxid(), c.floor)
	}
	return nil
}

func (c claim) knows(z txn.Zxid, digest uint64) error {
	c.Lock()
	defer c.Unlock()
	now, ok := c.digests[z]
	before, ok2 := c.before[z]
	if (ok && digest == now) || (ok2 && digest == before) {
		return nil
	}
	return fmt.Errorf("%s with digest %016x; the model has %016x (%v) and had %016x (%v)", z, digest, now, ok, before, ok2)
}

// life is a workload that does everything a store can do, twice opened.
type life struct {
	model *model
	cfg   Config
	soft  error // what failed without ending it
}

// workConfig has segments that hold a few txns, so that rolling and purging happen often.
func workConfig(fs vfs.FS) Config {
	cfg := config(fs)
	cfg.Retain = 2
	return cfg
}

const workSize = 14 << 10

func (l *life) run() error {
	if err := l.open(1, l.first); err != nil {
		return err
	}
	return l.open(2, l.second)
}

// open opens the store, leads an epoch in it, and closes it.
func (l *life) open(e txn.Epoch, work func(*Store, *driver) error) error {
	var soft []error
	var mu sync.Mutex
	note := func(err error) { mu.Lock(); defer mu.Unlock(); soft = append(soft, err) }
	l.cfg.Events.SnapshotFailed = func(err error, _ time.Duration) { note(err) }
	l.cfg.Events.SnapshotSkipped = func(_ string, err error) { note(err) }
	l.cfg.Events.TidyFailed = note
	l.cfg.Events.Log.Poisoned = note
	l.cfg.Events.Log.Full = note
	s, err := Open(context.Background(), l.cfg)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	err = l.lead(s, e, work)
	cancel()
	err = errors.Join(err, <-done, s.Close())
	mu.Lock()
	defer mu.Unlock()
	l.soft = errors.Join(append(soft, l.soft)...)
	return err
}

func (l *life) lead(s *Store, e txn.Epoch, work func(*Store, *driver) error) error {
	r := epochs.Record{Accepted: e, From: 1, Incarnation: uint64(e), Current: e}
	if err := s.SetEpochs(r); err != nil {
		return err
	}
	l.model.Lock()
	l.model.promise = r
	l.model.Unlock()
	d, err := newDriver(s, e)
	if err != nil {
		return err
	}
	d.size = workSize
	return work(s, d)
}

func (l *life) write(d *driver, n int) error {
	for range n {
		if err := l.propose(d, 1); err != nil {
			return err
		}
		if err := d.commit(); err != nil {
			return err
		}
		l.model.acked(d.Version().Zxid())
	}
	return nil
}

func (l *life) propose(d *driver, n int) error {
	for range n {
		d.digest = func() { l.model.proposed(d) }
		if err := d.propose(1); err != nil {
			return err
		}
	}
	return nil
}

// snapshot may fail: traffic goes on.
func (l *life) snapshot(s *Store) {
	if _, err := s.Snapshot(context.Background()); err != nil {
		l.soft = errors.Join(l.soft, err)
	}
}

func (l *life) first(s *Store, d *driver) error {
	if err := errors.Join(s.SetEnsemble(9), l.write(d, 6)); err != nil {
		return err
	}
	l.snapshot(s)
	if err := errors.Join(l.write(d, 6), s.RenewStorage()); err != nil {
		return err
	}
	l.snapshot(s)
	if err := l.write(d, 3); err != nil {
		return err
	}
	l.snapshot(s) // the first one goes now, and the log it needed
	return l.propose(d, 3)
}

func (l *life) second(s *Store, d *driver) error {
	if err := l.write(d, 3); err != nil {
		return err
	}
	at := s.Version().Zxid()
	if err := errors.Join(l.propose(d, 4), s.Sync(context.Background())); err != nil {
		return err
	}
	l.model.acked(s.Last())
	l.model.cutting(at)
	if err := s.TruncateAfter(context.Background(), at); err != nil {
		return err
	}
	l.model.cut(at)
	d, err := newDriver(s, 3)
	if err != nil {
		return err
	}
	d.size = workSize
	if err := l.write(d, 4); err != nil {
		return err
	}
	l.snapshot(s)
	return l.write(d, 2)
}

// A power cut at any operation of a life loses nothing that was acknowledged and brings
// back nothing that was cut: the store opens, and its tree is that of the model.
func TestCrashAtEveryOperation(t *testing.T) {
	mem := emptyDisk(t)
	m := newModel()
	var mu sync.Mutex // guards rng and crashes, and keeps the clones in order
	rng := rand.New(rand.NewPCG(11, 12))
	crashes := 0
	fs := vfs.NewFaults(mem, func(op vfs.Op) error {
		if !op.Changes() {
			return nil
		}
		mu.Lock()
		defer mu.Unlock()
		mode := vfs.CrashMode(crashes % 3)
		crashes++
		claim := m.claim()
		s, err := Open(context.Background(), workConfig(mem.CrashClone(rng, mode)))
		if err != nil {
			t.Errorf("mode %d, before %s %s: %v", mode, op.Kind, op.Name, err)
			return nil
		}
		if err := errors.Join(claim.holds(s), s.Close()); err != nil {
			t.Errorf("mode %d, before %s %s: %v", mode, op.Kind, op.Name, err)
		}
		return nil
	})
	l := &life{model: m, cfg: workConfig(fs)}
	must(t, errors.Join(l.run(), l.soft))
	if crashes < 200 {
		t.Fatalf("only %d crashes were tried", crashes)
	}
	t.Logf("%d crashes", crashes)
}

// mayBeLost tells of errors that nobody need hear of: of closing what has been synced, and of
// a segment that was being prepared when the log stopped.
func mayBeLost(op *vfs.Op) bool {
	return op.Kind == vfs.OpClose || strings.Contains(op.Name, "/log/next") || strings.HasSuffix(op.Name, "/log") ||
		op.Kind == vfs.OpRename && strings.Contains(op.Name, "/log/")
}

// An error at any operation of a life is reported; reopened, before and after a power
// cut, the store is that of the model.
func TestErrorAtEveryOperation(t *testing.T) {
	boom := errors.New("boom")
	step := int64(1)
	if testing.Short() {
		step = 7
	}
	for k := int64(1); ; k += step {
		mem := emptyDisk(t)
		m := newModel()
		var hit atomic.Pointer[vfs.Op]
		fs := vfs.NewFaults(mem, func(op vfs.Op) error {
			if op.N == k {
				hit.Store(&op)
				return boom
			}
			return nil
		})
		l := &life{model: m, cfg: workConfig(fs)}
		err := errors.Join(l.run(), l.soft)
		op := hit.Load()
		if op == nil {
			must(t, err)
			t.Logf("%d operations", k)
			return
		}
		if !errors.Is(err, boom) && !mayBeLost(op) {
			t.Fatalf("the error of operation %d (%s %s) was lost: %v", k, op.Kind, op.Name, err)
		}
		claim := m.claim()
		for _, disk := range []*vfs.Mem{mem.CrashClone(nil, vfs.KeepSynced), mem.CrashClone(nil, vfs.KeepAll)} {
			s, err := Open(context.Background(), workConfig(disk))
			if err != nil {
				t.Fatalf("after an error of operation %d (%s %s): %v", k, op.Kind, op.Name, err)
			}
			if err := errors.Join(claim.holds(s), s.Close()); err != nil {
				t.Fatalf("after an error of operation %d (%s %s): %v", k, op.Kind, op.Name, err)
			}
			files, err := snap.List(disk, s.snapDir())
			must(t, err)
			for _, f := range files {
				if _, _, err := snap.Load(disk, f.Path); err != nil {
					t.Fatalf("operation %d (%s %s) left %v", k, op.Kind, op.Name, err)
				}
			}
		}
	}
}
