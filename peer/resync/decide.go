package resync

import "github.com/quorate/quorate/store/txn"

// History is what the leader knows of its own history: the log, what it once
// held before its beginning, and where that meets the learner's log.
// Base ≤ Snapshot ≤ Last.
type History struct {
	// Base is the zxid after which the log begins: the last purged record, or the
	// zxid of the snapshot that the log was begun with; 0 when it holds everything.
	// A later zxid of the log makes what is before it count as purged.
	Base txn.Zxid
	// Last is the last zxid logged; Base if the log is empty.
	Last txn.Zxid
	// Snapshot is the zxid of the version of the tree that would be sent: applied
	// here, so committed.
	Snapshot txn.Zxid
	// Common is the greatest zxid of the log, its Base included, that is not greater than Learner.Last;
	// anything less than Base (such as 0) if there is none. Read Base before looking
	// this up: then a purge between the two is noticed when the log is read.
	Common txn.Zxid
}

// Learner is what a learner says about itself in AckEpoch. It comes from another
// server and may be anything.
type Learner struct {
	// Last is the last zxid it has logged, committed or not; of one without a log
	// the last it has applied. 0: it has nothing.
	Last txn.Zxid
	// Floor is the zxid below which it cannot cut its log: it has applied or
	// snapshotted everything up to there. Never greater than Last.
	Floor txn.Zxid
	// Resync: it wants a snapshot, since its log did not fit what it was sent (P8)
	// or its tree's digest differs from the leader's.
	Resync bool
	// Durable: it keeps a log, so there is something to cut.
	Durable bool
}

// Kind is the way in which a learner is brought to the leader's history.
type Kind uint8

// The kinds of plans, from the cheapest to the dearest.
const (
	// Diff leaves the learner's log as it is.
	Diff Kind = iota + 1
	// Trunc cuts its log after [Plan.After].
	Trunc
	// Snap replaces all it has by a snapshot of [Plan.After].
	Snap
)

// String returns ZooKeeper's word: DIFF, TRUNC or SNAP.
func (k Kind) String() string {
	switch k {
	case Diff:
		return "DIFF"
	case Trunc:
		return "TRUNC"
	case Snap:
		return "SNAP"
	default:
		return "no plan"
	}
}

// Reason says why a plan is what it is: the row of the table.
type Reason uint8

// The reasons, in the order of the table.
const (
	// Asked: the learner wants a snapshot. SNAP.
	Asked Reason = iota + 1
	// Contradiction: its floor is beyond its last, or Common is not what it must be. SNAP; a guard.
	Contradiction
	// Purged: the log no longer reaches back to where the learner is. SNAP.
	Purged
	// Current: it has everything. DIFF, and nothing follows yet.
	Current
	// Behind: it has a prefix of the leader's history. DIFF.
	Behind
	// NoLog: it has something else, and no log to cut. SNAP; a guard.
	NoLog
	// BelowFloor: what both have ends before what it has applied. SNAP; a guard.
	BelowFloor
	// Ahead: it has the leader's whole history, and more. TRUNC, and nothing follows yet.
	Ahead
	// Diverged: it went on otherwise than the leader. TRUNC.
	Diverged
)

// String returns the reason in a word or two, as the package's table has it.
func (r Reason) String() string {
	switch r {
	case Asked:
		return "asked"
	case Contradiction:
		return "contradiction"
	case Purged:
		return "purged"
	case Current:
		return "current"
	case Behind:
		return "behind"
	case NoLog:
		return "no log"
	case BelowFloor:
		return "below floor"
	case Ahead:
		return "ahead"
	case Diverged:
		return "diverged"
	default:
		return "no reason"
	}
}

// Guard tells whether the reason cannot arise between servers that keep to the
// protocol: one of them is wrong, or a rule of the protocol is broken.
func (r Reason) Guard() bool {
	return r == Contradiction || r == NoLog || r == BelowFloor
}

// Plan says how a learner comes to have the leader's history.
type Plan struct {
	// Kind is what is done first.
	Kind Kind
	// After is where the learner stands once that is done, and the zxid after which
	// the records follow: the learner's last (Diff), the zxid to cut after (Trunc),
	// or that of the snapshot (Snap).
	After txn.Zxid
	// Reason is why.
	Reason Reason
}

// Decide returns the plan for a learner: always one, the cheapest that works. The
// rows are explained in the package's comment.
func Decide(h History, l Learner) Plan {
	switch {
	case l.Resync:
		return Plan{Snap, h.Snapshot, Asked}
	case l.Floor > l.Last || h.Common > min(h.Last, l.Last):
		return Plan{Snap, h.Snapshot, Contradiction}
	case h.Common < h.Base:
		return Plan{Snap, h.Snapshot, Purged}
	case h.Common == l.Last && h.Common == h.Last:
		return Plan{Diff, h.Common, Current}
	case h.Common == l.Last:
		return Plan{Diff, h.Common, Behind}
	case !l.Durable:
		return Plan{Snap, h.Snapshot, NoLog}
	case h.Common < l.Floor:
		return Plan{Snap, h.Snapshot, BelowFloor}
	case h.Common == h.Last:
		return Plan{Trunc, h.Common, Ahead}
	default:
		return Plan{Trunc, h.Common, Diverged}
	}
}
