package wal_test

import (
	"bytes"
	"errors"
	"path/filepath"
	"slices"
	"testing"

	"github.com/quorate/quorate/store/txn"
	"github.com/quorate/quorate/store/vfs"
	"github.com/quorate/quorate/store/wal"
)

// edit changes a file in place, durably.
func edit(t testing.TB, fs vfs.FS, name string, change func(data []byte) []byte) {
	t.Helper()
	name = filepath.Join("wal", name)
	data, err := vfs.ReadFile(fs, name, 1<<30)
	must(t, err)
	must(t, vfs.WriteFile(fs, name, change(data)))
}

// closedLog is a log of three segments in which everything happened, closed in order.
func closedLog(t testing.TB) (*vfs.Mem, []wal.Record) {
	fs := vfs.NewMem()
	l := open(t, fs, small())
	stop := start(t, l)
	appendSync(t, l, recs(1, 3, 200)...)
	appendSync(t, l, rec(4, 1000, 0))
	appendSync(t, l, rec(5, 57000, 0))
	appendSync(t, l, recs(6, 7, 3000)...)
	must(t, l.TruncateAfter(t.Context(), 6))
	appendSync(t, l, rec(7, 20, 1))
	appendSync(t, l, rec(8, 57000, 1))
	appendSync(t, l, rec(9, 20, 1), rec(10, 300, 1))
	appendSync(t, l, rec(11, 700, 1))
	want, err := contents(l, 0)
	must(t, err)
	must(t, stop())
	if ok, _ := vfs.Exists(fs, "wal/0000000000000004.wal"); ok {
		must(t, fs.Remove("wal/0000000000000004.wal")) // prepared or not: always the same
	}
	return fs, want
}

// survives opens a log that was tampered with, and fails unless all of it is there or
// it is refused as damaged.
func survives(t *testing.T, fs *vfs.Mem, want []wal.Record, what string, args ...any) (refused bool) {
	t.Helper()
	l, err := wal.Open(fs, "wal", small())
	var damage *wal.DamageError
	if errors.As(err, &damage) {
		return true
	}
	if err != nil {
		t.Fatalf(what+": %v", append(args, err)...)
	}
	defer l.Close()
	got, err := contents(l, 0)
	if err != nil {
		t.Fatalf(what+": %v", append(args, err)...)
	}
	if d := differ(got, want); d != "" {
		t.Fatalf(what+": silently: %s", append(args, d)...)
	}
	return false
}

// One bit flipped anywhere in a log that was closed: never a silent loss. Every byte
// that is not zero and not inside the two great payloads, every 61st of the others.
func TestBitFlips(t *testing.T) {
	fs, want := closedLog(t)
	flips, refused := 0, 0
	for _, name := range segments(t, fs) {
		data, err := vfs.ReadFile(fs, filepath.Join("wal", name), 1<<20)
		must(t, err)
		step, dense := 61, 1
		if testing.Short() {
			step, dense = 1021, 11
		}
		for i := range data {
			great := i > 4096 && i < 56000
			if i%step != 0 && (great || data[i] == 0 || i%dense != 0) {
				continue
			}
			c := fs.CrashClone(nil, vfs.KeepAll)
			f, err := c.OpenReadWrite(filepath.Join("wal", name))
			must(t, err)
			_, err = f.WriteAt([]byte{data[i] ^ 1<<(i%8)}, int64(i))
			must(t, errors.Join(err, f.Close()))
			flips++
			if survives(t, c, want, "%s: bit %d of byte %d", name, i%8, i) {
				refused++
			}
		}
	}
	if flips < 800 || refused < flips/4 {
		t.Errorf("%d flips, %d refused", flips, refused)
	}
	t.Logf("%d flips, %d refused", flips, refused)
}

// One sector lost or overwritten anywhere.
func TestLostSectors(t *testing.T) {
	fs, want := closedLog(t)
	for _, name := range segments(t, fs) {
		for off := 0; off < wal.MinSegmentSize; off += vfs.SectorSize {
			for _, b := range []byte{0, 0xA5} {
				c := fs.CrashClone(nil, vfs.KeepAll)
				edit(t, c, name, func(data []byte) []byte {
					copy(data[off:], bytes.Repeat([]byte{b}, vfs.SectorSize))
					return data
				})
				survives(t, c, want, "%s: sector at %d is all %#x", name, off, b)
			}
		}
	}
}

