package tree

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"unsafe"

	"github.com/quorate/quorate/store/txn"
)

// leafItem returns an item for path whose pzxid tells values apart.
func leafItem(path string, value uint64) item {
	r := record{path: path, kind: txn.Persistent, czxid: 1, mzxid: 1}
	return item{block: r.encode(), side: side{pzxid: txn.Zxid(value)}}
}

// randomPath draws from few paths with much in common, and some long ones.
func randomPath(rng *rand.Rand) string {
	path := new(strings.Builder)
	for range 1 + rng.IntN(3) {
		names := []string{"", "a", "parent-000000-", "!", "zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz"}
		fmt.Fprintf(path, "/%s%d", names[rng.IntN(len(names))], rng.IntN(12))
	}
	return path.String()
}

// byKey is the order of the tree, written down another way.
func byKey(a, b string) int {
	if c := strings.Compare(a[:strings.LastIndexByte(a, '/')], b[:strings.LastIndexByte(b, '/')]); c != 0 {
		return c
	}
	return strings.Compare(a, b)
}

// newNodeTree returns an empty tree that may be written to.
func newNodeTree() nodeTree {
	t := nodeTree{line: new(line)}
	t.advance()
	return t
}

// set adds or replaces an item, and returns the one replaced.
func (t *nodeTree) set(it item) (old item, replaced bool) {
	k := keyIn(it.block)
	at, replaced := t.place(k)
	if replaced {
		old = at.item()
		t.setBlock(at, it.block)
	} else {
		t.insert(it.block)
	}
	if it.side != old.side {
		at, _ = t.place(k)
		t.setSide(at, it.side)
	}
	return old, replaced
}

// delete takes out the item with key k and returns it.
func (t *nodeTree) delete(k key) (old item, found bool) {
	at, found := t.place(k)
	if found {
		old = at.item()
		t.drop(at)
	}
	return old, found
}

// TestBTreeAgainstMap makes random changes to B-trees and to maps, keeps both now and then, goes back now and then to one that
// was kept, and compares every one of them at the end.
func TestBTreeAgainstMap(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	type pair struct {
		tree  nodeTree
		model map[string]uint64
	}
	var kept []pair
	now := pair{newNodeTree(), map[string]uint64{}}
	for step := range 40_000 {
		path := randomPath(rng)
		want, exists := now.model[path]
		if got, found := now.tree.get(keyOf(path)); found != exists || uint64(got.pzxid(0)) != want {
			t.Fatalf("step %d: get %s: %v %v, want %v %v", step, path, got.pzxid(0), found, want, exists)
		}
		// Growing and shrinking take turns.
		switch grow := step/4000%2 == 0; {
		case rng.IntN(3) == 0 && exists:
			at, _ := now.tree.place(keyOf(path))
			now.tree.setSide(at, side{pzxid: txn.Zxid(step)})
			now.model[path] = uint64(step)
		case rng.IntN(4) > 0 == grow:
			old, replaced := now.tree.set(leafItem(path, uint64(step)))
			if replaced != exists || uint64(old.pzxid(0)) != want {
				t.Fatalf("step %d: set %s replaced %v %v, want %v %v", step, path, old.pzxid(0), replaced, want, exists)
			}
			now.model[path] = uint64(step)
		default:
			old, found := now.tree.delete(keyOf(path))
			if found != exists || uint64(old.pzxid(0)) != want {
				t.Fatalf("step %d: delete %s: %v %v, want %v %v", step, path, old.pzxid(0), found, want, exists)
			}
			delete(now.model, path)
		}
		if rng.IntN(100) == 0 {
			kept = append(kept, pair{now.tree, maps.Clone(now.model)})
			if rng.IntN(10) == 0 {
				old := kept[rng.IntN(len(kept))]
				now = pair{old.tree, maps.Clone(old.model)}
			}
			now.tree.advance()
			if depth := now.tree.line.depth; depth > maxDepth {
				t.Fatalf("step %d: a line with %d before it", step, depth)
			}
		}
	}
	for i, p := range append(kept, now) {
		checkBTree(t, fmt.Sprintf("version %d", i), &p.tree, p.model)
	}
}

