package watch

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/quorate/quorate/store"
	"github.com/quorate/quorate/store/tree"
	"github.com/quorate/quorate/store/txn"
)

// naive is the whole package as a list of watches that is looked through for each event.
type naive struct {
	watches []naiveWatch
	told    map[int][]string // by watcher
	who     map[int]tree.Caller
}

type naiveWatch struct {
	watcher int
	path    string
	mode    Mode
}

// add leaves a watch; the same again is none.
func (n *naive) add(w naiveWatch) {
	if !slices.Contains(n.watches, w) {
		n.watches = append(n.watches, w)
	}
}

func (n *naive) published(p store.Publication) {
	for _, c := range p.Changes {
		for _, e := range c.Effects {
			n.tell(Event{Zxid: c.Zxid, Type: EventType(e.Kind), Path: e.Path}, e.ACL.Entries())
			if parent := tree.Parent(e.Path); e.Kind != tree.DataChanged {
				n.tell(Event{Zxid: c.Zxid, Type: ChildrenChanged, Path: parent}, aclOf(parent, &p))
			}
		}
	}
}

// tell is what stands in the proto file at WatchMode, line by line.
func (n *naive) tell(e Event, acl []txn.ACE) {
	hears := func(w naiveWatch) bool {
		on := w.path == e.Path
		switch w.mode {
		case Data:
			return on && (e.Type == Deleted || e.Type == DataChanged)
		case Exists:
			return on && e.Type != ChildrenChanged
		case Children:
			return on && (e.Type == ChildrenChanged || e.Type == Deleted)
		case Persistent:
			return on
		}
		below := w.path == "/" || strings.HasPrefix(e.Path, w.path+"/")
		return (on || below) && e.Type != ChildrenChanged
	}
	told := map[int]bool{}
	n.watches = slices.DeleteFunc(n.watches, func(w naiveWatch) bool {
		if !hears(w) {
			return false
		}
		if !told[w.watcher] && mayRead(acl, n.who[w.watcher]) {
			n.told[w.watcher] = append(n.told[w.watcher], note(e))
		}
		told[w.watcher] = true
		return w.mode&oneShot != 0
	})
}

// randomOps returns txns that fit the tip, some of them with several changes.
func randomOps(rng *rand.Rand, s *stage) (ops []txn.Op) {
	tip := s.tip.Publish().Edit()
	next := tip.Zxid()
	apply := func(op txn.Op) {
		next++
		tip.Apply(&txn.Txn{Header: txn.Header{Zxid: next}, Op: op})
	}
	for range 1 + rng.IntN(4) {
		if rng.IntN(4) > 0 {
			if op := randomOp(rng, tip); op != nil {
				apply(op)
				ops = append(ops, op)
			}
			continue
		}
		m := &txn.Multi{}
		for range 1 + rng.IntN(5) {
			if op := randomOp(rng, tip); op != nil {
				apply(op)
				m.Ops = append(m.Ops, op)
			}
		}
		if len(m.Ops) > 0 {
			ops = append(ops, m)
		}
	}
	return ops
}

// randomPath is one of a few dozen, the root among them.
func randomPath(rng *rand.Rand) string {
	var b strings.Builder
	for range rng.IntN(4) {
		fmt.Fprintf(&b, "/%c", 'a'+rng.IntN(3))
	}
	if b.Len() == 0 {
		return "/"
	}
	return b.String()
}

// randomOp returns an operation that fits the tip; nil now and then.
func randomOp(rng *rand.Rand, tip *tree.Draft) txn.Op {
	path := randomPath(rng)
	node, there := tip.Get(path)
	_, parent := tip.Get(tree.Parent(path))
	list := tree.OpenACL()
	if rng.IntN(3) == 0 {
		list = acl([]string{"bob", "eve"}[rng.IntN(2)])
	}
	switch {
	case !there && parent:
		return &txn.Create{Path: path, ACL: list, Kind: txn.Persistent}
	case !there:
		return nil
	case rng.IntN(5) == 0 && path != "/":
		return &txn.SetACL{Path: path, ACL: list}
	case rng.IntN(2) == 0 && path != "/" && node.NumChildren() == 0:
		return remove(path)
	}
	return set(path)
}

// Thousands of txns with watchers that come, watch, stop watching and go, against the naive model.
func TestAgainstModel(t *testing.T) {
	for seed := range uint64(4) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) { runModel(t, rand.New(rand.NewPCG(seed, 7))) })
	}
}

