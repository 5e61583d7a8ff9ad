package tree

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"unsafe"

	"github.com/quorate/quorate/store/txn"
)

// has checks that a tree holds what the model says, and nothing else.
func has(t *testing.T, name string, tree *nodeTree, want map[string]uint64) {
	t.Helper()
	n := 0
	tree.scan(func(it item) bool {
		path := keyIn(it.block).path
		if value, ok := want[path]; !ok || value != uint64(it.side.pzxid) {
			t.Errorf("%s: %s is %d, should be %d (%v)", name, path, it.side.pzxid, value, ok)
		}
		n++
		return true
	})
	if n != len(want) || n != tree.count {
		t.Errorf("%s: %d items, count %d, should be %d", name, n, tree.count, len(want))
	}
}

// TestLines: of two that go on from one tree the second begins a line of its own. Neither sees what the other does, in the leaf that
// both have from the first, and the first stays what it was.
func TestLines(t *testing.T) {
	first := newNodeTree()
	first.set(leafItem("/a", 1))
	first.set(leafItem("/b", 1))

	one, two := first, first
	one.advance()
	one.set(leafItem("/a", 2))
	one.insert(leafItem("/one", 0).block)
	two.advance()
	if one.line != first.line || two.line == first.line {
		t.Fatal("not one of them goes on with the line")
	}
	has(t, "the second, before it does anything", &two, map[string]uint64{"/a": 1, "/b": 1})
	two.set(leafItem("/b", 3))
	two.delete(keyOf("/a"))
	again := two
	again.advance()
	again.insert(leafItem("/a", 0).block)

	has(t, "the first", &first, map[string]uint64{"/a": 1, "/b": 1})
	has(t, "one", &one, map[string]uint64{"/a": 2, "/b": 1, "/one": 0})
	has(t, "two", &two, map[string]uint64{"/b": 3})
	has(t, "after two", &again, map[string]uint64{"/a": 0, "/b": 3})
}

// TestSharedLeaf: a change of a tree of the same line writes into the leaf that both have; one of another line copies it, once.
func TestSharedLeaf(t *testing.T) {
	first := newNodeTree()
	first.set(leafItem("/a", 1))
	leafOf := func(tree *nodeTree) *leaf { return tree.root.leaves.at(0) }
	next := first
	next.advance()
	next.set(leafItem("/a", 2))
	if leafOf(&next) != leafOf(&first) {
		t.Error("the next tree of a line has copied the leaf")
	}
	other := first
	other.advance()
	other.set(leafItem("/a", 3))
	copied := leafOf(&other)
	if copied == leafOf(&first) {
		t.Error("a tree of another line has changed the leaf")
	}
	other.advance()
	other.set(leafItem("/a", 4))
	if leafOf(&other) != copied {
		t.Error("the copy was copied")
	}
}

// TestLargeStaysOutOfLogs: large blocks that somebody else has created, or was about to, do not stay in memory with a version that
// does not have them.
func TestLargeStaysOutOfLogs(t *testing.T) {
	large := func(path string) string {
		return (&record{path: path, kind: txn.Persistent, czxid: 1, mzxid: 1, data: strings.Repeat("d", maxPacked)}).encode()
	}
	first := newNodeTree()
	first.set(leafItem("/a", 1))
	next := first
	next.advance()
	at, _ := next.place(keyOf("/a"))
	next.setBlock(at, large("/a"))
	next.insert(large("/b"))
	checkLeaf(t, "the first", first.view(first.root.leaves.at(0)))
	checkLeaf(t, "the next", next.view(next.root.leaves.at(0)))
	has(t, "the first", &first, map[string]uint64{"/a": 1})
	has(t, "the next", &next, map[string]uint64{"/a": 1, "/b": 0})
}

