package tree

import (
	"iter"
	"sort"

	"github.com/quorate/quorate/store/txn"
)

// Size returns how many bytes all nodes take, each as [Node.Size] has it.
func (s *state) Size() int { return s.size }

// leastSession is not above the holder of any ephemeral node: kinds of nodes that the leader sweeps are less, ids of sessions are
// greater, since they have a server in their top byte.
const leastSession txn.SessionID = 1 << 8

// EphemeralCount returns how many ephemeral nodes there are. It costs a few look-ups, however many there are.
func (s *state) EphemeralCount() int {
	all := s.owned.Len()
	return all - sort.Search(all, func(i int) bool {
		o, _ := s.owned.GetAt(i)
		return o.holder >= leastSession
	})
}

// AllEphemerals returns all ephemeral nodes with their sessions: sorted by session, and then by path.
func (s *state) AllEphemerals() iter.Seq2[txn.SessionID, string] {
	return func(yield func(txn.SessionID, string) bool) {
		s.owned.Ascend(ownedNode{holder: leastSession}, func(o ownedNode) bool { return yield(o.holder, o.path) })
	}
}
