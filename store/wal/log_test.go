package wal_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"

	"github.com/quorate/quorate/store/fault"
	"github.com/quorate/quorate/store/txn"
	"github.com/quorate/quorate/store/vfs"
	"github.com/quorate/quorate/store/wal"
)

func TestAppendAndReopen(t *testing.T) {
	for _, size := range []int{0, 1, 300, 5000, 40000} {
		fs := vfs.NewMem()
		l := open(t, fs, small())
		stop := start(t, l)
		want := recs(1, 50, size)
		appendSync(t, l, want[:1]...)
		appendSync(t, l, want[1:20]...)
		for _, r := range want[20:] {
			appendSync(t, l, r)
		}
		expect(t, l, 0, want)
		expect(t, l, 31, want[31:])
		must(t, stop())
		l = open(t, fs, small())
		expect(t, l, 0, want)
		if l.First() != 1 || l.Last() != 50 || l.Durable() != 50 || l.Base() != 0 {
			t.Errorf("size %d: first %v, last %v, durable %v, base %v", size, l.First(), l.Last(), l.Durable(), l.Base())
		}
		stop = start(t, l)
		more := append(want, recs(60, 70, size)...)
		appendSync(t, l, more[50:]...)
		expect(t, l, 0, more)
		must(t, stop())
	}
}

func TestEmptyLog(t *testing.T) {
	l := running(t, vfs.NewMem(), small())
	if l.First() != 0 || l.Last() != 0 || l.Durable() != 0 || l.Base() != 0 {
		t.Errorf("first %v, last %v, durable %v, base %v", l.First(), l.Last(), l.Durable(), l.Base())
	}
	expect(t, l, 0, nil)
	must(t, l.Sync(t.Context()))
	must(t, l.PurgeBefore(100))
	must(t, l.TruncateAfter(t.Context(), 0))
	must(t, l.Append(t.Context()))
	if _, err := l.Reader(1); !errors.Is(err, wal.ErrNotInLog) {
		t.Errorf("a reader beyond the end: %v", err)
	}
}

// Without Run, Sync writes by itself: recovery needs that.
func TestSyncWithoutRun(t *testing.T) {
	fs := vfs.NewMem()
	l := open(t, fs, small())
	must(t, l.Append(t.Context(), recs(1, 10, 100)...))
	expect(t, l, 0, nil)
	must(t, l.Sync(t.Context()))
	expect(t, l, 0, recs(1, 10, 100))
	must(t, l.TruncateAfter(t.Context(), 4))
	must(t, l.Append(t.Context(), rec(5, 100, 7)))
	must(t, l.Close())
	must(t, l.Close())
	if err := l.Append(t.Context(), rec(6, 100, 0)); !errors.Is(err, wal.ErrClosed) {
		t.Errorf("append to a closed log: %v", err)
	}
	expect(t, open(t, fs, small()), 0, append(recs(1, 4, 100), rec(5, 100, 7)))
}

func TestTooLarge(t *testing.T) {
	o := small()
	o.MaxRecord = 1000
	l := running(t, vfs.NewMem(), o)
	err := l.Append(t.Context(), rec(1, 10, 0), rec(2, 1001, 0))
	if !fault.Is(err, fault.TooLarge) || l.Last() != 0 {
		t.Errorf("%v; last %v", err, l.Last())
	}
	appendSync(t, l, rec(1, 1000, 0))
}

func TestOptions(t *testing.T) {
	for _, o := range []wal.Options{
		{SegmentSize: wal.MinSegmentSize - 1},
		{SegmentSize: wal.MaxSegmentSize + 1},
		{SegmentSize: wal.MinSegmentSize, MaxRecord: wal.MinSegmentSize},
		{MaxRecord: -1},
		{Buffer: -1},
	} {
		if _, err := wal.Open(vfs.NewMem(), "wal", o); err == nil {
			t.Errorf("%+v was accepted", o)
		}
	}
}

