package store

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/quorate/quorate/store/snap"
	"github.com/quorate/quorate/store/txn"
	"github.com/quorate/quorate/store/vfs"
)

// Snapshots are written by count, old ones go, and the log goes with them; what is left gives the same tree.
func TestBackgroundSnapshots(t *testing.T) {
	fs := emptyDisk(t)
	cfg := config(fs)
	cfg.SnapshotTxns, cfg.Retain = 100, 2
	wrote := make(chan txn.Zxid, 100)
	purged := make(chan struct{}, 100)
	cfg.Events.SnapshotWritten = func(i snap.Info, _ time.Duration) { wrote <- i.Zxid }
	cfg.Events.Log.Purged = func(string) { purged <- struct{}{} }
	s := openStore(t, cfg)
	stop := running(t, s)
	d := drive(t, s, 1)
	for range 6 {
		must(t, d.write(100))
		<-wrote
	}
	<-purged
	want := s.Version()
	stop()
	files, err := snap.List(fs, s.snapDir())
	must(t, err)
	if len(files) != 2 {
		t.Fatalf("%d snapshots are left", len(files))
	}
	s = openStore(t, cfg)
	stop = running(t, s)
	drive(t, s, 2)
	if !equal(s.Version(), want) || s.Stats().First <= 1 || s.Stats().First > files[1].Zxid+1 {
		t.Fatalf("tree at %s, log from %s, snapshots %v", s.Version().Zxid(), s.Stats().First, files)
	}
	stop()
}

// A large tree with few writes is not written over and over.
func TestSnapshotsByBytes(t *testing.T) {
	s := openStore(t, config(emptyDisk(t)))
	defer func() { must(t, s.Close()) }()
	n := s.snaps
	due := func() bool { n.mu.Lock(); defer n.mu.Unlock(); return n.dueLocked() }
	n.count(1, DefaultSnapshotBytes-1)
	if due() {
		t.Fatal("due too early")
	}
	n.count(1, 1)
	if !due() {
		t.Fatal("not due by bytes")
	}
	n.trust(snap.Info{Zxid: 5, Bytes: DefaultSnapshotBytes})
	if due() {
		t.Fatal("due before twice the last snapshot")
	}
	n.count(1, DefaultSnapshotBytes)
	if !due() {
		t.Fatal("not due at twice the last snapshot")
	}
	n.restart(snap.Info{Zxid: 6})
	n.count(DefaultSnapshotTxns, 0)
	if !due() {
		t.Fatal("not due by number")
	}
}

// TestStagger: three servers that apply the same are mostly far apart when they write, and never before their limits or
// later than half as much again.
func TestStagger(t *testing.T) {
	together := 0
	for z := txn.MakeZxid(1, 0); z < txn.MakeZxid(1, 500_000); z += 5003 {
		at := make([]float64, 3)
		for i := range at {
			at[i] = lateness(txn.ServerID(i+1), z)
			if at[i] < 0 || at[i] >= 0.5 {
				t.Fatalf("%v after %s", at[i], z)
			}
		}
		slices.Sort(at)
		if at[2]-at[0] < 0.05 {
			together++
		}
	}
	if together > 10 { // by chance 2.8 of 100
		t.Errorf("%d times of 100 all three write at once", together)
	}
}

// TestStaggeredIsDueLater: with a share of its limits, by number and by size.
func TestStaggeredIsDueLater(t *testing.T) {
	cfg := config(emptyDisk(t))
	cfg.Stagger, cfg.SnapshotTxns, cfg.SnapshotBytes = true, 1000, 1000
	later := int64(1000 * lateness(cfg.Server, 0))
	if later < 2 {
		t.Fatalf("server %d is not late at first: %d", cfg.Server, later)
	}
	for _, unit := range [][2]int64{{1, 0}, {0, 1}} {
		s := openStore(t, cfg)
		n := s.snaps
		due := func() bool { n.mu.Lock(); defer n.mu.Unlock(); return n.dueLocked() }
		n.count(unit[0]*(1000+later-1), unit[1]*(1000+later-1))
		if due() {
			t.Error("due too early")
		}
		n.count(unit[0], unit[1])
		if !due() {
			t.Error("not due")
		}
		must(t, s.Close())
	}
}

// Who asks while a snapshot is being written gets that one.
func TestSnapshotIsJoined(t *testing.T) {
	cfg := config(emptyDisk(t))
	writing, goOn := make(chan struct{}), make(chan struct{})
	cfg.Pace = func(context.Context, time.Duration) error {
		writing <- struct{}{}
		<-goOn
		return nil
	}
	var wrote atomic.Int32
	cfg.Events.SnapshotWritten = func(snap.Info, time.Duration) { wrote.Add(1) }
	s := openStore(t, cfg)
	stop := running(t, s)
	d := drive(t, s, 1)
	must(t, d.write(10))
	got := make(chan txn.Zxid, 2)
	ask := func() {
		z, err := s.Snapshot(context.Background())
		if err != nil {
			t.Error(err)
		}
		got <- z
	}
	go ask()
	<-writing
	must(t, d.write(10)) // traffic goes on meanwhile
	go ask()
	waiting := func() int { s.snaps.mu.Lock(); defer s.snaps.mu.Unlock(); return len(s.snaps.mu.waiters) }
	for waiting() < 2 {
		must(t, d.write(1))
	}
	close(goOn)
	if a, b := <-got, <-got; a != txn.MakeZxid(1, 10) || b != a || wrote.Load() != 1 {
		t.Fatalf("got %s and %s from %d writes", a, b, wrote.Load())
	}
	stop()
}

