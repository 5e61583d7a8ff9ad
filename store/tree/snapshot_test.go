package tree_test

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	txnv1 "github.com/quorate/quorate/gen/quorate/txn/v1"
	"github.com/quorate/quorate/store/tree"
	"github.com/quorate/quorate/store/txn"
)

// sampleVersion has something of everything that a snapshot can hold.
func sampleVersion(t *testing.T) *tree.Version {
	t.Helper()
	w := newWorld(t)
	w.do(&tree.MembershipRequest{Membership: txn.Membership{Ensemble: 7, Members: []txn.Member{{ID: 1, Address: "h:1", Role: txn.Voter, Storage: 9}, {ID: 3, Role: txn.Observer}}}})
	w.open(session1)
	w.open(session1 + 5)
	w.create("/a", "data")
	w.do(&tree.SetRequest{Path: "/a", Data: bytes.Repeat([]byte("long"), 500), Version: 0})
	w.do(&tree.CreateRequest{Path: "/a/null", ACL: tree.OpenACL()})
	w.do(&tree.CreateRequest{Path: "/a/private", ACL: []txn.ACE{{Perms: 31, Scheme: "digest", ID: "u:h"}}, Data: []byte{}})
	w.do(&tree.CreateRequest{Path: "/a/gone", ACL: []txn.ACE{{Perms: 1, Scheme: "sasl", ID: "x"}}})
	w.do(&tree.DeleteRequest{Path: "/a/gone", Version: 0})
	w.do(&tree.CreateRequest{Path: "/e", ACL: []txn.ACE{{Perms: 31, Scheme: "digest", ID: "u:h"}}, Kind: txn.Ephemeral, Owner: session1})
	w.do(&tree.CreateRequest{Path: "/c", ACL: tree.OpenACL(), Kind: txn.Container})
	w.do(&tree.CreateRequest{Path: "/t", ACL: tree.OpenACL(), Kind: txn.TTL, TTL: txn.MaxTTL})
	w.do(&tree.SetACLRequest{Path: "/c", ACL: []txn.ACE{{Perms: 31, Scheme: "ip", ID: "10.0.0.0/8"}}, Version: 0})
	w.create("/zookeeper/quota/a", "")
	w.create("/zookeeper/quota/a/zookeeper_limits", "count=2,bytes=-1")
	w.create("/zookeeper/quota/a/zookeeper_stats", "")
	for i := range 200 {
		w.create(fmt.Sprintf("/a/n%d", i*37%200), strings.Repeat("x", i))
	}
	return w.d.Publish()
}

// TestSnapshotRoundTrip: what is loaded is what was written, at every chunk size, and
// what happens to it later is the same too.
func TestSnapshotRoundTrip(t *testing.T) {
	v := sampleVersion(t)
	whole := bytes.Join(chunksOf(v, 1), nil)
	for _, size := range []int{1, 100, 4096, 1 << 20} {
		chunks := chunksOf(v, size)
		got, err := load(chunks)
		if err != nil {
			t.Fatalf("chunks of %d: %v", size, err)
		}
		if got.Digest() != v.Digest() || got.Zxid() != v.Zxid() || got.Time() != v.Time() || got.Len() != v.Len() {
			t.Errorf("chunks of %d: got %v, %016x", size, got.Zxid(), got.Digest())
		}
		if !bytes.Equal(bytes.Join(chunksOf(got, 1), nil), whole) {
			t.Errorf("chunks of %d: the loaded version is written another way", size)
		}
		usage, _ := got.Get("/zookeeper/quota/a/zookeeper_stats")
		if want, _ := v.Get("/zookeeper/quota/a/zookeeper_stats"); !bytes.Equal(usage.Data(), want.Data()) {
			t.Errorf("usage is %s, was %s", usage.Data(), want.Data())
		}
		closing := &txn.Txn{Header: txn.Header{Zxid: v.Zxid() + 1, Time: v.Time()}, Op: &txn.CloseSession{Session: session1}}
		a, b := v.Edit(), got.Edit()
		if out := a.Apply(closing); len(out.Effects) != 1 || out.Closed == 0 || b.Apply(closing).Effects[0].Path != "/e" || a.Digest() != b.Digest() {
			t.Errorf("after closing a session: %016x and %016x, %+v", a.Digest(), b.Digest(), out)
		}
	}
}