// A record of the greatest size there can be fits, also at the end of a segment.
func TestGreatestRecord(t *testing.T) {
	fs := vfs.NewMem()
	l := open(t, fs, small())
	stop := start(t, l)
	var want []wal.Record
	for z := txn.Zxid(1); z <= 3; z++ {
		for size := wal.MinSegmentSize; ; size-- {
			r := rec(z, size, 0)
			err := l.Append(t.Context(), r)
			if fault.Is(err, fault.TooLarge) {
				continue
			}
			must(t, err)
			want = append(want, r)
			break
		}
	}
	must(t, stop())
	expect(t, open(t, fs, small()), 0, want)
}

func TestOutOfOrderPanics(t *testing.T) {
	l := running(t, vfs.NewMem(), small())
	appendSync(t, l, rec(5, 1, 0))
	defer func() {
		if recover() == nil {
			t.Error("a zxid that does not ascend was accepted")
		}
	}()
	l.Append(t.Context(), rec(5, 1, 0)) //nolint:errcheck // panics
}

func TestWaits(t *testing.T) {
	l := running(t, vfs.NewMem(), small())
	gone, cancel := context.WithCancelCause(t.Context())
	cause := errors.New("the caller left")
	cancel(cause)
	if err := l.WaitDurable(gone, 1); !errors.Is(err, cause) {
		t.Errorf("WaitDurable: %v", err)
	}
	if _, err := l.WaitProgress(gone, 0); !errors.Is(err, cause) {
		t.Errorf("WaitProgress: %v", err)
	}
	progress := make(chan txn.Zxid, 1)
	go func() {
		z, err := l.WaitProgress(context.Background(), 3)
		if err != nil {
			t.Error(err)
		}
		progress <- z
	}()
	appendSync(t, l, recs(1, 3, 10)...)
	appendSync(t, l, recs(4, 5, 10)...)
	if z := <-progress; z != 5 {
		t.Errorf("progress to %v", z)
	}
	must(t, l.WaitRoom(t.Context()))
}

func TestTruncate(t *testing.T) {
	for _, size := range []int{10, 9000} { // within a segment, and over several
		for _, z := range []txn.Zxid{0, 1, 7, 24, 49, 50} {
			fs := vfs.NewMem()
			l := open(t, fs, small())
			stop := start(t, l)
			appendSync(t, l, recs(1, 25, size)...)
			must(t, l.Append(t.Context(), recs(26, 50, size)...))
			must(t, l.TruncateAfter(t.Context(), z))
			if l.Last() != z || l.Durable() != z {
				t.Fatalf("last %v, durable %v after truncating after %v", l.Last(), l.Durable(), z)
			}
			want := recs(1, z, size)
			expect(t, l, 0, want)
			c := open(t, fs.CrashClone(nil, vfs.KeepSynced), small())
			expect(t, c, 0, want)
			for next := z + 1; next < z+30; next++ { // the same zxids with other content
				want = append(want, rec(next, size, 1))
			}
			appendSync(t, l, want[z:]...)
			expect(t, l, 0, want)
			must(t, stop())
			l = open(t, fs, small())
			expect(t, l, 0, want)
			must(t, l.TruncateAfter(t.Context(), z)) // once more, and it is void twice
			expect(t, l, 0, want[:z])
			must(t, l.Close())
			expect(t, open(t, fs, small()), 0, want[:z])
		}
	}
}

func TestTruncateNotInLog(t *testing.T) {
	l := running(t, vfs.NewMem(), small())
	appendSync(t, l, rec(2, 5, 0), rec(4, 5, 0))
	for _, z := range []txn.Zxid{1, 3, 5} {
		if err := l.TruncateAfter(t.Context(), z); !errors.Is(err, wal.ErrNotInLog) {
			t.Errorf("truncate after %v: %v", z, err)
		}
	}
	expect(t, l, 0, []wal.Record{rec(2, 5, 0), rec(4, 5, 0)})
}

