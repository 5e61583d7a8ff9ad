package quorum_test

import (
	"flag"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/quorate/quorate/internal/golden"
	"github.com/quorate/quorate/peer/quorum"
	"github.com/quorate/quorate/store/txn"
)

var rewrite = flag.Bool("rewrite", false, "rewrite the golden drawings")

func voters(n int) quorum.Majority {
	var m quorum.Majority
	for i := range n {
		m = append(m, txn.ServerID(i+1))
	}
	return m
}

// TestCommittedExhaustive holds Committed against its definition (the greatest
// mark that enough voters have reached) for every assignment of small marks to
// up to five voters.
func TestCommittedExhaustive(t *testing.T) {
	const top = 4
	for n := range 6 {
		m := voters(n)
		marks := make([]txn.Zxid, n)
		var visit func(i int)
		visit = func(i int) {
			if i < n {
				for z := txn.Zxid(0); z <= top; z++ {
					marks[i] = z
					visit(i + 1)
				}
				return
			}
			got := m.Committed(func(id txn.ServerID) txn.Zxid { return marks[id-1] })
			if want := slowCommitted(m, marks, top); got != want {
				t.Fatalf("%d voters at %v: committed %v, want %v", n, marks, got, want)
			}
		}
		visit(0)
	}
}

func slowCommitted(m quorum.Majority, marks []txn.Zxid, top txn.Zxid) txn.Zxid {
	for z := top; z > 0; z-- {
		if m.Reached(func(id txn.ServerID) bool { return marks[id-1] >= z }) {
			return z
		}
	}
	return 0
}

// TestQuorumsIntersect: any two quorums of the same voters share a server. All
// of ZAB rests on it.
func TestQuorumsIntersect(t *testing.T) {
	for n := 1; n <= 7; n++ {
		m := voters(n)
		in := func(set int) func(txn.ServerID) bool {
			return func(id txn.ServerID) bool { return set>>(id-1)&1 == 1 }
		}
		for a := range 1 << n {
			for b := range 1 << n {
				if m.Reached(in(a)) && m.Reached(in(b)) && a&b == 0 {
					t.Fatalf("%d voters: %b and %b are both quorums and share nobody", n, a, b)
				}
			}
		}
	}
}

func TestNobodyIsNoQuorum(t *testing.T) {
	var none quorum.Majority
	if none.Reached(func(txn.ServerID) bool { return true }) {
		t.Error("a quorum without voters")
	}
	if z := none.Committed(func(txn.ServerID) txn.Zxid { return 9 }); z != 0 {
		t.Errorf("%v committed without voters", z)
	}
}

func TestOfCountsVotersOnly(t *testing.T) {
	m := quorum.Of(txn.Membership{Members: []txn.Member{{ID: 1, Role: txn.Voter}, {ID: 2}, {ID: 3, Role: txn.Observer}}})
	if fmt.Sprint(m) != "[1 2]" {
		t.Errorf("voters %v, want 1 and 2: an observer does not vote", m)
	}
	if m.Has(3) || !m.Has(2) {
		t.Error("Has disagrees with the list")
	}
}

// TestDrawings draws the watermarks of telling cases and what is committed.
// Run with -rewrite after a change, and read the diff.
func TestDrawings(t *testing.T) {
	var out strings.Builder
	for _, marks := range [][]txn.Zxid{{5}, {5, 0}, {5, 3}, {7, 5, 0}, {7, 7, 2}, {9, 5, 3, 7, 1}, {8, 8, 0, 0, 0}, {8, 8, 8, 0, 0}} {
		draw(&out, marks)
	}
	golden.Check(t, *rewrite, filepath.Join("testdata", "committed.txt"), out.String())
}

func draw(out *strings.Builder, marks []txn.Zxid) {
	m := voters(len(marks))
	committed := m.Committed(func(id txn.ServerID) txn.Zxid { return marks[id-1] })
	fmt.Fprintf(out, "%d voters, quorum of %d\n", len(m), m.Size())
	for i, z := range marks {
		fmt.Fprintf(out, "  %d |%s> %d\n", i+1, strings.Repeat("=", int(z)), z)
	}
	fmt.Fprintf(out, "    %s^ %d committed\n\n", strings.Repeat(" ", int(committed)+1), committed)
}
