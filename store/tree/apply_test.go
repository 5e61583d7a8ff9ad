package tree_test

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"testing"

	"github.com/quorate/quorate/store/tree"
	"github.com/quorate/quorate/store/txn"
)

// TestApplyCheckedRefuses lists txns that do not fit: errors, never a panic.
func TestApplyCheckedRefuses(t *testing.T) {
	w := guarded(t)
	v := w.d.Publish()
	open := tree.OpenACL()
	next := txn.Header{Zxid: v.Zxid() + 1, Time: v.Time()}
	back, early, digest := next, next, next
	back.Zxid, early.Time, digest.Digest = v.Zxid(), v.Time()-1, 1
	create := func(path string) *txn.Create { return &txn.Create{Path: path, ACL: open} }
	for name, bad := range map[string]txn.Txn{
		"zxid again":           {Header: back, Op: &txn.Multi{}},
		"time back":            {Header: early, Op: &txn.Multi{}},
		"digest":               {Header: digest, Op: &txn.Multi{}},
		"no operation":         {Header: next},
		"node exists":          {Header: next, Op: create("/open")},
		"no parent":            {Header: next, Op: create("/no/x")},
		"no path":              {Header: next, Op: create("")},
		"no slash":             {Header: next, Op: create("a")},
		"slash at the end":     {Header: next, Op: create("/a/")},
		"the root":             {Header: next, Op: create("/")},
		"zero byte":            {Header: next, Op: create("/a\x00")},
		"below an ephemeral":   {Header: next, Op: create("/eph/x")},
		"owner is not open":    {Header: next, Op: &txn.Create{Path: "/x", ACL: open, Kind: txn.Ephemeral, Owner: session1 + 9}},
		"ephemeral, no owner":  {Header: next, Op: &txn.Create{Path: "/x", ACL: open, Kind: txn.Ephemeral}},
		"owner, not ephemeral": {Header: next, Op: &txn.Create{Path: "/x", ACL: open, Owner: session1}},
		"TTL of 0":             {Header: next, Op: &txn.Create{Path: "/x", ACL: open, Kind: txn.TTL}},
		"unknown kind":         {Header: next, Op: &txn.Create{Path: "/x", ACL: open, Kind: 9}},
		"delete of nothing":    {Header: next, Op: &txn.Delete{Path: "/no"}},
		"delete of the root":   {Header: next, Op: &txn.Delete{Path: "/"}},
		"delete of no path":    {Header: next, Op: &txn.Delete{Path: ""}},
		"delete with children": {Header: next, Op: &txn.Delete{Path: "/open"}},
		"set of nothing":       {Header: next, Op: &txn.SetData{Path: "/no"}},
		"set of no path":       {Header: next, Op: &txn.SetData{Path: "no"}},
		"setACL of nothing":    {Header: next, Op: &txn.SetACL{Path: "/no", ACL: open}},
		"session is open":      {Header: next, Op: &txn.CreateSession{Session: session1}},
		"session is not open":  {Header: next, Op: &txn.CloseSession{Session: session1 + 9}},
		"second of a multi":    {Header: next, Op: &txn.Multi{Ops: []txn.Op{create("/x"), create("/x")}}},
	} {
		if _, err := v.Edit().ApplyChecked(&bad); !errors.Is(err, tree.ErrMismatch) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	before := v.Digest()
	if digest.Digest = before; v.Edit().Apply(&txn.Txn{Header: digest, Op: &txn.Multi{}}).Effects != nil {
		t.Error("an empty multi has effects")
	}
}

// TestApplyPanics: Apply does not go on from a txn that does not fit.
func TestApplyPanics(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("no panic")
		}
	}()
	tree.New().Edit().Apply(&txn.Txn{Header: txn.Header{Zxid: 1}, Op: &txn.Delete{Path: "/no"}})
}

