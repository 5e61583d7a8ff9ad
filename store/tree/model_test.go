package tree_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/quorate/quorate/store/fault"
	"github.com/quorate/quorate/store/tree"
	"github.com/quorate/quorate/store/txn"
)

// model is the tree in its simplest form: a map, and the rules read off the manual.
type model struct {
	nodes    map[string]modelNode
	sessions map[txn.SessionID]bool
}

type modelNode struct {
	data    string
	owner   txn.SessionID
	version int32
	created int32
}

func newModel() *model {
	m := &model{nodes: map[string]modelNode{"/": {}, "/zookeeper": {}}, sessions: map[txn.SessionID]bool{}}
	m.nodes["/zookeeper/config"], m.nodes["/zookeeper/quota"] = modelNode{}, modelNode{}
	return m
}

func (m *model) clone() *model {
	c := &model{nodes: make(map[string]modelNode, len(m.nodes)), sessions: map[txn.SessionID]bool{}}
	for k, v := range m.nodes {
		c.nodes[k] = v
	}
	for k := range m.sessions {
		c.sessions[k] = true
	}
	return c
}

func (m *model) children(path string) (names []string) {
	prefix := strings.TrimSuffix(path, "/") + "/"
	for p := range m.nodes {
		if rest, ok := strings.CutPrefix(p, prefix); ok && rest != "" && !strings.Contains(rest, "/") {
			names = append(names, rest)
		}
	}
	slices.Sort(names)
	return names
}

// ok and the kinds below are what a request meets.
const ok fault.Kind = 255

// do makes a request, or says why not. Requests are valid in themselves.
func (m *model) do(req tree.Request) fault.Kind {
	switch req := req.(type) {
	case *tree.CreateRequest:
		return m.create(req)
	case *tree.DeleteRequest:
		n, exists := m.nodes[req.Path]
		switch {
		case !exists:
			return fault.NoNode
		case req.Version != tree.AnyVersion && req.Version != n.version:
			return fault.BadVersion
		case len(m.children(req.Path)) > 0:
			return fault.NotEmpty
		}
		delete(m.nodes, req.Path)
	case *tree.SetRequest:
		n, exists := m.nodes[req.Path]
		switch {
		case !exists:
			return fault.NoNode
		case req.Version != tree.AnyVersion && req.Version != n.version:
			return fault.BadVersion
		}
		n.data, n.version = string(req.Data), n.version+1
		m.nodes[req.Path] = n
	case *tree.MultiRequest:
		trial := m.clone()
		for _, sub := range req.Ops {
			if kind := trial.do(sub); kind != ok {
				return kind
			}
		}
		*m = *trial
	case *tree.CreateSessionRequest:
		m.sessions[req.Session] = true
	case *tree.CloseSessionRequest:
		if !m.sessions[req.Session] {
			return fault.NoSession
		}
		delete(m.sessions, req.Session)
		for path, n := range m.nodes {
			if n.owner == req.Session {
				delete(m.nodes, path)
			}
		}
	}
	return ok
}

func (m *model) create(req *tree.CreateRequest) fault.Kind {
	parent, exists := m.nodes[tree.Parent(req.Path)]
	path := req.Path
	if req.Sequential {
		path = fmt.Sprintf("%s%010d", path, parent.created)
	}
	switch {
	case req.Owner != 0 && !m.sessions[req.Owner]:
		return fault.NoSession
	case !exists:
		return fault.NoParent
	}
	if _, exists := m.nodes[path]; exists {
		return fault.NodeExists
	}
	if parent.owner != 0 {
		return fault.EphemeralParent
	}
	parent.created++
	m.nodes[tree.Parent(req.Path)] = parent
	m.nodes[path] = modelNode{data: string(req.Data), owner: req.Owner}
	return ok
}