// What a DamageError says is where the damage is.
func TestDamageIsNamed(t *testing.T) {
	const last = "0000000000000003.wal"
	cut := func(n int) func([]byte) []byte { return func(b []byte) []byte { return b[:n] } }
	flip := func(i int) func([]byte) []byte {
		return func(b []byte) []byte {
			b[i] ^= 4
			return b
		}
	}
	for _, tc := range []struct {
		what, file string
		change     func([]byte) []byte
		at         int64
	}{
		{"header", "0000000000000001.wal", flip(20), 0},
		{"start of the first", "0000000000000001.wal", flip(512), 512},
		{"record in the first", "0000000000000001.wal", flip(1100), 1024},
		{"record in the last", last, flip(1100), 1024},
		{"start of the last", last, flip(530), 512},
		{"tail cut off", last, cut(60000), 60000},
		{"tail cut by a byte", last, cut(wal.MinSegmentSize - 1), wal.MinSegmentSize - 1},
		{"another segment's content", "0000000000000002.wal", nil, 0},
		{"emptied in the middle", "0000000000000002.wal", cut(0), 0},
		{"emptied first", "0000000000000001.wal", cut(0), 0},
		{"emptied last", last, cut(0), 0},
		{"all zeros", last, func(b []byte) []byte { return make([]byte, len(b)) }, 0},
		{"version from the future", last, flip(8), 0},
	} {
		fs, _ := closedLog(t)
		if tc.change == nil {
			other, err := vfs.ReadFile(fs, "wal/0000000000000001.wal", 1<<20)
			must(t, err)
			tc.change = func([]byte) []byte { return other }
		}
		edit(t, fs, tc.file, tc.change)
		_, err := wal.Open(fs, "wal", small())
		var damage *wal.DamageError
		if !errors.As(err, &damage) {
			t.Errorf("%s: %v", tc.what, err)
			continue
		}
		if filepath.Base(damage.File) != tc.file || damage.Offset != tc.at {
			t.Errorf("%s: %s at %d is blamed (%s)", tc.what, damage.File, damage.Offset, damage.Reason)
		}
	}
}

func TestMissingSegment(t *testing.T) {
	for _, name := range []string{"0000000000000002.wal", "0000000000000003.wal"} {
		fs, _ := closedLog(t)
		must(t, fs.Remove(filepath.Join("wal", name)))
		before := segments(t, fs)
		_, err := wal.Open(fs, "wal", small())
		var damage *wal.DamageError
		if !errors.As(err, &damage) || filepath.Base(damage.File) != name {
			t.Errorf("%s removed: %v", name, err)
		}
		if after := segments(t, fs); !slices.Equal(after, before) {
			t.Errorf("a damaged log was changed: %v became %v", before, after)
		}
	}
}

// What a crash during the creation of a segment may leave does no harm, nor do files
// that are not ours.
func TestUnusedFiles(t *testing.T) {
	for name, content := range map[string][]byte{
		"empty":      {},
		"headerless": make([]byte, wal.MinSegmentSize),
		"short":      make([]byte, 100),
	} {
		fs, want := closedLog(t)
		must(t, vfs.WriteFile(fs, "wal/0000000000000004.wal", content))
		must(t, vfs.WriteFile(fs, "wal/next.tmp", []byte("half a segment")))
		must(t, vfs.WriteFile(fs, "wal/README", []byte("not ours")))
		l := open(t, fs, small())
		expect(t, l, 0, want)
		if ok, _ := vfs.Exists(fs, "wal/next.tmp"); ok {
			t.Errorf("%s: next.tmp stayed", name)
		}
		stop := start(t, l)
		more := recs(12, 30, 9000)
		appendSync(t, l, more...)
		must(t, stop())
		expect(t, open(t, fs, small()), 0, append(want, more...))
	}
}

// torn has a group of two frames written but not synced when the power goes.
func torn(t *testing.T, o wal.Options) (synced, all *vfs.Mem, group vfs.Op, records []wal.Record) {
	mem := vfs.NewMem()
	fs := vfs.NewFaults(mem, func(op vfs.Op) error {
		switch {
		case op.Kind == vfs.OpWrite && op.Len > 400000 && op.Offset > 0: // not the zeros of a new segment
			group = op
		case op.Kind == vfs.OpSync && group.N != 0 && synced == nil:
			synced, all = mem.CrashClone(nil, vfs.KeepSynced), mem.CrashClone(nil, vfs.KeepAll)
		}
		return nil
	})
	l := open(t, fs, o)
	records = []wal.Record{rec(1, 500, 0), rec(2, 200000, 0), rec(3, 200000, 0)}
	must(t, l.Append(t.Context(), records[0]))
	must(t, l.Sync(t.Context()))
	must(t, l.Append(t.Context(), records[1]))
	must(t, l.Append(t.Context(), records[2]))
	must(t, l.Sync(t.Context()))
	if synced == nil {
		t.Fatal("the group was not written at once")
	}
	return synced, all, group, records
}

