package watch

import (
	"testing"

	"github.com/quorate/quorate/store/fault"
	"github.com/quorate/quorate/store/tree"
	"github.com/quorate/quorate/store/txn"
)

// Every transition of nodes, for every mode: what is told, and whether the watch is left. Before it there is /p, with the child n and with e, which
// session 7 owns.
func TestEveryTransitionForEveryMode(t *testing.T) {
	type told map[Mode][]string
	all := []Mode{Data, Exists, Children, Persistent, PersistentRecursive}
	for _, tc := range []struct {
		name  string
		on    string
		first []txn.Op // before the watches are left
		ops   []txn.Op
		want  told
	}{
		{"create", "/p/x", nil, []txn.Op{create("/p/x")}, told{
			Exists: {"created /p/x"}, Persistent: {"created /p/x"}, PersistentRecursive: {"created /p/x"},
		}},
		{"delete", "/p/n", nil, []txn.Op{remove("/p/n")}, told{
			Data: {"deleted /p/n"}, Exists: {"deleted /p/n"}, Children: {"deleted /p/n"},
			Persistent: {"deleted /p/n"}, PersistentRecursive: {"deleted /p/n"},
		}},
		{"set", "/p/n", nil, []txn.Op{set("/p/n")}, told{
			Data: {"changed /p/n"}, Exists: {"changed /p/n"}, Persistent: {"changed /p/n"}, PersistentRecursive: {"changed /p/n"},
		}},
		{"set acl", "/p/n", nil, []txn.Op{&txn.SetACL{Path: "/p/n", ACL: acl("bob")}}, told{}},
		{"child created", "/p/n", nil, []txn.Op{create("/p/n/c")}, told{
			Children: {"children /p/n"}, Persistent: {"children /p/n"}, PersistentRecursive: {"created /p/n/c"},
		}},
		{"child deleted", "/p/n", []txn.Op{create("/p/n/c")}, []txn.Op{remove("/p/n/c")}, told{
			Children: {"children /p/n"}, Persistent: {"children /p/n"}, PersistentRecursive: {"deleted /p/n/c"},
		}},
		{"child set", "/p/n", []txn.Op{create("/p/n/c")}, []txn.Op{set("/p/n/c")}, told{PersistentRecursive: {"changed /p/n/c"}}},
		{"grandchild created", "/p/n", []txn.Op{create("/p/n/c")}, []txn.Op{create("/p/n/c/d")}, told{PersistentRecursive: {"created /p/n/c/d"}}},
		{"neighbour created", "/p/n", nil, []txn.Op{create("/p/nn")}, told{}},
		{"twice", "/p/n", nil, []txn.Op{set("/p/n"), set("/p/n")}, told{
			Data: {"changed /p/n"}, Exists: {"changed /p/n"},
			Persistent: {"changed /p/n", "changed /p/n"}, PersistentRecursive: {"changed /p/n", "changed /p/n"},
		}},
		{"multi", "/p/n", nil, []txn.Op{multi(set("/p/n"), create("/p/n/c"), remove("/p/n/c"), remove("/p/n"), create("/p/n"))}, told{
			Data: {"changed /p/n"}, Exists: {"changed /p/n"}, Children: {"children /p/n"},
			Persistent:          {"changed /p/n", "children /p/n", "children /p/n", "deleted /p/n", "created /p/n"},
			PersistentRecursive: {"changed /p/n", "created /p/n/c", "deleted /p/n/c", "deleted /p/n", "created /p/n"},
		}},
		{"session closed", "/p/e", nil, []txn.Op{&txn.CloseSession{Session: 7}}, told{
			Data: {"deleted /p/e"}, Exists: {"deleted /p/e"}, Children: {"deleted /p/e"},
			Persistent: {"deleted /p/e"}, PersistentRecursive: {"deleted /p/e"},
		}},
		{"session closed, above", "/p", []txn.Op{ephemeral("/p/n/e", 7), ephemeral("/p/f", 7)}, []txn.Op{&txn.CloseSession{Session: 7}}, told{
			Children:            {"children /p"},
			Persistent:          {"children /p", "children /p"},
			PersistentRecursive: {"deleted /p/e", "deleted /p/f", "deleted /p/n/e"},
		}},
		{"root", "/", nil, []txn.Op{create("/q"), create("/q/r"), remove("/q/r"), remove("/q")}, told{
			Children:            {"children /"},
			Persistent:          {"children /", "children /"},
			PersistentRecursive: {"created /q", "created /q/r", "deleted /q/r", "deleted /q"},
		}},
		{"set root", "/", nil, []txn.Op{set("/")}, told{
			Data: {"changed /"}, Exists: {"changed /"}, Persistent: {"changed /"}, PersistentRecursive: {"changed /"},
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := newStage(t, Config{})
			s.do(&txn.CreateSession{Session: 7, Timeout: 1}, create("/p"), create("/p/n"), ephemeral("/p/e", 7))
			s.do(tc.first...)
			ears := map[Mode]*ear{}
			for _, m := range all {
				ears[m] = s.ear(nil).on(t, tc.on, m)
			}
			s.do(tc.ops...)
			for _, m := range all {
				t.Run(m.String(), func(t *testing.T) {
					ears[m].hears(t, tc.want[m]...)
					left := len(ears[m].points) > 0
					if gone := m&oneShot != 0 && len(tc.want[m]) > 0; left == gone {
						t.Errorf("the watch is left: %v", left)
					}
				})
			}
		})
	}
}

