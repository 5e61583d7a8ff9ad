package watch

import (
	"fmt"
	"strings"
	"testing"

	"github.com/quorate/quorate/store/fault"
	"github.com/quorate/quorate/store/txn"
)

// Watches that come back together are told what one watcher that had stayed would have been told: in its order, and each event once.
func TestWatchesComeBackTogether(t *testing.T) {
	s := newStage(t, Config{})
	s.do(create("/p"), create("/p/n"), create("/q"), createFor("/p/secret", "bob")) // 4
	had := map[string]Mode{"/p": Persistent | PersistentRecursive, "/p/n": Persistent, "/q": Persistent, "/none": Persistent}
	stays, back := s.ear(nil), s.ear(nil)
	for path, modes := range had {
		for _, m := range []Mode{Persistent, PersistentRecursive} {
			if modes&m != 0 {
				stays.on(t, path, m)
			}
		}
	}
	s.do(set("/p/n"), create("/p/n/c"), set("/p/secret"), set("/q"), remove("/p/n/c"), remove("/q"), create("/r"), remove("/p/n"))
	if err := back.ComeBack(had, 4); err != nil {
		t.Fatal(err)
	}
	s.do(create("/p/n"), create("/q"))
	if len(stays.told) < 9 || strings.Contains(fmt.Sprint(stays.told), "secret") {
		t.Fatalf("who stayed was told %q", stays.told)
	}
	back.hears(t, stays.told...)
}

// What the history does not hold, and too much of what it holds, is not told; the watches are left all the same.
func TestWatchesComeBackLate(t *testing.T) {
	late := newStage(t, Config{})
	late.jump(create("/p"), create("/q"))
	busy := newStage(t, Config{})
	busy.do(create("/p"))
	for range 101 {
		var ops []txn.Op
		for range 1000 {
			ops = append(ops, set("/p"))
		}
		busy.do(multi(ops...))
	}
	for name, s := range map[string]*stage{"late": late, "busy": busy} {
		e := s.ear(nil)
		if err := e.ComeBack(map[string]Mode{"/p": Persistent}, 1); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		e.hears(t)
		s.do(set("/p"))
		e.hears(t, "changed /p")
	}
	e := late.ear(nil)
	wantKind(t, e.ComeBack(nil, 100), fault.Unavailable)
}

// A few watches on long paths are as much as many on short ones.
func TestLongPathsAreBounded(t *testing.T) {
	s := newStage(t, Config{MaxWatches: 10})
	e := s.ear(nil)
	long := func(i int) string { return fmt.Sprintf("/%d", i) + strings.Repeat("x", 10*pathBytes/3-2) }
	e.on(t, long(1), Data).on(t, long(2), Data).on(t, long(2), Children).on(t, long(3), Data)
	wantKind(t, e.Add(long(4), Data, 0, func(txn.Zxid) {}), fault.Overloaded)
	if !e.Remove(long(1), Data) {
		t.Fatal("there is no watch")
	}
	e.on(t, long(4), Data)
	wantKind(t, e.ComeBack(map[string]Mode{long(5): Persistent}, 0), fault.Overloaded)
}
