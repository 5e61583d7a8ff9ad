package peer

import (
	"sync"

	"github.com/quorate/quorate/peer/quorum"
	"github.com/quorate/quorate/store/txn"
)

// acks holds how far each server's log is durable, and what follows from it:
// how far the ensemble has committed. Acknowledgements are cumulative, so one
// watermark per server is all there is to keep.
type acks struct {
	voters quorum.Majority
	self   txn.ServerID
	wake   chan struct{} // one token when something may have become applicable

	mu struct {
		sync.Mutex
		durable   map[txn.ServerID]txn.Zxid
		committed txn.Zxid // Invariant: never goes back.
	}
}

// newAcks starts at what is committed when the leader is established: its whole log (P3).
func newAcks(self txn.ServerID, voters quorum.Majority, base txn.Zxid) *acks {
	a := &acks{voters: voters, self: self, wake: make(chan struct{}, 1)}
	a.mu.durable = map[txn.ServerID]txn.Zxid{self: base}
	a.mu.committed = base
	return a
}

// set records that id's log is durable up to z.
func (a *acks) set(id txn.ServerID, z txn.Zxid) {
	a.mu.Lock()
	a.mu.durable[id] = max(a.mu.durable[id], z)
	a.mu.committed = max(a.mu.committed, a.voters.Committed(func(id txn.ServerID) txn.Zxid { return a.mu.durable[id] }))
	a.mu.Unlock()
	a.nudge()
}

// nudge wakes the applier.
func (a *acks) nudge() {
	select {
	case a.wake <- struct{}{}:
	default:
	}
}

func (a *acks) committed() txn.Zxid {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.mu.committed
}

// applicable is how far this server may apply: what is committed, and no
// further than its own disk (a quorum of others may be ahead of it).
func (a *acks) applicable() txn.Zxid {
	a.mu.Lock()
	defer a.mu.Unlock()
	return min(a.mu.committed, a.mu.durable[a.self])
}
