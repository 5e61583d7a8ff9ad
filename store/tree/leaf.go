package tree

import (
	"slices"
)

// maxLeaf is the greatest number of items of a leaf, chosen by measurement: a change copies
// the leaf. Below a quarter of that, a leaf is merged with a neighbour if they fit into one.
const maxLeaf = 32

// leaf is a B-tree node with the tree's items. Tags and refs stand in it, not beside it: what
// a search looks at is one stretch of memory. The blocks of its items stand, one after
// the other, in its page, but for the loose ones: those changed since the page was made, and
// large ones.
//
// Pages are for the garbage collector, which would else visit each node's block, each at
// the cost of a cache miss; and for those who read neighbours.
type leaf struct {
	owner *owner
	page  string // never changes
	loose []item
	skip  int32 // length of what all keys have in common
	n     int32 // number of items
	tags  [maxLeaf]uint64
	refs  [maxLeaf]ref
	_     [8]byte // makes it whole cache lines
}

// place is an item of a leaf that may be written to. It is valid until the next change
// of the tree.
type place struct {
	leaf *leaf
	at   int
}

func (p place) item() item { return p.leaf.item(p.at) }

// put replaces the item by one with the same key.
func (p place) put(it item) { p.leaf.put(p.at, it) }

// copy returns a copy of l for w, with room for one more loose item.
func (l *leaf) copy(w *owner) *leaf {
	c := new(leaf)
	*c = *l
	c.owner = w
	c.loose = withRoom(l.loose, 1)
	return c
}

func (l *leaf) item(i int) item { return l.refs[i].item(l) }

func (l *leaf) key(i int) key { return keyIn(l.refs[i].block(l)) }

// find returns the place of the first item that is not before k, and whether it is k's. It
// need not be asked whether k shares what all keys have in common: see find.
func (l *leaf) find(k key) (int, bool) { return find(k, int(l.skip), l.tags[:l.n], l.key) }

// search is find whose place is right also if it is not k's.
func (l *leaf) search(k key) (int, bool) { return search(k, int(l.skip), l.tags[:l.n], l.key) }

// tagAll computes skip and all tags afresh.
func (l *leaf) tagAll() {
	l.skip = 0
	if l.n == 0 {
		return
	}
	skip := l.key(0).common(l.key(int(l.n) - 1))
	l.skip = int32(skip)
	for i := range int(l.n) {
		l.tags[i] = l.key(i).tag(skip)
	}
}

// put replaces item i by one with the same key.
func (l *leaf) put(i int, it item) {
	if r := l.refs[i]; r.loose() {
		l.loose[r.index()] = it
	} else {
		l.loosen(i, it)
	}
	l.settle()
}

// loosen makes it item i, a new loose one.
func (l *leaf) loosen(i int, it item) {
	l.refs[i] = looseRef(len(l.loose))
	l.loose = append(l.loose, it)
}

// insert puts it at i. There must be room for it.
func (l *leaf) insert(i int, k key, it item) {
	fits := l.n > 0 && k.shares(l.key(0), int(l.skip))
	l.n++
	copy(l.tags[i+1:l.n], l.tags[i:])
	copy(l.refs[i+1:l.n], l.refs[i:])
	l.loosen(i, it)
	if fits {
		l.tags[i] = k.tag(int(l.skip))
	} else {
		l.tagAll()
	}
	l.settle()
}

// delete takes out item i.
func (l *leaf) delete(i int) {
	if r := l.refs[i]; r.loose() {
		l.drop(r.index())
	}
	copy(l.tags[i:], l.tags[i+1:l.n])
	copy(l.refs[i:], l.refs[i+1:l.n])
	l.n--
	l.settle()
}

// drop takes loose item i out and puts the last one in its place.
func (l *leaf) drop(i int) {
	last := len(l.loose) - 1
	if i < last {
		l.loose[i] = l.loose[last]
		moved := slices.Index(l.refs[:l.n], looseRef(last))
		l.refs[moved] = looseRef(i)
	}
	l.loose[last] = item{}
	l.loose = l.loose[:last]
}

// items returns all items in a copy.
func (l *leaf) items() []item { return l.appendItems(make([]item, 0, maxLeaf)) }

func (l *leaf) appendItems(items []item) []item {
	for _, r := range l.refs[:l.n] {
		items = append(items, r.item(l))
	}
	return items
}

// cut returns where to split l: see cutAt.
func (l *leaf) cut() int { return cutAt(int(l.n), l.key) }

// split moves what is from cut on into a new right neighbour and returns it. Both get
// pages of their own, so that neither keeps what the other has deleted.
func (l *leaf) split(cut int) *leaf {
	right := &leaf{owner: l.owner}
	items := l.items()
	l.fill(items[:cut])
	right.fill(items[cut:])
	l.tagAll()
	right.tagAll()
	return right
}

// join adds the items of the right neighbour. There must be room for them.
func (l *leaf) join(right *leaf) {
	l.fill(right.appendItems(l.items()))
	l.tagAll()
}

// scan calls yield for the items from i on, in order, while it returns true.
func (l *leaf) scan(i int, yield func(item) bool) bool {
	for _, r := range l.refs[i:l.n] {
		if !yield(r.item(l)) {
			return false
		}
	}
	return true
}
