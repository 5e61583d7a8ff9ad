package tree_test

import (
	"slices"
	"testing"

	"github.com/quorate/quorate/store/fault"
	"github.com/quorate/quorate/store/tree"
	"github.com/quorate/quorate/store/txn"
)

func TestAllowed(t *testing.T) {
	acl := func(perms txn.Perms, scheme, id string) []txn.ACE {
		return []txn.ACE{{Perms: txn.MayRead, Scheme: "sasl", ID: "nobody"}, {Perms: perms, Scheme: scheme, ID: id}}
	}
	who := func(scheme, id string) tree.Caller { return tree.Caller{{"ip", "192.0.2.1"}, {scheme, id}} }
	for name, c := range map[string]struct {
		acl  []txn.ACE
		who  tree.Caller
		want txn.Perms
		ok   bool
	}{
		"world":                     {acl(txn.MayWrite, "world", "anyone"), nil, txn.MayWrite, true},
		"world, other permission":   {acl(txn.MayWrite, "world", "anyone"), nil, txn.MayDelete, false},
		"exact":                     {acl(txn.MayWrite, "digest", "u:h"), who("digest", "u:h"), txn.MayWrite, true},
		"other hash":                {acl(txn.MayWrite, "digest", "u:h"), who("digest", "u:x"), txn.MayWrite, false},
		"other scheme":              {acl(txn.MayWrite, "digest", "u:h"), who("sasl", "u:h"), txn.MayWrite, false},
		"nobody":                    {acl(txn.MayWrite, "digest", "u:h"), nil, txn.MayWrite, false},
		"super":                     {acl(txn.MayWrite, "digest", "u:h"), tree.Super(), txn.MayAdmin, true},
		"one of two is enough":      {acl(txn.MayAdmin, "sasl", "bob"), who("sasl", "bob"), txn.MayRead | txn.MayAdmin, true},
		"address":                   {acl(txn.MayRead, "ip", "192.0.2.1"), who("x509", "CN=x"), txn.MayRead, true},
		"address in network":        {acl(txn.MayRead, "ip", "192.0.2.0/24"), who("x509", "CN=x"), txn.MayRead, true},
		"address outside":           {acl(txn.MayRead, "ip", "192.0.3.0/24"), who("x509", "CN=x"), txn.MayRead, false},
		"v6":                        {acl(txn.MayRead, "ip", "2001:db8::/32"), who("ip", "2001:db8::7"), txn.MayRead, true},
		"v6, written another way":   {acl(txn.MayRead, "ip", "2001:db8::7"), who("ip", "2001:db8:0::7"), txn.MayRead, true},
		"v4 in v6":                  {acl(txn.MayRead, "ip", "10.0.0.0/8"), who("ip", "::ffff:10.1.2.3"), txn.MayRead, true},
		"no address":                {acl(txn.MayRead, "ip", "10.0.0.0/8"), who("ip", "x"), txn.MayRead, false},
		"no lists, no permission":   {nil, who("sasl", "bob"), txn.MayRead, false},
		"world is not for everyone": {acl(txn.MayWrite, "world", "bob"), who("sasl", "bob"), txn.MayWrite, false},
	} {
		if got := tree.Allowed(c.acl, c.want, c.who); got != c.ok {
			t.Errorf("%s: got %v", name, got)
		}
	}
}