// TestLargeIsExchanged: another large block for a node neither packs the leaf again nor is seen by versions before.
func TestLargeIsExchanged(t *testing.T) {
	large := func(c string) string {
		return (&record{path: "/a", kind: txn.Persistent, czxid: 1, mzxid: 1, data: strings.Repeat(c, maxPacked)}).encode()
	}
	first := newNodeTree()
	first.set(leafItem("/b", 1))
	first.insert(large("x")) // packs /b too
	next := first
	next.advance()
	for _, c := range []string{"y", "z"} {
		at, _ := next.place(keyOf("/a"))
		next.setSide(at, side{pzxid: 7})
		at, _ = next.place(keyOf("/a"))
		next.setBlock(at, large(c))
	}
	old, leaf := first.root.leaves.at(0), next.root.leaves.at(0)
	if unsafe.StringData(leaf.page) != unsafe.StringData(old.page) || leaf == old {
		t.Error("the leaf was not copied, or packed again")
	}
	for _, want := range []struct {
		tree  *nodeTree
		block string
		pzxid txn.Zxid
	}{{&first, large("x"), 0}, {&next, large("z"), 7}} {
		if it, _ := want.tree.get(keyOf("/a")); it.block != want.block || it.side.pzxid != want.pzxid {
			t.Errorf("a block that begins %q, pzxid %d", it.block[:8], it.side.pzxid)
		}
	}
	checkLeaf(t, "the next", next.view(leaf))
}

// TestSameMoment: what a tree changes again before anybody else has seen it takes no more room in the log.
func TestSameMoment(t *testing.T) {
	tree := newNodeTree()
	tree.set(leafItem("/a", 1))
	tree.advance()
	for i := range uint64(100) {
		tree.set(leafItem("/a", i+2))
	}
	if v := tree.view(tree.root.leaves.at(0)); v.edits != 4 { // added and given a side; in the next moment another block and side
		t.Errorf("%d edits", v.edits)
	}
	has(t, "the tree", &tree, map[string]uint64{"/a": 101})
}

// TestLinesAreBounded: however often one goes back to an older tree, few lines are before its own.
func TestLinesAreBounded(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 3))
	now, model := newNodeTree(), map[string]uint64{}
	for i := range 500 {
		path := fmt.Sprintf("/n%03d", i)
		now.set(leafItem(path, 1))
		model[path] = 1
	}
	for round := range uint64(10 * maxDepth) {
		dropped := now // goes on, and is not gone on with
		dropped.advance()
		now.advance()
		for range 20 {
			dropped.set(leafItem(fmt.Sprintf("/n%03d", rng.IntN(600)), 1000+round))
			path := fmt.Sprintf("/n%03d", rng.IntN(600))
			now.set(leafItem(path, 10+round))
			model[path] = 10 + round
		}
		if now.line.depth > maxDepth {
			t.Fatalf("round %d: %d lines before this one", round, now.line.depth)
		}
		has(t, fmt.Sprint("round ", round), &now, model)
	}
}

// TestReadersBesideTheWriter: trees are read while those that come after them are written into the same leaves. The race
// detector says more of it than the comparison.
func TestReadersBesideTheWriter(t *testing.T) {
	type version struct {
		tree  nodeTree
		model map[string]uint64
	}
	versions := make(chan version, 32) // so many are read late
	var readers sync.WaitGroup
	for range 4 {
		readers.Go(func() {
			for v := range versions {
				has(t, "a version", &v.tree, v.model)
				for path, want := range v.model {
					if it, found := v.tree.get(keyOf(path)); !found || uint64(it.side.pzxid) != want {
						t.Errorf("%s is %d, should be %d", path, it.side.pzxid, want)
					}
				}
			}
		})
	}
	rng := rand.New(rand.NewPCG(4, 4))
	now := version{newNodeTree(), map[string]uint64{}}
	for step := range uint64(2000) {
		for range 1 + rng.IntN(3) {
			path := fmt.Sprintf("/n%02d", rng.IntN(60))
			if rng.IntN(3) == 0 {
				now.tree.delete(keyOf(path))
				delete(now.model, path)
			} else {
				now.tree.set(leafItem(path, step))
				now.model[path] = step
			}
		}
		versions <- version{now.tree, maps.Clone(now.model)}
		if rng.IntN(50) == 0 {
			dropped := now.tree
			dropped.advance()
			dropped.set(leafItem("/dropped", step))
		}
		now.tree.advance()
	}
	close(versions)
	readers.Wait()
}
