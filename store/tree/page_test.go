package tree

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/quorate/quorate/store/txn"
)

// checkPage checks what a leaf promises of its page.
func checkPage(t *testing.T, name string, l *leaf) {
	t.Helper()
	alive, loose, large := 0, make(map[string]bool), make(map[int]bool)
	for i, r := range l.refs[:l.n] {
		it := l.item(i)
		switch {
		case it.isLarge() != (r&refLarge != 0) || it.sided() != r&refSide && !it.isLarge():
			t.Errorf("%s: a block of %d bytes with side %v has ref %x", name, len(it.block), it.side, r)
		case r&refLarge != 0:
			large[r.index()] = true
		case r&refLoose != 0:
			loose[l.entry(r)] = true
		default:
			alive += it.entrySize()
		}
	}
	for _, entry := range l.loose {
		if entry != "" && !loose[entry] {
			t.Errorf("%s: a loose entry is nobody's", name)
		}
	}
	if l.large != nil {
		for i, it := range *l.large {
			if large[i] != (it != item{}) {
				t.Errorf("%s: large item %d is in use %v, there %v", name, i, large[i], it != item{})
			}
		}
	}
	if dead := len(l.page) - alive; dead > alive {
		t.Errorf("%s: %d bytes of a page are alive, %d dead", name, alive, dead)
	}
}

// sizedItem returns an item for path with a block near the sizes that matter, and now and
// then with a side.
func sizedItem(rng *rand.Rand, path string) item {
	sizes := []int{0, 100, maxPacked - 30, maxPacked, 3 * maxPacked}
	r := record{path: path, kind: txn.Persistent, czxid: 1, mzxid: 1, data: strings.Repeat("d", sizes[rng.IntN(len(sizes))]+rng.IntN(40))}
	it := item{block: r.encode()}
	if rng.IntN(2) == 0 {
		it.side = side{rng.Uint64(), txn.Zxid(rng.Uint64())}
	}
	return it
}

// TestPages puts, replaces and deletes items small and large, in versions and without, and
// looks after each change whether the leaves keep what they promise. Each version that was
// kept must at the end hold what it held.
func TestPages(t *testing.T) {
	rng := rand.New(rand.NewPCG(9, 9))
	type pair struct {
		tree  nodeTree
		model map[string]item
	}
	var kept []pair
	now := pair{nodeTree{owner: new(owner)}, map[string]item{}}
	for step := range 20_000 {
		path := fmt.Sprintf("/n%03d", rng.IntN(150))
		_, exists := now.model[path]
		switch grow := step/2000%2 == 0; {
		case exists && rng.IntN(2) == 0:
			it := sizedItem(rng, path)
			at, _ := now.tree.edit(keyOf(path))
			at.put(it)
			now.model[path] = it
		case grow || rng.IntN(3) == 0:
			it := sizedItem(rng, path)
			now.tree.set(it)
			now.model[path] = it
		default:
			now.tree.delete(keyOf(path))
			delete(now.model, path)
		}
		for _, l := range now.tree.root.leaves.all(now.tree.root.size()) {
			checkPage(t, fmt.Sprintf("step %d", step), l)
		}
		if t.Failed() {
			return
		}
		if rng.IntN(50) == 0 {
			model := make(map[string]item, len(now.model))
			for k, it := range now.model {
				model[k] = it
			}
			kept = append(kept, pair{now.tree, model})
			now.tree.owner = new(owner)
		}
	}
	for i, p := range append(kept, now) {
		n := 0
		p.tree.scan(func(it item) bool {
			if path := keyIn(it.block).path; it != p.model[path] {
				t.Errorf("version %d: %s is not what it was", i, path)
			}
			n++
			return true
		})
		if n != len(p.model) || n != p.tree.count {
			t.Errorf("version %d has %d items, count %d, should have %d", i, n, p.tree.count, len(p.model))
		}
	}
}

// TestPageLetsGo: what was deleted or replaced by something large does not stay in the pages
// of those beside it, and large blocks are never copied.
func TestPageLetsGo(t *testing.T) {
	rng := rand.New(rand.NewPCG(10, 10))
	tree := nodeTree{owner: new(owner)}
	for i := range maxLeaf {
		tree.set(leafItem(fmt.Sprintf("/n%02d", i), 1))
	}
	l := tree.root.leaves.at(0)
	large := item{block: (&record{path: "/n07", kind: txn.Persistent, czxid: 1, mzxid: 1, data: strings.Repeat("d", 2*maxPacked)}).encode()}
	for _, i := range rng.Perm(maxLeaf) {
		at, _ := tree.edit(keyOf(fmt.Sprintf("/n%02d", i)))
		it := large
		it.block = strings.Replace(large.block, "/n07", fmt.Sprintf("/n%02d", i), 1)
		at.put(it)
		checkPage(t, fmt.Sprint(i), l)
	}
	if l.page != "" || len(*l.large) != maxLeaf {
		t.Errorf("a leaf of large blocks has %d bytes in its page and %d large items", len(l.page), len(*l.large))
	}
}
