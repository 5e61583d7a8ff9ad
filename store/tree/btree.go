package tree

import (
	"encoding/binary"
	"strings"
)

// nodeTree is a copy-on-write B+ tree of items, ordered by key.
//
// It exists because looking up a node among a million is a matter of cache misses: a
// general B-tree compares keys, and each comparison fetches another node's block from
// memory. Here each B-tree node keeps, beside its items, a tag for each: the eight
// bytes of the key that follow what all keys of that B-tree node have in common. A
// search runs over the tags, and fetches a block only to see whether it has found what
// it looks for, or where tags are equal.
//
// Keys are compared as bytes: a key is the path with a zero byte in place of its last
// slash, which sorts by parent, then name. Paths have no zero bytes of their own.
//
// A nodeTree is a value. A copy shares the B-tree nodes; those whose owner is not the
// tree's are shared and copied before they are written to.
type nodeTree struct {
	root  *bnode
	count int
	owner *owner
}

// owner says by its address who may write to a B-tree node.
type owner struct{ _ byte }

// bnode is a node of the B-tree: a leaf with the tree's items, or a branch whose items
// are the keys (as pivots) that part its kids; kid i has the keys from item i-1 on.
// Kids may be empty or single: deletion merges neighbours, it does not balance.
type bnode struct {
	// What a search in a leaf looks at is one cache line.
	owner *owner
	skip  int32 // length of what all keys have in common
	leaf  bool
	// borrowed says that the tags, and a branch's items, are still those of the
	// B-tree node that this one was copied from: most copies never change them.
	borrowed bool
	tags     []uint64 // of each item
	items    []item

	kids []*bnode // of a branch
	_    [40]byte // makes it 128 bytes, so that it starts with a cache line
}

// The greatest numbers of items of a leaf and of a branch, chosen by measurement: a
// change copies all items of a leaf, but of a branch the pointers to its kids alone.
// Below a quarter of that, a B-tree node is merged with a neighbour if they fit into one.
const (
	maxLeaf   = 32
	maxBranch = 64
)

func (n *bnode) limit() int {
	if n.leaf {
		return maxLeaf
	}
	return maxBranch
}

// key is a node's place in the order: its path, and the length of the parent's part.
type key struct {
	path   string
	parent int
}

// keyOf returns the key of the node at path, which must have a slash.
func keyOf(path string) key { return key{path, strings.LastIndexByte(path, '/')} }

// childrenKey returns a key directly before those of path's children. For the root it
// is the root's own, which stands there.
func childrenKey(path string) key {
	if path == rootPath {
		return keyOf(path)
	}
	return key{path, len(path)}
}

// less is the order of keys. Of two whose parents are equally long it is the plain
// order of the paths: the slashes stand at the same place.
func (k key) less(o key) bool {
	if k.parent == o.parent {
		return k.path < o.path
	}
	return k.path[:k.parent] < o.path[:o.parent]
}

// common returns how many bytes k and o have in common from the front.
func (k key) common(o key) int {
	n := min(len(k.path), len(o.path))
	same := 0
	for same < n && k.path[same] == o.path[same] {
		same++
	}
	if k.parent != o.parent {
		same = min(same, k.parent, o.parent)
	}
	return same
}

// shares tells whether the first n bytes of k are those of o.
func (k key) shares(o key, n int) bool {
	return len(k.path) >= n && len(o.path) >= n && k.path[:n] == o.path[:n] &&
		(k.parent == o.parent || k.parent >= n && o.parent >= n)
}

// tag returns the eight bytes of k from skip on, zeros behind its end, as a number
// that orders as they do.
func (k key) tag(skip int) uint64 {
	var t uint64
	if skip+8 <= len(k.path) {
		t = beUint64(k.path[skip:])
	} else if skip < len(k.path) {
		var b [8]byte
		copy(b[:], k.path[skip:])
		t = binary.BigEndian.Uint64(b[:])
	}
	if at := k.parent - skip; at >= 0 && at < 8 {
		t &^= 0xff << (56 - 8*at)
	}
	return t
}

func beUint64(s string) uint64 {
	_ = s[7]
	return uint64(s[7]) | uint64(s[6])<<8 | uint64(s[5])<<16 | uint64(s[4])<<24 |
		uint64(s[3])<<32 | uint64(s[2])<<40 | uint64(s[1])<<48 | uint64(s[0])<<56
}

// search returns the place of the first item that is not before k, and whether it is k's.
func (n *bnode) search(k key) (int, bool) {
	if len(n.items) == 0 {
		return 0, false
	}
	if first := n.items[0].key(); !k.shares(first, int(n.skip)) {
		if k.less(first) {
			return 0, false
		}
		return len(n.items), false
	}
	return n.searchTags(k)
}

// searchTags is search for a key that shares what all keys of n have in common.
// For another key it finds some place, but never says that it is the key's.
func (n *bnode) searchTags(k key) (int, bool) {
	tag := k.tag(int(n.skip))
	tags := n.tags
	low, high := 0, len(tags)
	for low < high {
		mid := int(uint(low+high) >> 1)
		if tags[mid] < tag {
			low = mid + 1
		} else {
			high = mid
		}
	}
	if low == len(tags) || tags[low] != tag {
		return low, false
	}
	// Mostly this one is it, or the only one with its tag.
	if at := n.items[low].key(); !at.less(k) {
		return low, at == k
	}
	low++
	high = low
	for high < len(tags) && tags[high] == tag {
		high++
	}
	for low < high {
		mid := int(uint(low+high) >> 1)
		if n.items[mid].key().less(k) {
			low = mid + 1
		} else {
			high = mid
		}
	}
	return low, low < len(tags) && n.items[low].key() == k
}

// kid returns the index of the kid whose keys k is among.
func (n *bnode) kid(k key) int {
	i, found := n.search(k)
	if found {
		i++
	}
	return i
}

// get returns the item with key k.
func (t *nodeTree) get(k key) (item, bool) {
	n := t.root
	if n == nil {
		return item{}, false
	}
	for !n.leaf {
		n = n.kids[n.kid(k)]
	}
	// A leaf need not be asked whether k shares its keys' common part: see searchTags.
	if i, found := n.searchTags(k); found {
		return n.items[i], true
	}
	return item{}, false
}

// ascend calls yield for the items from k on, in order, while it returns true.
func (t *nodeTree) ascend(k key, yield func(item) bool) {
	if t.root != nil {
		t.root.ascend(k, yield)
	}
}

func (n *bnode) ascend(k key, yield func(item) bool) bool {
	if n.leaf {
		i, _ := n.search(k)
		return each(n.items[i:], yield)
	}
	i := n.kid(k)
	if !n.kids[i].ascend(k, yield) {
		return false
	}
	for _, kid := range n.kids[i+1:] {
		if !kid.scan(yield) {
			return false
		}
	}
	return true
}

// scan calls yield for all items in order, while it returns true.
func (t *nodeTree) scan(yield func(item) bool) {
	if t.root != nil {
		t.root.scan(yield)
	}
}

func (n *bnode) scan(yield func(item) bool) bool {
	if n.leaf {
		return each(n.items, yield)
	}
	for _, kid := range n.kids {
		if !kid.scan(yield) {
			return false
		}
	}
	return true
}

func each(items []item, yield func(item) bool) bool {
	for _, it := range items {
		if !yield(it) {
			return false
		}
	}
	return true
}
