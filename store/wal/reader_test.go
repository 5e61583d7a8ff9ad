package wal_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/quorate/quorate/store/txn"
	"github.com/quorate/quorate/store/vfs"
	"github.com/quorate/quorate/store/wal"
)

// follow reads from after up to the record last as it becomes durable.
func follow(l *wal.Log, after, last txn.Zxid, size int) error {
	r, err := l.Reader(after)
	if err != nil {
		return err
	}
	defer r.Close()
	for at := after; at < last; {
		got, ok, err := r.Next()
		switch {
		case err != nil:
			return err
		case ok && !same(got, rec(at+1, size, 0)):
			return errors.New("read " + got.Zxid.String() + " after " + at.String())
		case ok:
			at++
		default:
			if _, err := l.WaitProgress(context.Background(), at); err != nil {
				return err
			}
		}
	}
	return nil
}

// Readers beside the writer, on all implementations of the disk, with purges beside
// them: each sees every record once, in order.
func TestReadersBesideTheWriter(t *testing.T) {
	for name, fs := range map[string]vfs.FS{"mem": vfs.NewMem(), "os": vfs.OS{}} {
		t.Run(name, func(t *testing.T) {
			t.Chdir(t.TempDir())
			const last, size = 3000, 700
			l := running(t, fs, small())
			pin, err := l.Reader(0) // the purges stop here
			must(t, err)
			var readers sync.WaitGroup
			for i := range txn.Zxid(4) {
				must(t, l.Append(t.Context(), rec(i+1, size, 0)))
				readers.Go(func() {
					if err := follow(l, i, last, size); err != nil {
						t.Error(err)
					}
				})
			}
			random := rng(1)
			for z := txn.Zxid(5); z <= last; {
				n := min(txn.Zxid(random.IntN(40)+1), last-z+1)
				must(t, l.Append(t.Context(), recs(z, z+n-1, size)...))
				z += n
				must(t, l.PurgeBefore(l.Durable()))
			}
			readers.Wait()
			expect(t, l, 0, recs(1, last, size))
			must(t, pin.Close())
			must(t, l.PurgeBefore(l.Durable()))
			if l.Base() < last/2 {
				t.Errorf("base %v after the reader has gone", l.Base())
			}
		})
	}
}

// A reader moves its pin with it.
func TestPinMoves(t *testing.T) {
	l := running(t, vfs.NewMem(), small())
	appendSync(t, l, recs(1, 50, 5000)...)
	r, err := l.Reader(0)
	must(t, err)
	defer r.Close()
	for i := range txn.Zxid(50) {
		if got, ok, err := r.Next(); !ok || err != nil || got.Zxid != i+1 {
			t.Fatalf("%v, %v, %v", got.Zxid, ok, err)
		}
		must(t, l.PurgeBefore(50))
		if l.Base() > i+1 {
			t.Fatalf("base %v before a reader at %v", l.Base(), i+1)
		}
	}
	if l.Base() < 30 {
		t.Errorf("base %v behind a reader at the end", l.Base())
	}
}

// A reader finds its place from any zxid, in gaps too, and goes on at the end.
func TestReaderFromAnywhere(t *testing.T) {
	o := small()
	o.SegmentSize = 4 << 20 // so that the sparse index comes into play
	fs := vfs.NewMem()
	for _, l := range []*wal.Log{open(t, fs, o), open(t, fs, o)} {
		if l.Last() == 0 {
			for z := txn.Zxid(2); z <= 4000; z += 2 {
				must(t, l.Append(t.Context(), rec(z, 2500, 0)))
				if z%7 == 0 {
					must(t, l.Sync(t.Context()))
				}
				if z > 3000 && z%100 == 0 {
					break // one segment is all there is without Run
				}
			}
			must(t, l.Sync(t.Context()))
		}
		last := l.Last()
		for after := txn.Zxid(0); after < last; after += 97 {
			r, err := l.Reader(after)
			must(t, err)
			got, ok, err := r.Next()
			if want := after&^1 + 2; !ok || err != nil || got.Zxid != want {
				t.Fatalf("after %v: %v, %v, %v", after, got.Zxid, ok, err)
			}
			must(t, r.Close())
		}
		r, err := l.Reader(last)
		must(t, err)
		if _, ok, err := r.Next(); ok || err != nil {
			t.Fatalf("beyond the end: %v, %v", ok, err)
		}
		must(t, r.Close())
		must(t, l.Close())
	}
}

