package tree_test

import (
	"fmt"
	"sync"
	"testing"

	"github.com/quorate/quorate/store/tree"
	"github.com/quorate/quorate/store/txn"
)

// TestUsageOfAVersionStays: a quota's usage belongs to its version like all else.
func TestUsageOfAVersionStays(t *testing.T) {
	w := newWorld(t)
	w.create("/a", "")
	w.create("/zookeeper/quota/a", "")
	w.create("/zookeeper/quota/a/zookeeper_limits", "count=10")
	w.create("/zookeeper/quota/a/zookeeper_stats", "")
	usage := func(v *tree.Version) string {
		n, _ := v.Get("/zookeeper/quota/a/zookeeper_stats")
		return string(n.Data())
	}
	before := w.d.Publish()
	if got := usage(before); got != "count=1,bytes=0" {
		t.Fatalf("usage %q", got)
	}
	w.create("/a/b", "12345")
	fork := w.d.Publish().Edit()
	after := w.d.Publish()
	w.do(&tree.DeleteRequest{Path: "/a/b", Version: tree.AnyVersion})
	if got := usage(before); got != "count=1,bytes=0" {
		t.Errorf("the usage of an older version became %q", got)
	}
	if got := usage(after); got != "count=2,bytes=5" {
		t.Errorf("usage %q, want 2 nodes and 5 bytes", got)
	}
	if got := usage(fork.Publish()); got != "count=2,bytes=5" {
		t.Errorf("the usage of a fork became %q", got)
	}
}

// TestEditsOfOneVersion by several goroutines at once do not meet in any of its tables. The race
// detector says more of it than the checks here.
func TestEditsOfOneVersion(t *testing.T) {
	w := newWorld(t)
	w.open(session1)
	w.create("/a", "")
	w.create("/zookeeper/quota/a", "")
	w.create("/zookeeper/quota/a/zookeeper_limits", "count=10")
	w.do(&tree.CreateRequest{Path: "/eph", ACL: tree.OpenACL(), Kind: txn.Ephemeral, Owner: session1})
	v, last := w.d.Publish(), w.last
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			mine := world{t: t, d: v.Edit(), last: last}
			mine.open(session1 + 1 + txn.SessionID(i))
			acl := []txn.ACE{{Perms: txn.MayRead, Scheme: "sasl", ID: fmt.Sprint(i)}}
			mine.do(&tree.CreateRequest{Path: "/a/b", ACL: acl})
			mine.do(&tree.CreateRequest{Path: "/a/e", ACL: tree.OpenACL(), Kind: txn.Ephemeral, Owner: session1})
			if n, _ := mine.d.Get("/a/b"); mine.d.ACL(n)[0].ID != fmt.Sprint(i) {
				t.Errorf("draft %d has the list of another: %v", i, mine.d.ACL(n))
			}
		})
	}
	wg.Wait()
	if v.Sessions() != 1 || v.Len() != w.d.Len() {
		t.Errorf("the version has %d sessions and %d nodes now", v.Sessions(), v.Len())
	}
}
