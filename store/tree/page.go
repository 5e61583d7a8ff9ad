package tree

import (
	"encoding/binary"
	"strings"

	"github.com/quorate/quorate/store/txn"
)

// A leaf is packed, its small blocks copied into a new page, when more than maxLoose of
// them are loose, or when more of its page is dead than alive. Both numbers are
// chosen by measurement: packing less often makes more objects for the garbage collector
// to visit and larger leaves to copy, packing more often copies more blocks.
//
// So what a page keeps alive that no node of the leaf has any more is never more than
// what it has, and a page is never larger than maxLeaf*(maxPacked+sideSize) bytes.
const (
	maxLoose  = 8
	maxPacked = 512 // bytes; a larger block is always loose
)

// ref says where a leaf's item is: the index of a loose one; or in the page the offset
// of its entry, the size of its block and whether its side stands before that.
type ref uint32

const (
	refLoose  = 1 << 31
	refSide   = 1 << 30
	refOffset = 10 // the bit where the offset begins; the size stands below
	sideSize  = 16
)

func looseRef(index int) ref { return refLoose | ref(index) }

func (r ref) loose() bool { return r&refLoose != 0 }

// index returns which loose item r stands for.
func (r ref) index() int { return int(r &^ refLoose) }

// size returns the length of a block in the page.
func (r ref) size() int { return int(r & (1<<refOffset - 1)) }

// span returns the offset of an entry in the page and that of its block.
func (r ref) span() (entry, block int) {
	entry = int(r &^ refSide >> refOffset)
	if r&refSide != 0 {
		return entry, entry + sideSize
	}
	return entry, entry
}

// block returns the block of the item of l that r stands for.
func (r ref) block(l *leaf) string {
	if r.loose() {
		return l.loose[r.index()].block
	}
	_, at := r.span()
	return l.page[at : at+r.size()]
}

// item returns the item of l that r stands for.
func (r ref) item(l *leaf) item {
	if r.loose() {
		return l.loose[r.index()]
	}
	entry, at := r.span()
	it := item{block: l.page[at : at+r.size()]}
	if at > entry {
		it.side = side{beUint64(l.page[entry:]), txn.Zxid(beUint64(l.page[entry+8:]))}
	}
	return it
}

// pack adds it to a page that grows, and returns where it stands.
func (it item) pack(page *strings.Builder) ref {
	r := ref(page.Len()<<refOffset | len(it.block))
	if it.side != (side{}) {
		r |= refSide
		var b [sideSize]byte
		binary.BigEndian.PutUint64(b[:], it.side.counts)
		binary.BigEndian.PutUint64(b[8:], uint64(it.side.pzxid))
		page.Write(b[:])
	}
	page.WriteString(it.block)
	return r
}

// packedSize returns how much of a page it takes, 0 if it is too large for one.
func (it item) packedSize() int {
	switch {
	case len(it.block) > maxPacked:
		return 0
	case it.side == (side{}):
		return len(it.block)
	}
	return len(it.block) + sideSize
}

// fill makes items those of l, in a page of their own. Their tags are not computed.
func (l *leaf) fill(items []item) {
	size, large := 0, 0
	for _, it := range items {
		if n := it.packedSize(); n > 0 {
			size += n
		} else {
			large++
		}
	}
	var page strings.Builder
	page.Grow(size)
	l.loose = make([]item, 0, large)
	for i, it := range items {
		if it.packedSize() > 0 {
			l.refs[i] = it.pack(&page)
		} else {
			l.loosen(i, it)
		}
	}
	l.page = page.String()
	l.n = int32(len(items))
}

// settle packs l if that is due.
func (l *leaf) settle() {
	small, alive := 0, 0
	for _, r := range l.refs[:l.n] {
		if !r.loose() {
			entry, at := r.span()
			alive += at - entry + r.size()
		} else if len(l.loose[r.index()].block) <= maxPacked {
			small++
		}
	}
	if small > maxLoose || len(l.page) > 2*alive {
		l.fill(l.items())
	}
}
