package tree

import (
	"math"
	"slices"
)

// mutable returns n if t may write to it, else a copy that it may write to, with room
// for more items if n is a leaf.
func (t *nodeTree) mutable(n *bnode, more int) *bnode {
	if n.owner == t.owner {
		return n
	}
	c := &bnode{owner: t.owner, skip: n.skip, leaf: n.leaf, tags: n.tags, items: n.items, borrowed: true}
	if n.leaf {
		c.items = withRoom(n.items, more)
	} else {
		c.kids = withRoom(n.kids, 0)
	}
	return c
}

// mutableKid is mutable for kid i of n, which is mutable.
func (t *nodeTree) mutableKid(n *bnode, i, more int) *bnode {
	n.kids[i] = t.mutable(n.kids[i], more)
	return n.kids[i]
}

// pay gives n, which is mutable, tags and items of its own.
func (n *bnode) pay() {
	if !n.borrowed {
		return
	}
	n.borrowed = false
	n.tags = withRoom(n.tags, 1)
	if !n.leaf {
		n.items = withRoom(n.items, 1)
	}
}

// tagAll computes skip and all tags afresh. The items of n must be its own.
func (n *bnode) tagAll() {
	n.borrowed = false
	n.skip = 0
	n.tags = make([]uint64, len(n.items), cap(n.items))
	if len(n.items) == 0 {
		return
	}
	skip := n.items[0].key().common(n.items[len(n.items)-1].key())
	n.skip = int32(skip)
	for i, it := range n.items {
		n.tags[i] = it.key().tag(skip)
	}
}

// insertItem puts it at i.
func (n *bnode) insertItem(i int, k key, it item) {
	n.pay()
	fits := len(n.items) > 0 && k.shares(n.items[0].key(), int(n.skip))
	n.items = slices.Insert(room(n.items), i, it)
	if !fits {
		n.tagAll()
		return
	}
	n.tags = slices.Insert(room(n.tags), i, k.tag(int(n.skip)))
}

// deleteItem takes out item i.
func (n *bnode) deleteItem(i int) {
	n.pay()
	n.items = slices.Delete(n.items, i, i+1)
	n.tags = slices.Delete(n.tags, i, i+1)
}

// room returns s with space for one more, and for few more: B-tree nodes are copied
// often, and there are many.
func room[T any](s []T) []T {
	if len(s) < cap(s) {
		return s
	}
	return withRoom(s, 4)
}

// withRoom returns a copy of s with space for n more.
func withRoom[T any](s []T, n int) []T {
	return append(make([]T, 0, len(s)+n), s...)
}

// edit returns the item with key k for writing, nil if there is none. Its key must stay
// what it is. The pointer is valid until the next change of the tree.
func (t *nodeTree) edit(k key) *item {
	if t.root == nil {
		return nil
	}
	t.root = t.mutable(t.root, 0)
	n := t.root
	for !n.leaf {
		n = t.mutableKid(n, n.kid(k), 0)
	}
	i, found := n.searchTags(k)
	if !found {
		return nil
	}
	return &n.items[i]
}

// set adds or replaces an item, and returns the one replaced.
func (t *nodeTree) set(it item) (old item, replaced bool) {
	if t.root == nil {
		t.root = &bnode{owner: t.owner, leaf: true}
	}
	t.root = t.mutable(t.root, 2)
	old, replaced = t.insert(t.root, it.key(), it, true)
	if !replaced {
		t.count++
	}
	if root := t.root; len(root.items) > root.limit() {
		middle, right := t.split(root, root.cut())
		t.root = &bnode{owner: t.owner, items: []item{middle}, kids: []*bnode{root, right}}
		t.root.tagAll()
	}
	return old, replaced
}

