package tree

import "slices"

// place is where an item stands in a tree. It is valid until the next change of the tree.
type place struct {
	key  key
	view view
	slot int
}

// item returns the item.
func (p place) item() item { return p.view.item(p.slot) }

// place returns the place of the item with key k, and whether there is one.
func (t *nodeTree) place(k key) (place, bool) {
	if t.root == nil {
		return place{}, false
	}
	b, i := t.way(k)
	v := t.view(b.leaves.at(i))
	slot, found := v.find(k)
	return place{k, v, slot}, found
}

// setBlock gives the item at p a block with the same key.
func (t *nodeTree) setBlock(p place, block string) { t.change(p, reblock, block) }

// setSide gives the item at p a side.
func (t *nodeTree) setSide(p place, s side) { t.change(p, reside, s.entry()) }

// drop takes out the item at p.
func (t *nodeTree) drop(p place) {
	t.count--
	t.change(p, dropped, "")
}

// insert adds an item with this block and no side; false if there is one with its key.
func (t *nodeTree) insert(block string) bool {
	k := keyIn(block)
	if t.root == nil {
		t.root = t.newRoot(rowOf([]*leaf{newLeaf(t, nil)}), row[branch]{})
	}
	b, i := t.way(k)
	v := t.view(b.leaves.at(i))
	at, packed, shares := b.seek(i, v.leaf, k)
	if _, found := v.slot(at, packed, k); found {
		return false
	}
	t.count++
	logged := shares && !isLarge(block)
	if !logged || !t.note(v, added, at, block) {
		t.rewrite(k, added, block, logged)
	}
	return true
}

// seek looks for k among what is packed in leaf l, the one at i, where it belongs: at is the first item that is not before it. shares tells
// whether k has in common with all of them what they have in common: mostly that is known without a look at any, which would
// be a cache miss.
func (b *branch) seek(i int, l *leaf, k key) (at int, found, shares bool) {
	if b.vouches(i, int(l.skip)) {
		at, found = find(k, int(l.skip), l.tags[:l.n], l.key)
		return at, found, true
	}
	at, found = search(k, int(l.skip), l.tags[:l.n], l.key)
	return at, found, l.n == 0 || k.shares(l.key(0), int(l.skip))
}

// change changes the item at p. A large block neither comes nor goes by way of a log: it would stay in memory with trees that never had
// it, or no longer have it. The same holds for many small ones that go.
func (t *nodeTree) change(p place, what change, entry string) {
	logged := what == reside || !isLarge(entry) && !p.item().isLarge() && !(what == dropped && p.view.hollow())
	if !logged || !t.note(p.view, what, p.slot, entry) {
		t.rewrite(p.key, what, entry, logged)
	}
}

// note adds an edit to the log of a leaf; false if it has no room, or is another line's. An edit that t itself has made since it advanced,
// or copied since to a leaf of its own, nobody else has seen, and it gets another entry.
func (t *nodeTree) note(v view, what change, slot int, entry string) bool {
	if v.line != t.line {
		return false
	}
	for j := v.edits - 1; j >= 0 && v.stamp(j).moment() == t.now; j-- {
		if what != added && v.stamp(j).does(what, slot) {
			v.entries[j] = entry
			return true
		}
	}
	if v.edits == maxEdits {
		return false
	}
	v.entries[v.edits] = entry
	v.log[v.edits].Store(uint64(stampOf(t.now, slot, what)))
	return true
}

// rewrite makes a change of the item with key k, to whose leaf it could not be added. It may do with a copy of the leaf: if the log
// of another line has room, or one large block takes the place of another. Else the leaf is packed.
func (t *nodeTree) rewrite(k key, what change, entry string, logged bool) {
	b, i, edge := t.leafFor(k)
	v := t.view(b.leaves.at(i))
	if slot, yes := v.exchanges(k, what, entry); yes {
		b.leaves.put(i, v.exchanged(t, slot, entry))
		return
	}
	if !logged || v.edits == maxEdits {
		t.repack(b, i, edge, k, what, entry)
		return
	}
	v.leaf = v.copy(t)
	b.leaves.put(i, v.leaf)
	slot, found := v.find(k)
	if !found { // it is to be added
		slot, _, _ = b.seek(i, v.leaf, k)
	}
	t.note(v, what, slot, entry)
}

// repack packs leaf i of b, for which leafFor was asked, with a change of the item with key k, into a new leaf or two.
func (t *nodeTree) repack(b *branch, i int, edge bool, k key, what change, entry string) {
	v := t.view(b.leaves.at(i))
	var room [maxLeaf + maxEdits + 1]item
	items := changed(v.items(room[:0]), k, what, entry)
	if len(items) > maxLeaf {
		t.replaceByTwo(b, i, items, edge && what == added && k == keyIn(items[len(items)-1].block))
		return
	}
	b.leaves.put(i, newLeaf(t, items))
	if len(items) <= maxLeaf/3 { // so that after a merge there is room for a while
		t.mergeLeaves(b, max(i-1, 0))
	}
}

