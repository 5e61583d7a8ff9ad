package tree_test

import (
	"fmt"
	"testing"

	"github.com/quorate/quorate/store/tree"
	"github.com/quorate/quorate/store/txn"
)

// TestBTreeShrinks lets a tree of three levels lose nearly all of its nodes, so that branches are
// merged too, and looks at what is left, in it and in the versions that it shares with.
func TestBTreeShrinks(t *testing.T) {
	const n, keep = 20_000, 701
	d := tree.New().Edit()
	z := txn.MakeZxid(1, 0)
	apply := func(op txn.Op) {
		z++
		d.Apply(&txn.Txn{Header: txn.Header{Zxid: z}, Op: op})
	}
	name := func(i int) string { return fmt.Sprintf("/%05d", i) }
	for i := range n {
		apply(&txn.Create{Path: name(i), ACL: tree.OpenACL(), Kind: txn.Persistent})
	}
	full := d.Publish()
	var half *tree.Version
	for i := range n {
		if i%keep != 0 {
			apply(&txn.Delete{Path: name(i)})
		}
		if i == n/2 {
			half = d.Publish()
		}
	}
	check := func(what string, v *tree.Version, stays func(int) bool) {
		t.Helper()
		at, count := 0, 0
		for child := range v.Children("/") {
			if child.Path() == "/zookeeper" {
				continue
			}
			for at < n && !stays(at) {
				at++
			}
			if child.Path() != name(at) {
				t.Fatalf("%s: %s where %s should be", what, child.Path(), name(at))
			}
			if _, ok := v.Get(child.Path()); !ok {
				t.Fatalf("%s: %s is not found", what, child.Path())
			}
			at, count = at+1, count+1
		}
		for ; at < n; at++ {
			if stays(at) {
				t.Fatalf("%s: ends after %d nodes, %s is missing", what, count, name(at))
			}
		}
	}
	check("full", full, func(int) bool { return true })
	check("half", half, func(i int) bool { return i > n/2 || i%keep == 0 })
	check("shrunk", d.Publish(), func(i int) bool { return i%keep == 0 })
}
