package eventtest

import (
	"errors"
	"time"

	"github.com/quorate/quorate/peer"
	"github.com/quorate/quorate/peer/resync"
	"github.com/quorate/quorate/store/txn"
)

// All returns an example of each event, with every field set.
func All() []peer.Event {
	z, why := txn.MakeZxid(3, 7), errors.New("the cause")
	return []peer.Event{
		peer.RoleChanged{Role: peer.Looking, Reason: "the reason"},
		peer.EpochAccepted{Epoch: 3},
		peer.EpochCurrent{Epoch: 3},
		peer.Established{Epoch: 3, Committed: z, Tail: 4},
		peer.Founded{Membership: txn.Membership{Ensemble: 5, Members: []txn.Member{{ID: 1}}}},
		peer.Resigned{Epoch: 3, Cause: why},
		peer.LearnerCame{ID: 2, Accepted: 3, Counts: true},
		peer.LearnerPromised{ID: 2, Current: 3, Last: z, Counts: true},
		peer.LearnerPlanned{ID: 2, Plan: resync.Plan{Kind: resync.Diff, After: z, Reason: resync.Behind}, Mark: z},
		peer.LearnerSynced{ID: 2, Kind: resync.Snap, Took: time.Second, Bytes: 1 << 20},
		peer.LearnerServes{ID: 2, Committed: z},
		peer.LearnerGone{ID: 2, Cause: why},
		peer.Readmitting{ID: 2, Storage: 6},
		peer.LeaderMet{Leader: 1, Epoch: 3, Counts: true},
		peer.Resyncing{Kind: resync.Trunc, After: z},
		peer.SnapshotInstalled{Zxid: z, Took: time.Second},
		peer.HistoryDurable{Last: z},
		peer.UpToDate{Committed: z},
		peer.LeaderLost{Leader: 1, Cause: why},
		peer.Electing{},
		peer.Elected{Leader: 1, Round: 2},
		peer.NotificationRefused{From: 2, Err: why},
		peer.PeerReached{ID: 2, RoundTrip: time.Millisecond},
		peer.PeerUnreachable{ID: 2, Cause: why},
		peer.CallRefused{Remote: "10.0.0.1:9", Method: "/quorate.quorum.v1.Learner/Sync", Cause: why},
		peer.CallPanicked{Method: "/quorate.quorum.v1.Learner/Sync", Value: "panic", Stack: []byte("stack")},
	}
}