// TestSnapshotOfManyNodes: the loader makes leaves and branches on its own way, and none of
// the nodes may be lost on it. Changes find the tree that it made as any other.
func TestSnapshotOfManyNodes(t *testing.T) {
	const nodes = 50_000
	v := shuffled(nodes)
	chunks := chunksOf(v, 64<<10)
	got, err := load(chunks)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(bytes.Join(chunksOf(got, 64<<10), nil), bytes.Join(chunks, nil)) {
		t.Error("the loaded version is written another way")
	}
	for i := range nodes {
		if n, ok := got.Get(name(i)); !ok || n.Path() != name(i) {
			t.Fatalf("%s is not found", name(i))
		}
	}
	a, b := v.Edit(), got.Edit()
	for i := range nodes / 4 {
		h := txn.Header{Zxid: v.Zxid() + txn.Zxid(i+1)}
		op := []txn.Op{
			&txn.Create{Path: name(i*4) + "x", ACL: tree.OpenACL(), Kind: txn.Persistent}, &txn.Delete{Path: name(i * 4)},
			&txn.SetData{Path: name(i*4 + 1), Data: make([]byte, i%700)},
		}[i%3]
		a.Apply(&txn.Txn{Header: h, Op: op})
		b.Apply(&txn.Txn{Header: h, Op: op})
	}
	if !bytes.Equal(bytes.Join(chunksOf(a.Publish(), 1), nil), bytes.Join(chunksOf(b.Publish(), 1), nil)) {
		t.Error("after the same changes the loaded version is another")
	}
}

// TestChunksStop: a reader that has enough gets no more.
func TestChunksStop(t *testing.T) {
	v := sampleVersion(t)
	for stop := range len(chunksOf(v, 1)) {
		n := 0
		for range v.Chunks(1) {
			if n++; n > stop {
				break
			}
		}
	}
}

// unmarshalSnapshot reads a version's snapshot, one chunk for all, with the generated code.
func unmarshalSnapshot(t *testing.T, v *tree.Version) *txnv1.SnapshotChunk {
	t.Helper()
	chunks := chunksOf(v, 1<<30)
	all := new(txnv1.SnapshotChunk)
	if len(chunks) != 1 {
		t.Fatalf("%d chunks", len(chunks))
	}
	if err := proto.Unmarshal(chunks[0], all); err != nil {
		t.Fatal(err)
	}
	return all
}

// TestSnapshotAgainstGenerated compares the encoding with the generated code's view of
// it and with the version, field by field.
func TestSnapshotAgainstGenerated(t *testing.T) {
	v := sampleVersion(t)
	s := unmarshalSnapshot(t, v)
	again, err := proto.MarshalOptions{Deterministic: true}.Marshal(s)
	if err != nil || !bytes.Equal(again, chunksOf(v, 1<<30)[0]) {
		t.Errorf("the generated code writes it another way: %v", err)
	}
	if s.Header.Zxid != uint64(v.Zxid()) || s.Header.Nodes != uint64(v.Len()) || s.Trailer.Digest != v.Digest() || s.Header.Membership.Members[0].Address != "h:1" {
		t.Errorf("header %v, trailer %v", s.Header, s.Trailer)
	}
	for _, p := range s.Nodes {
		n, ok := v.Get(p.Path)
		if !ok {
			t.Fatalf("%s stands in it, but does not exist", p.Path)
		}
		if strings.HasSuffix(p.Path, "zookeeper_stats") {
			continue // its data is made up when it is read
		}
		st := n.Stat()
		got := tree.Stat{
			Czxid: txn.Zxid(p.Czxid), Mzxid: txn.Zxid(p.Mzxid), Pzxid: txn.Zxid(p.Pzxid), Ctime: p.CtimeMs, Mtime: p.MtimeMs,
			Version: p.Version, Cversion: 2*p.Created - int32(p.Children), Aversion: p.Aversion, Owner: txn.SessionID(p.Owner),
			DataLength: int32(len(p.Data)), NumChildren: int32(p.Children), Kind: txn.Kind(p.Kind), TTL: p.TtlMs,
		}
		if got != st || !bytes.Equal(p.Data, n.Data()) || (p.Data == nil) != (n.Data() == nil) {
			t.Errorf("%s: got %+v, want %+v", p.Path, got, st)
		}
	}
	ids := func(s *txnv1.SnapshotSession) uint64 { return s.Session }
	if len(s.Sessions) != 2 || ids(s.Sessions[0]) != uint64(session1) || string(s.Sessions[0].TokenHash) != "secret" {
		t.Errorf("sessions %v", s.Sessions)
	}
}

