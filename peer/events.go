package peer

import "github.com/quorate/quorate/store/txn"

// Events are the observable steps of the protocol. The package logs and counts
// nothing itself: loggers, metrics and the traces of tests listen here. A nil
// function is not called. They are called in order, on the goroutine that made
// the step, and must not block.
type Events struct {
	// Role: this server took a role; the reason is empty for one it was meant to take.
	Role func(role Role, reason string)
	// EpochAccepted: the epoch is durable as the accepted one.
	EpochAccepted func(epoch txn.Epoch)
	// EpochCurrent: the epoch is durable as the current one, after the log it stands on.
	EpochCurrent func(epoch txn.Epoch)
	// Established: a quorum has acknowledged this leader; all of its log up to the
	// zxid is committed, tail transactions of it by predecessors.
	Established func(epoch txn.Epoch, committed txn.Zxid, tail int)
	// Founded: the ensemble's first txn, its membership, is proposed.
	Founded func(m txn.Membership)
	// Resigned: the reign ended, with the cause.
	Resigned func(epoch txn.Epoch, cause error)
}

func (e *Events) role(r Role, reason string) {
	if e.Role != nil {
		e.Role(r, reason)
	}
}

func (e *Events) epochAccepted(epoch txn.Epoch) {
	if e.EpochAccepted != nil {
		e.EpochAccepted(epoch)
	}
}

func (e *Events) epochCurrent(epoch txn.Epoch) {
	if e.EpochCurrent != nil {
		e.EpochCurrent(epoch)
	}
}

func (e *Events) established(epoch txn.Epoch, committed txn.Zxid, tail int) {
	if e.Established != nil {
		e.Established(epoch, committed, tail)
	}
}

func (e *Events) founded(m txn.Membership) {
	if e.Founded != nil {
		e.Founded(m)
	}
}

func (e *Events) resigned(epoch txn.Epoch, cause error) {
	if e.Resigned != nil {
		e.Resigned(epoch, cause)
	}
}