// changed makes a change of the item with key k.
func changed(items []item, k key, what change, entry string) []item {
	i := indexOf(items, k)
	switch what {
	case added:
		return slices.Insert(items, i, item{block: entry})
	case dropped:
		return slices.Delete(items, i, i+1)
	case reblock:
		items[i].block = entry
	case reside:
		items[i].side = readSide(entry)
	}
	return items
}

// replaceByTwo makes two leaves of leaf i of b, which is mutable and has room for a pivot. Edge says that the last of
// all items is new: who adds at the very end will go on doing so, and the left one stays full.
func (t *nodeTree) replaceByTwo(b *branch, i int, items []item, edge bool) {
	at := func(i int) key { return keyIn(items[i].block) }
	cut := cutAt(len(items), maxLeaf, at)
	if edge {
		cut = maxLeaf
	}
	b.leaves.put(i, newLeaf(t, items[:cut]))
	b.insertLeaf(i+1, at(cut), newLeaf(t, items[cut:]))
}

// mergeLeaves makes one of the leaves i and i+1 of b, which is mutable, if they fit into one.
func (t *nodeTree) mergeLeaves(b *branch, i int) {
	if i == int(b.n) {
		return
	}
	var room [2 * (maxLeaf + maxEdits)]item
	items := t.view(b.leaves.at(i + 1)).items(t.view(b.leaves.at(i)).items(room[:0]))
	if len(items) > maxLeaf {
		return
	}
	b.leaves.put(i, newLeaf(t, items))
	b.leaves = rowOf(slices.Delete(b.leaves.all(b.size()), i+1, i+2))
	b.fences = b.without(i)
}

// add adds items, at most maxLeaf of them and sorted, behind all there are, as a leaf of their own.
func (t *nodeTree) add(items []item) {
	t.count += len(items)
	l := newLeaf(t, items)
	if t.root == nil {
		t.root = t.newRoot(rowOf([]*leaf{l}), row[branch]{})
		return
	}
	k := keyIn(items[0].block)
	b, i, _ := t.leafFor(k)
	b.insertLeaf(i+1, k, l)
}

// newRoot returns a branch with one kid.
func (t *nodeTree) newRoot(leaves row[leaf], kids row[branch]) *branch {
	return &branch{line: t.line, made: t.now, fences: newFences(nil), leaves: leaves, kids: kids}
}

// mutable returns b if t has made it since it advanced, else a copy.
func (t *nodeTree) mutable(b *branch) *branch {
	if b.line == t.line && b.made == t.now {
		return b
	}
	return b.copy(t)
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

// leafFor returns the leaf whose keys k is among, as leaf i of b, which is mutable and has
// room for a pivot; and whether it is the last of all.
func (t *nodeTree) leafFor(k key) (b *branch, i int, edge bool) {
	for t.root.n == 0 && !t.root.aboveLeaves() {
		t.root = t.root.kids.at(0)
	}
	t.root = t.mutable(t.root)
	if root := t.root; root.n == maxBranch {
		t.root = t.newRoot(row[leaf]{}, rowOf([]*branch{root}))
	}
	b, edge = t.root, true
	for !b.aboveLeaves() {
		i = t.kidFor(b, k, edge)
		edge = edge && i == int(b.n)
		b = b.kids.at(i)
	}
	i = b.kid(k)
	return b, i, edge && i == int(b.n)
}

// kidFor returns the index of the kid of b whose keys k is among. Like b it is mutable and has
// room for a pivot: a full one is split, a small one merged with a neighbour. Edge says that b is the last branch of its level.
func (t *nodeTree) kidFor(b *branch, k key, edge bool) int {
	i := b.kid(k)
	kid := t.mutableKid(b, i)
	switch {
	case kid.n < maxBranch/4:
		t.merge(b, max(i-1, 0))
	case kid.n == maxBranch:
		cut := kid.cut()
		if edge && i == int(b.n) && !k.less(kid.key(maxBranch-1)) {
			cut = maxBranch - 1 // as in replaceByTwo
		}
		middle, right := kid.split(cut)
		b.insertKid(i+1, middle, right)
	default:
		return i
	}
	return b.kid(k)
}

// merge makes one of the kids i and i+1 of b, which is mutable, if they fit into one and leave room for a pivot.
func (t *nodeTree) merge(b *branch, i int) {
	if i == int(b.n) || b.kids.at(i).n+b.kids.at(i+1).n >= maxBranch-1 {
		return
	}
	t.mutableKid(b, i).join(b.pivot(i), b.kids.at(i+1))
	b.kids = rowOf(slices.Delete(b.kids.all(b.size()), i+1, i+2))
	b.fences = b.without(i)
}
