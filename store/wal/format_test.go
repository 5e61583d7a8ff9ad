package wal

import (
	"bytes"
	"hash/crc32"
	"slices"
	"testing"

	"github.com/quorate/quorate/store/txn"
	"github.com/quorate/quorate/store/vfs"
)

func TestSegmentHeader(t *testing.T) {
	s := segment{seq: 3, nonce: 0xABCDEF, base: 128 << 10, capacity: MinSegmentSize}
	b := s.encode()
	if got, err := parseSegment(b); err != nil || got != s {
		t.Fatalf("%+v, %v", got, err)
	}
	for i := range b {
		b[i] ^= 0x10
		if _, err := parseSegment(b); err == nil {
			t.Errorf("byte %d may be anything", i)
		}
		b[i] ^= 0x10
	}
}

// frameBytes returns a frame with two records.
func frameBytes(nonce uint64, off int64) ([]byte, header) {
	payload := appendRecord(nil, 10, Record{Zxid: 11, Payload: []byte("one")})
	payload = appendRecord(payload, 11, Record{Zxid: 1 << 40, Payload: []byte("two")})
	h := header{
		payload: crc32.Update(seed(nonce, off), castagnoli, payload),
		prev:    7, length: uint32(len(payload)), mark: off, zxid: 10, count: 2, kind: kindRecords,
	}
	b := make([]byte, frameHeader)
	h.crc = h.put(b, nonce, off)
	return append(b, payload...), h
}

func TestFrame(t *testing.T) {
	b, want := frameBytes(5, 1024)
	h, ok := parseHeader(b, 5, 1024)
	if !ok || h != want || !h.checkPayload(b[frameHeader:], 5, 1024) {
		t.Fatalf("%+v, %v", h, ok)
	}
	first, last, err := checkRecords(b[frameHeader:], h.zxid, h.count)
	if first != 11 || last != 1<<40 || err != nil {
		t.Fatalf("%v to %v, %v", first, last, err)
	}
	for i := range b {
		b[i] ^= 1
		if h, ok := parseHeader(b, 5, 1024); ok && h.checkPayload(b[frameHeader:], 5, 1024) {
			t.Errorf("byte %d may be anything", i)
		}
		b[i] ^= 1
	}
}

// Bytes of a former life of the file, or of another place in it, never parse.
func TestFrameElsewhere(t *testing.T) {
	b, _ := frameBytes(5, 1024)
	for nonce := range uint64(300) {
		for off := int64(sector); off < 40*sector; off += sector {
			h, ok := parseHeader(b, nonce, off)
			if ok != (nonce == 5 && off == 1024) {
				t.Errorf("nonce %d, offset %d: %v", nonce, off, ok)
			}
			if h.checkPayload(b[frameHeader:], nonce, off) && !ok {
				t.Errorf("nonce %d, offset %d: the payload checks", nonce, off)
			}
		}
	}
}