// randomRequest draws from few paths, so that requests get in each other's way.
func randomRequest(rng *rand.Rand, m *model, depth int) tree.Request {
	path := new(strings.Builder)
	for range 1 + rng.IntN(3) {
		fmt.Fprintf(path, "/%c", 'a'+rng.IntN(5))
	}
	version := []int32{tree.AnyVersion, 0, 1}[rng.IntN(3)]
	session := txn.SessionID(1<<56 + 1 + rng.IntN(4))
	data := bytes.Repeat([]byte{byte('0' + rng.IntN(10))}, rng.IntN(20))
	switch k := rng.IntN(20); {
	case k < 8:
		req := &tree.CreateRequest{Path: path.String(), Data: data, ACL: tree.OpenACL(), Sequential: rng.IntN(4) == 0}
		if rng.IntN(4) == 0 {
			req.Kind, req.Owner = txn.Ephemeral, session
		}
		if rng.IntN(4) == 0 {
			req.ACL = []txn.ACE{{Perms: 31, Scheme: "world", ID: "anyone"}, {Perms: 1, Scheme: "sasl", ID: fmt.Sprint(rng.IntN(5))}}
		}
		return req
	case k < 12:
		return &tree.DeleteRequest{Path: path.String(), Version: version}
	case k < 16:
		return &tree.SetRequest{Path: path.String(), Data: data, Version: version}
	case k < 18 && depth == 0:
		multi := &tree.MultiRequest{}
		for range rng.IntN(4) {
			if sub := randomRequest(rng, m, 1); sub != nil {
				multi.Ops = append(multi.Ops, sub)
			}
		}
		return multi
	case depth > 0:
		return nil
	case k == 18 && !m.sessions[session]:
		return &tree.CreateSessionRequest{CreateSession: txn.CreateSession{Session: session, Timeout: 1, TokenHash: []byte("x")}}
	}
	return &tree.CloseSessionRequest{CloseSession: txn.CloseSession{Session: session}}
}

// same compares a version with the model.
func same(t *testing.T, v *tree.Version, m *model) {
	t.Helper()
	if v.Len() != len(m.nodes) || v.Sessions() != len(m.sessions) {
		t.Fatalf("%d nodes and %d sessions, want %d and %d", v.Len(), v.Sessions(), len(m.nodes), len(m.sessions))
	}
	for path, want := range m.nodes {
		n, exists := v.Get(path)
		if !exists || string(n.Data()) != want.data {
			t.Fatalf("%s: %v, data %q, want %q", path, exists, n.Data(), want.data)
		}
		var names []string
		for child := range v.Children(path) {
			names = append(names, child.Name())
		}
		s, wantNames := n.Stat(), m.children(path)
		if !slices.Equal(names, wantNames) || int(s.NumChildren) != len(names) || n.NumChildren() != len(names) {
			t.Fatalf("%s has children %v, want %v; Stat %+v", path, names, wantNames, s)
		}
		if s.Version != want.version || s.Owner != want.owner || s.Cversion != 2*want.created-int32(len(names)) {
			t.Fatalf("%s is %+v, want %+v", path, s, want)
		}
		below := 0
		for n := range v.Descendants(path) {
			if below++; !strings.HasPrefix(n.Path(), strings.TrimSuffix(path, "/")+"/") {
				t.Fatalf("%s below %s", n.Path(), path)
			}
		}
		wantBelow := 0
		for p := range m.nodes {
			if p != path && strings.HasPrefix(p, strings.TrimSuffix(path, "/")+"/") {
				wantBelow++
			}
		}
		if below != wantBelow {
			t.Fatalf("%d nodes below %s, want %d", below, path, wantBelow)
		}
	}
	for id := range m.sessions {
		for path := range v.Ephemerals(id) {
			if m.nodes[path].owner != id {
				t.Fatalf("%s is in the index of %v", path, id)
			}
		}
	}
}

