package watch

import (
	"fmt"
	"testing"

	"github.com/quorate/quorate/store/fault"
	"github.com/quorate/quorate/store/txn"
)

// back leaves a watch again that had seen what happened up to a zxid.
func (e *ear) back(path string, m Mode, after txn.Zxid) error {
	return e.Add(path, m, after, func(z txn.Zxid) { e.told = append(e.told, fmt.Sprintf("left at %d", z)) })
}

// What a watch that comes back has missed, with a history and without one. The client saw txns up to 4: /p with /p/n; /p/gone; and nothing at /p/x.
func TestWhatComesBackIsToldWhatItMissed(t *testing.T) {
	const after = 4
	for _, tc := range []struct {
		name string
		path string
		mode Mode
		ops  []txn.Op
		want string // events; then whether the watch is left
		left bool
		lost string // without a history, where that differs
	}{
		{"data, nothing", "/p/n", Data, nil, "", true, ""},
		{"data, set", "/p/n", Data, []txn.Op{set("/p/n"), set("/p/n")}, "[6 changed /p/n]", false, ""},
		{"data, deleted", "/p/n", Data, []txn.Op{remove("/p/n")}, "[5 deleted /p/n]", false, ""},
		{"data, child", "/p/n", Data, []txn.Op{create("/p/n/c")}, "", true, ""},
		{"data, never there", "/p/x", Data, []txn.Op{set("/p/n")}, "", true, ""},
		{"data, never there, others came", "/p/x", Data, []txn.Op{create("/p/y")}, "", true, "[5 deleted /p/x]"},
		{"data, never there, nor above", "/q/r/x", Data, nil, "", true, ""},
		{"data, with all above it", "/p/gone", Data, []txn.Op{remove("/p/gone"), remove("/p/n"), remove("/p")}, "[5 deleted /p/gone]", false, "[7 deleted /p/gone]"},
		{"exists, created", "/p/x", Exists, []txn.Op{create("/p/x"), set("/p/x")}, "[5 created /p/x]", false, ""},
		{"exists, set", "/p/n", Exists, []txn.Op{set("/p/n")}, "[5 changed /p/n]", false, ""},
		{"exists, deleted", "/p/n", Exists, []txn.Op{remove("/p/n"), create("/p/y")}, "[5 deleted /p/n]", false, "[6 deleted /p/n]"},
		{"exists, came and went", "/p/x", Exists, []txn.Op{create("/p/x"), remove("/p/x")}, "[5 created /p/x]", false, "[6 deleted /p/x]"},
		{"exists, never there, the last child came with what was seen", "/q/x", Exists, []txn.Op{set("/p/n")}, "", true, ""},
		{"exists, never there", "/p/x", Exists, nil, "", true, ""},
		{"exists, never there, others came", "/p/x", Exists, []txn.Op{create("/p/y")}, "", true, "[5 deleted /p/x]"},
		{"children, one came", "/p/n", Children, []txn.Op{create("/p/n/c")}, "[5 children /p/n]", false, ""},
		{"children, none", "/p/n", Children, []txn.Op{set("/p/n")}, "", true, ""},
		{"children, deleted", "/p/n", Children, []txn.Op{remove("/p/n")}, "[5 deleted /p/n]", false, ""},
		{
			"persistent", "/p/n", Persistent,
			[]txn.Op{set("/p/n"), create("/p/n/c"), set("/p/n/c"), remove("/p/n/c"), remove("/p/n"), create("/p/n")},
			"[5 changed /p/n 6 children /p/n 8 children /p/n 9 deleted /p/n 10 created /p/n]", true, "COMPACTED",
		},
		{"persistent, gone", "/p/n", Persistent, []txn.Op{create("/p/n/c"), remove("/p/n/c"), remove("/p/n")}, "[5 children /p/n 6 children /p/n 7 deleted /p/n]", true, "COMPACTED"},
		{"persistent, nothing", "/p/n", Persistent, nil, "", true, ""},
		{"recursive", "/p", PersistentRecursive, []txn.Op{set("/p/n"), create("/p/n/c"), create("/pp"), set("/p")}, "[5 changed /p/n 6 created /p/n/c 8 changed /p]", true, "COMPACTED"},
	} {
		for _, history := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, history %v", tc.name, history), func(t *testing.T) {
				s := newStage(t, Config{})
				s.do(create("/p"), create("/p/n"), create("/p/gone"), create("/q")) // 4
				s.do(tc.ops...)
				want, left := tc.want, tc.left
				if !history && s.version.Zxid() > after {
					s.history.restart(s.version.Zxid())
				}
				if !history && tc.lost != "" {
					want, left = tc.lost, false
				}
				e := s.ear(nil)
				err := e.back(tc.path, tc.mode, after)
				if want == "COMPACTED" {
					wantKind(t, err, fault.Compacted)
					e.hears(t)
				} else {
					checkBack(t, s, e, err, want)
				}
				if got := len(e.points) == 1; got != left {
					t.Errorf("the watch is left: %v", got)
				}
			})
		}
	}
}