// TestACLValidity goes through Prepare: what is refused, and what is stored of what is taken.
func TestACLValidity(t *testing.T) {
	d := tree.New().Edit()
	who := tree.Caller{{"ip", "192.0.2.1"}, {"digest", "u:h"}, {"sasl", "bob"}}
	ace := func(scheme, id string) txn.ACE { return txn.ACE{Perms: 31, Scheme: scheme, ID: id} }
	for name, c := range map[string]struct{ given, want []txn.ACE }{
		"open":                 {tree.OpenACL(), tree.OpenACL()},
		"duplicates":           {[]txn.ACE{ace("sasl", "a"), ace("sasl", "b"), ace("sasl", "a")}, []txn.ACE{ace("sasl", "a"), ace("sasl", "b")}},
		"auth":                 {[]txn.ACE{ace("auth", "ignored")}, []txn.ACE{ace("digest", "u:h"), ace("sasl", "bob")}},
		"auth and one of them": {[]txn.ACE{ace("sasl", "bob"), ace("auth", "")}, []txn.ACE{ace("sasl", "bob"), ace("digest", "u:h")}},
		"networks":             {[]txn.ACE{ace("ip", "10.0.0.0/8"), ace("ip", "::1")}, []txn.ACE{ace("ip", "10.0.0.0/8"), ace("ip", "::1")}},
		"x509":                 {[]txn.ACE{ace("x509", "CN=a")}, []txn.ACE{ace("x509", "CN=a")}},
		"no permission":        {[]txn.ACE{{Perms: 0, Scheme: "world", ID: "anyone"}}, nil},
		"permission beyond":    {[]txn.ACE{{Perms: 32, Scheme: "world", ID: "anyone"}}, nil},
		"world":                {[]txn.ACE{ace("world", "me")}, nil},
		"digest, no hash":      {[]txn.ACE{ace("digest", "u")}, nil},
		"digest, three parts":  {[]txn.ACE{ace("digest", "u:h:x")}, nil},
		"ip":                   {[]txn.ACE{ace("ip", "10.0.0.0/33")}, nil},
		"ip name":              {[]txn.ACE{ace("ip", "localhost")}, nil},
		"sasl empty":           {[]txn.ACE{ace("sasl", "")}, nil},
		"unknown scheme":       {[]txn.ACE{ace("kerberos", "x")}, nil},
		"one of two":           {[]txn.ACE{ace("sasl", "a"), ace("world", "me")}, nil},
		"not UTF-8":            {[]txn.ACE{ace("sasl", "\xff")}, nil},
		"empty":                {[]txn.ACE{}, nil},
	} {
		op, err := d.Prepare(&tree.CreateRequest{Path: "/a", ACL: c.given}, who, tree.Limits{})
		if c.want == nil {
			if !fault.Is(err, fault.InvalidACL) {
				t.Errorf("%s: got %v", name, err)
			}
			continue
		}
		if err != nil || !slices.Equal(op.(*txn.Create).ACL, c.want) {
			t.Errorf("%s: got %+v, %v", name, op, err)
		}
	}
	for _, acl := range [][]txn.ACE{{ace("auth", "")}, {ace("world", "anyone"), ace("auth", "")}} {
		if _, err := d.Prepare(&tree.CreateRequest{Path: "/a", ACL: acl}, who[:1], tree.Limits{}); !fault.Is(err, fault.InvalidACL) {
			t.Errorf("%v of a caller with an address alone: %v", acl, err)
		}
	}
}

func TestMasked(t *testing.T) {
	acl := []txn.ACE{{Perms: 31, Scheme: "digest", ID: "u:secret"}, {Perms: 1, Scheme: "sasl", ID: "a:b"}}
	want := []txn.ACE{{Perms: 31, Scheme: "digest", ID: "u:x"}, {Perms: 1, Scheme: "sasl", ID: "a:b"}}
	if got := tree.Masked(acl); !slices.Equal(got, want) || acl[0].ID != "u:secret" {
		t.Errorf("got %v from %v", got, acl)
	}
}

// TestACLTable: lists are shared, go with their last node, and their ids are never used
// again (ZOOKEEPER-3306, 2808, 4846: maps that differ between servers).
func TestACLTable(t *testing.T) {
	w := newWorld(t)
	private := []txn.ACE{{Perms: 31, Scheme: "sasl", ID: "bob"}}
	lists := func() int { return len(unmarshalSnapshot(t, w.d.Publish()).Acls) }
	before := lists()
	for _, path := range []string{"/a", "/b"} {
		w.do(&tree.CreateRequest{Path: path, ACL: private})
	}
	if got := lists(); got != before+1 {
		t.Errorf("%d lists for two nodes with the same", got-before)
	}
	old := w.d.Publish()
	next := unmarshalSnapshot(t, old).Header.NextAcl
	w.do(&tree.DeleteRequest{Path: "/a", Version: 0})
	if _, err := w.try(&tree.SetACLRequest{Path: "/b", ACL: tree.OpenACL(), Version: 0}, tree.Super(), tree.Limits{}); err != nil {
		t.Fatal(err)
	}
	if got := lists(); got != before {
		t.Errorf("%d lists left over", got-before)
	}
	w.do(&tree.CreateRequest{Path: "/c", ACL: private})
	s := unmarshalSnapshot(t, w.d.Publish())
	if s.Acls[len(s.Acls)-1].Id != next || s.Header.NextAcl != next+1 {
		t.Errorf("the list came back with id %d, want %d", s.Acls[len(s.Acls)-1].Id, next)
	}
	if n, _ := old.Get("/a"); !slices.Equal(old.ACL(n), private) {
		t.Errorf("the old version lost its list: %v", old.ACL(n))
	}
}