// TestAgainstModel makes random requests of the tree and of the model. A second
// replica applies the txns as they come out of the codec, through snapshots and
// restarts, and must come to the same digest: that is ZOOKEEPER-3125, 3145 and 3249
// (pzxid and cversion wrong after a replay). Versions are kept, and compared when
// all is over: nothing that happened since may have touched them.
func TestAgainstModel(t *testing.T) {
	for seed := range uint64(8) {
		rng := rand.New(rand.NewPCG(7, seed))
		w, m := newWorld(t), newModel()
		replica := w.d.Publish().Edit()
		type kept struct {
			v      *tree.Version
			m      *model
			digest uint64
			bytes  []byte
		}
		var history []kept
		for step := range 1500 {
			req := randomRequest(rng, m, 0)
			got := ok
			if _, err := w.try(req, nil, tree.Limits{}); err != nil {
				got = fault.Of(err)
			}
			if want := m.do(req); got != want {
				t.Fatalf("seed %d step %d: %+v: got %v, want %v", seed, step, req, got, want)
			}
			if got != ok {
				continue
			}
			w.last.Digest = w.d.Digest()
			decoded, err := txn.Decode(w.last.Append(nil))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := replica.ApplyChecked(decoded); err != nil {
				t.Fatalf("seed %d step %d: %v", seed, step, err)
			}
			switch rng.IntN(40) {
			case 0:
				v := w.d.Publish()
				history = append(history, kept{v, m.clone(), v.Digest(), bytes.Join(chunksOf(v, 100), nil)})
			case 1:
				loaded, err := load(chunksOf(replica.Publish(), 300))
				if err != nil {
					t.Fatal(err)
				}
				replica = loaded.Edit()
			case 2:
				replica = replica.Publish().Edit()
			}
		}
		for _, k := range history {
			same(t, k.v, k.m)
			if k.v.Digest() != k.digest || !bytes.Equal(bytes.Join(chunksOf(k.v, 100), nil), k.bytes) {
				t.Fatalf("seed %d: version %v has changed", seed, k.v.Zxid())
			}
		}
	}
}

// TestFork: a draft and its fork go different ways.
func TestFork(t *testing.T) {
	a := newWorld(t)
	a.create("/common", "")
	b := &world{t: t, d: a.d.Publish().Edit(), last: a.last}
	ma, mb := newModel(), newModel()
	for _, m := range []*model{ma, mb} {
		m.do(&tree.CreateRequest{Path: "/common"})
	}
	rng := rand.New(rand.NewPCG(9, 9))
	for range 500 {
		for _, side := range []struct {
			w *world
			m *model
		}{{a, ma}, {b, mb}} {
			req := randomRequest(rng, side.m, 0)
			if _, err := side.w.try(req, nil, tree.Limits{}); err == nil {
				side.m.do(req)
			}
		}
	}
	same(t, a.d.Publish(), ma)
	same(t, b.d.Publish(), mb)
}

// TestReadersBesideWriter reads, edits and prepares against versions while the draft
// they came from goes on. It is for the race detector.
func TestReadersBesideWriter(t *testing.T) {
	w := newWorld(t)
	w.open(session1)
	private := []txn.ACE{{Perms: 31, Scheme: "world", ID: "anyone"}, {Perms: 1, Scheme: "sasl", ID: "bob"}}
	for i := range 300 {
		w.create(fmt.Sprintf("/n%d", i), "x")
	}
	w.quota("/", "count=1")
	var readers sync.WaitGroup
	for round := range 20 {
		v := w.d.Publish()
		want := v.Len()
		for range 3 {
			readers.Go(func() {
				n := 1
				for range v.Descendants("/") {
					n++
				}
				d := v.Edit()
				multi := &tree.MultiRequest{Ops: []tree.Request{
					&tree.CreateRequest{Path: "/m", ACL: private, Kind: txn.Ephemeral, Owner: session1},
					&tree.DeleteRequest{Path: "/n7", Version: -1},
				}}
				op, err := v.Prepare(multi, nil, tree.Limits{})
				if n != want || err != nil {
					t.Errorf("%d nodes, want %d; %v", n, want, err)
					return
				}
				d.Apply(&txn.Txn{Header: txn.Header{Zxid: v.Zxid() + 1, Time: v.Time()}, Op: op})
				if _, there := v.Get("/m"); there || d.Publish().Len() != want {
					t.Error("the version changed")
				}
			})
		}
		for i := range 50 {
			w.do(&tree.SetRequest{Path: fmt.Sprintf("/n%d", 10+i), Data: []byte{byte(round)}, Version: -1})
			w.do(&tree.CreateRequest{Path: fmt.Sprintf("/r%d-%d", round, i), ACL: private, Kind: txn.Ephemeral, Owner: session1})
		}
	}
	readers.Wait()
}
