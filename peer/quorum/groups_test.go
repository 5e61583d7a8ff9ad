package quorum_test

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/quorate/quorate/internal/golden"
	"github.com/quorate/quorate/peer/quorum"
	"github.com/quorate/quorate/store/txn"
)

type (
	ids    = []txn.ServerID
	weigh  = map[txn.ServerID]int64
	marked = map[txn.ServerID]txn.Zxid
)

// arrangement is a way to group and weigh servers, with the definition of a
// quorum written down as it is read, to hold Groups against.
type arrangement struct {
	groups  []ids
	weights weigh
}

func (a arrangement) voters() ids {
	var all ids
	for _, g := range a.groups {
		all = append(all, g...)
	}
	return all
}

func (a arrangement) weight(g ids, has func(txn.ServerID) bool) (w int64) {
	for _, id := range g {
		if has(id) {
			w += a.weights[id]
		}
	}
	return w
}

// reached: more than half of the groups that weigh anything have more than half of their weight in the set.
func (a arrangement) reached(has func(txn.ServerID) bool) bool {
	count, agree := 0, 0
	for _, g := range a.groups {
		all := a.weight(g, func(txn.ServerID) bool { return true })
		if all == 0 {
			continue
		}
		count++
		if 2*a.weight(g, has) > all {
			agree++
		}
	}
	return 2*agree > count
}

// arrangements calls visit with every way to put the servers 1 to n into groups and
// to weigh them from 0 to heaviest, except where nobody weighs anything.
func arrangements(t *testing.T, n int, heaviest int64, visit func(arrangement, quorum.Groups)) {
	t.Helper()
	a := arrangement{weights: weigh{}}
	var place, load func(id int)
	place = func(id int) {
		if id > n {
			load(1)
			return
		}
		for i := range a.groups {
			a.groups[i] = append(a.groups[i], txn.ServerID(id))
			place(id + 1)
			a.groups[i] = a.groups[i][:len(a.groups[i])-1]
		}
		a.groups = append(a.groups, ids{txn.ServerID(id)})
		place(id + 1)
		a.groups = a.groups[:len(a.groups)-1]
	}
	load = func(id int) {
		if id <= n {
			for w := range heaviest + 1 {
				a.weights[txn.ServerID(id)] = w
				load(id + 1)
			}
			return
		}
		q, err := quorum.NewGroups(a.voters(), a.groups, a.weights)
		if none := a.weight(a.voters(), func(txn.ServerID) bool { return true }) == 0; none != (err != nil) {
			t.Fatalf("%v: %v", a, err)
		} else if !none {
			visit(a, q)
		}
	}
	place(1)
}

// in is a set of servers as the bits of a number.
func in(set int) func(txn.ServerID) bool {
	return func(id txn.ServerID) bool { return set>>(id-1)&1 == 1 }
}

// TestGroupsExhaustive holds every set of up to five servers, in all groups and
// weights, against the definition. Of a set and what it leaves out at most one is a
// quorum, and more servers are never less: so any two quorums share a server.
func TestGroupsExhaustive(t *testing.T) {
	for n := 1; n <= 5; n++ {
		arrangements(t, n, 2, func(a arrangement, q quorum.Groups) {
			all := 1<<n - 1
			for set := range all + 1 {
				got := q.Reached(in(set))
				if want := a.reached(in(set)); got != want {
					t.Fatalf("%v: %b reached %t, want %t", a, set, got, want)
				}
				if got && q.Reached(in(all&^set)) {
					t.Fatalf("%v: %b and %b are both quorums and share nobody", a, set, all&^set)
				}
				for id := range n {
					if got && !q.Reached(in(set|1<<id)) {
						t.Fatalf("%v: %b is a quorum, and with server %d it is none", a, set, id+1)
					}
				}
			}
			if !q.Reached(in(all)) || q.Reached(in(0)) {
				t.Fatalf("%v: all of them are no quorum, or nobody is one", a)
			}
		})
	}
}

// TestWhoWeighsNothingIsNotAsked: neither question looks at a server of weight 0.
func TestWhoWeighsNothingIsNotAsked(t *testing.T) {
	arrangements(t, 4, 1, func(a arrangement, q quorum.Groups) {
		asked := func(id txn.ServerID) {
			if a.weights[id] == 0 {
				t.Fatalf("%v: server %d was asked", a, id)
			}
		}
		q.Reached(func(id txn.ServerID) bool { asked(id); return true })
		q.Committed(func(id txn.ServerID) txn.Zxid { asked(id); return 1 })
		for _, id := range a.voters() {
			if q.Has(id) != (a.weights[id] > 0) {
				t.Fatalf("%v: Has(%d) %t", a, id, q.Has(id))
			}
		}
	})
}