// checkBack fails unless the watch came back with these events.
func checkBack(t *testing.T, s *stage, e *ear, err error, want string) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	last := len(e.told) - 1
	if e.told[last] != fmt.Sprintf("left at %d", s.version.Zxid()) {
		t.Fatalf("told %q", e.told)
	}
	got := ""
	if last > 0 {
		got = fmt.Sprint(e.told[:last])
	}
	if got != want {
		t.Errorf("told %q, want %q", got, want)
	}
}

// A history longer than what is looked at under one lock is looked at to its end, and what happens after it is told by the watch.
func TestLongPast(t *testing.T) {
	s := newStage(t, Config{})
	s.do(create("/a"), create("/b"))
	for i := range 5000 {
		s.do(set("/b"))
		if i%1000 == 0 {
			s.do(set("/a"))
		}
	}
	e := s.ear(nil)
	if err := e.back("/a", Persistent, 2); err != nil {
		t.Fatal(err)
	}
	s.do(set("/a"))
	if len(e.told) != 7 || e.told[6] != "5008 changed /a" || e.told[0] != "4 changed /a" {
		t.Errorf("told %q", e.told)
	}
}

func TestComingBackIsJudgedByREAD(t *testing.T) {
	s := newStage(t, Config{})
	s.do(createFor("/b", "bob"), create("/b/x"), create("/o"), createFor("/o/y", "bob"))                                 // 4
	s.do(set("/b"), set("/b/x"), set("/o/y"), create("/o/z"), remove("/b/x"), remove("/o/y"), remove("/o/z"), set("/o")) // 12
	for who, want := range map[string][2]string{
		"bob": {"[5 changed /b 6 changed /b/x 7 changed /o/y 8 created /o/z 9 deleted /b/x 10 deleted /o/y 11 deleted /o/z 12 changed /o]", "[5 changed /b 9 children /b]"},
		"eve": {"[6 changed /b/x 8 created /o/z 9 deleted /b/x 11 deleted /o/z 12 changed /o]", ""},
	} {
		e := s.ear(user(who))
		checkBack(t, s, e, e.back("/", PersistentRecursive, 4), want[0])
		e = s.ear(user(who))
		checkBack(t, s, e, e.back("/b", Persistent, 4), want[1])
		e = s.ear(user(who))
		if err := e.back("/b", Data, 4); err != nil || len(e.points) != 0 || (len(e.told) == 2) != (who == "bob") {
			t.Errorf("%s: %v, %q", who, err, e.told)
		}
	}
}

func TestComingBackIsRefused(t *testing.T) {
	s := newStage(t, Config{MaxWatches: 1})
	s.do(create("/a"), create("/b"))
	e := s.ear(nil).on(t, "/b", Data)
	for _, m := range []Mode{Data, Persistent} {
		wantKind(t, e.back("/b", m, 3), fault.Unavailable)
		wantKind(t, e.back("/a", m, 1), fault.Overloaded)
	}
	wantKind(t, e.back("/a", Data|Exists, 1), fault.BadArguments)
	e.hears(t)
	for range maxMissed + 1 {
		s.do(set("/b"))
	}
	if s.Stats().Base > 2 {
		t.Fatal("the history is too short for this test")
	}
	e = s.ear(nil)
	wantKind(t, e.back("/b", Persistent, 2), fault.Compacted)
	if e.hears(t); len(e.points) != 0 {
		t.Error("the watch is left")
	}
}
