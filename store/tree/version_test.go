package tree_test

import (
	"testing"

	"github.com/quorate/quorate/store/fault"
	"github.com/quorate/quorate/store/tree"
)

// TestOnlyOneVersionIsAny: -1 stands for any version, and no other negative number does.
func TestOnlyOneVersionIsAny(t *testing.T) {
	w := newWorld(t)
	w.create("/a", "")
	for _, req := range []tree.Request{
		&tree.SetRequest{Path: "/a", Version: -2},
		&tree.DeleteRequest{Path: "/a", Version: -2},
		&tree.SetACLRequest{Path: "/a", ACL: tree.OpenACL(), Version: -2},
		&tree.CheckRequest{Path: "/a", Version: -2},
	} {
		if _, err := w.d.Prepare(req, nil, tree.Limits{}); !fault.Is(err, fault.BadVersion) {
			t.Errorf("%T at version -2: %v", req, err)
		}
	}
}
