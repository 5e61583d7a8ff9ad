package tree_test

import (
	"testing"

	"github.com/quorate/quorate/store/fault"
	"github.com/quorate/quorate/store/tree"
	"github.com/quorate/quorate/store/txn"
)

// world is a draft with the comforts of a test: each change is prepared, applied,
// and gets the next zxid and a time 10 ms after the last.
type world struct {
	t    *testing.T
	d    *tree.Draft
	last txn.Txn
}

func newWorld(t *testing.T) *world {
	t.Helper()
	return &world{t: t, d: tree.New().Edit(), last: txn.Txn{Header: txn.Header{Zxid: txn.MakeZxid(1, 0), Time: 1000}}}
}

// do prepares and applies a request that must go well.
func (w *world) do(req tree.Request) tree.Outcome {
	w.t.Helper()
	out, err := w.try(req, nil, tree.Limits{})
	if err != nil {
		w.t.Fatalf("%+v: %v", req, err)
	}
	return out
}

// try prepares a request, and applies it if that goes well.
func (w *world) try(req tree.Request, who tree.Caller, lim tree.Limits) (tree.Outcome, error) {
	op, err := w.d.Prepare(req, who, lim)
	if err != nil {
		return tree.Outcome{}, err
	}
	w.last.Zxid++
	w.last.Time += 10
	w.last.Op, w.last.Digest = op, 0
	return w.d.Apply(&w.last), nil
}

func (w *world) create(path, data string) tree.Outcome {
	w.t.Helper()
	return w.do(&tree.CreateRequest{Path: path, Data: []byte(data), ACL: tree.OpenACL()})
}

func (w *world) open(id txn.SessionID) {
	w.t.Helper()
	w.do(&tree.CreateSessionRequest{CreateSession: txn.CreateSession{Session: id, Timeout: 10_000, TokenHash: []byte("secret")}})
}

func (w *world) stat(path string) tree.Stat {
	w.t.Helper()
	n, ok := w.d.Get(path)
	if !ok {
		w.t.Fatalf("%s does not exist", path)
	}
	return n.Stat()
}

func (w *world) refused(kind fault.Kind, req tree.Request) {
	w.t.Helper()
	if _, err := w.try(req, nil, tree.Limits{}); !fault.Is(err, kind) {
		w.t.Errorf("%+v: got %v, want %v", req, err, kind)
	}
}

const session1 txn.SessionID = 1<<56 | 1

// TestStat follows every field of two nodes' Stat through all that can change it.
func TestStat(t *testing.T) {
	w := newWorld(t)
	w.create("/a", "one")
	want := tree.Stat{Czxid: 0x100000001, Mzxid: 0x100000001, Pzxid: 0x100000001, Ctime: 1010, Mtime: 1010, DataLength: 3, Kind: txn.Persistent}
	check := func(path, after string) {
		t.Helper()
		if got := w.stat(path); got != want {
			t.Errorf("after %s: got\n%+v, want\n%+v", after, got, want)
		}
	}
	check("/a", "create")
	w.do(&tree.SetRequest{Path: "/a", Data: []byte("four"), Version: 0})
	want.Mzxid, want.Mtime, want.Version, want.DataLength = 0x100000002, 1020, 1, 4
	check("/a", "set")
	w.create("/a/b", "")
	want.Pzxid, want.Cversion, want.NumChildren = 0x100000003, 1, 1
	check("/a", "create of a child")
	w.do(&tree.SetACLRequest{Path: "/a", ACL: []txn.ACE{{Perms: 31, Scheme: "digest", ID: "u:h"}, {Perms: 31, Scheme: "world", ID: "anyone"}}, Version: 0})
	want.Aversion = 1
	check("/a", "setACL")
	w.do(&tree.SetRequest{Path: "/a/b", Version: tree.AnyVersion})
	check("/a", "set of a child")
	w.do(&tree.DeleteRequest{Path: "/a/b", Version: 1})
	want.Pzxid, want.Cversion, want.NumChildren = 0x100000006, 2, 0
	check("/a", "delete of a child")
	if root := w.stat("/"); root.NumChildren != 2 || root.Pzxid != 0x100000001 {
		t.Errorf("root is %+v", root)
	}
}

