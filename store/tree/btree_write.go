package tree

import "slices"

// mutable returns b if t may write to it, else a copy that it may write to.
func (t *nodeTree) mutable(b *branch) *branch {
	if b.owner == t.owner {
		return b
	}
	return b.copy(t.owner)
}

// mutableKid is mutable for kid i of b, which is mutable and not above leaves.
func (t *nodeTree) mutableKid(b *branch, i int) *branch {
	old := b.kids.at(i)
	kid := t.mutable(old)
	if kid != old {
		b.kids.put(i, kid)
	}
	return kid
}

// mutableLeaf is mutable for leaf i of b, which is mutable and above leaves.
func (t *nodeTree) mutableLeaf(b *branch, i int) *leaf {
	l := b.leaves.at(i)
	if l.owner != t.owner {
		l = l.copy(t.owner)
		b.leaves.put(i, l)
	}
	return l
}

// edit returns the place of the item with key k, and whether there is one.
func (t *nodeTree) edit(k key) (place, bool) {
	if t.root == nil {
		return place{}, false
	}
	t.root = t.mutable(t.root)
	b := t.root
	for !b.aboveLeaves() {
		b = t.mutableKid(b, b.kid(k))
	}
	kid := b.kid(k)
	// Searching first, in the leaf that may have to be copied, lets the processor wait for the
	// block and the rest of the leaf at once.
	i, found := b.leaves.at(kid).find(k)
	if !found {
		return place{}, false
	}
	return place{t.mutableLeaf(b, kid), i}, true
}

// set adds or replaces an item, and returns the one replaced.
func (t *nodeTree) set(it item) (old item, replaced bool) {
	k := keyIn(it.block)
	b, i, edge := t.leafFor(k)
	at, found, shares := b.seek(i, k)
	l := t.mutableLeaf(b, i)
	if found {
		old = l.item(at)
		l.put(at, it)
		return old, true
	}
	t.count++
	if l.n == maxLeaf {
		l, at = t.splitLeaf(b, i, at, k, edge)
		shares = false // with fewer keys, that have more in common
	}
	l.insert(at, k, it, shares)
	return item{}, false
}

// seek looks for k in leaf i of b, where it belongs. shares tells whether it is known that k shares what all keys of the leaf
// have in common: mostly without a look at any of them, which would be a cache miss.
func (b *branch) seek(i int, k key) (at int, found, shares bool) {
	l := b.leaves.at(i)
	if b.vouches(i, int(l.skip)) {
		at, found = l.find(k)
		return at, found, true
	}
	at, found = l.search(k)
	return at, found, false
}

// splitLeaf splits leaf i of b, of which both are mutable, and returns the half into which k is
// to be inserted, and where; at is where it would be in the whole. Edge says that it is the last
// leaf of all.
func (t *nodeTree) splitLeaf(b *branch, i, at int, k key, edge bool) (*leaf, int) {
	l := b.leaves.at(i)
	if edge && at == maxLeaf {
		// Who adds at the very end will go on doing so: leave the left one full.
		l.pack()
		right := &leaf{owner: t.owner}
		b.insertLeaf(i+1, k, right)
		return right, 0
	}
	cut := l.cut()
	right := l.split(cut)
	b.insertLeaf(i+1, right.key(0), right)
	if at > cut {
		return right, at - cut
	}
	return l, at
}

// add adds items, at most maxLeaf of them and sorted, behind all there are, as a leaf of their own.
func (t *nodeTree) add(items []item) {
	k := keyIn(items[0].block)
	b, i, _ := t.leafFor(k)
	l := t.mutableLeaf(b, i)
	if l.n > 0 {
		l = &leaf{owner: t.owner}
		b.insertLeaf(i+1, k, l)
	}
	l.fill(items)
	l.tagAll()
	t.count += len(items)
}

// leafFor returns the leaf whose keys k is among, as leaf i of b, which is mutable and has
// room for a pivot; and whether it is the last of all.
func (t *nodeTree) leafFor(k key) (b *branch, i int, edge bool) {
	if t.root == nil {
		t.root = &branch{owner: t.owner, fences: newFences(nil), leaves: rowOf([]*leaf{{owner: t.owner}})}
	}
	t.root = t.mutable(t.root)
	if root := t.root; root.n == maxBranch {
		t.root = &branch{owner: t.owner, fences: newFences(nil), kids: rowOf([]*branch{root})}
	}
	b, edge = t.root, true
	for !b.aboveLeaves() {
		i = t.kidWithRoom(b, k, edge)
		edge = edge && i == int(b.n)
		b = b.kids.at(i)
	}
	i = b.kid(k)
	return b, i, edge && i == int(b.n)
}

// kidWithRoom returns the index of the kid of b whose keys k is among. Like b it is mutable and
// has room for a pivot; a full one is split. Edge says that b is the last branch of its level.
func (t *nodeTree) kidWithRoom(b *branch, k key, edge bool) int {
	i := b.kid(k)
	kid := t.mutableKid(b, i)
	if kid.n < maxBranch {
		return i
	}
	cut := kid.cut()
	if edge && i == int(b.n) && !k.less(kid.key(maxBranch-1)) {
		cut = maxBranch - 1 // as in splitLeaf
	}
	middle, right := kid.split(cut)
	b.insertKid(i+1, middle, right)
	if k.less(keyIn(middle)) {
		return i
	}
	return i + 1
}

// delete takes out the item with key k and returns it.
func (t *nodeTree) delete(k key) (old item, found bool) {
	if t.root == nil {
		return item{}, false
	}
	t.root = t.mutable(t.root)
	if old, found = t.remove(t.root, k); found {
		t.count--
	}
	for t.root.n == 0 && !t.root.aboveLeaves() {
		t.root = t.root.kids.at(0)
	}
	return old, found
}

// remove takes out the item with key k below b, which is mutable.
func (t *nodeTree) remove(b *branch, k key) (old item, found bool) {
	i := b.kid(k)
	if b.aboveLeaves() {
		at, found := b.leaves.at(i).search(k)
		if !found {
			return item{}, false
		}
		l := t.mutableLeaf(b, i)
		old = l.item(at)
		l.delete(at)
		if l.n < maxLeaf/4 {
			t.mergeLeaves(b, max(i-1, 0))
		}
		return old, true
	}
	kid := t.mutableKid(b, i)
	old, found = t.remove(kid, k)
	if kid.n < maxBranch/4 {
		t.merge(b, max(i-1, 0))
	}
	return old, found
}

// mergeLeaves makes one of the leaves i and i+1 of b, which is mutable, if they fit into one.
func (t *nodeTree) mergeLeaves(b *branch, i int) {
	if i == int(b.n) || b.leaves.at(i).n+b.leaves.at(i+1).n >= maxLeaf {
		return
	}
	t.mutableLeaf(b, i).join(b.leaves.at(i + 1))
	b.leaves = rowOf(slices.Delete(b.leaves.all(b.size()), i+1, i+2))
	b.fences = b.without(i)
}

// merge is mergeLeaves for a branch that is not above leaves.
func (t *nodeTree) merge(b *branch, i int) {
	if i == int(b.n) || b.kids.at(i).n+b.kids.at(i+1).n >= maxBranch {
		return
	}
	t.mutableKid(b, i).join(b.pivot(i), b.kids.at(i+1))
	b.kids = rowOf(slices.Delete(b.kids.all(b.size()), i+1, i+2))
	b.fences = b.without(i)
}
