package epochs

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/quorate/quorate/store/txn"
	"github.com/quorate/quorate/store/vfs"
)

const name = "data/epochs"

// fresh returns a file system with a new epochs file.
func fresh(t *testing.T) *vfs.Mem {
	t.Helper()
	fs := vfs.NewMem()
	must(t, fs.MkdirAll("data"))
	must(t, fs.SyncDir("."))
	must(t, Create(fs, name))
	return fs
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func open(t *testing.T, fs vfs.FS) *File {
	t.Helper()
	f, err := Open(fs, name)
	must(t, err)
	return f
}

func TestSetIsRead(t *testing.T) {
	fs := fresh(t)
	want := Record{}
	for i := range txn.Epoch(7) {
		f := open(t, fs)
		if got := f.Get(); got != want {
			t.Fatalf("opened: %+v, want %+v", got, want)
		}
		want = Record{Accepted: i + 1, From: 3, Incarnation: rand.Uint64(), Current: i}
		must(t, f.Set(want))
		must(t, f.Set(want)) // the same again changes nothing
		if got := f.Get(); got != want {
			t.Fatalf("after Set: %+v, want %+v", got, want)
		}
		must(t, f.Close())
		if err := f.Set(Record{Accepted: 99}); err == nil {
			t.Fatal("a closed file was written")
		}
	}
}

func TestSetRefuses(t *testing.T) {
	base := Record{Accepted: 5, From: 2, Incarnation: 7, Current: 4}
	for _, c := range []struct {
		name, want string
		record     Record
	}{
		{"accepted goes back", "accepted epoch cannot go back from 5 to 4", Record{Accepted: 4, From: 2, Incarnation: 7, Current: 4}},
		{"current goes back", "current epoch cannot go back from 4 to 3", Record{Accepted: 5, From: 2, Incarnation: 7, Current: 3}},
		{"current above accepted", "current epoch 6 is above the accepted epoch 5", Record{Accepted: 5, From: 2, Incarnation: 7, Current: 6}},
		{"another leader", "accepted from server 2", Record{Accepted: 5, From: 3, Incarnation: 7, Current: 5}},
		{"another incarnation", "cannot be given", Record{Accepted: 5, From: 2, Incarnation: 8, Current: 5}},
		{"beyond the last epoch", "above the greatest", Record{Accepted: txn.MaxEpoch + 1, From: 2, Current: 4}},
		{"no such server", "cannot exist", Record{Accepted: 6, From: 254, Current: 4}},
	} {
		t.Run(c.name, func(t *testing.T) {
			fs := fresh(t)
			f := open(t, fs)
			must(t, f.Set(base))
			if err := f.Set(c.record); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("got %v, want an error with %q", err, c.want)
			}
			if f.Get() != base || open(t, fs).Get() != base {
				t.Fatal("the refused record left a trace")
			}
		})
	}
}

func TestLower(t *testing.T) {
	fs := fresh(t)
	f := open(t, fs)
	must(t, f.Set(Record{Accepted: 9, From: 1, Current: 8}))
	want := Record{Accepted: 3, From: 2, Current: 3}
	must(t, f.Lower(want))
	if f.Get() != want || open(t, fs).Get() != want {
		t.Fatalf("got %+v and %+v, want %+v", f.Get(), open(t, fs).Get(), want)
	}
	if f.Lower(Record{Accepted: 1, Current: 2}) == nil {
		t.Fatal("a current epoch above the accepted one was written")
	}
}

// ZOOKEEPER-2307: memory must not be ahead of the disk, and a failed fdatasync is
// never tried again.
func TestFailedWritePoisons(t *testing.T) {
	boom := errors.New("boom")
	for _, kind := range []vfs.OpKind{vfs.OpWrite, vfs.OpSync} {
		var armed bool
		mem := fresh(t)
		fs := vfs.NewFaults(mem, func(op vfs.Op) error {
			if armed && op.Kind == kind {
				return boom
			}
			return nil
		})
		f := open(t, fs)
		old := Record{Accepted: 1, From: 1, Current: 1}
		must(t, f.Set(old))
		armed = true
		next := Record{Accepted: 2, From: 1, Current: 1}
		if err := f.Set(next); !errors.Is(err, boom) {
			t.Fatalf("%s: got %v", kind, err)
		}
		armed = false
		if err := f.Set(next); !errors.Is(err, ErrPoisoned) || !errors.Is(err, boom) {
			t.Fatalf("%s: the second try: %v", kind, err)
		}
		if f.Get() != old {
			t.Fatalf("%s: memory is ahead of the disk: %+v", kind, f.Get())
		}
		// What the next Open reports is on the disk, whatever the failed sync has left.
		again := open(t, mem).Get()
		if got := open(t, mem.CrashClone(nil, vfs.KeepSynced)).Get(); got != again {
			t.Fatalf("%s: opened with %+v, and after a power cut with %+v", kind, again, got)
		}
	}
}

// A power cut at any operation leaves the record acknowledged last, or the one being written.
func TestCrashAtEveryOperation(t *testing.T) {
	mem := vfs.NewMem()
	must(t, mem.MkdirAll("data"))
	must(t, mem.SyncDir("."))
	rng := rand.New(rand.NewPCG(1, 2))
	var acked, tried Record
	created := false
	crashes := 0
	fs := vfs.NewFaults(mem, func(vfs.Op) error {
		for i := range 6 {
			clone := mem.CrashClone(rng, vfs.CrashMode(i%3))
			f, err := Open(clone, name)
			if !created && errors.Is(err, vfs.ErrNotExist) {
				continue
			}
			must(t, err)
			if got := f.Get(); got != acked && got != tried {
				t.Fatalf("got %+v, want %+v or %+v", got, acked, tried)
			}
			crashes++
		}
		return nil
	})
	must(t, Create(fs, name))
	created = true
	f := open(t, fs)
	for i := range txn.Epoch(9) {
		tried = Record{Accepted: i + 1, From: 1, Incarnation: uint64(i), Current: i}
		must(t, f.Set(tried))
		acked = tried
	}
	if crashes < 100 {
		t.Fatalf("only %d crashes were tried", crashes)
	}
}