// keep copies n bytes at off of the log's first segment from one world to the other.
func keep(t *testing.T, from, to vfs.FS, off, n int64) {
	data, err := vfs.ReadFile(from, "wal/0000000000000001.wal", 1<<30)
	must(t, err)
	edit(t, to, "0000000000000001.wal", func(b []byte) []byte {
		copy(b[off:off+n], data[off:off+n])
		return b
	})
}

// A power cut that keeps the later sectors of a group and loses the earlier ones is a
// torn tail, not damage.
func TestLaterSectorsKept(t *testing.T) {
	o := small()
	o.SegmentSize = 1 << 20
	synced, all, group, records := torn(t, o)
	for lost := int64(vfs.SectorSize); lost < int64(group.Len); lost += 19 * vfs.SectorSize {
		c := synced.CrashClone(nil, vfs.KeepAll)
		keep(t, all, c, group.Offset+lost, int64(group.Len)-lost)
		var tail wal.TornTail
		o.Events.TornTail = func(t wal.TornTail) { tail = t }
		expect(t, open(t, c, o), 0, records[:1])
		if tail.Dropped == 0 || tail.Offset != group.Offset || filepath.Base(tail.File) != "0000000000000001.wal" {
			t.Fatalf("first %d bytes lost: event %+v, group at %d", lost, tail, group.Offset)
		}
	}
}

// A frame that a torn group left behind must not come back when the frame before it
// is written again, to the byte, in the next life.
func TestStaleFrameStaysDead(t *testing.T) {
	o := small()
	o.SegmentSize = 1 << 20
	synced, all, group, records := torn(t, o)
	keep(t, all, synced, group.Offset+vfs.SectorSize, int64(group.Len)-vfs.SectorSize)
	l := open(t, synced, o)
	expect(t, l, 0, records[:1])
	must(t, l.Append(t.Context(), records[1]))
	must(t, l.Sync(t.Context()))
	expect(t, open(t, synced.CrashClone(nil, vfs.KeepAll), o), 0, records[:2])
}

// Open covers what it found: damage that comes later, while the log is idle, is known
// as such.
func TestOpenCovers(t *testing.T) {
	fs := vfs.NewMem()
	l := open(t, fs, small())
	must(t, l.Append(t.Context(), rec(1, 100, 0)))
	must(t, l.Sync(t.Context()))
	crashed := fs.CrashClone(nil, vfs.KeepSynced)
	open(t, crashed, small())
	crashed = crashed.CrashClone(nil, vfs.KeepAll)
	edit(t, crashed, "0000000000000001.wal", func(b []byte) []byte {
		b[1100] ^= 1
		return b
	})
	_, err := wal.Open(crashed, "wal", small())
	var damage *wal.DamageError
	if !errors.As(err, &damage) {
		t.Fatalf("%v", err)
	}
}

// A write that never reached its place, where an older frame of the same segment still
// stands: everything about that frame checks but that it is not what came before.
func TestPhantomFrame(t *testing.T) {
	fs := vfs.NewMem()
	l := open(t, fs, small())
	must(t, l.Append(t.Context(), rec(1, 100, 0)))
	must(t, l.Close())
	life := func(fs *vfs.Mem, gen byte) {
		l := open(t, fs, small())
		for z := txn.Zxid(2); z < 5; z++ {
			must(t, l.Append(t.Context(), rec(z, 100, gen)))
			must(t, l.Sync(t.Context()))
		}
		must(t, l.Close())
	}
	other := fs.CrashClone(nil, vfs.KeepAll)
	life(fs, 1)
	life(other, 2)
	keep(t, other, fs, 4*vfs.SectorSize, vfs.SectorSize)
	_, err := wal.Open(fs, "wal", small())
	var damage *wal.DamageError
	if !errors.As(err, &damage) {
		t.Fatalf("%v", err)
	}
}

// A segment prepared for another capacity is not used.
func TestOtherSegmentSize(t *testing.T) {
	fs, want := closedLog(t)
	for i, size := range []int64{1 << 20, wal.MinSegmentSize, 256 << 10} {
		o := small()
		o.SegmentSize, o.Nonce = size, nonces(uint64(i+7))
		l := open(t, fs, o)
		stop := start(t, l)
		more := recs(l.Last()+1, l.Last()+txn.Zxid(size/9000)+5, 9000)
		appendSync(t, l, more...)
		want = append(want, more...)
		expect(t, l, 0, want)
		must(t, stop())
	}
	expect(t, open(t, fs, small()), 0, want)
}
