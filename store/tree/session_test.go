package tree_test

import (
	"slices"
	"testing"

	"github.com/quorate/quorate/store/fault"
	"github.com/quorate/quorate/store/tree"
	"github.com/quorate/quorate/store/txn"
)

// asking is a request that a session makes, with its number.
func (w *world) asking(session txn.SessionID, cxid int64, req tree.Request) {
	w.t.Helper()
	w.last.Session, w.last.Cxid = session, cxid
	w.do(req)
	w.last.Session, w.last.Cxid = 0, 0
}

// A session's last write, and it alone, stands in the session: also in a snapshot, and in the digest.
func TestSessionHasItsLastWrite(t *testing.T) {
	w := newWorld(t)
	w.open(session1)
	w.create("/a", "")
	last := func() tree.Write {
		s, _ := w.d.Session(session1)
		return s.Last
	}
	if last() != (tree.Write{}) {
		t.Errorf("before any: %+v", last())
	}
	w.asking(session1, 7, &tree.CreateRequest{Path: "/a/n-", ACL: tree.OpenACL(), Sequential: true, Kind: txn.Ephemeral, Owner: session1})
	if want := (tree.Write{Cxid: 7, Zxid: w.d.Zxid(), Path: "/a/n-0000000000"}); last() != want {
		t.Errorf("a creation: %+v, want %+v", last(), want)
	}
	before := w.d.Digest()
	w.asking(session1, 8, &tree.SetRequest{Path: "/a", Version: tree.AnyVersion})
	if want := (tree.Write{Cxid: 8, Zxid: w.d.Zxid()}); last() != want {
		t.Errorf("a change: %+v, want %+v", last(), want)
	}
	if before == w.d.Digest() {
		t.Error("the digest does not see it")
	}
	w.do(&tree.SetRequest{Path: "/a", Version: tree.AnyVersion})
	if last().Cxid != 8 {
		t.Error("a write outside of the session counts as its own")
	}
	w.asking(session1, 9, &tree.MultiRequest{Ops: []tree.Request{&tree.CheckRequest{Path: "/a", Version: tree.AnyVersion}}})
	if want := (tree.Write{Cxid: 9, Zxid: w.d.Zxid()}); last() != want {
		t.Errorf("a multi that changed nothing: %+v, want %+v", last(), want)
	}
	w.asking(session1, -3, &tree.SetRequest{Path: "/a", Version: tree.AnyVersion}) // no client of ours; a learner in another language may forward it
	again := reload(t, w.d.Publish())
	if s, ok := again.Session(session1); !ok || s.Last != last() || again.Digest() != w.d.Digest() {
		t.Errorf("from a snapshot: %+v", s.Last)
	}
	w.asking(session1, 10, &tree.CloseSessionRequest{CloseSession: txn.CloseSession{Session: session1}})
	if w.d.Sessions() != 0 {
		t.Error("a session that closed itself is still there")
	}
}

// Two versions of a session do not share what one of them writes.
func TestLastWriteLeavesOldVersionsAlone(t *testing.T) {
	w := newWorld(t)
	w.open(session1)
	v := w.d.Publish()
	w.asking(session1, 1, &tree.CreateRequest{Path: "/a", ACL: tree.OpenACL()})
	if s, _ := v.Session(session1); s.Last != (tree.Write{}) {
		t.Errorf("the version before has %+v", s.Last)
	}
}

func TestAttach(t *testing.T) {
	w := newWorld(t)
	w.open(session1)
	for what, c := range map[string]struct {
		id   txn.SessionID
		hash string
		want bool
	}{
		"its secret":      {session1, "secret", true},
		"another secret":  {session1, "secreT", false},
		"half the secret": {session1, "secre", false},
		"no secret":       {session1, "", false},
		"another session": {session1 + 1, "secret", false},
	} {
		op, err := w.d.Prepare(&tree.AttachRequest{Session: c.id, TokenHash: []byte(c.hash)}, nil, tree.Limits{MaxRecord: 1})
		if (err == nil) != c.want || err != nil && !fault.Is(err, fault.NoSession) || op != nil {
			t.Errorf("%s: %v, %v", what, op, err)
		}
	}
}

