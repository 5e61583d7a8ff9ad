package tree

import (
	"testing"

	"github.com/quorate/quorate/store/fault"
	"github.com/quorate/quorate/store/txn"
)

// TestAuthStandsForUTF8Only: scheme auth copies the caller's identities into the
// txn; one that is not UTF-8 would make it undecodable.
func TestAuthStandsForUTF8Only(t *testing.T) {
	auth := []txn.ACE{{Perms: txn.MayAll, Scheme: schemeAuth}}
	who := Caller{{Scheme: schemeDigest, ID: "caf\xe9:hash"}}
	if acl, err := resolveACL("/a", auth, who); !fault.Is(err, fault.InvalidACL) {
		t.Errorf("resolved to %v, %v", acl, err)
	}
	who = append(who, ID{Scheme: schemeDigest, ID: "café:hash"})
	if acl, err := resolveACL("/a", auth, who); err != nil || len(acl) != 1 || acl[0].ID != "café:hash" {
		t.Errorf("resolved to %v, %v", acl, err)
	}
}
