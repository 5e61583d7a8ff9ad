package wal

import (
	"math"
	"testing"

	"github.com/quorate/quorate/store/txn"
)

// grown is a history of three segments: 1 to 10, 11 to 20, 21 to 30, a frame each.
func grown() *history {
	h := &history{}
	for i := range txn.Zxid(3) {
		h.start(segment{seq: uint64(i) + 1, capacity: MinSegmentSize}, 1024, i*10)
		for z := i*10 + 1; z <= i*10+10; z++ {
			end := h.current().end
			h.extend(end, end+sector, z-1, z, z)
		}
	}
	return h
}

func TestHistoryCut(t *testing.T) {
	for _, tc := range []struct{ z, first, last, base txn.Zxid }{
		{30, 1, 30, 0}, {25, 1, 25, 0}, {20, 1, 20, 0}, {11, 1, 11, 0}, {1, 1, 1, 0}, {0, 0, 0, 0},
	} {
		h := grown()
		h.cut(9000, tc.z)
		if h.first() != tc.first || h.last() != tc.last || h.base() != tc.base {
			t.Errorf("cut after %v: %v to %v, base %v", tc.z, h.first(), h.last(), h.base())
		}
		if r := h.find(tc.z); r.id != h.current().id {
			t.Errorf("cut after %v: the next record is looked for in run %d", tc.z, r.id)
		}
		h.extend(9000, 9512, tc.z, tc.z+1, tc.z+1)
		if h.last() != tc.z+1 {
			t.Errorf("cut after %v: last %v", tc.z, h.last())
		}
	}
}

func TestHistoryPurge(t *testing.T) {
	for _, tc := range []struct {
		cut, purge txn.Zxid
		pin        uint64
		gone       int
		base       txn.Zxid
	}{
		{30, 0, math.MaxUint64, 0, 0},
		{30, 9, math.MaxUint64, 0, 0},
		{30, 10, math.MaxUint64, 1, 10},
		{30, 29, math.MaxUint64, 2, 20},
		{30, 99, math.MaxUint64, 2, 20}, // never the newest
		{30, 99, 2, 1, 10},              // nor a pinned one
		{30, 99, 1, 0, 0},
		{15, 14, math.MaxUint64, 1, 10}, // the void ones go when their turn comes
		{15, 15, math.MaxUint64, 2, 15},
		{5, 5, math.MaxUint64, 2, 5},
		{5, 4, math.MaxUint64, 0, 0},
	} {
		h := grown()
		h.cut(9000, tc.cut)
		if gone := h.purge(tc.purge, tc.pin); len(gone) != tc.gone || h.base() != tc.base || h.last() != tc.cut {
			t.Errorf("%+v: %d gone, base %v, last %v", tc, len(gone), h.base(), h.last())
		}
	}
}

func TestSeek(t *testing.T) {
	h := &history{}
	h.start(segment{seq: 1, capacity: MaxSegmentSize}, 1024, 0)
	for z := txn.Zxid(1); z <= 300; z++ { // a frame of 100 KiB each
		end := h.current().end
		h.extend(end, end+100<<10, z-1, z, z)
	}
	r := h.current()
	for z := range txn.Zxid(300) {
		p := r.seek(z)
		if p.zxid > z || p.off != 1024+int64(p.zxid)*100<<10 || int64(z-p.zxid)*100<<10 > 2*indexStep {
			t.Errorf("after %v: %+v", z, p)
		}
	}
}
