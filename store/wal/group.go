package wal

import "github.com/quorate/quorate/store/txn"

// group is what one group commit writes: frames laid out one behind the other as they
// will lie in the segments, their headers still to be filled in.
type group struct {
	number  uint64 // counts the groups from 1
	buf     []byte // a multiple of a sector, unless the last frame is open
	frames  []frame
	records int
	open    bool // the last frame may grow
}

// frame is a frame of a group.
type frame struct {
	kind kind
	// into is the segment the frame will lie in, off its offset there.
	into *active
	off  int64
	at   int // the frame's index in the group's buf
	// length is the payload's, in bytes.
	length      int
	base        txn.Zxid // the header's zxid
	first, last txn.Zxid // of its records
	count       uint32
}

func (f *frame) size() int64 { return align(frameHeader + int64(f.length)) }

// begin adds a frame; the payload is to be appended to g.buf, and then seal called.
func (g *group) begin(k kind, into *active, off int64, base txn.Zxid) {
	g.seal()
	var gap [frameHeader]byte
	g.frames = append(g.frames, frame{kind: k, into: into, off: off, at: len(g.buf), base: base, last: base})
	g.buf = append(g.buf, gap[:]...)
	g.open = true
}

// add appends a record to the open frame.
func (g *group) add(r Record) {
	f := g.newest()
	if f.count == 0 {
		f.first = r.Zxid
	}
	g.buf = appendRecord(g.buf, f.last, r)
	f.length = len(g.buf) - f.at - frameHeader
	f.last = r.Zxid
	f.count++
	g.records++
}

// newest is the last frame.
func (g *group) newest() *frame { return &g.frames[len(g.frames)-1] }

// seal ends the open frame, if there is one: zeros up to the next sector.
func (g *group) seal() {
	if !g.open {
		return
	}
	var zeros [sector]byte
	g.buf = append(g.buf, zeros[:align(int64(len(g.buf)))-int64(len(g.buf))]...)
	g.open = false
}

// part returns the frames from i on that go into the same segment.
func (g *group) part(i int) []frame {
	n := i + 1
	for n < len(g.frames) && g.frames[n].into == g.frames[i].into {
		n++
	}
	return g.frames[i:n]
}

func (g *group) clear() {
	clear(g.frames) // drops the references to segments
	*g = group{buf: g.buf[:0], frames: g.frames[:0]}
}
