package quorum

import (
	"slices"

	"github.com/quorate/quorate/store/txn"
)

// Majority is a quorum system: the voters, of which more than half are a quorum.
// Ids occur once; their order does not matter. Without voters there is no quorum.
type Majority []txn.ServerID

// Of returns the quorum system of a membership: the majority of its voters.
func Of(m txn.Membership) Majority {
	var voters Majority
	for _, member := range m.Members {
		if member.Role != txn.Observer {
			voters = append(voters, member.ID)
		}
	}
	return voters
}

// Size returns how many voters make a quorum.
func (m Majority) Size() int { return len(m)/2 + 1 }

// Has tells whether id votes.
func (m Majority) Has(id txn.ServerID) bool { return slices.Contains(m, id) }

// Reached tells whether the voters for which has is true are a quorum.
func (m Majority) Reached(has func(txn.ServerID) bool) bool {
	n := 0
	for _, id := range m {
		if has(id) {
			n++
		}
	}
	return n >= m.Size()
}

// Committed returns the greatest zxid that a quorum has made durable, given the
// durable watermark of each voter (0 for one that has said nothing).
func (m Majority) Committed(durable func(txn.ServerID) txn.Zxid) txn.Zxid {
	if len(m) == 0 {
		return 0
	}
	var few [7]txn.Zxid // the usual ensembles need no allocation
	marks := few[:0]
	for _, id := range m {
		marks = append(marks, durable(id))
	}
	return majority(marks)
}

// majority returns the greatest mark that more than half of them have reached. It sorts them.
func majority(marks []txn.Zxid) txn.Zxid {
	slices.Sort(marks)
	return marks[(len(marks)-1)/2]
}
