package tree_test

import (
	"testing"

	"github.com/quorate/quorate/store/fault"
	"github.com/quorate/quorate/store/tree"
)

// TestQuotaOfALongerName: /ab is not below /a, whatever the order in which they get their quotas.
func TestQuotaOfALongerName(t *testing.T) {
	w := newWorld(t)
	w.create("/a", "1")
	w.create("/a/x", "22")
	w.create("/ab", "333")
	for _, path := range []string{"/ab", "/a"} {
		w.create("/zookeeper/quota"+path, "")
		w.create("/zookeeper/quota"+path+"/zookeeper_limits", "count=10")
		w.create("/zookeeper/quota"+path+"/zookeeper_stats", "")
	}
	for path, want := range map[string]string{"/a": "count=2,bytes=3", "/ab": "count=1,bytes=3"} {
		n, _ := w.d.Get("/zookeeper/quota" + path + "/zookeeper_stats")
		if got := string(n.Data()); got != want {
			t.Errorf("usage of %s is %q, want %q", path, got, want)
		}
	}
}

// TestLimitsOfAVersionStay: a quota that is changed, made or dropped is so from then on alone.
func TestLimitsOfAVersionStay(t *testing.T) {
	const limits = "/zookeeper/quota/a/zookeeper_limits"
	w := newWorld(t)
	w.create("/a", "")
	w.create("/zookeeper/quota/a", "")
	none := w.d.Publish()
	w.create(limits, "countHardLimit=1")
	one := w.d.Publish()
	w.do(&tree.SetRequest{Path: limits, Data: []byte("countHardLimit=5"), Version: tree.AnyVersion})
	five := w.d.Publish()
	w.do(&tree.DeleteRequest{Path: limits, Version: tree.AnyVersion})
	for name, c := range map[string]struct {
		v    *tree.Version
		full bool
	}{"before": {none, false}, "one": {one, true}, "five": {five, false}, "after": {w.d.Publish(), false}} {
		req := &tree.CreateRequest{Path: "/a/b", ACL: tree.OpenACL()}
		if _, err := c.v.Edit().Prepare(req, nil, tree.Limits{EnforceQuota: true}); fault.Is(err, fault.QuotaExceeded) != c.full {
			t.Errorf("%s: %v", name, err)
		}
	}
}