func TestWaitersOfCutRecords(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := running(t, vfs.NewMem(), small())
		appendSync(t, l, recs(1, 5, 10)...)
		failed := make(chan error, 1)
		go func() { failed <- l.WaitDurable(t.Context(), 6) }()
		synctest.Wait()
		must(t, l.TruncateAfter(t.Context(), 3))
		if err := <-failed; !errors.Is(err, wal.ErrTruncated) {
			t.Errorf("%v", err)
		}
	})
}

func TestReset(t *testing.T) {
	for _, base := range []txn.Zxid{20, 100} {
		fs := vfs.NewMem()
		l := open(t, fs, small())
		stop := start(t, l)
		appendSync(t, l, recs(1, 50, 9000)...)
		must(t, l.Reset(t.Context(), base))
		if l.Base() != base || l.Last() != base || l.First() != 0 || l.Durable() != base {
			t.Fatalf("base %v, last %v, first %v, durable %v", l.Base(), l.Last(), l.First(), l.Durable())
		}
		if n := len(segments(t, fs)); n > 2 {
			t.Errorf("%d segments after a reset", n)
		}
		if _, err := l.Reader(base - 1); !errors.Is(err, wal.ErrCompacted) {
			t.Errorf("a reader before the base: %v", err)
		}
		expect(t, open(t, fs.CrashClone(nil, vfs.KeepSynced), small()), base, nil)
		want := recs(base+1, base+20, 9000)
		appendSync(t, l, want...)
		must(t, stop())
		l = open(t, fs, small())
		expect(t, l, base, want)
		if l.Base() != base || l.First() != base+1 {
			t.Errorf("base %v, first %v", l.Base(), l.First())
		}
	}
}

// What a reset did not come to remove, Open removes.
func TestResetInterrupted(t *testing.T) {
	boom, mem := errors.New("boom"), vfs.NewMem()
	l := open(t, vfs.NewFaults(mem, func(op vfs.Op) error {
		if op.Kind == vfs.OpRemove {
			return boom
		}
		return nil
	}), small())
	stop := start(t, l)
	appendSync(t, l, recs(1, 40, 9000)...)
	if err := l.Reset(t.Context(), 100); !errors.Is(err, boom) {
		t.Fatalf("%v", err)
	}
	must(t, stop())
	l = open(t, mem, small())
	expect(t, l, 100, nil)
	if n := len(segments(t, mem)); n > 2 || l.Base() != 100 {
		t.Errorf("%d segments, base %v", n, l.Base())
	}
}

func TestPurge(t *testing.T) {
	fs := vfs.NewMem()
	l := open(t, fs, small())
	stop := start(t, l)
	want := recs(1, 60, 9000)
	for _, r := range want {
		appendSync(t, l, r)
	}
	before, size := segments(t, fs), l.Size()
	must(t, l.PurgeBefore(30))
	after := segments(t, fs)
	if len(after) >= len(before) || !slices.Equal(after, before[len(before)-len(after):]) {
		t.Fatalf("%v became %v", before, after)
	}
	if l.Size() >= size || l.Base() == 0 || l.Base() > 30 || l.First() != l.Base()+1 {
		t.Errorf("size %d of %d, base %v, first %v", l.Size(), size, l.Base(), l.First())
	}
	expect(t, l, 30, want[30:])
	expect(t, l, l.Base(), want[l.Base():])
	if _, err := l.Reader(l.Base() - 1); !errors.Is(err, wal.ErrCompacted) {
		t.Errorf("a reader before the base: %v", err)
	}
	base := l.Base()
	must(t, stop())
	l = open(t, fs, small())
	if l.Base() != base {
		t.Errorf("base %v when reopened, was %v", l.Base(), base)
	}
	expect(t, l, 30, want[30:])
	must(t, l.PurgeBefore(1000))
	if l.Last() != 60 || l.Durable() != 60 {
		t.Errorf("the purge took the newest: last %v", l.Last())
	}
	must(t, l.Close())
}
