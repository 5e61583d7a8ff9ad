package tree

import (
	"math"
	"slices"
)

// branch is a B-tree node above others: its kids are leaves or branches, and its fences
// part them. Kids may be empty or single: deletion merges neighbours, it does not balance.
type branch struct {
	owner *owner
	*fences
	kids   []*branch // nil if it is above leaves
	leaves []*leaf   // nil if it is above branches
}

// copy returns a copy of b for w.
func (b *branch) copy(w *owner) *branch {
	return &branch{owner: w, fences: b.fences, kids: withRoom(b.kids, 0), leaves: withRoom(b.leaves, 0)}
}

// aboveLeaves tells whether b's kids are leaves.
func (b *branch) aboveLeaves() bool { return b.kids == nil }

// insertLeaf makes l, with the keys from k on, leaf i of b, not the first. The leaf before
// has the others of the keys it had.
func (b *branch) insertLeaf(i int, k key, l *leaf) {
	b.leaves = slices.Insert(room(b.leaves), i, l)
	b.fences = b.with(i-1, k.pivot())
}

// insertKid is insertLeaf for a branch above branches.
func (b *branch) insertKid(i int, pivot string, kid *branch) {
	b.kids = slices.Insert(room(b.kids), i, kid)
	b.fences = b.with(i-1, pivot)
}

// cut returns where to split b: see cutAt.
func (b *branch) cut() int { return cutAt(int(b.n), b.key) }

// split moves the kids behind the pivot at cut into a new right neighbour, and returns it
// with that pivot.
func (b *branch) split(cut int) (middle string, right *branch) {
	pivots := b.all()
	right = &branch{owner: b.owner, fences: newFences(pivots[cut+1:])}
	b.fences = newFences(pivots[:cut])
	if b.aboveLeaves() {
		b.leaves, right.leaves = parted(b.leaves, cut+1)
	} else {
		b.kids, right.kids = parted(b.kids, cut+1)
	}
	return pivots[cut], right
}

// join adds what its right neighbour has, from which pivot parts it.
func (b *branch) join(pivot string, right *branch) {
	b.fences = newFences(slices.Concat(b.all(), []string{pivot}, right.all()))
	b.kids = append(b.kids, right.kids...)
	b.leaves = append(b.leaves, right.leaves...)
}

// cutAt returns where to split a B-tree node with n keys: in its middle half, where
// neighbours have the least in common. So the halves tend to hold the children of one parent
// each, all keys of which have much in common, and tags tell the keys apart.
func cutAt(n int, key func(int) key) int {
	best, least := n/2, math.MaxInt
	for i := max(n/4, 1); i <= n*3/4; i++ {
		same := key(i - 1).common(key(i))
		if same < least || same == least && abs(i-n/2) < abs(best-n/2) {
			best, least = i, same
		}
	}
	return best
}

func abs(n int) int { return max(n, -n) }

// room returns s with space for one more, and for few more: B-tree nodes are copied
// often, and there are many.
func room[T any](s []T) []T {
	if len(s) < cap(s) {
		return s
	}
	return withRoom(s, 4)
}

// withRoom returns a copy of s with space for n more, nil if that is none at all.
func withRoom[T any](s []T, n int) []T {
	if len(s)+n == 0 {
		return nil
	}
	return append(make([]T, 0, len(s)+n), s...)
}

// parted returns copies of what of s is before and from i on, with space for one more.
func parted[T any](s []T, i int) (left, right []T) { return withRoom(s[:i], 1), withRoom(s[i:], 1) }
