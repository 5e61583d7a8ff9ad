package wal_test

import (
	"errors"
	"math/rand/v2"
	"testing"

	"github.com/quorate/quorate/store/txn"
	"github.com/quorate/quorate/store/vfs"
	"github.com/quorate/quorate/store/wal"
)

// TestFloorAgainstAModel grows, cuts, resets, purges and reopens logs at random, and asks after each step
// for the floor of every zxid around those that there are and were.
func TestFloorAgainstAModel(t *testing.T) {
	for seed := range uint64(12) {
		o := small()
		size := 900
		if seed%6 == 0 { // some frames are found by the index
			o.SegmentSize, size = 4<<20, 200<<10
		}
		floors(t, rng(seed), o, size)
	}
}

// floors is one run. zxids are the log's valid ones, after base: the model.
func floors(t *testing.T, r *rand.Rand, o wal.Options, size int) {
	t.Helper()
	fs := vfs.NewMem()
	l := open(t, fs, o)
	stop := start(t, l)
	var base, greatest txn.Zxid
	var zxids []txn.Zxid
	last := func() txn.Zxid {
		if len(zxids) == 0 {
			return base
		}
		return zxids[len(zxids)-1]
	}
	for step := range 40 {
		switch r.IntN(10) {
		default:
			for range 1 + r.IntN(12) {
				z := max(last(), greatest*txn.Zxid(r.IntN(2))) + 1 + txn.Zxid(r.IntN(3))
				appendSync(t, l, rec(z, 1+r.IntN(size), 0))
				zxids, greatest = append(zxids, z), max(greatest, z)
			}
		case 0, 1:
			n := r.IntN(len(zxids) + 1)
			to := base
			if n > 0 {
				to = zxids[n-1]
			}
			if err := l.TruncateAfter(t.Context(), to); err == nil {
				zxids = zxids[:n]
			} else if n > 0 || !errors.Is(err, wal.ErrNotInLog) && !errors.Is(err, wal.ErrCompacted) {
				t.Fatal(err)
			}
		case 2:
			must(t, l.PurgeBefore(last()))
			for len(zxids) > 0 && zxids[0] <= l.Base() {
				zxids = zxids[1:]
			}
			base = l.Base()
		case 3:
			if step%3 == 0 {
				base = greatest + txn.Zxid(r.IntN(3))
				must(t, l.Reset(t.Context(), base))
				zxids, greatest = nil, base
			}
		case 4:
			must(t, stop())
			l = open(t, fs, o)
			stop = start(t, l)
		}
		if l.Base() != base {
			t.Fatalf("the log begins after %v, the model after %v", l.Base(), base)
		}
		for z := txn.Zxid(0); z <= greatest+2; z++ {
			checkFloor(t, l, z, base, zxids)
		}
	}
	must(t, stop())
}

func checkFloor(t *testing.T, l *wal.Log, z, base txn.Zxid, zxids []txn.Zxid) {
	t.Helper()
	got, err := l.Floor(z)
	if z < base {
		if !errors.Is(err, wal.ErrCompacted) {
			t.Fatalf("the floor of %v is %v, %v; the log begins after %v", z, got, err, base)
		}
		return
	}
	want := base
	for _, have := range zxids {
		if have <= z {
			want = have
		}
	}
	if err != nil || got != want {
		t.Fatalf("the floor of %v is %v, %v; want %v of %v after %v", z, got, err, want, zxids, base)
	}
}

// TestFloorLeavesNothingPinned: what was looked at can be purged.
func TestFloorLeavesNothingPinned(t *testing.T) {
	l := running(t, vfs.NewMem(), small())
	for z := txn.Zxid(1); z <= 40; z++ {
		appendSync(t, l, rec(z, wal.MinSegmentSize/10, 0))
		if _, err := l.Floor(z - 1); err != nil {
			t.Fatal(err)
		}
	}
	must(t, l.PurgeBefore(40))
	if l.Base() < 30 {
		t.Errorf("after purging what is before 40 the log begins after %v", l.Base())
	}
}

// TestFloorOfAClosedLog.
func TestFloorOfAClosedLog(t *testing.T) {
	l := open(t, vfs.NewMem(), small())
	must(t, l.Close())
	if _, err := l.Floor(0); !errors.Is(err, wal.ErrClosed) {
		t.Errorf("got %v", err)
	}
}
