package tree_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/quorate/quorate/store/fault"
	"github.com/quorate/quorate/store/tree"
	"github.com/quorate/quorate/store/txn"
)

// quota sets a quota on path, as ZooKeeper's setquota does.
func (w *world) quota(path, limits string) {
	w.t.Helper()
	at := "/zookeeper/quota"
	for name := range strings.SplitSeq(strings.TrimPrefix(path, "/"), "/") {
		if name != "" {
			at += "/" + name
			if _, ok := w.d.Get(at); !ok {
				w.create(at, "")
			}
		}
	}
	w.create(at+"/zookeeper_limits", limits)
	w.create(at+"/zookeeper_stats", "count=0,bytes=0")
}

func (w *world) usage(path, want string) {
	w.t.Helper()
	path = strings.TrimSuffix("/zookeeper/quota"+path, "/") + "/zookeeper_stats"
	n, ok := w.d.Get(path)
	if !ok || string(n.Data()) != want || int(n.Stat().DataLength) != len(want) {
		w.t.Errorf("usage at %s is %q, want %q", path, n.Data(), want)
	}
	loaded, err := load(chunksOf(w.d.Publish(), 1000))
	if err != nil {
		w.t.Fatal(err)
	}
	if again, _ := loaded.Get(path); string(again.Data()) != want {
		w.t.Errorf("usage at %s is %q when loaded, want %q", path, again.Data(), want)
	}
	for child := range w.d.Children(tree.Parent(path)) {
		if child.Name() == "zookeeper_stats" && string(child.Data()) != want {
			w.t.Errorf("usage at %s is %q in a listing", path, child.Data())
		}
	}
}

// TestUsage: what counts for which quota, whatever comes first.
func TestUsage(t *testing.T) {
	w := newWorld(t)
	w.open(session1)
	w.create("/a", "12345")
	w.create("/a/b", "123")
	w.create("/a/b/c", "1")
	w.create("/ab", "not below /a")
	w.quota("/a", "count=100,bytes=100")
	w.usage("/a", "count=3,bytes=9")
	w.quota("/a/b", "count=100,bytes=100") // takes its part out of that of /a
	w.usage("/a/b", "count=2,bytes=4")
	w.usage("/a", "count=1,bytes=5")
	w.do(&tree.SetRequest{Path: "/a/b/c", Data: make([]byte, 11), Version: 0})
	w.create("/a/x", "12")
	w.usage("/a/b", "count=2,bytes=14")
	w.usage("/a", "count=2,bytes=7")
	// ZOOKEEPER-2559: an ephemeral node's share goes with its session.
	w.do(&tree.CreateRequest{Path: "/a/b/e", Data: []byte("xx"), ACL: tree.OpenACL(), Kind: txn.Ephemeral, Owner: session1})
	w.usage("/a/b", "count=3,bytes=16")
	w.do(&tree.CloseSessionRequest{CloseSession: txn.CloseSession{Session: session1}})
	w.usage("/a/b", "count=2,bytes=14")
	w.quota("/", "count=-1")
	w.usage("/", "count=2,bytes=12") // the root and /ab; /zookeeper counts for none
	w.do(&tree.DeleteRequest{Path: "/zookeeper/quota/a/b/zookeeper_limits", Version: 0})
	w.usage("/a", "count=4,bytes=21")
	w.do(&tree.DeleteRequest{Path: "/a/x", Version: 0})
	w.usage("/a", "count=3,bytes=19")
	w.do(&tree.DeleteRequest{Path: "/zookeeper/quota/a/zookeeper_limits", Version: 0})
	w.usage("/", "count=5,bytes=31")
}

// TestHardQuota: refused if the server enforces quotas, and only what adds.
func TestHardQuota(t *testing.T) {
	w := newWorld(t)
	w.create("/a", "12345678")
	w.quota("/a", "count=-1,bytes=-1=;byteHardLimit=10;countHardLimit=2")
	lim := tree.Limits{EnforceQuota: true}
	refused := func(req tree.Request) {
		t.Helper()
		if _, err := w.try(req, nil, lim); !fault.Is(err, fault.QuotaExceeded) || err.(*fault.Error).Path != "/a" {
			t.Errorf("%+v: got %v", req, err)
		}
	}
	refused(&tree.CreateRequest{Path: "/a/b", Data: []byte("123"), ACL: tree.OpenACL()})
	refused(&tree.SetRequest{Path: "/a", Data: make([]byte, 11), Version: 99}) // before the version, as in ZooKeeper
	if _, err := w.try(&tree.CreateRequest{Path: "/a/b", Data: []byte("12"), ACL: tree.OpenACL()}, nil, lim); err != nil {
		t.Error(err)
	}
	refused(&tree.CreateRequest{Path: "/a/c", ACL: tree.OpenACL()})
	refused(&tree.MultiRequest{Ops: []tree.Request{&tree.DeleteRequest{Path: "/a/b", Version: 0}, &tree.CreateRequest{Path: "/a/c", ACL: tree.OpenACL()}, &tree.CreateRequest{Path: "/a/d", ACL: tree.OpenACL()}}})
	w.do(&tree.SetRequest{Path: "/zookeeper/quota/a/zookeeper_limits", Data: []byte("byteHardLimit=5;countHardLimit=1"), Version: 0})
	if _, err := w.try(&tree.SetRequest{Path: "/a", Data: []byte("1234567"), Version: 0}, nil, lim); err != nil {
		t.Errorf("a change that shrinks: %v", err)
	}
	w.create("/a/not-enforced", "")
}

// TestSoftQuota: allowed, and told.
func TestSoftQuota(t *testing.T) {
	w := newWorld(t)
	w.create("/a", "")
	w.quota("/a", "count=2,bytes=4")
	for _, step := range []struct {
		req  tree.Request
		over bool
	}{
		{&tree.CreateRequest{Path: "/a/1", ACL: tree.OpenACL(), Data: []byte("1234")}, false},
		{&tree.SetRequest{Path: "/a/1", Data: []byte("12345"), Version: 0}, true},
		{&tree.SetRequest{Path: "/a/1", Data: []byte("1"), Version: 1}, false},
		{&tree.CreateRequest{Path: "/a/2", ACL: tree.OpenACL()}, true},
		{&tree.DeleteRequest{Path: "/a/2", Version: 0}, false},
	} {
		var want []string
		if step.over {
			want = []string{"/a"}
		}
		if got := w.do(step.req).SoftQuota; !slices.Equal(got, want) {
			t.Errorf("%+v: got %v", step.req, got)
		}
	}
	w.do(&tree.SetRequest{Path: "/zookeeper/quota/a/zookeeper_limits", Data: []byte("no, limits=x;count=;=,"), Version: 0})
	if got := w.create("/a/3", "12345678").SoftQuota; got != nil {
		t.Errorf("limits that are none are exceeded: %v", got)
	}
}