// TestApplyKeepsNothing: after Apply, the memory of the txn may be used for anything.
func TestApplyKeepsNothing(t *testing.T) {
	w := newWorld(t)
	w.open(session1)
	for i, op := range []txn.Op{
		&txn.Create{Path: "/ephemeral", Data: []byte("data"), ACL: []txn.ACE{{Perms: 31, Scheme: "sasl", ID: "bob"}}, Kind: txn.Ephemeral, Owner: session1},
		&txn.Create{Path: "/zookeeper/quota/zookeeper_limits", Data: []byte("count=0"), ACL: tree.OpenACL()},
		&txn.SetData{Path: "/ephemeral", Data: []byte("more")},
		&txn.SetACL{Path: "/ephemeral", ACL: []txn.ACE{{Perms: 31, Scheme: "sasl", ID: "alice"}}},
		&txn.Membership{Members: []txn.Member{{ID: 1, Address: "address"}}},
		&txn.CreateSession{Session: 5 << 56, TokenHash: []byte("token")},
		&txn.Delete{Path: "/ephemeral"},
	} {
		b := (&txn.Txn{Header: txn.Header{Zxid: w.last.Zxid + 1 + txn.Zxid(i), Time: w.last.Time}, Op: op}).Append(nil)
		decoded, err := txn.Decode(b)
		if err != nil {
			t.Fatal(err)
		}
		out := w.d.Apply(decoded)
		v := w.d.Publish()
		want := fmt.Sprint(out.Effects, out.SoftQuota, out.Results, bytes.Join(chunksOf(v, 100), nil))
		for i := range b {
			b[i] = 0xff
		}
		if got := fmt.Sprint(out.Effects, out.SoftQuota, out.Results, bytes.Join(chunksOf(v, 100), nil)); got != want {
			t.Errorf("%T: the tree or its outcome points into the txn", op)
		}
		if loaded, err := load(chunksOf(v, 1000)); err != nil || loaded.Digest() != v.Digest() {
			t.Errorf("%T: %v", op, err)
		}
	}
}

// TestEffects pins what watches are told, and with whose access control list.
func TestEffects(t *testing.T) {
	w := newWorld(t)
	private := []txn.ACE{{Perms: 31, Scheme: "world", ID: "anyone"}, {Perms: 1, Scheme: "sasl", ID: "bob"}}
	out := w.do(&tree.MultiRequest{Ops: []tree.Request{
		&tree.CreateRequest{Path: "/a", ACL: private},
		&tree.SetRequest{Path: "/a", Data: []byte("1"), Version: 0},
		&tree.SetACLRequest{Path: "/a", ACL: tree.OpenACL(), Version: 0},
		&tree.CheckRequest{Path: "/a", Version: 1},
		&tree.DeleteRequest{Path: "/a", Version: 1},
	}})
	var got string
	for _, e := range out.Effects {
		got += fmt.Sprintf("%v %s %d", e.Kind, e.Path, len(e.ACL.Entries()))
		if e.Kind != tree.Deleted { // what a deleted node was is nobody's business
			got += fmt.Sprintf(" %q v%d", e.Node.Data(), e.Node.Stat().Version)
		}
		got += "; "
	}
	if want := `created /a 2 "" v0; changed /a 2 "1" v1; deleted /a 1; `; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if len(out.Results) != 4 || out.Results[1].Stat.DataLength != 1 || out.Results[2].Stat.Aversion != 1 || out.Results[3].Stat != (tree.Stat{}) {
		t.Errorf("results %+v", out.Results)
	}
}

// TestVersionsWrap: versions skip -1, which means "any" in a request.
func TestVersionsWrap(t *testing.T) {
	w := newWorld(t)
	w.create("/a", "")
	s := unmarshalSnapshot(t, w.d.Publish())
	for _, c := range [][2]int32{{math.MaxInt32, math.MinInt32}, {-2, 0}, {0, 1}} {
		if got := afterSet(t, s, c[0]); got != c[1] {
			t.Errorf("after %d comes %d, want %d", c[0], got, c[1])
		}
	}
}

// TestTimeNeverGoesBack: a leader whose clock is behind uses the last txn's time.
func TestTimeNeverGoesBack(t *testing.T) {
	w := newWorld(t)
	w.create("/a", "")
	if now := w.d.Time(); w.d.Clamp(now-1) != now || w.d.Clamp(now+1) != now+1 || w.d.Publish().Clamp(0) != now {
		t.Errorf("time %d is clamped wrongly", now)
	}
}
