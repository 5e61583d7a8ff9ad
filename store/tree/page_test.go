package tree

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/quorate/quorate/store/txn"
)

// checkLeaf checks what a leaf promises of its page and of its log.
func checkLeaf(t *testing.T, name string, v view) {
	t.Helper()
	size, large := 0, 0
	for i := range int(v.n) {
		it := item{v.packed(i), v.packedSide(i)}
		size += it.entrySize()
		if it.isLarge() {
			large++
		}
		if it.isLarge() != (v.refs[i]&refLarge != 0) {
			t.Errorf("%s: a block of %d bytes has ref %x", name, len(it.block), v.refs[i])
		}
	}
	if size != len(v.page) || (large == 0) != (v.large == nil) || large > 0 && large != len(*v.large) {
		t.Errorf("%s: %d bytes in a page of %d, %d large items", name, size, len(v.page), large)
	}
	for j, entry := range v.entries {
		if len(entry) > maxPacked {
			t.Errorf("%s: edit %d has %d bytes", name, j, len(entry))
		}
	}
	last := uint64(1)
	for j := range v.edits {
		s := v.stamp(j)
		if s.moment() < last || s.slot() > int(v.n) && (s.slot() < maxLeaf || s.slot() >= maxLeaf+j) {
			t.Errorf("%s: after moment %d, edit %d of slot %d at %d", name, last, j, s.slot(), s.moment())
		}
		last = s.moment()
	}
}

// checkHeld checks that a leaf that no older tree shares holds no large block that is no more an item's.
func checkHeld(t *testing.T, name string, v view) {
	t.Helper()
	held := slices.Clone(v.entries[:])
	if v.large != nil {
		for _, it := range *v.large {
			held = append(held, it.block)
		}
	}
	for _, block := range held {
		if len(block) > maxPacked && !slices.ContainsFunc(v.items(nil), func(it item) bool { return it.block == block }) {
			t.Errorf("%s: a large block is held that is no more an item's", name)
		}
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
	now := pair{newNodeTree(), map[string]item{}}
	for step := range 20_000 {
		path := fmt.Sprintf("/n%03d", rng.IntN(150))
		_, exists := now.model[path]
		switch grow := step/2000%2 == 0; {
		case exists && rng.IntN(2) == 0:
			it := sizedItem(rng, path)
			at, _ := now.tree.place(keyOf(path))
			now.tree.setBlock(at, it.block)
			it.side = now.model[path].side
			now.model[path] = it
		case grow || rng.IntN(3) == 0:
			it := sizedItem(rng, path)
			now.tree.set(it)
			now.model[path] = it
		default:
			now.tree.delete(keyOf(path))
			delete(now.model, path)
		}
		for _, l := range leavesBelow(now.tree.root) {
			checkLeaf(t, fmt.Sprintf("step %d", step), now.tree.view(l))
			checkHeld(t, fmt.Sprintf("step %d", step), now.tree.view(l))
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
			now.tree.advance()
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

// leavesBelow returns all leaves below b.
func leavesBelow(b *branch) (leaves []*leaf) {
	if b.aboveLeaves() {
		return b.leaves.all(b.size())
	}
	for _, kid := range b.kids.all(b.size()) {
		leaves = append(leaves, leavesBelow(kid)...)
	}
	return leaves
}

// TestLeavesShrink: what is deleted from a tree goes from its memory too, but for a few items of each leaf, and leaves that are left
// with few items are merged.
func TestLeavesShrink(t *testing.T) {
	const n = 64 * maxLeaf
	rng := rand.New(rand.NewPCG(10, 10))
	tree := newNodeTree()
	for i := range n {
		tree.set(leafItem(fmt.Sprintf("/n%05d", i), 1))
	}
	for _, i := range rng.Perm(n)[n/64:] {
		tree.delete(keyOf(fmt.Sprintf("/n%05d", i)))
	}
	leaves, packed := leavesBelow(tree.root), 0
	for _, l := range leaves {
		packed += int(l.n)
	}
	if len(leaves) > 16 || packed > len(leaves)*maxEdits+n/64 {
		t.Errorf("%d items are left in %d leaves, in the pages of which stand %d", tree.count, len(leaves), packed)
	}
}
