package tree

import (
	"encoding/binary"
	"slices"
	"strings"

	"github.com/quorate/quorate/store/txn"
)

// A leaf is packed, its small items copied into a new page, when one more than maxLoose would
// be loose, or when more of its page is dead than alive. Both numbers are chosen by
// measurement: packing less often makes more objects for the garbage collector to visit and
// larger leaves to copy, packing more often copies more items.
//
// So what a page keeps alive that no item of the leaf is any more is never more than what
// the leaf has in it, and a page is never larger than maxLeaf*(maxPacked+sideSize) bytes.
const (
	maxLoose  = 8
	maxPacked = 512 // bytes; an item with a larger block never is in a page
)

// A small item's entry is its side, if it ever had one, and its block: in the leaf's page or, if
// it is loose, a string of its own. A large item is not copied into an entry, so that what
// changes its side alone does not copy its data.

// ref says where a leaf has an item: the index of a large one or of a loose entry, or the offset
// and size of an entry in the page; and whether the entry has a side.
type ref uint32

const (
	refLoose  ref = 1 << 31
	refLarge  ref = 1 << 30
	refSide   ref = 1 << 29
	refOffset     = 10 // the bit where the offset begins; the size stands below
	sideSize      = 16
)

// index returns which of the loose entries or large items r stands for.
func (r ref) index() int { return int(r &^ (refLoose | refLarge | refSide)) }

// size returns the length of an entry in the page.
func (r ref) size() int { return int(r & (1<<refOffset - 1)) }

// entry returns the entry that r stands for; not for a large item.
func (l *leaf) entry(r ref) string {
	if r&refLoose != 0 {
		return l.loose[r.index()]
	}
	at := r.index() >> refOffset
	return l.page[at : at+r.size()]
}

// block returns the block of the item that r stands for.
func (l *leaf) block(r ref) string {
	switch {
	case r&refLarge != 0:
		return (*l.large)[r.index()].block
	case r&refSide != 0:
		return l.entry(r)[sideSize:]
	}
	return l.entry(r)
}

// item returns item i.
func (l *leaf) item(i int) item {
	r := l.refs[i]
	switch {
	case r&refLarge != 0:
		return (*l.large)[r.index()]
	case r&refSide != 0:
		e := l.entry(r)
		return item{block: e[sideSize:], side: side{beUint64(e), txn.Zxid(beUint64(e[8:]))}}
	}
	return item{block: l.entry(r)}
}

// isLarge tells whether it is too large for a page.
func (it item) isLarge() bool { return len(it.block) > maxPacked }

// sided tells whether its entry has a side, as a bit of a ref.
func (it item) sided() ref {
	if it.side == (side{}) {
		return 0
	}
	return refSide
}

// entrySize returns the size of its entry, 0 if it is too large to have one.
func (it item) entrySize() int {
	switch {
	case it.isLarge():
		return 0
	case it.sided() != 0:
		return sideSize + len(it.block)
	}
	return len(it.block)
}

// write adds its entry to w.
func (it item) write(w *strings.Builder) {
	if it.sided() != 0 {
		var b [sideSize]byte
		binary.BigEndian.PutUint64(b[:], it.side.counts)
		binary.BigEndian.PutUint64(b[8:], uint64(it.side.pzxid))
		w.Write(b[:])
	}
	w.WriteString(it.block)
}

// entry returns its entry.
func (it item) entry() string {
	if it.sided() == 0 {
		return it.block
	}
	var w strings.Builder
	w.Grow(it.entrySize())
	it.write(&w)
	return w.String()
}

// makeRoom packs l if it has to hold one more item and there is no room for it.
func (l *leaf) makeRoom(it item) {
	if !it.isLarge() && slices.Index(l.loose[:], "") < 0 {
		l.pack()
	}
}

// hold takes it up, for which there is room, and returns where it stands.
func (l *leaf) hold(it item) ref {
	if it.isLarge() {
		return l.holdLarge(it)
	}
	i := slices.Index(l.loose[:], "")
	l.loose[i] = it.entry()
	return refLoose | ref(i) | it.sided()
}

func (l *leaf) holdLarge(it item) ref {
	var large []item
	if l.large != nil {
		large = append(make([]item, 0, len(*l.large)+1), *l.large...)
	}
	i := slices.Index(large, item{})
	if i < 0 {
		i = len(large)
		large = append(large, item{})
	}
	large[i] = it
	l.large = &large
	return refLarge | ref(i)
}

// release lets go of what r stands for.
func (l *leaf) release(r ref) {
	switch {
	case r&refLoose != 0:
		l.loose[r.index()] = ""
	case r&refLarge != 0:
		large := slices.Clone(*l.large)
		large[r.index()] = item{}
		l.large = &large
		if !slices.ContainsFunc(large, item.isLarge) {
			l.large = nil
		}
	}
}

// pack copies all small items into a new page.
func (l *leaf) pack() {
	var room [maxLeaf]item
	l.fill(l.append(room[:0]))
}

// packDead packs l if more of its page is dead than alive.
func (l *leaf) packDead() {
	alive := 0
	for _, r := range l.refs[:l.n] {
		if r&(refLoose|refLarge) == 0 {
			alive += r.size()
		}
	}
	if len(l.page) > 2*alive {
		l.pack()
	}
}

// fill makes items those of l, in a page of their own. Their tags are not computed.
func (l *leaf) fill(items []item) {
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
		l.refs[i] = ref(page.Len()<<refOffset|it.entrySize()) | it.sided()
		it.write(&page)
	}
	clear(l.loose[:])
	l.large = nil
	if large != nil {
		l.large = &large
	}
	l.page = page.String()
	l.n = int32(len(items))
}
