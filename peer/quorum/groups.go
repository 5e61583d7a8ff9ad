package quorum

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/quorate/quorate/store/txn"
)

// MaxWeight is the greatest weight of a server, such that no sum of weights overflows.
const MaxWeight int64 = 1 << 32

// Groups is a hierarchical quorum system: the voters lie in groups (data centres,
// say) and have weights. A group agrees when servers with more than half of its
// weight do, and the groups that agree are a quorum when they are more than half
// of the groups. A group without any weight does not count, nor does a server of
// weight 0. It is ZooKeeper's group.N and weight.N (QuorumHierarchical).
//
// The zero value has no voters. Make one with [NewGroups]; it does not change.
type Groups struct {
	groups []group // those with weight only
}

// group is the voters of a group that have weight.
type group struct {
	voters []voter
	weight int64 // of all of them
}

type voter struct {
	id     txn.ServerID
	weight int64
}

// NewGroups puts the voters of a membership into groups. A voter without an entry
// in weights weighs 1. Every voter must be in exactly one group and nobody else in any, weights
// are for voters and lie between 0 and [MaxWeight], and somebody must weigh something;
// otherwise the error says in a sentence what is wrong.
func NewGroups(voters []txn.ServerID, groups [][]txn.ServerID, weights map[txn.ServerID]int64) (Groups, error) {
	if err := checkGroups(voters, groups); err != nil {
		return Groups{}, err
	}
	if err := checkWeights(voters, weights); err != nil {
		return Groups{}, err
	}
	var q Groups
	for _, ids := range groups {
		if g := newGroup(ids, weights); g.weight > 0 {
			q.groups = append(q.groups, g)
		}
	}
	if len(q.groups) == 0 {
		return Groups{}, errors.New("no server has a weight above 0, so nothing could ever be a quorum")
	}
	return q, nil
}

// newGroup leaves out who weighs nothing.
func newGroup(ids []txn.ServerID, weights map[txn.ServerID]int64) group {
	var g group
	for _, id := range ids {
		w, said := weights[id]
		if !said {
			w = 1
		}
		if w > 0 {
			g.voters = append(g.voters, voter{id, w})
			g.weight += w
		}
	}
	return g
}

// checkGroups sees that every voter is in exactly one group, and nobody else in any.
func checkGroups(voters []txn.ServerID, groups [][]txn.ServerID) error {
	in := map[txn.ServerID]int{} // counted from 1
	for i, ids := range groups {
		if len(ids) == 0 {
			return fmt.Errorf("group %d has no servers", i+1)
		}
		for _, id := range ids {
			switch {
			case !slices.Contains(voters, id):
				return fmt.Errorf("server %d is in group %d and is not a voter of the ensemble: only voters are grouped", id, i+1)
			case in[id] == i+1:
				return fmt.Errorf("server %d is in group %d twice", id, i+1)
			case in[id] != 0:
				return fmt.Errorf("server %d is in group %d and in group %d: every voter is in exactly one", id, in[id], i+1)
			}
			in[id] = i + 1
		}
	}
	for _, id := range voters {
		if in[id] == 0 {
			return fmt.Errorf("server %d is in no group: every voter is in exactly one", id)
		}
	}
	return nil
}

// checkWeights sees that weights are for voters, and within bounds.
func checkWeights(voters []txn.ServerID, weights map[txn.ServerID]int64) error {
	for _, id := range slices.Sorted(maps.Keys(weights)) {
		switch w := weights[id]; {
		case !slices.Contains(voters, id):
			return fmt.Errorf("there is a weight for server %d, which is not a voter of the ensemble", id)
		case w < 0 || w > MaxWeight:
			return fmt.Errorf("the weight of server %d is %d: it must be between 0 and %d", id, w, MaxWeight)
		}
	}
	return nil
}

// Has tells whether id votes: whether it weighs anything. One that does not can be no leader either.
func (q Groups) Has(id txn.ServerID) bool {
	return slices.ContainsFunc(q.groups, func(g group) bool {
		return slices.ContainsFunc(g.voters, func(v voter) bool { return v.id == id })
	})
}

// Reached tells whether the voters for which has is true are a quorum.
func (q Groups) Reached(has func(txn.ServerID) bool) bool {
	n := 0
	for _, g := range q.groups {
		if g.reached(has) {
			n++
		}
	}
	return n > len(q.groups)/2
}

func (g group) reached(has func(txn.ServerID) bool) bool {
	var w int64
	for _, v := range g.voters {
		if has(v.id) {
			w += v.weight
		}
	}
	return w > g.weight/2
}

// Committed returns the greatest zxid that a quorum has made durable, given the
// durable watermark of each voter (0 for one that has said nothing): of each group
// the mark that more than half of its weight has reached, of these the one that more
// than half of the groups have.
func (q Groups) Committed(durable func(txn.ServerID) txn.Zxid) txn.Zxid {
	if len(q.groups) == 0 {
		return 0
	}
	var few [7]txn.Zxid // the usual ensembles need no allocation
	marks := few[:0]
	for _, g := range q.groups {
		marks = append(marks, g.committed(durable))
	}
	return majority(marks)
}

// committed goes down the marks until their servers weigh more than half.
func (g group) committed(durable func(txn.ServerID) txn.Zxid) txn.Zxid {
	type mark struct {
		at     txn.Zxid
		weight int64
	}
	var few [7]mark
	marks := few[:0]
	for _, v := range g.voters {
		marks = append(marks, mark{durable(v.id), v.weight})
	}
	slices.SortFunc(marks, func(a, b mark) int { return cmp.Compare(b.at, a.at) })
	var w int64
	for _, m := range marks {
		if w += m.weight; w > g.weight/2 {
			return m.at
		}
	}
	return 0
}

// String returns the groups with their servers, a weight other than 1 behind its
// server: (1 2 3) (4×5 5 6).
func (q Groups) String() string {
	var all []string
	for _, g := range q.groups {
		var one []string
		for _, v := range g.voters {
			if v.weight == 1 {
				one = append(one, fmt.Sprint(v.id))
			} else {
				one = append(one, fmt.Sprintf("%d×%d", v.id, v.weight))
			}
		}
		all = append(all, "("+strings.Join(one, " ")+")")
	}
	return strings.Join(all, " ")
}
