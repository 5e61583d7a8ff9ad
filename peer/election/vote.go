package election

import (
	"cmp"
	"fmt"

	"github.com/quorate/quorate/store/txn"
)

// Round numbers the elections a server takes part in, from 1: ZooKeeper's election
// epoch, or logical clock. It is not durable. Votes of different rounds are never
// counted together, so that what was said before a leader was lost cannot bring it back.
type Round uint64

// MaxJump is the farthest a round may be beyond our own: more than any ensemble sees
// in its life, and so little that a faulty sender cannot use the numbers up.
const MaxJump Round = 1 << 32

// Vote names a candidate with what it stands on. The zero Vote is no vote. Votes are
// equal when they are equal in every field. Each originates at the candidate itself.
type Vote struct {
	// Leader is the candidate.
	Leader txn.ServerID
	// Epoch is the candidate's current epoch: the last in which it has acknowledged NewLeader.
	Epoch txn.Epoch
	// Zxid is the last txn the candidate has logged, durably; not the last applied.
	Zxid txn.Zxid
	// Storage is the identity of the candidate's data directory (P6). It has no part in the order.
	Storage txn.StorageID
}

// Beats tells whether v is preferred to w: by current epoch, then last logged zxid,
// then id. Every vote beats no vote. It asks for no permission: whether a candidate may
// be elected is the [Machine]'s to say.
func (v Vote) Beats(w Vote) bool {
	return cmp.Or(cmp.Compare(v.Epoch, w.Epoch), cmp.Compare(v.Zxid, w.Zxid), cmp.Compare(v.Leader, w.Leader)) > 0
}

// String gives the vote as "3 (epoch 2, 2.17)", or "nobody".
func (v Vote) String() string {
	if v.Leader == 0 {
		return "nobody"
	}
	return fmt.Sprintf("%d (epoch %d, %v)", v.Leader, v.Epoch, v.Zxid)
}
