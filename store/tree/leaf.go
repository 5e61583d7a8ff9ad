package tree

// maxLeaf is the greatest number of items of a leaf, chosen by measurement: a change copies
// the leaf. Below a quarter of that, a leaf is merged with a neighbour if they fit into one.
const maxLeaf = 34

// leaf is a B-tree node with the tree's items: for each a tag, and a ref that says where its
// entry stands. That is in the leaf's page, one entry after the other, but for the loose
// ones: those new since the page was made, and large ones.
//
// Pages are for the garbage collector, which would else visit each node's block, each at
// the cost of a cache miss; and for those who read neighbours. All but the entries is one
// stretch of memory: what a search looks at, and what a change copies.
type leaf struct {
	owner *owner
	page  string  // never changes
	large *[]item // those too large for a page, zero where there is room; nil if there is none; never changes
	skip  int32   // length of what all keys have in common
	n     int32   // number of items
	tags  [maxLeaf]uint64
	refs  [maxLeaf]ref
	loose [maxLoose]string // empty where there is room for one
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

// copy returns a copy of l for w.
func (l *leaf) copy(w *owner) *leaf {
	c := new(leaf)
	*c = *l
	c.owner = w
	return c
}

func (l *leaf) key(i int) key { return keyIn(l.block(l.refs[i])) }

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
	l.makeRoom(it)
	l.release(l.refs[i])
	l.refs[i] = l.hold(it)
	l.packDead()
}

// insert puts it, with key k, at i. There must be room for it. shares tells that k is known to share what all keys have in common.
func (l *leaf) insert(i int, k key, it item, shares bool) {
	l.makeRoom(it)
	fits := shares || l.n > 0 && k.shares(l.key(0), int(l.skip))
	l.n++
	copy(l.tags[i+1:l.n], l.tags[i:])
	copy(l.refs[i+1:l.n], l.refs[i:])
	l.refs[i] = l.hold(it)
	if fits {
		l.tags[i] = k.tag(int(l.skip))
	} else {
		l.tagAll()
	}
}

// delete takes out item i.
func (l *leaf) delete(i int) {
	l.release(l.refs[i])
	copy(l.tags[i:], l.tags[i+1:l.n])
	copy(l.refs[i:], l.refs[i+1:l.n])
	l.n--
	l.packDead()
}

// append adds all items of l to items.
func (l *leaf) append(items []item) []item {
	for i := range int(l.n) {
		items = append(items, l.item(i))
	}
	return items
}

// cut returns where to split l: see cutAt.
func (l *leaf) cut() int { return cutAt(int(l.n), l.key) }

// split moves what is from cut on into a new right neighbour and returns it. Both get
// pages of their own, so that neither keeps what the other has deleted.
func (l *leaf) split(cut int) *leaf {
	var room [maxLeaf]item
	items := l.append(room[:0])
	right := &leaf{owner: l.owner}
	l.fill(items[:cut])
	right.fill(items[cut:])
	l.tagAll()
	right.tagAll()
	return right
}

// join adds the items of the right neighbour. There must be room for them.
func (l *leaf) join(right *leaf) {
	var room [maxLeaf]item
	l.fill(right.append(l.append(room[:0])))
	l.tagAll()
}

// scan calls yield for the items from i on, in order, while it returns true.
func (l *leaf) scan(i int, yield func(item) bool) bool {
	for ; i < int(l.n); i++ {
		if !yield(l.item(i)) {
			return false
		}
	}
	return true
}
