package tree

import "sync/atomic"

// maxLeaf is the greatest number of packed items of a leaf, maxEdits, which is less, that of edits. Both are chosen by measurement: more edits mean that leaves are
// packed less often, but are larger, and have more entries that the garbage collector visits one by one.
const (
	maxLeaf  = 36
	maxEdits = 12
)

// leaf is a B-tree node with items of the tree:
//
//	packed:  tags  ┌──┬──┬──┬──┬──┐        never changes
//	         refs  └─┬┴─┬┴─┬┴─┬┴─┬┘
//	         page  ──┴──┴──┴──┴──┴──
//	log:     stamp  4·3·reblock  5·0·reside  5·2·added  –  –   only gets longer
//	         entry     block        side       block
//
// All trees of a line share the leaf, and each sees the edits up to its own moment: see view. So a change copies nothing. It writes an entry,
// and then the stamp that makes it part of the log. Who reads a tree that somebody else may read looks at the entries of stamps that
// it sees, and these are never written again: readers and the one who writes never meet at the same memory. A tree
// of another line copies the leaf before it changes anything. When the log is full, all items are packed into a new leaf, or two.
//
// An item is known by its slot: the index of a packed one, or maxLeaf and the number of the edit that added it.
type leaf struct {
	line  *line
	page  string  // one packed entry after the other
	large *[]item // those packed items that are too large for the page; nil if there is none
	skip  int32   // length of what all keys have in common
	n     int32   // number of packed items
	log   [maxEdits]atomic.Uint64
	tags  [maxLeaf]uint64
	refs  [maxLeaf]ref
	// entries are those of the log: the new block, which is small, or the new side.
	entries [maxEdits]string
}

// change is what an edit does.
type change uint8

// The changes.
const (
	added   change = iota + 1 // an item before the packed item whose slot is given
	reblock                   // another block
	reside                    // another side
	dropped                   // the item is gone
)

// stamp is an edit in a leaf's log: the moment, 48 bits, then slot and change; 0 where there is none yet.
type stamp uint64

// stampLow is the bit of a stamp where the moment begins.
const stampLow = 16

func stampOf(moment uint64, slot int, what change) stamp {
	return stamp(moment<<stampLow) | stamp(slot)<<8 | stamp(what)
}

func (s stamp) moment() uint64 { return uint64(s >> stampLow) }

func (s stamp) slot() int { return int(s >> 8 & 0xff) }

func (s stamp) what() change { return change(s) }

// does tells whether it is this change of this slot.
func (s stamp) does(what change, slot int) bool { return s&(1<<stampLow-1) == stampOf(0, slot, what) }

// newLeaf returns a leaf for t with these items, at most maxLeaf of them and sorted.
func newLeaf(t *nodeTree, items []item) *leaf {
	l := &leaf{line: t.line, n: int32(len(items))}
	l.pack(items)
	if l.n == 0 {
		return l
	}
	skip := l.key(0).common(l.key(int(l.n) - 1))
	l.skip = int32(skip)
	for i := range items {
		l.tags[i] = l.key(i).tag(skip)
	}
	return l
}

// key returns the key of packed item i.
func (l *leaf) key(i int) key { return keyIn(l.packed(i)) }

// stamp returns edit j of the log.
func (l *leaf) stamp(j int) stamp { return stamp(l.log[j].Load()) }