// TestGroupsCommittedExhaustive holds Committed against its definition, the greatest
// mark that a quorum has reached, for every assignment of small marks.
func TestGroupsCommittedExhaustive(t *testing.T) {
	const top = 3
	for n := 1; n <= 4; n++ {
		arrangements(t, n, 2, func(a arrangement, q quorum.Groups) {
			for set := range 1 << (2 * n) {
				mark := func(id txn.ServerID) txn.Zxid { return txn.Zxid(set >> (2 * (id - 1)) & top) }
				want := txn.Zxid(0)
				for z := txn.Zxid(1); z <= top; z++ {
					if a.reached(func(id txn.ServerID) bool { return mark(id) >= z }) {
						want = z
					}
				}
				if got := q.Committed(mark); got != want {
					t.Fatalf("%v: marks %b committed %v, want %v", a, set, got, want)
				}
			}
		})
	}
}

// TestOneGroupIsAMajority: servers of equal weight in one group, or each in a group
// of its own, are a majority.
func TestOneGroupIsAMajority(t *testing.T) {
	for n := 1; n <= 6; n++ {
		m := voters(n)
		alone := make([]ids, n)
		for i, id := range m {
			alone[i] = ids{id}
		}
		for _, groups := range [][]ids{{ids(m)}, alone} {
			q, err := quorum.NewGroups(m, groups, nil)
			if err != nil {
				t.Fatal(err)
			}
			for set := range 1 << n {
				if q.Reached(in(set)) != m.Reached(in(set)) {
					t.Errorf("%v and a majority of %d disagree about %b", q, n, set)
				}
			}
		}
	}
}

// TestGroupsTable are the cases of ZooKeeper's HierarchicalQuorumTest and
// FLEZeroWeightTest (three groups of three; a group that weighs nothing), and some more.
func TestGroupsTable(t *testing.T) {
	three := []ids{{1, 2, 3}, {4, 5, 6}, {7, 8, 9}}
	light := weigh{7: 0, 8: 0, 9: 0}
	for _, tt := range []struct {
		name    string
		groups  []ids
		weights weigh
		set     ids
		want    bool
	}{
		{"two of three in two of three groups", three, nil, ids{1, 2, 4, 5}, true},
		{"five of nine in the wrong places: one group and one of each other", three, nil, ids{1, 2, 3, 4, 7}, false},
		{"four of nine in the right places", three, nil, ids{2, 3, 8, 9}, true},
		{"a group that weighs nothing is none: one of two agrees", three, light, ids{1, 2, 7, 8, 9}, false},
		{"a group that weighs nothing is none: both agree", three, light, ids{1, 2, 4, 5}, true},
		{"half the weight is not enough", []ids{{1, 2}}, weigh{1: 2, 2: 2}, ids{1}, false},
		{"more than half the weight alone", []ids{{1, 2, 3}}, weigh{1: 3}, ids{1}, true},
		{"two groups: both", []ids{{1}, {2, 3, 4}}, nil, ids{2, 3, 4}, false},
		{"two groups: both agree", []ids{{1}, {2, 3, 4}}, nil, ids{1, 2, 4}, true},
		{"the heaviest do not overflow", []ids{{1, 2, 3}}, weigh{1: quorum.MaxWeight, 2: quorum.MaxWeight, 3: quorum.MaxWeight}, ids{1, 3}, true},
	} {
		q, err := quorum.NewGroups(arrangement{groups: tt.groups}.voters(), tt.groups, tt.weights)
		if err != nil {
			t.Fatalf("%s: %v", tt.name, err)
		}
		got := q.Reached(func(id txn.ServerID) bool { return slices.Contains(tt.set, id) })
		if got != tt.want {
			t.Errorf("%s: %v with %v: reached %t, want %t", tt.name, q, tt.set, got, tt.want)
		}
	}
}

// TestGroupsRefused: what cannot be meant is refused, in a sentence.
func TestGroupsRefused(t *testing.T) {
	members := ids{1, 2, 3}
	for _, tt := range []struct {
		groups  []ids
		weights weigh
		want    string
	}{
		{[]ids{{1, 2}}, nil, "server 3 is in no group: every voter is in exactly one"},
		{nil, nil, "server 1 is in no group: every voter is in exactly one"},
		{[]ids{{1, 2}, {2, 3}}, nil, "server 2 is in group 1 and in group 2: every voter is in exactly one"},
		{[]ids{{1, 2, 3, 1}}, nil, "server 1 is in group 1 twice"},
		{[]ids{{1, 2, 3}, {4}}, nil, "server 4 is in group 2 and is not a voter of the ensemble: only voters are grouped"},
		{[]ids{{1, 2, 3}, {}}, nil, "group 2 has no servers"},
		{[]ids{members}, weigh{2: -1}, "the weight of server 2 is -1: it must be between 0 and 4294967296"},
		{[]ids{members}, weigh{3: quorum.MaxWeight + 1}, "the weight of server 3 is 4294967297: it must be between 0 and 4294967296"},
		{[]ids{members}, weigh{9: 1}, "there is a weight for server 9, which is not a voter of the ensemble"},
		{[]ids{members}, weigh{0: 1}, "there is a weight for server 0, which is not a voter of the ensemble"},
		{[]ids{members}, weigh{1: 0, 2: 0, 3: 0}, "no server has a weight above 0, so nothing could ever be a quorum"},
	} {
		_, err := quorum.NewGroups(members, tt.groups, tt.weights)
		if err == nil || err.Error() != tt.want {
			t.Errorf("groups %v weights %v:\nerror %v\nwant  %s", tt.groups, tt.weights, err, tt.want)
		}
	}
}

