package wal_test

import (
	"errors"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"

	"github.com/quorate/quorate/store/vfs"
	"github.com/quorate/quorate/store/wal"
)

// A power cut before every single operation of a log's life, with nothing, everything
// and random parts kept of what was not synced: what was acknowledged is there, in
// order, without a gap; of the rest a prefix, calls of Append whole.
func TestCrashAtEveryOperation(t *testing.T) {
	seeds := uint64(4)
	if testing.Short() {
		seeds = 1
	}
	var cuts atomic.Int64
	synctest.Test(t, func(t *testing.T) {
		mem, m := vfs.NewMem(), newModel()
		fs := vfs.NewFaults(mem, func(op vfs.Op) error {
			if !op.Changes() || t.Failed() {
				return nil
			}
			check := func(seed uint64, mode vfs.CrashMode) {
				cuts.Add(1)
				clone, m := m.freeze(func() *vfs.Mem { return mem.CrashClone(rng(seed), mode) })
				if reason := goesOn(clone, m); reason != "" {
					t.Errorf("power cut before operation %d (%s %s at %d), mode %d, seed %d: %s", op.N, op.Kind, op.Name, op.Offset, mode, seed, reason)
				}
			}
			check(0, vfs.KeepSynced)
			check(0, vfs.KeepAll)
			for seed := range seeds {
				check(seed+uint64(op.N)*1000, vfs.KeepSome)
			}
			return nil
		})
		must(t, tell(t, fs, m))
		if reason := goesOn(mem, m); reason != "" {
			t.Errorf("at the end: %s", reason)
		}
	})
	if n := cuts.Load(); n < 300 {
		t.Errorf("only %d power cuts", n)
	}
	t.Logf("%d power cuts", cuts.Load())
}

// An error injected at every single operation: the log says so or goes on, and what
// was acknowledged is there whether the process or the power went with it.
func TestErrorAtEveryOperation(t *testing.T) {
	boom := errors.New("boom")
	for name, fault := range map[string]error{
		"refused": boom,
		"short":   &vfs.ShortWrite{N: 700, Err: boom},
		"full":    syscall.ENOSPC,
	} {
		t.Run(name, func(t *testing.T) {
			step := int64(1)
			if testing.Short() {
				step = 7
			}
			for k := int64(1); ; k += step {
				if !failAt(t, k, fault) {
					t.Logf("fewer than %d operations", k)
					return
				}
				if t.Failed() {
					t.Fatalf("error at operation %d", k)
				}
			}
		})
	}
}

// failAt tells the story with an error at operation k, and tells whether it came to that.
func failAt(t *testing.T, k int64, fault error) (reached bool) {
	synctest.Test(t, func(t *testing.T) {
		mem, m := vfs.NewMem(), newModel()
		fs := vfs.NewFaults(mem, func(op vfs.Op) error {
			if op.N != k {
				return nil
			}
			reached = true
			return fault
		})
		err := tell(t, fs, m)
		var damage *wal.DamageError
		if errors.As(err, &damage) {
			t.Errorf("an error was taken for damage: %v", err)
		}
		for mode, name := range []string{"synced kept", "all kept", "some kept"} {
			clone := mem.CrashClone(rng(uint64(k)), vfs.CrashMode(mode))
			if reason := goesOn(clone, m); reason != "" {
				t.Errorf("%s: after %v: %s", name, err, reason)
			}
		}
		// The same machine goes on, with what it has in memory and forgot to write.
		if reason := goesOn(mem, m); reason != "" {
			t.Errorf("reopened: after %v: %s", err, reason)
		}
	})
	return reached
}

// Power cuts again and again, each in the recovery from the one before.
func TestCrashInRecovery(t *testing.T) {
	for seed := range uint64(30) {
		random := rng(seed)
		mem := vfs.NewMem()
		l := open(t, mem, small())
		var acked []wal.Record
		for range 3 {
			batch := recs(l.Last()+1, l.Last()+4, 900)
			must(t, l.Append(t.Context(), batch...))
			must(t, l.Sync(t.Context()))
			acked = append(acked, batch...)
		}
		var crashed *vfs.Mem
		fs := vfs.NewFaults(mem, func(op vfs.Op) error { // crash in the middle of the next group
			if op.Kind == vfs.OpSync && crashed == nil {
				crashed = mem.CrashClone(random, vfs.KeepSome)
			}
			return nil
		})
		l = open(t, fs, small())
		crashed = nil
		must(t, l.Append(t.Context(), recs(13, 40, 900)...))
		must(t, l.Sync(t.Context()))
		for range 5 {
			again := crashed
			crashed = nil
			steps := int64(1 + random.IntN(20))
			faults := vfs.NewFaults(again, func(op vfs.Op) error {
				if op.N >= steps && crashed == nil && op.Changes() {
					crashed = again.CrashClone(random, vfs.KeepSome)
				}
				return nil
			})
			l := open(t, faults, small())
			got, err := contents(l, 0)
			must(t, err)
			if len(got) != len(acked) && len(got) != 40 {
				t.Fatalf("seed %d: %d records", seed, len(got))
			}
			if crashed == nil {
				break
			}
		}
	}
}

// A segment was prepared, but its name was not yet durable when the log failed. The
// next life uses it, and must first see to that.
func TestNameOfPreparedSegment(t *testing.T) {
	mem := vfs.NewMem()
	syncs := 0
	fs := vfs.NewFaults(mem, func(op vfs.Op) error {
		if op.Kind == vfs.OpSyncDir && op.Name == "wal" {
			if syncs++; syncs > 2 { // those of Open
				return errors.New("boom")
			}
		}
		return nil
	})
	l := open(t, fs, small())
	if err := l.Run(t.Context()); !errors.Is(err, wal.ErrPoisoned) {
		t.Fatalf("%v", err)
	}
	l.Close() //nolint:errcheck // poisoned
	if names := segments(t, mem); len(names) != 2 {
		t.Fatalf("%v", names)
	}
	l = open(t, mem, small())
	want := []wal.Record{rec(1, 40000, 0), rec(2, 40000, 0)} // the second goes there
	must(t, l.Append(t.Context(), want[0]))
	must(t, l.Append(t.Context(), want[1]))
	must(t, l.Sync(t.Context()))
	expect(t, open(t, mem.CrashClone(nil, vfs.KeepSynced), small()), 0, want)
}
