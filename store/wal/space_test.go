package wal_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/quorate/quorate/store/fault"
	"github.com/quorate/quorate/store/vfs"
	"github.com/quorate/quorate/store/wal"
)

// On a full disk Append goes on to the end of the segment and is then refused; nothing
// acknowledged is lost; truncating works; and when there is space again, so does Append.
func TestFullDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fs := vfs.NewMem()
		fs.SetLimit(3*wal.MinSegmentSize + 1000)
		var full, room atomic.Int32
		o := small()
		o.Events.Full = func(error) { full.Add(1) }
		o.Events.Room = func() { room.Add(1) }
		l := running(t, fs, o)
		var want []wal.Record
		var err error
		for _, size := range []int{5000, 1} { // to the last sector
			for err = nil; err == nil; {
				synctest.Wait()
				r := rec(l.Last()+1, size, 0)
				if err = l.Append(t.Context(), r); err == nil {
					want = append(want, r)
				}
			}
		}
		if !fault.Is(err, fault.NoSpace) || !errors.Is(err, vfs.ErrNoSpace) || !l.Full() || full.Load() != 1 {
			t.Fatalf("%v; full %v, %d events", err, l.Full(), full.Load())
		}
		if len(want) < 30 {
			t.Errorf("refused after %d records: three segments have room for more", len(want))
		}
		must(t, l.Sync(t.Context()))
		expect(t, l, 0, want)
		must(t, l.TruncateAfter(t.Context(), want[len(want)-2].Zxid))
		want = want[:len(want)-1]
		expect(t, open(t, fs.CrashClone(nil, vfs.KeepSynced), small()), 0, want)

		waited := make(chan error, 1)
		go func() { waited <- l.WaitRoom(t.Context()) }()
		time.Sleep(5 * time.Second)
		if l.Full(); len(waited) != 0 {
			t.Fatal("there is room")
		}
		began := time.Now()
		fs.SetLimit(5 * wal.MinSegmentSize)
		must(t, <-waited)
		if d := time.Since(began); d > time.Second || room.Load() != 1 || l.Full() {
			t.Errorf("room after %v, %d events, full %v", d, room.Load(), l.Full())
		}
		more := recs(l.Last()+1, l.Last()+8, 5000)
		appendSync(t, l, more...)
		expect(t, l, 0, append(want, more...))
	})
}

// Purging makes room at once.
func TestPurgeMakesRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fs := vfs.NewMem()
		fs.SetLimit(3 * wal.MinSegmentSize)
		l := running(t, fs, small())
		for {
			synctest.Wait()
			if err := l.Append(t.Context(), rec(l.Last()+1, 9000, 0)); err != nil {
				break
			}
		}
		must(t, l.Sync(t.Context()))
		began := time.Now()
		must(t, l.PurgeBefore(l.Last()))
		must(t, l.WaitRoom(t.Context()))
		if d := time.Since(began); d != 0 {
			t.Errorf("room after %v", d)
		}
		appendSync(t, l, rec(l.Last()+1, 9000, 0))
	})
}

// A log that cannot even be created says so, and leaves nothing.
func TestNoSpaceAtOpen(t *testing.T) {
	fs := vfs.NewMem()
	fs.SetLimit(1000)
	if _, err := wal.Open(fs, "wal", small()); !errors.Is(err, vfs.ErrNoSpace) {
		t.Fatalf("%v", err)
	}
	if fs.Used() != 0 {
		t.Errorf("%d bytes left behind", fs.Used())
	}
}

// A full disk does not keep a log from being opened again, torn tail and all.
func TestOpenOnFullDisk(t *testing.T) {
	fs := vfs.NewMem()
	l := open(t, fs, small())
	must(t, l.Append(t.Context(), recs(1, 10, 100)...))
	must(t, l.Sync(t.Context()))
	edit(t, fs, "0000000000000001.wal", func(b []byte) []byte {
		copy(b[20000:], "torn")
		return b
	})
	fs.SetLimit(fs.Used())
	l = open(t, fs, small())
	expect(t, l, 0, recs(1, 10, 100))
	must(t, l.Append(t.Context(), rec(11, 100, 0)))
	must(t, l.Close())
}

