package tree

import "slices"

// view is a leaf as a tree sees it: with that many of its edits.
type view struct {
	*leaf
	edits int
}

// view returns l as t sees it.
func (t *nodeTree) view(l *leaf) view {
	until := t.now
	if l.line != t.line {
		until = t.line.until(l.line)
	}
	n := 0
	for n < maxEdits {
		s := l.stamp(n)
		if s == 0 || s.moment() > until {
			break
		}
		n++
	}
	return view{l, n}
}

// copy returns a copy for t, in which all edits are t's own.
func (v view) copy(t *nodeTree) *leaf {
	c := &leaf{line: t.line, page: v.page, large: v.large, skip: v.skip, n: v.n, tags: v.tags, refs: v.refs}
	for j := range v.edits {
		s := v.stamp(j)
		c.entries[j] = v.entries[j]
		c.log[j].Store(uint64(stampOf(t.now, s.slot(), s.what())))
	}
	return c
}

// exchanges tells whether a change of the item with key k, in that slot, only puts a block into the place of the old one: both are large, and so
// the old one is packed, since nothing large comes into a log. Packing would look at the keys of all large items, each somewhere else in memory.
func (v view) exchanges(k key, what change, block string) (slot int, yes bool) {
	if what != reblock || !isLarge(block) {
		return 0, false
	}
	slot, _ = v.find(k)
	return slot, slot < maxLeaf && v.refs[slot]&refLarge != 0
}

// exchanged returns a copy for t with that other block in the slot.
func (v view) exchanged(t *nodeTree, slot int, block string) *leaf {
	l := v.copy(t)
	large := slices.Clone(*l.large)
	large[l.refs[slot].index()].block = block
	l.large = &large
	return l
}

// last returns the newest edit that made this change of a slot, -1 if there is none.
func (v view) last(what change, slot int) int {
	for j := v.edits - 1; j >= 0; j-- {
		if v.stamp(j).does(what, slot) {
			return j
		}
	}
	return -1
}

// firstBlock returns the block with which the item came into its slot: its key is what it was.
func (v view) firstBlock(slot int) string {
	if slot >= maxLeaf {
		return v.entries[slot-maxLeaf]
	}
	return v.packed(slot)
}

// item returns the item in a slot.
func (v view) item(slot int) (it item) {
	if slot < maxLeaf {
		it.side = v.packedSide(slot)
	}
	for j := range v.edits {
		switch s := v.stamp(j); {
		case s.does(reblock, slot):
			it.block = v.entries[j]
		case s.does(reside, slot):
			it.side = readSide(v.entries[j])
		}
	}
	if it.block == "" {
		it.block = v.firstBlock(slot)
	}
	return it
}

// gone tells whether the item in a slot was dropped.
func (v view) gone(slot int) bool { return v.last(dropped, slot) >= 0 }

// hollow tells whether, with one item less, more were gone than there.
func (v view) hollow() bool {
	gone, all := 1, int(v.n)
	for j := range v.edits {
		switch v.stamp(j).what() {
		case added:
			all++
		case dropped:
			gone++
		}
	}
	return 2*gone > all
}

// find returns the slot of the item with key k, and whether there is one.
func (v view) find(k key) (slot int, found bool) {
	at, packed := find(k, int(v.skip), v.tags[:v.n], v.key)
	return v.slot(at, packed, k)
}

// slot returns that of the item with key k, and whether there is one: at is the first packed item not before k, packed
// says that its key is k.
func (v view) slot(at int, packed bool, k key) (slot int, found bool) {
	if packed && !v.gone(at) {
		return at, true
	}
	for j := range v.edits {
		if v.stamp(j).does(added, at) && keyIn(v.entries[j]) == k && !v.gone(maxLeaf+j) {
			return maxLeaf + j, true
		}
	}
	return 0, false
}

// fates are what the edits of a view made of its slots: for each the edits, counted from 1, that gave it its block and its side
// (0: it has those with which it came), and whether it is gone. Looking once at all edits is cheaper than for each slot.
type fates [maxLeaf + maxEdits]struct {
	block, side uint8
	gone        bool
}

// fates returns those of all slots.
func (v view) fates() (f fates) {
	for j := range v.edits {
		s := v.stamp(j)
		switch s.what() {
		case reblock:
			f[s.slot()].block = uint8(j + 1)
		case reside:
			f[s.slot()].side = uint8(j + 1)
		case dropped:
			f[s.slot()].gone = true
		}
	}
	return f
}

// order adds the slots of all items to slots, in the order of their keys.
func (v view) order(slots []uint8, f *fates) []uint8 {
	var room [maxEdits]uint8
	adds := v.adds(room[:0], f)
	for i := range int(v.n) + 1 {
		for len(adds) > 0 && v.rank(adds[0]) == i {
			slots, adds = append(slots, adds[0]), adds[1:]
		}
		if i < int(v.n) && !f[i].gone {
			slots = append(slots, uint8(i))
		}
	}
	return slots
}

// adds is order for the items that were added.
func (v view) adds(slots []uint8, f *fates) []uint8 {
	for j := range v.edits {
		if v.stamp(j).what() == added && !f[maxLeaf+j].gone {
			slots = append(slots, uint8(maxLeaf+j))
		}
	}
	slices.SortFunc(slots, func(a, b uint8) int {
		if i, j := v.rank(a), v.rank(b); i != j {
			return i - j
		}
		return keyIn(v.firstBlock(int(a))).compare(keyIn(v.firstBlock(int(b))))
	})
	return slots
}

// rank returns the packed item before which the one in a slot, one that was added, stands.
func (v view) rank(slot uint8) int { return v.stamp(int(slot) - maxLeaf).slot() }

// items adds all items to those given, in order.
func (v view) items(to []item) []item {
	f := v.fates()
	var room [maxLeaf + maxEdits]uint8
	for _, slot := range v.order(room[:0], &f) {
		var it item
		if j := f[slot].block; j > 0 {
			it.block = v.entries[j-1]
		} else {
			it.block = v.firstBlock(int(slot))
		}
		if j := f[slot].side; j > 0 {
			it.side = readSide(v.entries[j-1])
		} else if slot < maxLeaf {
			it.side = v.packedSide(int(slot))
		}
		to = append(to, it)
	}
	return to
}

// scan calls yield for all items in order, while it returns true.
func (v view) scan(yield func(item) bool) bool {
	var room [maxLeaf + maxEdits]item
	return each(v.items(room[:0]), yield)
}

// scanFrom is scan from the first item on that is not before k.
func (v view) scanFrom(k key, yield func(item) bool) bool {
	var room [maxLeaf + maxEdits]item
	items := v.items(room[:0])
	return each(items[indexOf(items, k):], yield)
}

// each calls yield for items, while it returns true, and returns whether it always did.
func each(items []item, yield func(item) bool) bool {
	for _, it := range items {
		if !yield(it) {
			return false
		}
	}
	return true
}

// indexOf returns the index of the first of sorted items that is not before k.
func indexOf(items []item, k key) int {
	i, _ := slices.BinarySearchFunc(items, k, func(it item, k key) int { return keyIn(it.block).compare(k) })
	return i
}
