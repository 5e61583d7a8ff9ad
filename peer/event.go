package peer

import (
	"fmt"
	"time"

	"github.com/quorate/quorate/peer/resync"
	"github.com/quorate/quorate/store/txn"
)

// Event is an observable step of the protocol. The package logs and counts nothing
// itself: loggers, metrics and the traces of tests listen. Listeners are called on the
// goroutine that made the step, those of one stream in order; they must not block.
// String is the step as a line that a person reads.
type Event interface {
	// String returns the step as a line.
	String() string
}

type (
	// RoleChanged: this server took a role; Reason says why it has no leader.
	RoleChanged struct {
		Role   Role
		Reason string
	}
	// EpochAccepted: the epoch is durable as the accepted one.
	EpochAccepted struct{ Epoch txn.Epoch }
	// EpochCurrent: the epoch is durable as the current one, after the log it stands on.
	EpochCurrent struct{ Epoch txn.Epoch }
	// Established: a quorum has acknowledged this leader; all of its log up to Committed
	// is committed, Tail transactions of it by predecessors.
	Established struct {
		Epoch     txn.Epoch
		Committed txn.Zxid
		Tail      int
	}
	// Founded: the ensemble's first txn, its membership, is proposed.
	Founded struct{ Membership txn.Membership }
	// Resigned: the reign ended.
	Resigned struct {
		Epoch txn.Epoch
		Cause error
	}
)

// The leader's side of a learner's stream.
type (
	// LearnerCame: a learner has introduced itself.
	LearnerCame struct {
		ID       txn.ServerID
		Accepted txn.Epoch
		Counts   bool // as a voter with the disk that the membership names
	}
	// LearnerPromised: it has promised the epoch.
	LearnerPromised struct {
		ID      txn.ServerID
		Current txn.Epoch
		Last    txn.Zxid
		Counts  bool
	}
	// LearnerPlanned: it was decided how it comes to have the leader's history.
	LearnerPlanned struct {
		ID   txn.ServerID
		Plan resync.Plan
		Mark txn.Zxid // where synchronization ends
	}
	// LearnerSynced: it has acknowledged NewLeader.
	LearnerSynced struct {
		ID    txn.ServerID
		Kind  resync.Kind
		Took  time.Duration
		Bytes int64 // of chunks and txns
	}
	// LearnerServes: it was told that it is up to date.
	LearnerServes struct {
		ID        txn.ServerID
		Committed txn.Zxid
	}
	// LearnerGone: its stream has ended.
	LearnerGone struct {
		ID    txn.ServerID
		Cause error
	}
	// Readmitting: a synced voter with another disk is being taken into the membership (P6).
	Readmitting struct {
		ID      txn.ServerID
		Storage txn.StorageID
	}
)

// The learner's side.
type (
	// LeaderMet: the leader has said its epoch; Counts: this server's promise is a new one (P1).
	LeaderMet struct {
		Leader txn.ServerID
		Epoch  txn.Epoch
		Counts bool
	}
	// Resyncing: the leader's plan is carried out.
	Resyncing struct {
		Kind  resync.Kind
		After txn.Zxid
	}
	// SnapshotInstalled: a snapshot has replaced all there was.
	SnapshotInstalled struct {
		Zxid txn.Zxid
		Took time.Duration
	}
	// HistoryDurable: all that the leader has sent before NewLeader is durable.
	HistoryDurable struct{ Last txn.Zxid }
	// UpToDate: the leader's word to serve.
	UpToDate struct{ Committed txn.Zxid }
	// LeaderLost: the stream to the leader has ended.
	LeaderLost struct {
		Leader txn.ServerID
		Cause  error
	}
)

// The election.
type (
	// Electing: a new round of the election has begun for this server.
	Electing struct{}
	// Elected: this server has decided for a leader, perhaps itself.
	Elected struct {
		Leader txn.ServerID
		Round  uint64
	}
	// NotificationRefused: what another server said in the election was not used.
	NotificationRefused struct {
		From txn.ServerID
		Err  error
	}
)

func (e RoleChanged) String() string {
	if e.Reason == "" {
		return fmt.Sprintf("role %v", e.Role)
	}
	return fmt.Sprintf("role %v: %s", e.Role, e.Reason)
}
func (e EpochAccepted) String() string { return fmt.Sprintf("accepted epoch %d", e.Epoch) }
func (e EpochCurrent) String() string  { return fmt.Sprintf("current epoch %d", e.Epoch) }
func (e Established) String() string {
	return fmt.Sprintf("established in epoch %d: committed %v, tail %d", e.Epoch, e.Committed, e.Tail)
}

func (e Founded) String() string {
	return fmt.Sprintf("founded with %d member(s)", len(e.Membership.Members))
}
func (e Resigned) String() string { return fmt.Sprintf("resigned epoch %d: %v", e.Epoch, e.Cause) }

func (e LearnerCame) String() string {
	return fmt.Sprintf("learner %d came, accepted epoch %d%s", e.ID, e.Accepted, uncounted(e.Counts))
}

func (e LearnerPromised) String() string {
	return fmt.Sprintf("learner %d promised, current epoch %d, last %v%s", e.ID, e.Current, e.Last, uncounted(e.Counts))
}

func (e LearnerPlanned) String() string {
	return fmt.Sprintf("learner %d: %v after %v (%v), then up to %v", e.ID, e.Plan.Kind, e.Plan.After, e.Plan.Reason, e.Mark)
}

func (e LearnerSynced) String() string {
	return fmt.Sprintf("learner %d synced by %v", e.ID, e.Kind)
}

func (e LearnerServes) String() string {
	return fmt.Sprintf("learner %d up to date: committed %v", e.ID, e.Committed)
}

func (e LearnerGone) String() string {
	return fmt.Sprintf("learner %d gone: %v", e.ID, e.Cause)
}

func (e Readmitting) String() string { return fmt.Sprintf("readmitting server %d", e.ID) }

func (e LeaderMet) String() string {
	return fmt.Sprintf("leader %d proposes epoch %d%s", e.Leader, e.Epoch, uncounted(e.Counts))
}
func (e Resyncing) String() string         { return fmt.Sprintf("%v after %v", e.Kind, e.After) }
func (e SnapshotInstalled) String() string { return fmt.Sprintf("installed snapshot %v", e.Zxid) }
func (e HistoryDurable) String() string    { return fmt.Sprintf("history durable up to %v", e.Last) }

func (e UpToDate) String() string { return fmt.Sprintf("up to date: committed %v", e.Committed) }

func (e LeaderLost) String() string { return fmt.Sprintf("leader %d lost: %v", e.Leader, e.Cause) }

func (e Electing) String() string { return "looking for a leader" }
func (e Elected) String() string {
	return fmt.Sprintf("elected server %d in round %d", e.Leader, e.Round)
}

func (e NotificationRefused) String() string {
	return fmt.Sprintf("notification refused: %v", e.Err)
}

// uncounted says that something counts for nobody.
func uncounted(counts bool) string {
	if counts {
		return ""
	}
	return ", not counted"
}