// checkBTree compares a tree with its model, and checks what B-tree nodes promise.
func checkBTree(t *testing.T, name string, tree *nodeTree, model map[string]uint64) {
	t.Helper()
	want := make([]string, 0, len(model))
	for path := range model {
		want = append(want, path)
	}
	slices.SortFunc(want, byKey)
	var got []string
	tree.scan(func(it item) bool {
		path := keyIn(it.block).path
		got = append(got, path)
		if uint64(it.pzxid(0)) != model[path] {
			t.Errorf("%s: %s is %d, want %d", name, path, it.pzxid(0), model[path])
		}
		return true
	})
	if !slices.Equal(got, want) || tree.count != len(want) {
		t.Fatalf("%s: %d items, count %d, want %d, or another order", name, len(got), tree.count, len(want))
	}
	for i := 0; i < len(want); i += 7 {
		next := ""
		tree.ascend(keyOf(want[i]), func(it item) bool { next = keyIn(it.block).path; return false })
		if next != want[i] {
			t.Errorf("%s: ascend from %s begins with %s", name, want[i], next)
		}
	}
	if tree.root != nil {
		checkBranch(t, name, tree, tree.root)
	}
}

func checkBranch(t *testing.T, name string, tree *nodeTree, b *branch) {
	t.Helper()
	n := int(b.n)
	kids, leaves := have(&b.kids), have(&b.leaves)
	if n > maxBranch || (kids == 0) == (leaves == 0) || kids+leaves != n+1 {
		t.Fatalf("%s: %d pivots, %d kids, %d leaves", name, n, kids, leaves)
	}
	checkTags(t, name, int(b.skip), b.tags[:n], b.key)
	for _, kid := range b.kids.all(kids) {
		checkBranch(t, name, tree, kid)
	}
	for _, l := range b.leaves.all(leaves) {
		checkTags(t, name, int(l.skip), l.tags[:l.n], l.key)
		checkLeaf(t, name, tree.view(l))
	}
}

// have returns how many kids a row has, all of which must be at its front.
func have[T any](r *row[T]) (n int) {
	for i := range len(r.parts) * width {
		part := r.parts[i/width]
		if part != nil && part[i%width] != nil {
			if n++; n != i+1 {
				return -1
			}
		}
	}
	return n
}

func checkTags(t *testing.T, name string, skip int, tags []uint64, at func(int) key) {
	t.Helper()
	for i, tag := range tags {
		if k := at(i); !k.shares(at(0), skip) || k.tag(skip) != tag {
			t.Errorf("%s: %s has tag %x, skip %d", name, k.path, tag, skip)
		}
	}
}

// TestBTreeForgetsKeys: a key that parts the kids of a branch must not keep the page
// of a node alive that is gone.
func TestBTreeForgetsKeys(t *testing.T) {
	tree := newNodeTree()
	for i := range 10_000 {
		tree.set(leafItem(fmt.Sprintf("/n%05d", i*7919%10_000), 1))
	}
	var branches func(b *branch)
	branches = func(b *branch) {
		for i, pivot := range b.fences.all() {
			if len(pivot) > 2+len(b.key(i).path) {
				t.Fatal("a branch holds a node")
			}
		}
		for _, kid := range b.kids.all(have(&b.kids)) {
			branches(kid)
		}
	}
	branches(tree.root)
}

// TestBNodeSizes: they just fit into the sizes that the allocator has, 160 and 768.
func TestBNodeSizes(t *testing.T) {
	if size := unsafe.Sizeof(branch{}); size != 152 {
		t.Errorf("a branch has %d bytes", size)
	}
	if size := unsafe.Sizeof(leaf{}); size != 760 {
		t.Errorf("a leaf has %d bytes", size)
	}
}

// TestKeyOrder pins the order that snapshots and listings show.
func TestKeyOrder(t *testing.T) {
	paths := []string{"/", "/a", "/a!", "/b", "/a/a", "/a/b", "/a!/x", "/a/a/x", "/a/b/y", "/b/a"}
	slices.SortFunc(paths, byKey)
	for i, a := range paths {
		for j, b := range paths {
			ka, kb := keyOf(a), keyOf(b)
			if got := ka.less(kb); got != (i < j) {
				t.Errorf("%s before %s: %v", a, b, got)
			}
			if n := ka.common(kb); n <= min(len(a), len(b)) && i < j && ka.tag(n) > kb.tag(n) {
				t.Errorf("%s before %s, but the tags after %d bytes say no", a, b, n)
			}
		}
	}
}