// A snapshot that fails is tried again after 1, 2, 4 … seconds, while traffic goes on.
func TestFailedSnapshotIsTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mem := emptyDisk(t)
		var broken atomic.Bool
		broken.Store(true)
		cfg := config(vfs.NewFaults(mem, func(op vfs.Op) error {
			if broken.Load() && op.Kind == vfs.OpWrite && strings.Contains(op.Name, "/snap/") {
				return vfs.ErrNoSpace
			}
			return nil
		}))
		cfg.SnapshotTxns = 10
		start := time.Now()
		var failed, retries []time.Duration
		var wrote time.Duration
		cfg.Events.SnapshotFailed = func(err error, retry time.Duration) {
			if !errors.Is(err, vfs.ErrNoSpace) {
				t.Error(err)
			}
			failed, retries = append(failed, time.Since(start)), append(retries, retry)
		}
		cfg.Events.SnapshotWritten = func(snap.Info, time.Duration) { wrote = time.Since(start) }
		s := openStore(t, cfg)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- s.Run(ctx) }()
		d := drive(t, s, 1)
		must(t, d.write(20))
		time.Sleep(4 * time.Second)
		must(t, d.write(20))
		broken.Store(false)
		time.Sleep(10 * time.Second)
		cancel()
		must(t, <-done)
		if len(failed) != 3 || failed[2] != 3*time.Second || retries[2] != 4*time.Second || wrote != 7*time.Second {
			t.Errorf("failed at %v, retries %v, written at %v", failed, retries, wrote)
		}
		names, err := mem.List(s.snapDir())
		if err != nil || len(names) != 1 {
			t.Errorf("left behind: %q, %v", names, err)
		}
		must(t, s.Close())
	})
}

// On a full disk the reserve pays for what must be written, and comes back when there is room.
func TestReserve(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mem := emptyDisk(t)
		cfg := config(mem)
		released, restored := 0, 0
		cfg.Events.ReserveReleased = func(error) { released++ }
		cfg.Events.ReserveRestored = func() { restored++ }
		s := openStore(t, cfg)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- s.Run(ctx) }()
		synctest.Wait()
		mem.SetLimit(mem.Used())
		must(t, s.RenewStorage())
		must(t, s.SetEpochs(s.Epochs())) // needs no space
		if released != 1 || s.Stats().Reserve {
			t.Errorf("released %d times", released)
		}
		mem.SetLimit(mem.Used())
		if err := s.RenewStorage(); !errors.Is(err, vfs.ErrNoSpace) {
			t.Errorf("nothing was left, and yet: %v", err)
		}
		mem.SetLimit(-1)
		s.snaps.wake()
		time.Sleep(2 * reserveRetry)
		cancel()
		must(t, <-done)
		if restored != 1 || !s.Stats().Reserve {
			t.Errorf("restored %d times", restored)
		}
		must(t, s.Close())
	})
}

// A full disk at the start is no reason not to serve reads.
func TestOpenOnAFullDisk(t *testing.T) {
	mem := emptyDisk(t)
	cfg := config(mem)
	s := openStore(t, cfg)
	stop := running(t, s)
	d := drive(t, s, 1)
	must(t, d.write(20))
	_, err := s.Snapshot(context.Background())
	must(t, err)
	want := s.Version()
	stop()
	must(t, mem.Remove(dir+"/reserve"))
	mem.SetLimit(mem.Used())
	var complaint error
	cfg.Events.TidyFailed = func(err error) { complaint = err }
	s = openStore(t, cfg)
	if !equal(s.Version(), want) || !errors.Is(complaint, vfs.ErrNoSpace) {
		t.Fatalf("tree at %s, complaint %v", s.Version().Zxid(), complaint)
	}
	must(t, s.Close())
}

// Neither a snapshot that is due nor one that is asked for begins while an installation is at work.
func TestHeldSnapshots(t *testing.T) {
	s := openStore(t, config(emptyDisk(t)))
	stop := running(t, s)
	must(t, drive(t, s, 1).write(3))
	release, err := s.snaps.exclude(context.Background())
	must(t, err)
	if _, err := s.snaps.write(context.Background()); !errors.Is(err, context.Canceled) {
		t.Fatalf("a write began: %v", err)
	}
	s.snaps.count(DefaultSnapshotTxns, 0)
	if s.snaps.wanted() {
		t.Fatal("a snapshot is wanted now")
	}
	release()
	if z, err := s.Snapshot(context.Background()); err != nil || z != s.Version().Zxid() {
		t.Fatalf("afterwards: %s, %v", z, err)
	}
	stop()
}

// On a full disk reads go on and nothing acknowledged is lost; writes come back with the space.
func TestWritesComeBackWithSpace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mem := emptyDisk(t)
		cfg := config(mem)
		s := openStore(t, cfg)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- s.Run(ctx) }()
		d := drive(t, s, 1)
		d.size = 4 << 10
		synctest.Wait()
		mem.SetLimit(mem.Used())
		var err error
		for err == nil && !s.Full() {
			err = d.write(1)
			synctest.Wait()
		}
		must(t, err)
		acked := s.Version()
		if _, ok := acked.Get("/n01"); !ok || !s.Stats().Full {
			t.Error("reads do not go on")
		}
		mem.SetLimit(-1)
		must(t, s.WaitRoom(t.Context()))
		must(t, d.write(50))
		want := s.Version()
		cancel()
		must(t, errors.Join(<-done, s.Close()))
		got, err := reopened(cfg)
		must(t, err)
		if !equal(got, want) || want.Zxid() != acked.Zxid()+50 {
			t.Errorf("reopened at %s, want %s after %s", got.Zxid(), want.Zxid(), acked.Zxid())
		}
	})
}
