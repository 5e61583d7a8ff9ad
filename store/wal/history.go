package wal

import (
	"slices"
	"sort"

	"github.com/quorate/quorate/store/txn"
)

// history is what the durable log consists of: its segments, and the runs of records
// in them that are valid. It is rebuilt by Open and extended by every group commit,
// by the same calls.
type history struct {
	segs []segment
	runs []run // in order; the last one is where the log goes on, and is always there
	ids  uint64
}

// run is a stretch of one segment whose records follow each other. A run ends with its
// segment or where the log was cut or reset.
type run struct {
	id        uint64 // ascending
	seg       segment
	from, end int64    // its frames, as offsets in the file
	base      txn.Zxid // where the log stands before the run
	// first and last are the run's first and last valid records; first is 0 when there
	// is none, last then equals base. Frames may hold records greater than last: void.
	first, last txn.Zxid
	index       []place // sparse; ascending; only ever appended to
}

// place says that the frame at off starts after zxid.
type place struct {
	zxid txn.Zxid
	off  int64
}

// indexStep is the distance of the places in a run's index, in bytes.
const indexStep = 1 << 20

func (h *history) open(seg segment, from int64, base txn.Zxid) {
	h.ids++
	h.runs = append(h.runs, run{id: h.ids, seg: seg, from: from, end: from, base: base, last: base})
}

func (h *history) current() *run { return &h.runs[len(h.runs)-1] }

// base is where the log starts.
func (h *history) base() txn.Zxid { return h.runs[0].base }

// last is the last valid record, or the base.
func (h *history) last() txn.Zxid { return h.current().last }

// first is the oldest valid record, 0 if there is none.
func (h *history) first() txn.Zxid {
	for i := range h.runs {
		if h.runs[i].first != 0 {
			return h.runs[i].first
		}
	}
	return 0
}

// start goes on in a new segment, whose start frame ends at end.
func (h *history) start(seg segment, end int64, zxid txn.Zxid) {
	h.segs = append(h.segs, seg)
	h.open(seg, end, zxid)
}

// extend adds a records frame.
func (h *history) extend(off, end int64, base, first, last txn.Zxid) {
	r := h.current()
	assert(off == r.end && base == r.last, "frame at %d after %v does not extend the run to %d, %v", off, base, r.end, r.last)
	if n := len(r.index); n == 0 || off-r.index[n-1].off >= indexStep {
		r.index = append(r.index, place{zxid: base, off: off})
	}
	if r.first == 0 {
		r.first = first
	}
	r.end, r.last = end, last
}

// cut takes back the records greater than z; the frame that says so ends at end.
func (h *history) cut(end int64, z txn.Zxid) {
	seg := h.current().seg
	n := len(h.runs)
	for n > 0 && (h.runs[n-1].first == 0 || h.runs[n-1].first > z) {
		n--
	}
	h.runs = slices.Clone(h.runs[:n])
	if n > 0 {
		h.runs[n-1].last = min(h.runs[n-1].last, z)
	}
	h.open(seg, end, z)
}

// reset takes back everything; the frame that says so ends at end.
func (h *history) reset(end int64, base txn.Zxid) {
	seg := h.current().seg
	h.runs = nil
	h.open(seg, end, base)
}

// purge removes from the front the segments without a valid record greater than z,
// but never the last one nor one from pin on, and returns them.
func (h *history) purge(z txn.Zxid, pin uint64) []segment {
	segs, runs := 0, 0
	for segs < len(h.segs)-1 && h.segs[segs].seq < pin {
		n := runs
		for n < len(h.runs) && h.runs[n].seg.seq == h.segs[segs].seq && h.runs[n].last <= z {
			n++
		}
		if n < len(h.runs) && h.runs[n].seg.seq == h.segs[segs].seq {
			break
		}
		segs, runs = segs+1, n
	}
	gone := slices.Clone(h.segs[:segs])
	h.segs, h.runs = slices.Clone(h.segs[segs:]), slices.Clone(h.runs[runs:])
	return gone
}

// find returns the run in which the record after z is or will be. z must not be less than base.
func (h *history) find(z txn.Zxid) run {
	i := sort.Search(len(h.runs), func(i int) bool { return h.runs[i].base > z })
	return h.runs[i-1]
}

// after returns the first run whose id is id or greater.
func (h *history) after(id uint64) (r run, newest bool) {
	i := sort.Search(len(h.runs), func(i int) bool { return h.runs[i].id >= id })
	return h.runs[i], i == len(h.runs)-1
}

// seek returns a frame of the run at or before the first record after z, as far as the index knows.
func (r *run) seek(z txn.Zxid) place {
	i := sort.Search(len(r.index), func(i int) bool { return r.index[i].zxid > z })
	if i == 0 {
		return place{zxid: r.base, off: r.from}
	}
	return r.index[i-1]
}