// TestLoaderRefuses changes one thing at a time in a good snapshot.
func TestLoaderRefuses(t *testing.T) {
	v := sampleVersion(t)
	possible := []string{
		"digest", "data", "null and empty", "version", "created", "pzxid", "swapped data", "swapped pzxids", "kind changed",
		"owner changed", "session timeout", "lists swapped", "next list", "membership",
	}
	find := func(s *txnv1.SnapshotChunk, path string) *txnv1.SnapshotNode {
		return s.Nodes[slices.IndexFunc(s.Nodes, func(n *txnv1.SnapshotNode) bool { return n.Path == path })]
	}
	for name, change := range map[string]func(s *txnv1.SnapshotChunk){
		"no header":             func(s *txnv1.SnapshotChunk) { s.Header = nil },
		"no trailer":            func(s *txnv1.SnapshotChunk) { s.Trailer = nil },
		"beyond the last epoch": func(s *txnv1.SnapshotChunk) { s.Header.Zxid = 1 << 63 },
		"count in header":       func(s *txnv1.SnapshotChunk) { s.Header.Nodes++ },
		"count in trailer":      func(s *txnv1.SnapshotChunk) { s.Trailer.Nodes++ },
		"digest":                func(s *txnv1.SnapshotChunk) { s.Trailer.Digest++ },
		"data":                  func(s *txnv1.SnapshotChunk) { find(s, "/a").Data[0]++ },
		"null and empty":        func(s *txnv1.SnapshotChunk) { find(s, "/a/null").Data = []byte{} },
		"version":               func(s *txnv1.SnapshotChunk) { find(s, "/a").Version++ },
		"created":               func(s *txnv1.SnapshotChunk) { find(s, "/a").Created++ },
		"pzxid":                 func(s *txnv1.SnapshotChunk) { find(s, "/a").Pzxid-- },
		"swapped data": func(s *txnv1.SnapshotChunk) {
			a, b := find(s, "/a/n1"), find(s, "/a/n2")
			a.Data, b.Data = b.Data, a.Data
		},
		"swapped pzxids": func(s *txnv1.SnapshotChunk) { a, b := find(s, "/a"), find(s, "/"); a.Pzxid, b.Pzxid = b.Pzxid, a.Pzxid },
		"missing node":   func(s *txnv1.SnapshotChunk) { s.Nodes = slices.Delete(s.Nodes, 20, 21) },
		"missing node, fixed": func(s *txnv1.SnapshotChunk) {
			s.Nodes = slices.Delete(s.Nodes, 20, 21)
			s.Header.Nodes--
			s.Trailer.Nodes--
		},
		"two nodes swapped":      func(s *txnv1.SnapshotChunk) { s.Nodes[20], s.Nodes[21] = s.Nodes[21], s.Nodes[20] },
		"a node twice":           func(s *txnv1.SnapshotChunk) { s.Nodes = slices.Insert(s.Nodes, 20, s.Nodes[20]) },
		"no root":                func(s *txnv1.SnapshotChunk) { s.Nodes = s.Nodes[1:] },
		"no nodes":               func(s *txnv1.SnapshotChunk) { s.Nodes, s.Header.Nodes, s.Trailer.Nodes = nil, 0, 0 },
		"orphan":                 func(s *txnv1.SnapshotChunk) { find(s, "/a/null").Path = "/b/null" },
		"children":               func(s *txnv1.SnapshotChunk) { find(s, "/c").Children = 1 },
		"children beyond":        func(s *txnv1.SnapshotChunk) { find(s, "/c").Children = 1 << 31 },
		"children of ephemeral":  func(s *txnv1.SnapshotChunk) { find(s, "/e").Children = 1 },
		"path":                   func(s *txnv1.SnapshotChunk) { find(s, "/a/null").Path = "/a/\x01" },
		"zxid of the future":     func(s *txnv1.SnapshotChunk) { find(s, "/a").Mzxid = uint64(v.Zxid()) + 1 },
		"mzxid before czxid":     func(s *txnv1.SnapshotChunk) { find(s, "/a").Mzxid = 1 },
		"mtime before ctime":     func(s *txnv1.SnapshotChunk) { find(s, "/a").MtimeMs = 1 },
		"time of the future":     func(s *txnv1.SnapshotChunk) { find(s, "/a").MtimeMs = v.Time() + 1 },
		"version -1":             func(s *txnv1.SnapshotChunk) { find(s, "/a").Version = -1 },
		"kind":                   func(s *txnv1.SnapshotChunk) { find(s, "/c").Kind = 5 },
		"kind changed":           func(s *txnv1.SnapshotChunk) { find(s, "/c").Kind = txnv1.NodeKind_NODE_KIND_PERSISTENT },
		"ephemeral, no owner":    func(s *txnv1.SnapshotChunk) { find(s, "/e").Owner = 0 },
		"owner is not open":      func(s *txnv1.SnapshotChunk) { find(s, "/e").Owner = uint64(session1) + 1 },
		"owner changed":          func(s *txnv1.SnapshotChunk) { find(s, "/e").Owner = uint64(session1) + 5 },
		"TTL":                    func(s *txnv1.SnapshotChunk) { find(s, "/t").TtlMs = 0 },
		"no session":             func(s *txnv1.SnapshotChunk) { s.Sessions = s.Sessions[1:] },
		"session timeout":        func(s *txnv1.SnapshotChunk) { s.Sessions[0].TimeoutMs++ },
		"session twice":          func(s *txnv1.SnapshotChunk) { s.Sessions[1] = s.Sessions[0] },
		"session 0":              func(s *txnv1.SnapshotChunk) { s.Sessions[0].Session = 0 },
		"list of a node missing": func(s *txnv1.SnapshotChunk) { s.Acls = s.Acls[:len(s.Acls)-1] },
		"list without a node":    func(s *txnv1.SnapshotChunk) { find(s, "/c").Acl = 0 },
		"list swapped":           func(s *txnv1.SnapshotChunk) { find(s, "/c").Acl = find(s, "/e").Acl },
		"lists swapped":          func(s *txnv1.SnapshotChunk) { s.Acls[0].Acl, s.Acls[1].Acl = s.Acls[1].Acl, s.Acls[0].Acl },
		"list twice":             func(s *txnv1.SnapshotChunk) { s.Acls[0].Acl = s.Acls[1].Acl },
		"list empty":             func(s *txnv1.SnapshotChunk) { s.Acls[0].Acl = nil },
		"list open":              func(s *txnv1.SnapshotChunk) { s.Acls[0].Acl = []*txnv1.Ace{{Perms: 31, Scheme: "world", Id: "anyone"}} },
		"list beyond next":       func(s *txnv1.SnapshotChunk) { s.Header.NextAcl-- },
		"next list":              func(s *txnv1.SnapshotChunk) { s.Header.NextAcl++ },
		"no next list":           func(s *txnv1.SnapshotChunk) { s.Header.NextAcl = 0 },
		"membership":             func(s *txnv1.SnapshotChunk) { s.Header.Membership.Ensemble++ },
		"members out of order":   func(s *txnv1.SnapshotChunk) { m := s.Header.Membership.Members; m[0], m[1] = m[1], m[0] },
	} {
		s := unmarshalSnapshot(t, v)
		change(s)
		b, err := proto.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		_, err = load([][]byte{b})
		if !errors.Is(err, tree.ErrSnapshot) {
			t.Errorf("%s: got %v", name, err)
			continue
		}
		// Somebody who gets the digest right as well is refused too, unless the tree
		// he made up is one that could be.
		if byDigest := correctDigest(s, err); byDigest != slices.Contains(possible, name) {
			t.Errorf("%s: found by the digest alone: %v", name, byDigest)
		}
	}
}