// insert adds or replaces it below n, which is mutable and may have one item too many
// afterwards. Edge says that n is the last B-tree node of its level.
func (t *nodeTree) insert(n *bnode, k key, it item, edge bool) (old item, replaced bool) {
	i, found := n.search(k)
	if n.leaf {
		if found {
			old, n.items[i] = n.items[i], it
			return old, true
		}
		n.insertItem(i, k, it)
		return item{}, false
	}
	if found {
		i++
	}
	edge = edge && i == len(n.kids)-1
	kid := t.mutableKid(n, i, 2)
	old, replaced = t.insert(kid, k, it, edge)
	if len(kid.items) > kid.limit() {
		cut := kid.cut()
		if edge && kid.leaf && kid.items[len(kid.items)-1].block == it.block {
			// Who adds at the very end will go on doing so: leave the left one full.
			cut = len(kid.items) - 1
		}
		middle, right := t.split(kid, cut)
		n.kids = slices.Insert(room(n.kids), i+1, right)
		n.insertItem(i, middle.key(), middle)
	}
	return old, replaced
}

// cut returns where to split n: in its middle half, where neighbours have the least in
// common. So the halves tend to hold the children of one parent each, all keys of which
// have much in common, and tags tell the keys apart.
func (n *bnode) cut() int {
	size := len(n.items)
	best, least := size/2, math.MaxInt
	for i := max(size/4, 1); i <= size*3/4; i++ {
		same := n.items[i-1].key().common(n.items[i].key())
		if same < least || same == least && abs(i-size/2) < abs(best-size/2) {
			best, least = i, same
		}
	}
	return best
}

func abs(n int) int { return max(n, -n) }

// split moves what is from cut on into a new right neighbour of n, and returns it with
// the key that parts them. A leaf's item at cut goes right, a branch's becomes that key.
func (t *nodeTree) split(n *bnode, cut int) (middle item, right *bnode) {
	right = &bnode{owner: t.owner, leaf: n.leaf}
	from := cut
	if !n.leaf {
		middle = n.items[cut]
		from++
		right.kids = withRoom(n.kids[from:], 1)
		n.kids = withRoom(n.kids[:from], 1)
	} else {
		middle = n.items[cut].key().pivot()
	}
	right.items = withRoom(n.items[from:], 1)
	n.items = withRoom(n.items[:cut], 0)
	n.tagAll()
	right.tagAll()
	return middle, right
}

// delete takes out the item with key k and returns it.
func (t *nodeTree) delete(k key) (old item, found bool) {
	if t.root == nil {
		return item{}, false
	}
	t.root = t.mutable(t.root, 0)
	if old, found = t.remove(t.root, k); found {
		t.count--
	}
	for len(t.root.kids) == 1 {
		t.root = t.root.kids[0]
	}
	return old, found
}

// remove takes out the item with key k below n, which is mutable.
func (t *nodeTree) remove(n *bnode, k key) (old item, found bool) {
	if n.leaf {
		i, found := n.search(k)
		if !found {
			return item{}, false
		}
		old = n.items[i]
		n.deleteItem(i)
		return old, true
	}
	i := n.kid(k)
	kid := t.mutableKid(n, i, 0)
	old, found = t.remove(kid, k)
	if len(kid.items) < kid.limit()/4 {
		t.merge(n, max(i-1, 0))
	}
	return old, found
}

// merge makes one of the kids i and i+1 of n, which is mutable, if they fit into one.
func (t *nodeTree) merge(n *bnode, i int) {
	if i+1 >= len(n.kids) {
		return
	}
	right := n.kids[i+1]
	if len(n.kids[i].items)+len(right.items) >= right.limit() {
		return
	}
	left := t.mutableKid(n, i, len(right.items))
	left.pay()
	if !left.leaf {
		left.items = append(left.items, n.items[i])
		left.kids = append(left.kids, right.kids...)
	}
	left.items = append(left.items, right.items...)
	left.tagAll()
	n.deleteItem(i)
	n.kids = slices.Delete(n.kids, i+1, i+2)
}