// drain reads to the end.
func drain(r *wal.Reader) error {
	for {
		if _, ok, err := r.Next(); err != nil || !ok {
			return err
		}
	}
}

func TestReaderAcrossCuts(t *testing.T) {
	fs := vfs.NewMem()
	l := open(t, fs, small())
	must(t, l.Append(t.Context(), recs(1, 10, 100)...))
	must(t, l.Sync(t.Context()))
	at := func(z txn.Zxid) *wal.Reader {
		r, err := l.Reader(0)
		must(t, err)
		for range z {
			_, _, err := r.Next()
			must(t, err)
		}
		return r
	}
	start, before, end := at(0), at(5), at(10)
	for range 3 { // within the frame read already, then at its end
		_, _, err := before.Next()
		must(t, err)
	}
	must(t, l.TruncateAfter(t.Context(), 7))
	must(t, l.Append(t.Context(), rec(8, 100, 1)))
	must(t, l.Sync(t.Context()))
	if _, _, err := end.Next(); !errors.Is(err, wal.ErrTruncated) {
		t.Errorf("behind the cut: %v", err)
	}
	if err := drain(before); !errors.Is(err, wal.ErrTruncated) {
		t.Errorf("in a frame that was cut: %v", err)
	}
	for _, want := range append(recs(1, 7, 100), rec(8, 100, 1)) {
		if got, ok, err := start.Next(); !ok || err != nil || !same(got, want) {
			t.Fatalf("before the cut: %v instead of %v: %v, %v", got.Zxid, want.Zxid, ok, err)
		}
	}
	after := at(8)
	must(t, l.Reset(t.Context(), 8))
	if _, _, err := after.Next(); !errors.Is(err, wal.ErrTruncated) {
		t.Errorf("after a reset: %v", err)
	}
	must(t, l.Close())
	if _, _, err := start.Next(); !errors.Is(err, wal.ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
	if _, err := l.Reader(8); !errors.Is(err, wal.ErrClosed) {
		t.Errorf("a new reader after Close: %v", err)
	}
}

// Damage that comes while the log is open is told to the reader that meets it.
func TestReaderMeetsDamage(t *testing.T) {
	fs := vfs.NewMem()
	l := open(t, fs, small())
	must(t, l.Append(t.Context(), recs(1, 10, 100)...))
	must(t, l.Sync(t.Context()))
	edit(t, fs, "0000000000000001.wal", func(b []byte) []byte {
		b[1100] ^= 1
		return b
	})
	var damage *wal.DamageError
	if _, err := contents(l, 0); !errors.As(err, &damage) || damage.Offset != 1024 {
		t.Errorf("%v", err)
	}
}

// A log is a list with two cuts: random operations, held against the model, reopened
// in between.
func TestRandomOperations(t *testing.T) {
	for seed := range uint64(20) {
		random := rng(seed)
		fs, w := vfs.NewMem(), world{}
		l := open(t, fs, small())
		stop := start(t, l)
		for step := range 60 {
			w = randomStep(t, l, w, random, byte(step))
			if random.IntN(6) == 0 {
				must(t, stop())
				l = open(t, fs, small())
				stop = start(t, l)
			}
			if reason := w.admits(l); reason != "" {
				t.Fatalf("seed %d, step %d: %s", seed, step, reason)
			}
		}
		must(t, stop())
	}
}

func randomStep(t *testing.T, l *wal.Log, w world, random *rand.Rand, gen byte) world {
	last := w.base
	if n := len(w.recs); n > 0 {
		last = w.recs[n-1].Zxid
	}
	switch random.IntN(8) {
	case 0:
		i := random.IntN(len(w.recs) + 1)
		z := last
		if i < len(w.recs) && w.recs[i].Zxid > l.Base() {
			z, w.recs = w.recs[i].Zxid, w.recs[:i+1]
		}
		must(t, l.TruncateAfter(t.Context(), z))
	case 1:
		w.purged = max(w.purged, last-min(last, txn.Zxid(random.IntN(30))))
		must(t, l.PurgeBefore(w.purged))
	case 2:
		if random.IntN(3) == 0 {
			w = world{base: txn.Zxid(random.IntN(100))}
			must(t, l.Reset(t.Context(), w.base))
		}
	default:
		for range random.IntN(20) {
			last += 1 + txn.Zxid(random.IntN(3))
			w.recs = append(w.recs, rec(last, random.IntN(6000), gen))
			must(t, l.Append(t.Context(), w.recs[len(w.recs)-1]))
		}
		must(t, l.Sync(t.Context()))
	}
	return w
}
