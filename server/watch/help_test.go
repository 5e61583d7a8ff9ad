package watch

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/quorate/quorate/store"
	"github.com/quorate/quorate/store/fault"
	"github.com/quorate/quorate/store/tree"
	"github.com/quorate/quorate/store/txn"
)

// stage is a hub on a tree that a test changes.
type stage struct {
	*Hub
	t   *testing.T
	tip *tree.Draft
	all []store.Change // since the beginning
}

func newStage(t *testing.T, c Config) *stage {
	s := &stage{Hub: New(c), t: t, tip: tree.New().Edit()}
	s.Published(store.Publication{Version: s.tip.Publish(), Jump: true})
	return s
}

// do carries out txns and publishes them as one version.
func (s *stage) do(ops ...txn.Op) {
	s.Published(s.prepare(ops...))
}

// prepare carries out txns for one publication.
func (s *stage) prepare(ops ...txn.Op) store.Publication {
	var changes []store.Change
	for _, op := range ops {
		z := s.tip.Zxid() + 1
		out := s.tip.Apply(&txn.Txn{Header: txn.Header{Zxid: z}, Op: op})
		changes = store.AddChange(changes, z, &out)
	}
	s.all = append(s.all, changes...)
	return store.Publication{Version: s.tip.Publish(), Changes: changes}
}

// jump publishes txns as a snapshot.
func (s *stage) jump(ops ...txn.Op) {
	p := s.prepare(ops...)
	s.Published(store.Publication{Version: p.Version, Jump: true})
}

func create(path string) *txn.Create {
	return &txn.Create{Path: path, ACL: tree.OpenACL(), Kind: txn.Persistent}
}

func createFor(path, user string) *txn.Create {
	return &txn.Create{Path: path, ACL: acl(user), Kind: txn.Persistent}
}

func acl(user string) []txn.ACE {
	return []txn.ACE{{Perms: txn.MayAll, Scheme: "digest", ID: user + ":hash"}}
}

func user(name string) tree.Caller { return tree.Caller{{Scheme: "digest", ID: name + ":hash"}} }

func ephemeral(path string, owner txn.SessionID) *txn.Create {
	return &txn.Create{Path: path, ACL: tree.OpenACL(), Kind: txn.Ephemeral, Owner: owner}
}

func set(path string) *txn.SetData { return &txn.SetData{Path: path, Data: []byte("data")} }

func remove(path string) *txn.Delete { return &txn.Delete{Path: path} }

func multi(ops ...txn.Op) *txn.Multi { return &txn.Multi{Ops: ops} }

// ear is a watcher that notes what it is told.
type ear struct {
	*Watcher
	told []string
	who  tree.Caller
	cut  []error
}

func (s *stage) ear(who tree.Caller) *ear {
	e := &ear{who: who}
	e.Watcher = s.NewWatcher(
		func(ev Event) { e.told = append(e.told, note(ev)) },
		func() tree.Caller { return e.who },
		func(err error) { e.cut = append(e.cut, err) },
	)
	return e
}

func note(e Event) string { return fmt.Sprintf("%d %v %s", e.Zxid, e.Type, e.Path) }

// on leaves a watch.
func (e *ear) on(t *testing.T, path string, modes ...Mode) *ear {
	t.Helper()
	for _, m := range modes {
		if err := e.Add(path, m, 0, func(txn.Zxid) {}); err != nil {
			t.Fatal(err)
		}
	}
	return e
}

// hears fails unless exactly this was told since the last time; without zxids if want has none.
func (e *ear) hears(t *testing.T, want ...string) {
	t.Helper()
	got := e.told
	if len(want) > 0 && strings.Count(want[0], " ") == 1 {
		got = nil
		for _, s := range e.told {
			_, s, _ = strings.Cut(s, " ")
			got = append(got, s)
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("told %q, want %q", got, want)
	}
	e.told = nil
}

// wantKind fails unless err is a refusal of this kind.
func wantKind(t *testing.T, err error, k fault.Kind) {
	t.Helper()
	if !fault.Is(err, k) {
		t.Errorf("got %v, want %v", err, k)
	}
}
