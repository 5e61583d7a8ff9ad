package watch

import (
	"fmt"
	"slices"
	"testing"

	"github.com/quorate/quorate/store/txn"
)

// TestWalk tells the watches of sessions, and not those of anybody else.
func TestWalk(t *testing.T) {
	s := newStage(t, Config{})
	one, two, none, idle := s.ear(nil), s.ear(nil), s.ear(nil), s.ear(nil)
	one.Belongs(1)
	two.Belongs(2)
	idle.Belongs(3)
	one.on(t, "/b", Data, Children).on(t, "/a", Exists)
	two.on(t, "/a", PersistentRecursive)
	none.on(t, "/a", Data)
	follow, _, err := s.Follow("/", true, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer follow.Close()
	walked := func() (all []string) {
		s.Walk(func(id txn.SessionID, paths []string) { all = append(all, fmt.Sprint(uint64(id), paths)) })
		slices.Sort(all)
		return all
	}
	if got, want := walked(), []string{"1 [/a /b]", "2 [/a]"}; !slices.Equal(got, want) {
		t.Errorf("walked %q, want %q", got, want)
	}
	if n := s.Watching(); n != 3 {
		t.Errorf("%d are watching", n)
	}
	one.Close()
	two.Remove("/a", PersistentRecursive)
	if got := walked(); got != nil || s.Watching() != 1 {
		t.Errorf("walked %q, %d are watching", got, s.Watching())
	}
}