// TestLoaderRefusesChunks breaks the snapshot between its chunks.
func TestLoaderRefusesChunks(t *testing.T) {
	chunks := chunksOf(sampleVersion(t), 200)
	for i := range chunks {
		for name, broken := range map[string][][]byte{
			"missing": slices.Delete(slices.Clone(chunks), i, i+1),
			"twice":   slices.Insert(slices.Clone(chunks), i, chunks[i]),
			"ended":   chunks[:i],
		} {
			if _, err := load(broken); !errors.Is(err, tree.ErrSnapshot) {
				t.Errorf("chunk %d of %d %s: got %v", i, len(chunks), name, err)
			}
		}
	}
	l := tree.NewLoader()
	if err := l.Add([]byte{0xff}); err == nil || !errors.Is(l.Add(chunks[0]), tree.ErrSnapshot) {
		t.Error("a loader goes on after an error")
	}
}

// TestBitFlips: no single flipped bit of a snapshot goes unnoticed, but those that
// make a known field an unknown one of no consequence cannot be.
func TestBitFlips(t *testing.T) {
	v := sampleVersion(t)
	whole := chunksOf(v, 1<<30)[0]
	for i := 0; i < len(whole); i += 13 {
		flipped := bytes.Clone(whole)
		flipped[i] ^= 1 << (i % 8)
		if got, err := load([][]byte{flipped}); err == nil && got.Digest() != v.Digest() {
			t.Fatalf("byte %d: loaded with digest %016x", i, got.Digest())
		}
	}
}