func runModel(t *testing.T, rng *rand.Rand) {
	const watchers = 6
	s := newStage(t, Config{})
	model := naive{told: map[int][]string{}, who: map[int]tree.Caller{}}
	ears := make([]*ear, watchers)
	for i := range ears {
		model.who[i] = [...]tree.Caller{nil, user("bob"), user("eve")}[i%3]
		ears[i] = s.ear(model.who[i])
	}
	events := 0
	for range 2000 {
		i := rng.IntN(watchers)
		w := naiveWatch{i, randomPath(rng), Mode(1 << rng.IntN(5))}
		switch rng.IntN(12) {
		case 0, 1, 2:
			ears[i].on(t, w.path, w.mode)
			model.add(w)
		case 3:
			ears[i].Read(func(_ *tree.Version, add func(string, Mode)) { add(w.path, w.mode) })
			model.add(w)
		case 4:
			had := len(model.watches)
			model.watches = slices.DeleteFunc(model.watches, func(o naiveWatch) bool { return o == w })
			if got := ears[i].Remove(w.path, w.mode); got != (len(model.watches) < had) {
				t.Fatalf("removed: %v", got)
			}
		case 5:
			if rng.IntN(10) == 0 {
				ears[i].Close()
				told := ears[i].told
				ears[i] = s.ear(model.who[i])
				ears[i].told = told
				model.watches = slices.DeleteFunc(model.watches, func(o naiveWatch) bool { return o.watcher == i })
			}
		default:
			p := s.prepare(randomOps(rng, s)...)
			s.Published(p)
			model.published(p)
		}
		for i, e := range ears {
			if !slices.Equal(e.told, model.told[i]) {
				t.Fatalf("watcher %d was told %q, want %q", i, e.told, model.told[i])
			}
			events += len(e.told)
			e.told, model.told[i] = nil, nil
		}
		checkTable(t, s, model.watches)
	}
	if events < 2000 {
		t.Errorf("only %d events: the test has little to say", events)
	}
}

// checkTable holds the table and all its counts against the list of watches.
func checkTable(t *testing.T, s *stage, watches []naiveWatch) {
	t.Helper()
	type key struct {
		watcher int
		path    string
	}
	pairs, paths, deep := map[key]bool{}, map[string]bool{}, 0
	for _, w := range watches {
		pairs[key{w.watcher, w.path}], paths[w.path] = true, true
		if w.mode == PersistentRecursive {
			deep++
		}
	}
	held := 0
	for path, at := range s.table.points {
		held += len(at.held)
		for i, h := range at.held {
			if h.watcher.points[at] != uint32(i) || h.modes == 0 || h.modes&^at.any != 0 || at.path != path {
				t.Fatalf("%s: watcher %d of %+v", path, i, at)
			}
		}
	}
	if s.table.holdings != len(pairs) || held != len(pairs) || len(s.table.points) != len(paths) || s.table.deep != deep {
		t.Fatalf("%d watches of %d, %d paths of %d, %d recursive of %d", s.table.holdings, len(pairs), len(s.table.points), len(paths), s.table.deep, deep)
	}
}

// What a persistent watch is told when it comes back is what it would have been told had it stayed.
func TestComingBackAgainstModel(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	s := newStage(t, Config{})
	type pair struct {
		path    string
		mode    Mode
		steady  *ear
		returns *ear
		seen    txn.Zxid
	}
	var pairs []*pair
	for _, path := range []string{"/", "/a", "/a/b", "/b/c", "/c/a/a"} {
		for _, m := range []Mode{Persistent, PersistentRecursive} {
			for _, who := range []tree.Caller{nil, user("bob")} {
				pairs = append(pairs, &pair{path, m, s.ear(who).on(t, path, m), s.ear(who).on(t, path, m), 0})
			}
		}
	}
	for range 150 {
		p := pairs[rng.IntN(len(pairs))]
		told := p.returns.told
		p.returns.Close()
		p.seen = s.Version().Zxid()
		for range rng.IntN(300) {
			s.do(randomOps(rng, s)...)
		}
		p.returns = s.ear(p.returns.who)
		p.returns.told = told
		if p.seen == 0 {
			p.returns.on(t, p.path, p.mode)
			p.returns.told = slices.Clone(p.steady.told)
			continue
		}
		if err := p.returns.Add(p.path, p.mode, p.seen, func(txn.Zxid) {}); err != nil {
			t.Fatal(err)
		}
		for _, p := range pairs {
			compareBack(t, p.path, p.steady, p.returns)
		}
	}
}

// compareBack compares what two watches were told. Lists of a parent may be those of another moment when it comes back, so that
// ChildrenChanged counts only for a path that everybody may read throughout.
func compareBack(t *testing.T, path string, steady, returns *ear) {
	t.Helper()
	keep := func(all []string) []string {
		return slices.DeleteFunc(slices.Clone(all), func(s string) bool { return path != "/" && strings.Contains(s, " children ") })
	}
	if a, b := keep(steady.told), keep(returns.told); !slices.Equal(a, b) {
		t.Fatalf("%s: told %q, and %q coming back", path, a, b)
	}
	steady.told, returns.told = nil, nil
}
