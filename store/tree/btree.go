package tree

// nodeTree is a copy-on-write B+ tree of items, ordered by key.
//
// It exists because looking up a node among a million is a matter of cache misses: a
// general B-tree compares keys, and each comparison fetches another node's block from
// memory. Here each B-tree node keeps, beside its keys, a tag for each: the eight
// bytes of the key that follow what all keys of that B-tree node have in common. A
// search runs over the tags, and fetches a block only to see whether it has found what
// it looks for, or where tags are equal.
//
// A nodeTree is a value. A copy shares the B-tree nodes; those whose owner is not the
// tree's are shared and copied before they are written to.
type nodeTree struct {
	root  *branch // nil before the first item
	count int
	owner *owner
}

// owner says by its address who may write to a B-tree node.
type owner struct{ _ byte }

// get returns the item with key k.
func (t *nodeTree) get(k key) (item, bool) {
	b := t.root
	if b == nil {
		return item{}, false
	}
	for !b.aboveLeaves() {
		b = b.kids.at(b.kid(k))
	}
	l := b.leaves.at(b.kid(k))
	if i, found := l.find(k); found {
		return l.item(i), true
	}
	return item{}, false
}

// ascend calls yield for the items from k on, in order, while it returns true.
func (t *nodeTree) ascend(k key, yield func(item) bool) {
	if t.root != nil {
		t.root.ascend(k, yield)
	}
}

func (b *branch) ascend(k key, yield func(item) bool) bool {
	i := b.kid(k)
	if b.aboveLeaves() {
		l := b.leaves.at(i)
		from, _ := l.search(k)
		return l.scan(from, yield) && b.scan(i+1, yield)
	}
	return b.kids.at(i).ascend(k, yield) && b.scan(i+1, yield)
}

// scan calls yield for all items in order, while it returns true.
func (t *nodeTree) scan(yield func(item) bool) {
	if t.root != nil {
		t.root.scan(0, yield)
	}
}

// scan calls yield for the items of the kids from i on, in order, while it returns true.
func (b *branch) scan(i int, yield func(item) bool) bool {
	for ; i < b.size(); i++ {
		if !b.scanKid(i, yield) {
			return false
		}
	}
	return true
}

// scanKid is scan for kid i alone.
func (b *branch) scanKid(i int, yield func(item) bool) bool {
	if b.aboveLeaves() {
		return b.leaves.at(i).scan(0, yield)
	}
	return b.kids.at(i).scan(0, yield)
}