// An error at any operation is returned, and what was acknowledged stays.
func TestErrorAtEveryOperation(t *testing.T) {
	boom := errors.New("boom")
	for k := int64(1); ; k++ {
		mem := fresh(t)
		fs := vfs.NewFaults(mem, func(op vfs.Op) error {
			if op.N == k {
				return boom
			}
			return nil
		})
		var acked, tried Record
		err := func() error {
			f, err := Open(fs, name)
			for i := txn.Epoch(1); err == nil && i < 4; i++ {
				tried = Record{Accepted: i, Current: i}
				if err = f.Set(tried); err == nil {
					acked = tried
				}
			}
			return err
		}()
		if fs.Count() < k {
			return
		}
		if !errors.Is(err, boom) {
			t.Fatalf("the error at operation %d was lost: %v", k, err)
		}
		if got := open(t, mem.CrashClone(nil, vfs.KeepSynced)).Get(); got != acked && got != tried {
			t.Fatalf("operation %d: %+v, want %+v or %+v", k, got, acked, tried)
		}
	}
}

// content returns the bytes of a file that has been written n times.
func content(t *testing.T, n txn.Epoch) []byte {
	t.Helper()
	fs := fresh(t)
	f := open(t, fs)
	for i := range n {
		must(t, f.Set(Record{Accepted: i + 1, From: 1, Current: i + 1}))
	}
	b, err := vfs.ReadFile(fs, name, 1<<20)
	must(t, err)
	return b
}

func openBytes(t *testing.T, b []byte) (Record, error) {
	t.Helper()
	fs := fresh(t)
	must(t, vfs.WriteFile(fs, name, b))
	f, err := Open(fs, name)
	if err != nil {
		return Record{}, err
	}
	return f.Get(), nil
}

// One flipped bit never takes back a promise.
func TestBitFlips(t *testing.T) {
	for _, n := range []txn.Epoch{3, 4} {
		whole := content(t, n)
		for _, slot := range []int{0, slotStride} {
			for at := slot; at < slot+slotSize; at++ {
				b := bytes.Clone(whole)
				b[at] ^= 1 << (at % 8)
				if r, err := openBytes(t, b); err != nil || r.Current != n {
					t.Fatalf("byte %d: %+v, %v", at, r, err)
				}
			}
		}
	}
}

// A write torn at any byte, from either end, leaves the old record or the new.
func TestTornWrite(t *testing.T) {
	before, after := content(t, 4), content(t, 5)
	for at := range fileSize {
		for _, b := range [][]byte{
			append(bytes.Clone(after[:at]), before[at:]...),
			append(bytes.Clone(before[:at]), after[at:]...),
		} {
			if r, err := openBytes(t, b); err != nil || (r.Current != 4 && r.Current != 5) {
				t.Fatalf("torn at %d: %+v, %v", at, r, err)
			}
		}
	}
}

func TestDamageIsRefused(t *testing.T) {
	newer := encodeSlot(Record{Accepted: 9}, 6)
	newer[8], newer[8+copySize] = 2, 2
	for i := range 2 { // the checksums are right, the format is not
		reseal(newer[i*copySize:])
	}
	edit := func(at int, with []byte) []byte {
		b := content(t, 4)
		copy(b[at:], with)
		return b
	}
	for _, c := range []struct {
		name, want string
		content    []byte
	}{
		{"newest slot gone", "slot 0 is damaged", edit(0, make([]byte, slotSize))},
		{"older slot gone", "slot 1 is damaged", edit(slotStride, make([]byte, slotSize))},
		{"both gone", "damaged", make([]byte, fileSize)},
		{"cut", "it has 4000 bytes", content(t, 4)[:4000]},
		{"empty", "it has 0 bytes", nil},
		{"newer format", "newer version of Quorate", edit(0, newer)},
		{"a lost write", "do not follow each other", edit(0, encodeSlot(Record{Accepted: 9}, 8))},
		{"slots exchanged", "other slot's record", edit(0, content(t, 4)[slotStride:])},
		{"impossible record", "is above the accepted epoch", edit(0, encodeSlot(Record{Accepted: 1, Current: 2}, 6))},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, err := openBytes(t, c.content)
			if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), name) {
				t.Fatalf("got %+v, %v; want an error with %q", r, err, c.want)
			}
			if c.name != "newer format" && (!errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), "empty one")) {
				t.Fatalf("the error does not say what to do: %v", err)
			}
		})
	}
}

func FuzzSlot(f *testing.F) {
	f.Add(encodeSlot(Record{}, 1))
	f.Add(encodeSlot(Record{Accepted: 7, From: 3, Incarnation: 1 << 60, Current: 6}, 12))
	torn := encodeSlot(Record{Accepted: 7, From: 3, Current: 6}, 12)
	copy(torn[300:], make([]byte, 100))
	f.Add(torn)
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) != slotSize {
			return
		}
		reseal(b)
		r, seq, err := decodeSlot(b)
		if err != nil {
			return
		}
		if err := r.validate(); err != nil {
			t.Fatalf("an impossible record was read: %+v: %v", r, err)
		}
		again, seq2, err := decodeSlot(encodeSlot(r, seq))
		if err != nil || again != r || seq2 != seq {
			t.Fatalf("%+v %d became %+v %d, %v", r, seq, again, seq2, err)
		}
	})
}