// A failed fdatasync or write is never retried, and everybody is told.
func TestPoison(t *testing.T) {
	boom := errors.New("boom")
	for _, kind := range []vfs.OpKind{vfs.OpSync, vfs.OpWrite} {
		synctest.Test(t, func(t *testing.T) {
			var armed, failures atomic.Int32
			fs := vfs.NewFaults(vfs.NewMem(), func(op vfs.Op) error {
				if op.Kind == kind && armed.Load() == 1 {
					failures.Add(1)
					return boom
				}
				return nil
			})
			o := small()
			var told atomic.Int32
			o.Events.Poisoned = func(error) { told.Add(1) }
			l := open(t, fs, o)
			ran := make(chan error, 1)
			go func() { ran <- l.Run(context.Background()) }()
			appendSync(t, l, recs(1, 3, 10)...)
			synctest.Wait()
			waiter := make(chan error, 1)
			go func() { waiter <- l.WaitDurable(context.Background(), 5) }()
			synctest.Wait()
			armed.Store(1)
			must(t, l.Append(t.Context(), rec(5, 10, 0)))
			synctest.Wait()
			for name, err := range map[string]error{
				"Run": <-ran, "WaitDurable": <-waiter, "Append": l.Append(t.Context(), rec(6, 1, 0)), "Sync": l.Sync(t.Context()),
				"TruncateAfter": l.TruncateAfter(t.Context(), 1), "Reset": l.Reset(t.Context(), 1), "PurgeBefore": l.PurgeBefore(1),
				"WaitRoom": l.WaitRoom(t.Context()), "Run again": l.Run(t.Context()), "Close": l.Close(),
			} {
				if !errors.Is(err, wal.ErrPoisoned) || !errors.Is(err, boom) {
					t.Errorf("%s: %v", name, err)
				}
			}
			if l.Durable() != 3 || failures.Load() != 1 || told.Load() != 1 {
				t.Errorf("durable %v, %d tries, %d events", l.Durable(), failures.Load(), told.Load())
			}
		})
	}
}

// The writer and the preparer fail at once: one cause, told once.
func TestPoisonedTwice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var armed, failures atomic.Int32
		fs := vfs.NewFaults(vfs.NewMem(), func(op vfs.Op) error {
			if op.Kind != vfs.OpWrite || armed.Load() == 0 {
				return nil
			}
			failures.Add(1)
			time.Sleep(time.Second) // until both are here
			return errors.New("boom")
		})
		o := small()
		var told atomic.Int32
		o.Events.Poisoned = func(error) { told.Add(1) }
		l := open(t, fs, o)
		stop := start(t, l)
		appendSync(t, l, rec(1, 50000, 0))
		synctest.Wait()
		armed.Store(1)
		must(t, l.Append(t.Context(), rec(2, 50000, 0))) // rolls: another segment is prepared
		time.Sleep(5 * time.Second)
		if err := stop(); !errors.Is(err, wal.ErrPoisoned) || failures.Load() != 2 || told.Load() != 1 {
			t.Errorf("%v; %d failures, %d events", err, failures.Load(), told.Load())
		}
	})
}

// Append waits while the buffer is full, and goes on when it is written.
func TestBufferIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := small()
		o.Buffer = 4000
		l := open(t, vfs.NewMem(), o)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		var err error
		for err == nil {
			err = l.Append(ctx, rec(l.Last()+1, 1000, 0))
		}
		if !errors.Is(err, context.DeadlineExceeded) || l.Last() != 3 {
			t.Fatalf("%v after %v", err, l.Last())
		}
		stop := start(t, l)
		must(t, l.Append(t.Context(), recs(4, 10, 1000)...))
		appendSync(t, l, rec(11, 10000, 0)) // greater than the buffer: alone
		must(t, stop())
	})
}
