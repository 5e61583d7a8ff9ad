package tree

import (
	"encoding/binary"
	"strings"

	"github.com/quorate/quorate/store/txn"
)

// maxPacked is the size in bytes of the largest block that is put into a page. A page is never larger than
// maxLeaf*(maxPacked+sideSize) bytes.
const maxPacked = 512

// A small item's entry in the page is its side, if it ever had one, and its block. A large item
// stands beside the page, so that packing does not copy its data.

// ref says where a packed item stands: its entry's offset and size in the page, and whether the entry has
// a side; or that it is large, and which one.
type ref uint32

const (
	refLarge  ref = 1 << 30
	refSide   ref = 1 << 29
	refOffset     = 10 // the bit where the offset begins; the size stands below
	sideSize      = 16
)

// index returns which of the large items r stands for.
func (r ref) index() int { return int(r &^ (refLarge | refSide)) }

// size returns the length of an entry.
func (r ref) size() int { return int(r & (1<<refOffset - 1)) }

// entry returns the entry that r stands for; not for a large item.
func (l *leaf) entry(r ref) string {
	at := int(r&^refSide) >> refOffset
	return l.page[at : at+r.size()]
}

// packed returns the block of packed item i.
func (l *leaf) packed(i int) string {
	r := l.refs[i]
	switch {
	case r&refLarge != 0:
		return (*l.large)[r.index()].block
	case r&refSide != 0:
		return l.entry(r)[sideSize:]
	}
	return l.entry(r)
}

// packedSide returns the side of packed item i.
func (l *leaf) packedSide(i int) side {
	r := l.refs[i]
	switch {
	case r&refLarge != 0:
		return (*l.large)[r.index()].side
	case r&refSide != 0:
		return readSide(l.entry(r))
	}
	return side{}
}

// pack puts items into the leaf, which is new.
func (l *leaf) pack(items []item) {
	size := 0
	for _, it := range items {
		size += it.entrySize()
	}
	var large []item
	var page strings.Builder
	page.Grow(size)
	for i, it := range items {
		if it.isLarge() {
			l.refs[i] = refLarge | ref(len(large))
			large = append(large, it)
			continue
		}
		l.refs[i] = ref(page.Len()<<refOffset | it.entrySize())
		if it.side != (side{}) {
			l.refs[i] |= refSide
			page.WriteString(it.side.entry())
		}
		page.WriteString(it.block)
	}
	l.page = page.String()
	if large != nil {
		l.large = &large
	}
}

// isLarge tells whether a block is too large for a page.
func isLarge(block string) bool { return len(block) > maxPacked }

func (it item) isLarge() bool { return isLarge(it.block) }

// entrySize returns the size of its entry, 0 if it is too large to have one.
func (it item) entrySize() int {
	switch {
	case it.isLarge():
		return 0
	case it.side != (side{}):
		return sideSize + len(it.block)
	}
	return len(it.block)
}

// entry returns what stands for s in a page and in a log.
func (s side) entry() string {
	var b [sideSize]byte
	binary.BigEndian.PutUint64(b[:], s.counts)
	binary.BigEndian.PutUint64(b[8:], uint64(s.pzxid))
	return string(b[:])
}

// readSide returns the side that an entry begins with.
func readSide(entry string) side { return side{beUint64(entry), txn.Zxid(beUint64(entry[8:]))} }
