package tree

import (
	"slices"
	"strings"
)

// fences are the pivots of a branch, keys that part its kids: kid i has the keys from pivot
// i-1 on. They never change and are shared by all copies of the branch. The zero value
// has no pivots.
type fences struct {
	tags []uint64 // of each pivot
	// pivots holds them one after the other, so that the first, which each search looks
	// at, is one step away.
	pivots string
	ends   []uint32 // of each pivot in pivots
	skip   int      // length of what all pivots have in common
}

func newFences(pivots []string) fences {
	n := len(pivots)
	f := fences{tags: make([]uint64, n), pivots: strings.Join(pivots, ""), ends: make([]uint32, n)}
	end := 0
	for i, pivot := range pivots {
		end += len(pivot)
		f.ends[i] = uint32(end)
	}
	if n > 0 {
		f.skip = f.key(0).common(f.key(n - 1))
	}
	for i := range f.tags {
		f.tags[i] = f.key(i).tag(f.skip)
	}
	return f
}

func (f *fences) len() int { return len(f.tags) }

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
	i, found := search(k, f.skip, f.tags, f.key)
	if found {
		i++
	}
	return i
}

// all returns all pivots in a new slice.
func (f *fences) all() []string {
	pivots := make([]string, f.len(), f.len()+1)
	for i := range pivots {
		pivots[i] = f.pivot(i)
	}
	return pivots
}

// with returns the fences with one more, at i.
func (f *fences) with(i int, pivot string) fences {
	return newFences(slices.Insert(f.all(), i, pivot))
}

// without returns the fences but that at i.
func (f *fences) without(i int) fences {
	return newFences(slices.Delete(f.all(), i, i+1))
}