// The zxid of an event is its txn's, and one-shot watches on the same path go one by one (ZOOKEEPER-4466).
func TestSeveralModesOnOnePath(t *testing.T) {
	s := newStage(t, Config{})
	s.do(create("/a")) // 1
	e := s.ear(nil).on(t, "/a", Data, Children, Persistent, PersistentRecursive)
	s.do(create("/a/b"), set("/a"), remove("/a/b"), set("/a"), remove("/a"), create("/a")) // 2 to 7
	e.hears(t,
		"2 created /a/b", "2 children /a", // by recursive; by children and persistent, once
		"3 changed /a", // by data, persistent and recursive, once
		"4 deleted /a/b", "4 children /a",
		"5 changed /a", "6 deleted /a", "7 created /a",
	)
	if !e.Remove("/a", Persistent) || e.Remove("/a", Persistent) || e.Remove("/b", AnyMode) || e.Remove("/a", Data) {
		t.Error("only the persistent watch was to be removed, and once")
	}
	s.do(create("/a/c"))
	e.hears(t, "8 created /a/c")
	e.on(t, "/a", Data, Exists)
	if !e.Remove("/a", AnyMode) {
		t.Error("nothing to remove")
	}
	s.do(set("/a"))
	e.hears(t)
	if st := s.Stats(); st.Watches != 0 || st.Paths != 0 || s.table.deep != 0 || len(e.points) != 0 {
		t.Errorf("left behind: %+v", st)
	}
}

// One watcher hears of a deletion once, whatever it has on the node and above.
func TestDeletionIsToldOnce(t *testing.T) {
	s := newStage(t, Config{})
	s.do(create("/a"), create("/a/b"))
	e := s.ear(nil).on(t, "/a/b", Data, Exists, Children, Persistent).on(t, "/a", PersistentRecursive).on(t, "/", PersistentRecursive)
	s.do(remove("/a/b"))
	e.hears(t, "deleted /a/b")
}

// Several watchers on one path: each has its own one-shot watches, in the order in which they were left.
func TestWatchersDoNotShareWatches(t *testing.T) {
	s := newStage(t, Config{})
	s.do(create("/a"))
	var order []int
	var all []*Watcher
	for i := range 5 {
		w := s.NewWatcher(func(Event) { order = append(order, i) }, func() tree.Caller { return nil }, nil)
		if err := w.Add("/a", Data, 0, func(txn.Zxid) {}); err != nil {
			t.Fatal(err)
		}
		all = append(all, w)
	}
	all[1].Close()
	if !all[3].Remove("/a", Data) {
		t.Error("no watch")
	}
	s.do(set("/a"), set("/a"))
	if len(order) != 3 || s.Stats().Watches != 0 {
		t.Errorf("told %v", order)
	}
}

// READ is judged when the event is delivered, for ChildrenChanged that of the parent; a one-shot watch is used up all the same.
func TestUnreadableNodesAreNotTold(t *testing.T) {
	s := newStage(t, Config{})
	s.do(createFor("/b", "bob"), create("/o"))
	bob := s.ear(user("bob")).on(t, "/b", Persistent, PersistentRecursive, Data).on(t, "/o", PersistentRecursive, Persistent)
	eve := s.ear(user("eve")).on(t, "/b", Persistent, PersistentRecursive, Data).on(t, "/o", PersistentRecursive, Persistent)
	s.do(set("/b"))
	bob.hears(t, "changed /b")
	eve.hears(t)
	if eve.Remove("/b", Data) {
		t.Error("the one-shot watch was not used up")
	}
	s.do(create("/b/x"), createFor("/o/y", "bob")) // eve may read the child and not the parent, and then the parent and not the child
	bob.hears(t, "created /b/x", "children /b", "created /o/y", "children /o")
	eve.hears(t, "created /b/x", "children /o")
	s.do(&txn.SetACL{Path: "/b", ACL: acl("eve")}, set("/b"))
	bob.hears(t)
	eve.hears(t, "changed /b")
	bob.who = append(bob.who, user("eve")...) // proves another identity
	s.do(set("/b"))
	bob.hears(t, "changed /b")
	eve.hears(t, "changed /b")
	s.do(remove("/o/y"))
	bob.hears(t, "deleted /o/y", "children /o")
	eve.hears(t, "children /o")
	// Parent and child go in one version: the parent's list is that of its own deletion.
	s.do(remove("/b/x"), remove("/b"))
	bob.hears(t, "deleted /b/x", "children /b", "deleted /b")
	s.do(createFor("/b", "eve"), create("/b/x"))
	bob.told, bob.who = nil, user("bob")
	s.do(remove("/b/x"), remove("/b"))
	bob.hears(t, "deleted /b/x")
}

