package tree

// nodeTree is a B+ tree of items, ordered by key, that keeps what it was.
//
// It exists because looking up a node among a million is a matter of cache misses: a
// general B-tree compares keys, and each comparison fetches another node's block from
// memory. Here each B-tree node keeps, beside its keys, a tag for each: the eight
// bytes of the key that follow what all keys of that B-tree node have in common. A
// search runs over the tags, and fetches a block only to see whether it has found what
// it looks for, or where tags are equal.
//
// A nodeTree is a value: a tree at one moment of a line. A copy shares the B-tree nodes. Before the first change it
// has to advance; then it changes leaves of its line in place (see leaf), and copies all other B-tree nodes that
// it did not make itself since it advanced.
type nodeTree struct {
	root  *branch // nil before the first item
	count int
	line  *line
	now   uint64 // its moment
}

// get returns the item with key k.
func (t *nodeTree) get(k key) (item, bool) {
	p, found := t.place(k)
	if !found {
		return item{}, false
	}
	return p.item(), true
}

// way returns the branch and the index in it of the leaf whose keys k is among.
func (t *nodeTree) way(k key) (b *branch, i int) {
	b = t.root
	for !b.aboveLeaves() {
		b = b.kids.at(b.kid(k))
	}
	return b, b.kid(k)
}

// ascend calls yield for the items from k on, in order, while it returns true.
func (t *nodeTree) ascend(k key, yield func(item) bool) {
	if t.root != nil {
		t.ascendBelow(t.root, k, yield)
	}
}

// ascendBelow is ascend for what is below b.
func (t *nodeTree) ascendBelow(b *branch, k key, yield func(item) bool) bool {
	i := b.kid(k)
	if b.aboveLeaves() {
		return t.view(b.leaves.at(i)).scanFrom(k, yield) && t.scanBelow(b, i+1, yield)
	}
	return t.ascendBelow(b.kids.at(i), k, yield) && t.scanBelow(b, i+1, yield)
}

// scan calls yield for all items in order, while it returns true.
func (t *nodeTree) scan(yield func(item) bool) {
	if t.root != nil {
		t.scanBelow(t.root, 0, yield)
	}
}

// scanBelow is scan for what is below the kids of b from i on.
func (t *nodeTree) scanBelow(b *branch, i int, yield func(item) bool) bool {
	for ; i < b.size(); i++ {
		if b.aboveLeaves() {
			if !t.view(b.leaves.at(i)).scan(yield) {
				return false
			}
		} else if !t.scanBelow(b.kids.at(i), 0, yield) {
			return false
		}
	}
	return true
}