// FuzzLoader corrects the digest of what it is given, so that it comes to the rest.
func FuzzLoader(f *testing.F) {
	f.Add(chunksOf(tree.New(), 1<<30)[0])
	w := newWorld(new(testing.T))
	w.open(session1)
	w.do(&tree.MembershipRequest{Membership: txn.Membership{Members: []txn.Member{{ID: 1}}}})
	w.do(&tree.CreateRequest{Path: "/e", ACL: []txn.ACE{{Perms: 1, Scheme: "sasl", ID: "b"}}, Kind: txn.Ephemeral, Owner: session1})
	w.create("/zookeeper/quota/zookeeper_limits", "count=1")
	f.Add(chunksOf(w.d.Publish(), 1<<30)[0])
	f.Fuzz(func(t *testing.T, b []byte) {
		v, err := load([][]byte{b})
		if err != nil {
			s := new(txnv1.SnapshotChunk)
			if proto.Unmarshal(b, s) != nil || !correctDigest(s, err) {
				return
			}
			if b, err = proto.Marshal(s); err != nil {
				t.Fatal(err)
			}
			if v, err = load([][]byte{b}); err != nil {
				return
			}
		}
		again, err := load(chunksOf(v, 64))
		if err != nil || again.Digest() != v.Digest() || again.Zxid() != v.Zxid() {
			t.Fatalf("a loaded version cannot be loaded again: %v", err)
		}
		for s := range v.AllSessions() {
			out := again.Edit().Apply(&txn.Txn{Header: txn.Header{Zxid: v.Zxid() + 1, Time: v.Time()}, Op: &txn.CloseSession{Session: s.ID}})
			if owned := len(slices.Collect(v.Ephemerals(s.ID))); len(out.Effects) != owned {
				t.Fatalf("%d effects for %d ephemerals", len(out.Effects), owned)
			}
		}
	})
}

// correctDigest puts the digest into the trailer that the loader's error asks for.
func correctDigest(s *txnv1.SnapshotChunk, err error) bool {
	if s.Trailer == nil {
		return false
	}
	_, scanned := fmt.Sscanf(err.Error(), "no valid snapshot: the digest is %x,", &s.Trailer.Digest)
	return scanned == nil
}

// afterSet returns the version of /a when its data is set in a snapshot where it is given.
func afterSet(t *testing.T, s *txnv1.SnapshotChunk, version int32) int32 {
	t.Helper()
	s.Nodes[slices.IndexFunc(s.Nodes, func(n *txnv1.SnapshotNode) bool { return n.Path == "/a" })].Version = version
	var v *tree.Version
	for range 2 { // the first time tells the digest
		b, err := proto.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		if v, err = load([][]byte{b}); err != nil && !correctDigest(s, err) {
			t.Fatal(err)
		}
	}
	d := v.Edit()
	return d.Apply(&txn.Txn{Header: txn.Header{Zxid: v.Zxid() + 1, Time: v.Time()}, Op: &txn.SetData{Path: "/a"}}).Results[0].Stat.Version
}
