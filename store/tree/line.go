package tree

import "sync/atomic"

// line is a history of trees, each made from the one before at the next moment. Of several drafts that begin at the same tree
// the first that changes anything goes on with its line. The others begin lines of their own:
//
//	0 ── 1 ── 2 ── 3 ── 4      a line
//	          └─── 1 ── 2      one that left it at 2: what it did at 3 and 4 is not seen here
//
// Trees of one line agree on all that was before them. Hence they can share leaves that go on changing: each sees
// the edits up to its own moment.
type line struct {
	parent *line  // the line that this one left; nil for the first
	left   uint64 // the moment of parent at which it did
	depth  int    // the number of lines before it

	tip atomic.Uint64 // the last moment: who has taken it, and nobody else, writes at it
}

// maxDepth bounds the lines before a line, but for a Multi's, which has one more and ends when it is prepared. On a server other lines begin when
// a leader has lost its role with txns that were not committed.
const maxDepth = 16

// until returns the last moment of an older line that is in l's past.
func (l *line) until(older *line) uint64 {
	for l.parent != older {
		l = l.parent
		assert(l != nil, "a leaf of a line that is not in the past")
	}
	return l.left
}

// advance makes t, which may be shared, a tree that is not: the next of its line or, if
// somebody has taken that place, the first of a line of its own.
func (t *nodeTree) advance() {
	if t.line.tip.CompareAndSwap(t.now, t.now+1) {
		t.now++
		return
	}
	if t.line.depth < maxDepth {
		t.leave()
	} else {
		t.settle()
	}
	t.advance()
}

// leave makes t, which must not be written to before the next advance, the beginning of a new line.
func (t *nodeTree) leave() {
	t.line = &line{parent: t.line, left: t.now, depth: t.line.depth + 1}
	t.now = 0
}

// settle makes t the beginning of a line without a past. It copies all leaves, but not what is in them.
func (t *nodeTree) settle() {
	past := *t
	t.line, t.now = new(line), 0
	t.advance() // to a moment that edits can have
	if t.root != nil {
		t.root = t.settled(&past, t.root)
	}
}

// settled returns a copy for t of what is below b, as the tree that was sees it.
func (t *nodeTree) settled(was *nodeTree, b *branch) *branch {
	b = b.copy(t)
	if b.aboveLeaves() {
		leaves := b.leaves.all(b.size())
		for i, l := range leaves {
			leaves[i] = was.view(l).copy(t)
		}
		b.leaves = rowOf(leaves)
		return b
	}
	kids := b.kids.all(b.size())
	for i, kid := range kids {
		kids[i] = t.settled(was, kid)
	}
	b.kids = rowOf(kids)
	return b
}
