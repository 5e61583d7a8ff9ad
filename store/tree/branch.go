package tree

import (
	"math"
	"slices"
)

// branch is a B-tree node above others: its kids are leaves or branches, and its fences
// part them. Kids may be empty or single: deletion merges neighbours, it does not balance.
type branch struct {
	line *line // it was made for the tree of this line, at this moment
	made uint64
	*fences
	kids   row[branch] // empty if it is above leaves
	leaves row[leaf]   // empty if it is above branches
}

// copy returns a copy of b for t.
func (b *branch) copy(t *nodeTree) *branch {
	c := *b
	c.line, c.made = t.line, t.now
	return &c
}

// aboveLeaves tells whether b's kids are leaves.
func (b *branch) aboveLeaves() bool { return b.kids.parts[0] == nil }

// size returns the number of b's kids.
func (b *branch) size() int { return int(b.n) + 1 }

// insertLeaf makes l, with the keys from k on, leaf i of b, not the first. The leaf before
// has the others of the keys it had.
func (b *branch) insertLeaf(i int, k key, l *leaf) {
	b.fences = b.with(i-1, k.pivot())
	b.leaves.insert(i, b.size(), l)
}

// insertKid is insertLeaf for a branch above branches.
func (b *branch) insertKid(i int, pivot string, kid *branch) {
	b.fences = b.with(i-1, pivot)
	b.kids.insert(i, b.size(), kid)
}

// vouches tells whether every key that is to be in kid i of b has its first n bytes in common with all others that are: the
// pivots beside it have them in common.
func (b *branch) vouches(i, n int) bool {
	if n <= int(b.skip) {
		return i > 0 && i < int(b.n)
	}
	return i > 0 && i < int(b.n) && b.key(i-1).common(b.key(i)) >= n
}

// cut returns where to split b: see cutAt.
func (b *branch) cut() int { return cutAt(int(b.n), maxBranch, b.key) }

// split moves the kids behind the pivot at cut into a new right neighbour, and returns it
// with that pivot.
func (b *branch) split(cut int) (middle string, right *branch) {
	pivots := b.fences.all()
	right = &branch{line: b.line, made: b.made, fences: newFences(pivots[cut+1:])}
	if b.aboveLeaves() {
		all := b.leaves.all(b.size())
		b.leaves, right.leaves = rowOf(all[:cut+1]), rowOf(all[cut+1:])
	} else {
		all := b.kids.all(b.size())
		b.kids, right.kids = rowOf(all[:cut+1]), rowOf(all[cut+1:])
	}
	b.fences = newFences(pivots[:cut])
	return pivots[cut], right
}

// join adds what its right neighbour has, from which pivot parts it.
func (b *branch) join(pivot string, right *branch) {
	if b.aboveLeaves() {
		b.leaves = rowOf(append(b.leaves.all(b.size()), right.leaves.all(right.size())...))
	} else {
		b.kids = rowOf(append(b.kids.all(b.size()), right.kids.all(right.size())...))
	}
	b.fences = newFences(slices.Concat(b.fences.all(), []string{pivot}, right.fences.all()))
}

// cutAt returns where to split a B-tree node with n keys, so that neither half has more than most: in its middle half, where
// neighbours have the least in common. So the halves tend to hold the children of one parent
// each, all keys of which have much in common, and tags tell the keys apart.
func cutAt(n, most int, key func(int) key) int {
	best, least := n/2, math.MaxInt
	for i := max(n/4, n-most, 1); i <= min(n*3/4, most); i++ {
		same := key(i - 1).common(key(i))
		if same < least || same == least && abs(i-n/2) < abs(best-n/2) {
			best, least = i, same
		}
	}
	return best
}

func abs(n int) int { return max(n, -n) }
