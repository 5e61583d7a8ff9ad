package tree

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// TestRow holds a row to the slice that it stands for, and its copies to what they were.
func TestRow(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	for range 200 {
		kids := []*leaf{{}}
		r := rowOf(kids)
		for range 200 {
			old, was := r, slices.Clone(kids)
			switch i := rng.IntN(len(kids) + 1); {
			case len(kids) <= maxBranch && rng.IntN(3) > 0:
				kids = slices.Insert(kids, i, new(leaf))
				r.insert(i, len(kids), kids[i])
			case i < len(kids):
				kids[i] = new(leaf)
				r.put(i, kids[i])
			}
			if !slices.Equal(r.all(len(kids)), kids) || have(&r) != len(kids) {
				t.Fatalf("a row of %d is not the slice", len(kids))
			}
			if !slices.Equal(old.all(len(was)), was) || have(&old) != len(was) {
				t.Fatalf("a copy of a row of %d has changed", len(was))
			}
		}
		if cut := rng.IntN(len(kids)); cut > 0 && have(ptr(rowOf(kids[:cut]))) != cut {
			t.Fatalf("a row of %d kids has others", cut)
		}
	}
}

func ptr[T any](v T) *T { return &v }
