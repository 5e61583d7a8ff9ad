package tree_test

import (
	"strings"
	"testing"

	"github.com/quorate/quorate/store/fault"
	"github.com/quorate/quorate/store/tree"
	"github.com/quorate/quorate/store/txn"
)

// guarded is a tree in which bob may do one thing at each node.
func guarded(t *testing.T) *world {
	t.Helper()
	w := newWorld(t)
	w.open(session1)
	only := func(path string, perms txn.Perms) {
		w.do(&tree.CreateRequest{Path: path, ACL: []txn.ACE{{Perms: perms, Scheme: "sasl", ID: "bob"}}})
	}
	only("/none", txn.MayAll&^(txn.MayCreate|txn.MayDelete|txn.MayWrite|txn.MayAdmin|txn.MayRead)|txn.MayRead)
	only("/create", txn.MayCreate)
	only("/delete", txn.MayDelete)
	only("/write", txn.MayWrite)
	only("/admin", txn.MayAdmin)
	w.create("/open", "")
	w.create("/open/child", "")
	w.do(&tree.CreateRequest{Path: "/eph", ACL: []txn.ACE{{Perms: txn.MayCreate | txn.MayDelete, Scheme: "sasl", ID: "bob"}}, Kind: txn.Ephemeral, Owner: session1})
	return w
}