// A session without a secret, as other software could have made one, is nobody's.
func TestAttachWithoutSecret(t *testing.T) {
	w := newWorld(t)
	w.do(&tree.CreateSessionRequest{CreateSession: txn.CreateSession{Session: session1, Timeout: 1}})
	if _, err := w.d.Prepare(&tree.AttachRequest{Session: session1}, nil, tree.Limits{}); !fault.Is(err, fault.NoSession) {
		t.Errorf("got %v", err)
	}
}

// What the leader may sweep, as ZooKeeper's ContainerManager does, and nothing else.
func TestSweepable(t *testing.T) {
	w := newWorld(t)
	container := func(path string) {
		w.do(&tree.CreateRequest{Path: path, ACL: tree.OpenACL(), Kind: txn.Container})
	}
	w.open(session1)
	container("/used")
	w.create("/used/child", "")
	container("/emptied")
	w.create("/emptied/child", "")
	w.do(&tree.DeleteRequest{Path: "/emptied/child", Version: tree.AnyVersion})
	container("/unused")
	w.do(&tree.CreateRequest{Path: "/ttl", ACL: tree.OpenACL(), Kind: txn.TTL, TTL: 1000})
	w.do(&tree.CreateRequest{Path: "/parent", ACL: tree.OpenACL(), Kind: txn.TTL, TTL: 1000})
	w.create("/parent/child", "")
	w.do(&tree.CreateRequest{Path: "/e", ACL: tree.OpenACL(), Kind: txn.Ephemeral, Owner: session1})
	w.create("/persistent", "")
	ttl, unused := w.stat("/ttl").Mtime, w.stat("/unused").Ctime

	for name, v := range map[string]*tree.Version{"applied": w.d.Publish(), "loaded": reload(t, w.d.Publish())} {
		for what, c := range map[string]struct {
			now, neverUsed int64
			want           []string
		}{
			"at once":             {ttl, 0, []string{"/emptied"}},
			"at the TTL":          {ttl + 1000, 0, []string{"/emptied"}},
			"after it":            {ttl + 1001, 0, []string{"/emptied", "/ttl"}},
			"unused, not yet":     {unused + 500, 500, []string{"/emptied"}},
			"unused for too long": {unused + 501, 500, []string{"/emptied", "/unused"}},
			"long after":          {ttl + 1<<40, 1, []string{"/emptied", "/unused", "/ttl"}},
		} {
			if got := slices.Collect(v.Sweepable(c.now, c.neverUsed)); !slices.Equal(got, c.want) {
				t.Errorf("%s, %s: %v, want %v", name, what, got, c.want)
			}
		}
		for path, want := range map[string]fault.Kind{
			"/used": fault.NotEmpty, "/unused": fault.BadVersion, "/ttl": fault.BadVersion, "/parent": fault.NotEmpty, "/e": fault.BadVersion,
			"/persistent": fault.BadVersion, "/none": fault.NoNode, "/": fault.NotEmpty,
		} {
			if _, err := v.Prepare(&tree.SweepRequest{Path: path, Now: ttl}, nil, tree.Limits{}); !fault.Is(err, want) {
				t.Errorf("%s, %s: %v, want %v", name, path, err, want)
			}
		}
	}

	w.do(&tree.SweepRequest{Path: "/emptied", Now: ttl})
	w.do(&tree.SweepRequest{Path: "/ttl", Now: ttl + 1001})
	if got := slices.Collect(w.d.Sweepable(ttl+1001, 0)); len(got) != 0 {
		t.Errorf("swept, and still to be swept: %v", got)
	}
}

// reload returns what is left of a version in its snapshot.
func reload(t *testing.T, v *tree.Version) *tree.Version {
	t.Helper()
	again, err := load(chunksOf(v, 1<<10))
	if err != nil {
		t.Fatal(err)
	}
	return again
}
