package quorum_test

import (
	"testing"

	"github.com/quorate/quorate/peer/quorum"
	"github.com/quorate/quorate/store/txn"
)

// The two implementations, and the one that joins them.
var (
	_ quorum.System = quorum.Majority(nil)
	_ quorum.System = quorum.Groups{}
	_ quorum.System = quorum.Systems(nil)
)

// TestSystemsAgreeInAll: while one membership replaces another, what is reached and
// committed is what is so in each of them, for every set and all small marks.
func TestSystemsAgreeInAll(t *testing.T) {
	grouped, err := quorum.NewGroups(ids{1, 2, 3}, []ids{{1}, {2, 3}}, weigh{2: 2})
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []quorum.Systems{
		{quorum.Majority{1, 2, 3}},
		{quorum.Majority{1, 2, 3}, quorum.Majority{2, 3, 4}},
		{quorum.Majority{1, 2}, quorum.Majority{3, 4}},
		{quorum.Majority{1, 2, 3, 4}, grouped, quorum.Majority{1}},
	} {
		for set := range 1 << 4 {
			want := true
			for _, q := range s {
				want = want && q.Reached(in(set))
			}
			if got := s.Reached(in(set)); got != want {
				t.Errorf("%v: %b reached %t, want %t", s, set, got, want)
			}
		}
		for set := range 1 << 8 {
			mark := func(id txn.ServerID) txn.Zxid { return txn.Zxid(set >> (2 * (id - 1)) & 3) }
			want := txn.Zxid(0)
			for z := txn.Zxid(1); z <= 3; z++ {
				if s.Reached(func(id txn.ServerID) bool { return mark(id) >= z }) {
					want = z
				}
			}
			if got := s.Committed(mark); got != want {
				t.Errorf("%v: marks %b committed %v, want %v", s, set, got, want)
			}
		}
	}
}

func TestSystemsHas(t *testing.T) {
	s := quorum.Systems{quorum.Majority{1, 2}, quorum.Majority{2, 3}}
	for id, want := range map[txn.ServerID]bool{1: true, 2: true, 3: true, 4: false} {
		if s.Has(id) != want {
			t.Errorf("Has(%d) %t", id, !want)
		}
	}
}

// TestNoSystemIsNoQuorum: without a membership nothing is agreed, not everything.
func TestNoSystemIsNoQuorum(t *testing.T) {
	for _, s := range []quorum.Systems{nil, {quorum.Majority{}}, {quorum.Majority{1}, quorum.Majority{}}} {
		if s.Reached(in(-1)) || s.Committed(func(txn.ServerID) txn.Zxid { return 9 }) != 0 {
			t.Errorf("%v agreed", s)
		}
	}
}