// TestOrderOfChecks pins which of several faults a request is refused for: the order of
// ZooKeeper's PrepRequestProcessor. Each line has all the faults of the lines that
// follow it, as far as they go together.
func TestOrderOfChecks(t *testing.T) {
	w := guarded(t)
	bob := tree.Caller{{Scheme: "sasl", ID: "bob"}}
	open := tree.OpenACL()
	bad := []txn.ACE{{Perms: 0, Scheme: "world", ID: "anyone"}}
	gone := session1 + 1
	for name, c := range map[string]struct {
		req  tree.Request
		want fault.Kind
		path string
	}{
		"create: kind":             {&tree.CreateRequest{Path: "rel", Kind: 9, Owner: gone, ACL: bad}, fault.BadArguments, "rel"},
		"create: TTL missing":      {&tree.CreateRequest{Path: "rel", Kind: txn.TTL, ACL: bad}, fault.BadArguments, "rel"},
		"create: TTL too long":     {&tree.CreateRequest{Path: "/x", Kind: txn.TTL, TTL: txn.MaxTTL + 1, ACL: open}, fault.BadArguments, "/x"},
		"create: TTL of another":   {&tree.CreateRequest{Path: "/x", TTL: 1, ACL: open}, fault.BadArguments, "/x"},
		"create: owner missing":    {&tree.CreateRequest{Path: "rel", Kind: txn.Ephemeral, ACL: bad}, fault.BadArguments, "rel"},
		"create: owner of another": {&tree.CreateRequest{Path: "/x", Owner: session1, ACL: open}, fault.BadArguments, "/x"},
		"create: session":          {&tree.CreateRequest{Path: "rel", Kind: txn.Ephemeral, Owner: gone, ACL: bad}, fault.NoSession, ""},
		"create: path":             {&tree.CreateRequest{Path: "rel", ACL: bad}, fault.InvalidPath, "rel"},
		"create: reserved":         {&tree.CreateRequest{Path: "/zookeeper/x", ACL: bad}, fault.BadArguments, "/zookeeper/x"},
		"create: the root":         {&tree.CreateRequest{Path: "/", ACL: open}, fault.NodeExists, "/"},
		"create: size":             {&tree.CreateRequest{Path: "/none/x", Data: make([]byte, 1<<20+1), ACL: bad}, fault.TooLarge, "/none/x"},
		"create: ACL":              {&tree.CreateRequest{Path: "/no/x", ACL: bad}, fault.InvalidACL, "/no/x"},
		"create: ACL empty":        {&tree.CreateRequest{Path: "/no/x"}, fault.InvalidACL, "/no/x"},
		"create: parent":           {&tree.CreateRequest{Path: "/no/x", ACL: open}, fault.NoParent, "/no"},
		"create: permission":       {&tree.CreateRequest{Path: "/none/x", ACL: open}, fault.NoAuth, "/none"},
		"create: exists":           {&tree.CreateRequest{Path: "/open/child", ACL: open}, fault.NodeExists, "/open/child"},
		"create: ephemeral parent": {&tree.CreateRequest{Path: "/eph/x", ACL: open}, fault.EphemeralParent, "/eph"},
		"create: sequential path":  {&tree.CreateRequest{Path: "/open//", ACL: open, Sequential: true}, fault.InvalidPath, "/open//1"},
		"delete: path":             {&tree.DeleteRequest{Path: "rel"}, fault.InvalidPath, "rel"},
		"delete: the root":         {&tree.DeleteRequest{Path: "/"}, fault.BadArguments, "/"},
		"delete: quota":            {&tree.DeleteRequest{Path: "/zookeeper/quota"}, fault.BadArguments, "/zookeeper/quota"},
		"delete: parent":           {&tree.DeleteRequest{Path: "/no/x", Version: 7}, fault.NoNode, "/no/x"},
		"delete: permission":       {&tree.DeleteRequest{Path: "/none/x", Version: 7}, fault.NoAuth, "/none"},
		"delete: node":             {&tree.DeleteRequest{Path: "/delete/x", Version: 7}, fault.NoNode, "/delete/x"},
		"delete: version":          {&tree.DeleteRequest{Path: "/open", Version: 7}, fault.BadVersion, "/open"},
		"delete: children":         {&tree.DeleteRequest{Path: "/open", Version: 0}, fault.NotEmpty, "/open"},
		"set: path":                {&tree.SetRequest{Path: "/a/"}, fault.InvalidPath, "/a/"},
		"set: the membership":      {&tree.SetRequest{Path: "/zookeeper/config", Version: 7}, fault.BadArguments, "/zookeeper/config"},
		"set: node":                {&tree.SetRequest{Path: "/no", Version: 7}, fault.NoNode, "/no"},
		"set: permission":          {&tree.SetRequest{Path: "/none", Version: 7}, fault.NoAuth, "/none"},
		"set: version":             {&tree.SetRequest{Path: "/write", Version: 7}, fault.BadVersion, "/write"},
		"setACL: path":             {&tree.SetACLRequest{Path: "", ACL: bad}, fault.InvalidPath, ""},
		"setACL: ACL":              {&tree.SetACLRequest{Path: "/no", ACL: bad, Version: 7}, fault.InvalidACL, "/no"},
		"setACL: node":             {&tree.SetACLRequest{Path: "/no", ACL: open, Version: 7}, fault.NoNode, "/no"},
		"setACL: permission":       {&tree.SetACLRequest{Path: "/write", ACL: open, Version: 7}, fault.NoAuth, "/write"},
		"setACL: version":          {&tree.SetACLRequest{Path: "/admin", ACL: open, Version: 7}, fault.BadVersion, "/admin"},
		"check: node":              {&tree.CheckRequest{Path: "/no", Version: 7}, fault.NoNode, "/no"},
		"check: permission":        {&tree.CheckRequest{Path: "/write", Version: 7}, fault.NoAuth, "/write"},
		"check: version":           {&tree.CheckRequest{Path: "/none", Version: 7}, fault.BadVersion, "/none"},
		"multi: in a multi":        {&tree.MultiRequest{Ops: []tree.Request{&tree.MultiRequest{}}}, fault.BadArguments, ""},
		"multi: a session":         {&tree.MultiRequest{Ops: []tree.Request{&tree.CloseSessionRequest{}}}, fault.BadArguments, ""},
		"session: open":            {&tree.CreateSessionRequest{CreateSession: txn.CreateSession{Session: session1, Timeout: 1}}, fault.BadArguments, ""},
		"session: id":              {&tree.CreateSessionRequest{CreateSession: txn.CreateSession{Session: 5, Timeout: 1}}, fault.BadArguments, ""},
		"session: timeout":         {&tree.CreateSessionRequest{CreateSession: txn.CreateSession{Session: gone}}, fault.BadArguments, ""},
		"session: close":           {&tree.CloseSessionRequest{CloseSession: txn.CloseSession{Session: gone}}, fault.NoSession, ""},
		"membership: order":        {&tree.MembershipRequest{Membership: txn.Membership{Members: []txn.Member{{ID: 2}, {ID: 2}}}}, fault.BadArguments, "/zookeeper/config"},
	} {
		_, err := w.d.Prepare(c.req, bob, tree.Limits{})
		refused, ok := err.(*fault.Error)
		if !ok || refused.Kind != c.want || refused.Path != c.path || refused.Zxid != w.d.Zxid() || refused.Detail == "" {
			t.Errorf("%s: got %#v, want %v at %q", name, err, c.want, c.path)
		}
	}
	for name, req := range map[string]tree.Request{
		"create": &tree.CreateRequest{Path: "/create/x", ACL: open}, "delete": &tree.DeleteRequest{Path: "/open/child", Version: 0},
		"set": &tree.SetRequest{Path: "/write", Version: 0}, "setACL": &tree.SetACLRequest{Path: "/admin", ACL: open, Version: 0},
		"check": &tree.CheckRequest{Path: "/none", Version: 0}, "empty multi": &tree.MultiRequest{},
	} {
		if _, err := w.d.Prepare(req, bob, tree.Limits{}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestBadVersionTells: the error of a wrong version carries the right one.
func TestBadVersionTells(t *testing.T) {
	w := newWorld(t)
	w.create("/a", "")
	w.do(&tree.SetRequest{Path: "/a", Version: tree.AnyVersion})
	_, err := w.try(&tree.DeleteRequest{Path: "/a", Version: 0}, nil, tree.Limits{})
	if refused, ok := err.(*fault.Error); !ok || refused.Version != 1 {
		t.Errorf("got %#v", err)
	}
}

// TestRecordLimit: a txn that would not fit into a record is refused before it is one.
func TestRecordLimit(t *testing.T) {
	w := newWorld(t)
	req := &tree.MultiRequest{}
	for _, name := range []string{"/a", "/b", "/c"} {
		req.Ops = append(req.Ops, &tree.CreateRequest{Path: name, ACL: tree.OpenACL(), Data: make([]byte, 100)})
	}
	op, err := w.d.Prepare(req, nil, tree.Limits{MaxData: 100})
	if err != nil {
		t.Fatal(err)
	}
	size := txn.OpSize(op)
	if _, err := w.d.Prepare(req, nil, tree.Limits{MaxRecord: size}); err != nil {
		t.Error(err)
	}
	if _, err := w.d.Prepare(req, nil, tree.Limits{MaxRecord: size - 1}); !fault.Is(err, fault.TooLarge) {
		t.Errorf("got %v", err)
	}
	if _, err := w.d.Prepare(req, nil, tree.Limits{MaxData: 99}); !fault.Is(err, fault.TooLarge) || err.(*fault.Error).Op != 1 {
		t.Errorf("got %v", err)
	}
}

// TestConfigNode pins the text that clients read the membership from.
func TestConfigNode(t *testing.T) {
	w := newWorld(t)
	before := w.stat("/zookeeper/config")
	w.do(&tree.MembershipRequest{Membership: txn.Membership{Ensemble: 7, Members: []txn.Member{
		{ID: 1, Address: "a.example:2888", Role: txn.Voter, Storage: 0x10}, {ID: 2, Address: "[::1]:1", Role: txn.Observer},
	}}})
	n, _ := w.d.Get("/zookeeper/config")
	want := strings.Join([]string{"server.1=a.example:2888:0:participant", "server.2=[::1]:1:0:observer", "version=100000001"}, "\n")
	if string(n.Data()) != want || n.Stat().Version != before.Version+1 || n.Stat().Mzxid != w.d.Zxid() {
		t.Errorf("got %s, %+v", n.Data(), n.Stat())
	}
	m, ok := w.d.Membership()
	if !ok || len(m.Members) != 2 || m.Ensemble != 7 {
		t.Errorf("membership %+v %v", m, ok)
	}
}