func TestMalformedRecords(t *testing.T) {
	good := appendRecord(nil, 10, Record{Zxid: 12, Payload: []byte("abc")})
	huge := appendRecord(nil, 0, Record{Zxid: 1<<64 - 1})
	for name, tc := range map[string]struct {
		b     []byte
		prev  txn.Zxid
		count uint32
	}{
		"nothing":      {nil, 10, 1},
		"no record":    {nil, 10, 0},
		"cut short":    {good[:len(good)-1], 10, 1},
		"too many":     {good, 10, 2},
		"too few":      {append(slices.Clone(good), good...), 10, 1},
		"same zxid":    {[]byte{0, 0}, 10, 1},
		"wraps around": {huge, 1, 1},
		"endless":      {bytes.Repeat([]byte{0xFF}, 20), 10, 1},
	} {
		if _, _, err := checkRecords(tc.b, tc.prev, tc.count); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	if _, _, err := checkRecords(good, 10, 1); err != nil {
		t.Error(err)
	}
}

func TestFileNames(t *testing.T) {
	for _, seq := range []uint64{1, 0xABCDEF0123456789} {
		if got, ok := parseName(fileName(seq)); !ok || got != seq {
			t.Errorf("%s: %d, %v", fileName(seq), got, ok)
		}
	}
	for _, name := range []string{"next.tmp", "1.wal", "000000000000000G.wal", "000000000000000A.wal", "+00000000000000a.wal", "0000000000000001.wal.bak"} {
		if _, ok := parseName(name); ok {
			t.Errorf("%s was taken for a segment", name)
		}
	}
}

// FuzzRecords: whatever a payload holds, decoding it neither fails badly nor accepts
// what would not encode to the same records.
func FuzzRecords(f *testing.F) {
	b, _ := frameBytes(5, 1024)
	f.Add(b[frameHeader:], uint64(10), uint32(2))
	f.Add([]byte{1, 0}, uint64(0), uint32(1))
	f.Add(bytes.Repeat([]byte{0xFF}, 12), uint64(1), uint32(1))
	f.Fuzz(func(t *testing.T, b []byte, prev uint64, count uint32) {
		first, last, err := checkRecords(b, txn.Zxid(prev), count)
		if err != nil {
			return
		}
		at, rest, again := txn.Zxid(prev), b, []byte(nil)
		for n := uint32(0); len(rest) > 0; n++ {
			var r Record
			if r, rest, err = nextRecord(rest, at); err != nil || r.Zxid <= at || n == 0 && r.Zxid != first {
				t.Fatalf("record %d: %v after %v, %v", n, r.Zxid, at, err)
			}
			again = appendRecord(again, at, r)
			at = r.Zxid
		}
		if at != last || len(again) > len(b) {
			t.Fatalf("ends at %v, not %v; %d bytes became %d", at, last, len(b), len(again))
		}
	})
}

// FuzzSegment: whatever bytes stand behind a good header, Open neither panics nor
// hangs, and a log it accepts can be read, written and opened again.
func FuzzSegment(f *testing.F) {
	s := segment{seq: 1, nonce: 5, capacity: MinSegmentSize}
	start := make([]byte, sector)
	h := header{payload: seed(5, headerSize), kind: kindStart}
	prev := h.put(start, 5, headerSize)
	b, next := frameBytes(5, 1024)
	next.prev, next.zxid = prev, 0
	next.put(b, 5, 1024)
	f.Add(start)
	f.Add(append(slices.Clone(start), b...))
	f.Add(append(make([]byte, sector), b...))
	f.Add(bytes.Repeat([]byte{0xFF}, 3*sector))
	f.Fuzz(func(t *testing.T, content []byte) {
		if len(content) > int(s.capacity)-headerSize {
			return
		}
		fs := vfs.NewMem()
		if err := fs.MkdirAll("wal"); err != nil {
			t.Fatal(err)
		}
		file := make([]byte, s.capacity)
		copy(file, s.encode())
		copy(file[headerSize:], content)
		if err := vfs.WriteFile(fs, "wal/"+fileName(1), file); err != nil {
			t.Fatal(err)
		}
		usable(t, fs)
	})
}

// usable opens a log, unless it is refused, and uses it.
func usable(t *testing.T, fs vfs.FS) {
	nonce := uint64(100)
	o := Options{SegmentSize: MinSegmentSize, Nonce: func() uint64 { nonce++; return nonce }}
	l, err := Open(fs, "wal", o)
	if err != nil {
		return
	}
	last := l.Last()
	if last == 1<<64-1 {
		return
	}
	if err := l.Append(t.Context(), Record{Zxid: last + 1, Payload: []byte("more")}); err != nil {
		return // no room, and nobody prepares a segment
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if l, err = Open(fs, "wal", o); err != nil || l.Last() != last+1 {
		t.Fatalf("opened again: %v", err)
	}
}