// What f reads has been told, and what comes later will be: also to the watches that it leaves.
func TestReadStandsBetweenEvents(t *testing.T) {
	s := newStage(t, Config{})
	e := s.ear(nil)
	e.Read(func(v *tree.Version, add func(string, Mode)) {
		if _, there := v.Get("/a"); there {
			t.Error("there is a node")
		}
		add("/a", Exists)
	})
	s.do(create("/a")) // 1
	e.Read(func(v *tree.Version, add func(string, Mode)) {
		if len(e.told) != 1 || v.Zxid() != 1 {
			t.Errorf("told %q before reading version %v", e.told, v.Zxid())
		}
		add("/a", Data)
		add("/a", Children)
	})
	s.do(set("/a"), create("/a/b"), set("/a"), create("/a/c"))
	e.hears(t, "1 created /a", "2 changed /a", "3 children /a")
	var at txn.Zxid
	if err := e.Add("/a", Persistent, 0, func(z txn.Zxid) { at = z }); err != nil || at != 5 {
		t.Errorf("left at %v: %v", at, err)
	}
}

// After a jump nobody knows what has happened: each watcher is cut once, and gets no watches any more.
func TestJumpCutsWatchers(t *testing.T) {
	s := newStage(t, Config{})
	s.do(create("/a"))
	e, idle := s.ear(nil).on(t, "/a", Persistent), s.ear(nil)
	s.jump(set("/a"), set("/a"))
	for _, w := range []*ear{e, idle} {
		w.hears(t)
		if len(w.cut) != 1 {
			t.Fatalf("cut %v", w.cut)
		}
		wantKind(t, w.cut[0], fault.Compacted)
		wantKind(t, w.Add("/a", Data, 0, func(txn.Zxid) { t.Error("left") }), fault.Compacted)
	}
	e.Read(func(v *tree.Version, add func(string, Mode)) {
		if v.Zxid() != 3 {
			t.Errorf("version %v", v.Zxid())
		}
		add("/a", Data)
	})
	s.do(set("/a"))
	s.jump(set("/a"))
	e.hears(t)
	e.Close()
	if st := s.Stats(); len(e.cut) != 1 || st.Watches != 0 || st.Watchers != 0 {
		t.Errorf("cut %v, left %+v", e.cut, st)
	}
}

func TestClosedWatchersAreToldNothing(t *testing.T) {
	s := newStage(t, Config{})
	s.do(create("/a"))
	e, other := s.ear(nil).on(t, "/a", Persistent, Data).on(t, "/", PersistentRecursive), s.ear(nil).on(t, "/a", Data)
	e.Close()
	e.Close()
	s.do(set("/a"))
	e.hears(t)
	other.hears(t, "changed /a")
	wantKind(t, e.Add("/a", Data, 0, nil), fault.Unavailable)
	if st := s.Stats(); st.Watches != 0 || st.Watchers != 1 || len(e.cut) != 0 || s.table.deep != 0 {
		t.Errorf("left %+v", st)
	}
}

func TestWatchesAreBounded(t *testing.T) {
	s := newStage(t, Config{MaxWatches: 2, MaxTotal: 3})
	add := func(e *ear, path string, m Mode) error { return e.Add(path, m, 0, func(txn.Zxid) {}) }
	a, b := s.ear(nil).on(t, "/1", Data).on(t, "/2", Data), s.ear(nil).on(t, "/1", Data)
	wantKind(t, add(a, "/3", Data), fault.Overloaded)
	wantKind(t, add(b, "/3", Data), fault.Overloaded)
	a.on(t, "/1", Children, Persistent) // another mode on the same path takes no place
	if a.Remove("/2", Data); add(b, "/3", Data) != nil {
		t.Error("room did not come back")
	}
	wantKind(t, add(a, "", Data), fault.InvalidPath)
	for _, m := range []Mode{0, Data | Children, itself, 1 << 7} {
		wantKind(t, add(a, "/1", m), fault.BadArguments)
	}
	b.Read(func(_ *tree.Version, add func(string, Mode)) {
		add("/1", Children)
		add("/4", Data)
		add("/1", Persistent)
	})
	if len(b.cut) != 1 || s.Stats().Watches != 1 {
		t.Fatalf("cut %v, %+v", b.cut, s.Stats())
	}
	wantKind(t, b.cut[0], fault.Overloaded)
}
