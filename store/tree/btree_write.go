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
	b.kids[i] = t.mutable(b.kids[i])
	return b.kids[i]
}

// mutableLeaf is mutable for leaf i of b, which is mutable and above leaves.
func (t *nodeTree) mutableLeaf(b *branch, i int) *leaf {
	if l := b.leaves[i]; l.owner != t.owner {
		b.leaves[i] = l.copy(t.owner)
	}
	return b.leaves[i]
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
	l := t.mutableLeaf(b, b.kid(k))
	i, found := l.find(k)
	return place{l, i}, found
}

// set adds or replaces an item, and returns the one replaced.
func (t *nodeTree) set(it item) (old item, replaced bool) {
	if t.root == nil {
		t.root = &branch{owner: t.owner, leaves: []*leaf{{owner: t.owner}}}
	}
	t.root = t.mutable(t.root)
	old, replaced = t.insert(t.root, keyIn(it.block), it, true)
	if !replaced {
		t.count++
	}
	if root := t.root; root.len() > maxBranch {
		middle, right := root.split()
		t.root = &branch{owner: t.owner, fences: newFences([]string{middle}), kids: []*branch{root, right}}
	}
	return old, replaced
}

// insert adds or replaces it below b, which is mutable and may have one pivot too many
// afterwards. Edge says that b is the last branch of its level.
func (t *nodeTree) insert(b *branch, k key, it item, edge bool) (old item, replaced bool) {
	i := b.kid(k)
	edge = edge && i == b.len()
	if b.aboveLeaves() {
		return t.insertLeaf(b, i, k, it, edge)
	}
	kid := t.mutableKid(b, i)
	old, replaced = t.insert(kid, k, it, edge)
	if kid.len() > maxBranch {
		middle, right := kid.split()
		b.kids = slices.Insert(room(b.kids), i+1, right)
		b.fences = b.with(i, middle)
	}
	return old, replaced
}

// insertLeaf adds or replaces it in leaf i of b, which is mutable. Edge says that it is the
// last of all.
func (t *nodeTree) insertLeaf(b *branch, i int, k key, it item, edge bool) (old item, replaced bool) {
	l := t.mutableLeaf(b, i)
	at, found := l.search(k)
	if found {
		old = l.item(at)
		l.put(at, it)
		return old, true
	}
	if l.n < maxLeaf {
		l.insert(at, k, it)
		return item{}, false
	}
	cut := l.cut()
	if edge && at == maxLeaf {
		// Who adds at the very end will go on doing so: leave the left one full.
		cut = maxLeaf
	}
	right, pivot := l.split(cut), k
	if cut < maxLeaf {
		pivot = right.key(0)
	}
	b.leaves = slices.Insert(room(b.leaves), i+1, right)
	b.fences = b.with(i, pivot.pivot())
	if at > cut || cut == maxLeaf {
		l, at = right, at-cut
	}
	l.insert(at, k, it)
	return item{}, false
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
	for len(t.root.kids) == 1 {
		t.root = t.root.kids[0]
	}
	return old, found
}

// remove takes out the item with key k below b, which is mutable.
func (t *nodeTree) remove(b *branch, k key) (old item, found bool) {
	i := b.kid(k)
	if b.aboveLeaves() {
		l := t.mutableLeaf(b, i)
		at, found := l.search(k)
		if !found {
			return item{}, false
		}
		old = l.item(at)
		l.delete(at)
		if l.n < maxLeaf/4 {
			t.mergeLeaves(b, max(i-1, 0))
		}
		return old, true
	}
	kid := t.mutableKid(b, i)
	old, found = t.remove(kid, k)
	if kid.len() < maxBranch/4 {
		t.merge(b, max(i-1, 0))
	}
	return old, found
}

// mergeLeaves makes one of the leaves i and i+1 of b, which is mutable, if they fit into one.
func (t *nodeTree) mergeLeaves(b *branch, i int) {
	if i+1 >= len(b.leaves) || b.leaves[i].n+b.leaves[i+1].n >= maxLeaf {
		return
	}
	t.mutableLeaf(b, i).join(b.leaves[i+1])
	b.fences = b.without(i)
	b.leaves = slices.Delete(b.leaves, i+1, i+2)
}

// merge is mergeLeaves for a branch that is not above leaves.
func (t *nodeTree) merge(b *branch, i int) {
	if i+1 >= len(b.kids) || b.kids[i].len()+b.kids[i+1].len() >= maxBranch {
		return
	}
	t.mutableKid(b, i).join(b.pivot(i), b.kids[i+1])
	b.fences = b.without(i)
	b.kids = slices.Delete(b.kids, i+1, i+2)
}
