package tree_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/quorate/quorate/store/tree"
	"github.com/quorate/quorate/store/txn"
)

// TestFigures holds what is counted along against what is there, in a version that was applied and in one that was loaded.
func TestFigures(t *testing.T) {
	w := newWorld(t)
	one, two := txn.MakeSessionID(1, 1), txn.MakeSessionID(2, 2)
	w.open(one)
	w.open(two)
	for path, owner := range map[string]txn.SessionID{"/a": one, "/c": two, "/b": one, "/d": two} {
		w.do(&tree.CreateRequest{Path: path, Data: []byte(path), ACL: tree.OpenACL(), Kind: txn.Ephemeral, Owner: owner})
	}
	w.do(&tree.CreateRequest{Path: "/ttl", ACL: tree.OpenACL(), Kind: txn.TTL, TTL: 1000})
	w.do(&tree.CreateRequest{Path: "/container", ACL: tree.OpenACL(), Kind: txn.Container})
	w.create("/plain", "something")
	w.do(&tree.SetRequest{Path: "/plain", Data: []byte("something longer"), Version: tree.AnyVersion})
	w.do(&tree.DeleteRequest{Path: "/d", Version: tree.AnyVersion})
	for name, v := range map[string]*tree.Version{"applied": w.d.Publish(), "loaded": reload(t, w.d.Publish())} {
		var owned []string
		for id, path := range v.AllEphemerals() {
			owned = append(owned, fmt.Sprint(id, path))
		}
		if want := []string{fmt.Sprint(one, "/a"), fmt.Sprint(one, "/b"), fmt.Sprint(two, "/c")}; !slices.Equal(owned, want) {
			t.Errorf("%s: ephemerals %q, want %q", name, owned, want)
		}
		if n := v.EphemeralCount(); n != 3 {
			t.Errorf("%s: %d ephemerals", name, n)
		}
		root, _ := v.Get("/")
		size := root.Size()
		for n := range v.Descendants("/") {
			size += n.Size()
		}
		if v.Size() != size {
			t.Errorf("%s: %d bytes, want %d", name, v.Size(), size)
		}
	}
}