func TestZeroGroups(t *testing.T) {
	var q quorum.Groups
	if q.Reached(in(-1)) || q.Has(1) || q.Committed(func(txn.ServerID) txn.Zxid { return 9 }) != 0 {
		t.Error("a quorum without voters")
	}
}

// TestCommittedAllocatesNothing: the usual ensembles ask it for each acknowledgement.
func TestCommittedAllocatesNothing(t *testing.T) {
	q, err := quorum.NewGroups(voters(6), []ids{{1, 2, 3}, {4, 5, 6}}, weigh{1: 2})
	if err != nil {
		t.Fatal(err)
	}
	marks := [7]txn.Zxid{1: 5, 2: 4, 3: 3, 4: 9, 5: 8, 6: 7}
	durable := func(id txn.ServerID) txn.Zxid { return marks[id] }
	for _, s := range []quorum.System{voters(6), q, quorum.Systems{q, voters(5)}} {
		if n := testing.AllocsPerRun(100, func() { s.Committed(durable) }); n > 0 {
			t.Errorf("%v: %v allocations", s, n)
		}
	}
}

// TestGroupDrawings draws the watermarks of telling cases, group by group, and what is committed.
func TestGroupDrawings(t *testing.T) {
	var out strings.Builder
	three := []ids{{1, 2, 3}, {4, 5, 6}, {7, 8, 9}}
	for _, c := range []struct {
		title   string
		groups  []ids
		weights weigh
		marks   marked
	}{
		{"three data centres: two of them are enough", three, nil, marked{1: 9, 2: 7, 3: 2, 4: 8, 5: 6, 6: 6, 7: 1, 8: 1, 9: 0}},
		{"one has everything, the others hardly anything", three, nil, marked{1: 9, 2: 9, 3: 9, 4: 9, 7: 9}},
		{"a witness that weighs nothing", []ids{{1, 2}, {3, 4}, {5}}, weigh{5: 0}, marked{1: 7, 2: 6, 3: 5, 4: 4, 5: 9}},
		{"a heavy server decides for its group", []ids{{1, 2, 3}, {4}}, weigh{1: 3}, marked{1: 6, 2: 8, 3: 8, 4: 9}},
		{"two groups: the slower one decides", []ids{{1, 2, 3}, {4, 5, 6}}, nil, marked{1: 9, 2: 9, 3: 9, 4: 3, 5: 2, 6: 1}},
	} {
		drawGroups(t, &out, c.title, arrangement{c.groups, c.weights}, c.marks)
	}
	golden.Check(t, *rewrite, filepath.Join("testdata", "groups.txt"), out.String())
}

func drawGroups(t *testing.T, out *strings.Builder, title string, a arrangement, marks marked) {
	t.Helper()
	durable := func(id txn.ServerID) txn.Zxid { return marks[id] }
	q, err := quorum.NewGroups(a.voters(), a.groups, a.weights)
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(out, "%s: %v\n", title, q)
	for i, g := range a.groups {
		verdict := "does not count"
		if one, err := quorum.NewGroups(g, []ids{g}, only(a.weights, g)); err == nil {
			verdict = fmt.Sprintf("has %d", one.Committed(durable))
		}
		fmt.Fprintf(out, "  group %d %s\n", i+1, verdict)
		for _, id := range g {
			fmt.Fprintf(out, "    %d |%s> %d\n", id, strings.Repeat("=", int(marks[id])), marks[id])
		}
	}
	committed := q.Committed(durable)
	fmt.Fprintf(out, "      %s^ %d committed\n\n", strings.Repeat(" ", int(committed)+1), committed)
}

// only returns the weights of the servers of one group.
func only(weights weigh, g ids) weigh {
	few := weigh{}
	for _, id := range g {
		if w, ok := weights[id]; ok {
			few[id] = w
		}
	}
	return few
}