// TestSequential pins the number: children ever created, whoever else is deleted.
func TestSequential(t *testing.T) {
	w := newWorld(t)
	w.create("/q", "")
	seq := &tree.CreateRequest{Path: "/q/n-", ACL: tree.OpenACL(), Sequential: true}
	for _, want := range []string{"/q/n-0000000000", "/q/n-0000000001"} {
		if got := w.do(seq).Results[0].Path; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	w.do(&tree.DeleteRequest{Path: "/q/n-0000000000", Version: tree.AnyVersion})
	seq.Path = "/q/"
	if got := w.do(seq).Results[0].Path; got != "/q/0000000002" {
		t.Errorf("got %s", got)
	}
}

// TestSessionTakesItsNodes closes a session: its nodes go in path order, one effect each.
func TestSessionTakesItsNodes(t *testing.T) {
	w := newWorld(t)
	w.open(session1)
	w.open(session1 + 1)
	for _, path := range []string{"/c", "/a", "/b"} {
		w.do(&tree.CreateRequest{Path: path, ACL: tree.OpenACL(), Kind: txn.Ephemeral, Owner: session1})
	}
	w.do(&tree.CreateRequest{Path: "/other", ACL: tree.OpenACL(), Kind: txn.Ephemeral, Owner: session1 + 1})
	w.refused(fault.EphemeralParent, &tree.CreateRequest{Path: "/a/x", ACL: tree.OpenACL()})
	out := w.do(&tree.CloseSessionRequest{CloseSession: txn.CloseSession{Session: session1}})
	var got string
	for _, e := range out.Effects {
		got += e.Kind.String() + " " + e.Path + "; "
	}
	if want := "deleted /a; deleted /b; deleted /c; "; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if w.d.Sessions() != 1 || w.d.Len() != 5 {
		t.Errorf("%d sessions, %d nodes", w.d.Sessions(), w.d.Len())
	}
	w.refused(fault.NoSession, &tree.CreateRequest{Path: "/a", ACL: tree.OpenACL(), Kind: txn.Ephemeral, Owner: session1})
}

// TestMultiIsOneVersion is ZOOKEEPER-3127: no version shows half a multi.
func TestMultiIsOneVersion(t *testing.T) {
	w := newWorld(t)
	before := w.d.Publish()
	multi := &tree.MultiRequest{Ops: []tree.Request{
		&tree.CreateRequest{Path: "/m", ACL: tree.OpenACL()},
		&tree.CreateRequest{Path: "/m/x", ACL: tree.OpenACL()},
		&tree.CheckRequest{Path: "/m/x", Version: 0},
		&tree.SetRequest{Path: "/m/x", Data: []byte("1"), Version: 0},
		&tree.SetRequest{Path: "/m/x", Data: []byte("2"), Version: 0},
	}}
	_, err := w.try(multi, nil, tree.Limits{})
	if !fault.Is(err, fault.BadVersion) || err.(*fault.Error).Op != 5 || err.(*fault.Error).Version != 1 {
		t.Fatalf("got %v", err)
	}
	if w.d.Digest() != before.Digest() || w.d.Zxid() != before.Zxid() {
		t.Fatal("a refused multi left a trace")
	}
	multi.Ops[4].(*tree.SetRequest).Version = 1
	out := w.do(multi)
	if len(out.Results) != 4 || out.Results[3].Stat.Version != 2 || out.Results[1].Stat.Mzxid != w.d.Zxid() {
		t.Errorf("results %+v", out.Results)
	}
	if before.Len() != 4 || w.d.Len() != 6 || w.stat("/m").Czxid != w.stat("/m/x").Mzxid {
		t.Errorf("%d nodes before, %d now", before.Len(), w.d.Len())
	}
}
