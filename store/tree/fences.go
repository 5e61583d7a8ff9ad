package tree

import (
	"slices"
	"strings"
)

// maxBranch is the greatest number of pivots of a branch, chosen by measurement. Below a quarter of that, a branch is merged
// with a neighbour if they fit into one.
const maxBranch = 63

// fences are the pivots of a branch, keys that part its kids: kid i has the keys from pivot
// i-1 on. They never change and are shared by all copies of the branch.
type fences struct {
	n      int32 // number of pivots
	skip   int32 // length of what all pivots have in common
	parent int32 // length of the parent's part of the first pivot
	// front is the path of the first pivot as far as it fits: mostly what all have in common, which each
	// search compares.
	front  [32]byte
	pivots string // one after the other
	tags   [maxBranch]uint64
	ends   [maxBranch]uint32 // of each pivot in pivots
}

// newFences returns fences with at most maxBranch pivots.
func newFences(pivots []string) *fences {
	f := &fences{n: int32(len(pivots)), pivots: strings.Join(pivots, "")}
	end := 0
	for i, pivot := range pivots {
		end += len(pivot)
		f.ends[i] = uint32(end)
	}
	if len(pivots) > 0 {
		first := f.key(0)
		f.skip = int32(first.common(f.key(len(pivots) - 1)))
		f.parent = int32(first.parent)
		copy(f.front[:], first.path)
	}
	for i := range pivots {
		f.tags[i] = f.key(i).tag(int(f.skip))
	}
	return f
}

func (f *fences) pivot(i int) string {
	if i == 0 {
		return f.pivots[:f.ends[0]]
	}
	return f.pivots[f.ends[i-1]:f.ends[i]]
}

// key returns the key of pivot i.
func (f *fences) key(i int) key {
	if i == 0 {
		return keyIn(f.pivots)
	}
	return keyIn(f.pivots[f.ends[i-1]:])
}

// kid returns the index of the kid whose keys k is among.
func (f *fences) kid(k key) int {
	if f.n == 0 {
		return 0
	}
	if !f.shares(k) {
		if k.less(f.key(0)) {
			return 0
		}
		return int(f.n)
	}
	i, found := find(k, int(f.skip), f.tags[:f.n], f.key)
	if found {
		i++
	}
	return i
}

// shares tells whether k has in common with the pivots what all of them have in common.
func (f *fences) shares(k key) bool {
	n := int(f.skip)
	if n > len(f.front) {
		return k.shares(f.key(0), n)
	}
	return len(k.path) >= n && k.path[:n] == string(f.front[:n]) &&
		(k.parent == int(f.parent) || k.parent >= n && int(f.parent) >= n)
}

// all returns all pivots in a new slice.
func (f *fences) all() []string {
	pivots := make([]string, f.n, f.n+1)
	for i := range pivots {
		pivots[i] = f.pivot(i)
	}
	return pivots
}

// with returns the fences with one more, at i.
func (f *fences) with(i int, pivot string) *fences {
	return newFences(slices.Insert(f.all(), i, pivot))
}

// without returns the fences but that at i.
func (f *fences) without(i int) *fences {
	return newFences(slices.Delete(f.all(), i, i+1))
}
