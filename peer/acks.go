package peer

import (
	"sync"

	"github.com/quorate/quorate/store/txn"
)

// acks holds how far each server's log is durable, and what follows from it:
// how far the ensemble has committed. Acknowledgements are cumulative, so one
// watermark per server is all there is to keep.
type acks struct {
	self txn.ServerID
	wake chan struct{} // one token when something may have become applicable
	news *beacon       // lit when more is committed

	mu struct {
		sync.Mutex
		electorate *electorate
		marks      map[txn.ServerID]mark
		committed  txn.Zxid // Invariant: never goes back.
	}
	counted func(txn.ServerID) txn.Zxid // made once, for the hot path; needs mu
}

// mark is how far a log is durable, and on which disk.
type mark struct {
	disk txn.StorageID
	at   txn.Zxid
}

// newAcks starts at what is committed when the leader is established: its whole log (P3).
func newAcks(self txn.ServerID, disk txn.StorageID, who *electorate, base txn.Zxid, news *beacon) *acks {
	a := &acks{self: self, wake: make(chan struct{}, 1), news: news}
	a.mu.electorate = who
	a.mu.marks = map[txn.ServerID]mark{self: {disk, base}}
	a.mu.committed = base
	a.counted = func(id txn.ServerID) txn.Zxid {
		m := a.mu.marks[id]
		if !a.mu.electorate.counts(id, m.disk) {
			return 0
		}
		return m.at
	}
	return a
}

// set records that id's log, on this disk, is durable up to z.
func (a *acks) set(id txn.ServerID, disk txn.StorageID, z txn.Zxid) {
	a.mu.Lock()
	m := a.mu.marks[id]
	if m.disk != disk {
		m = mark{disk: disk}
	}
	m.at = max(m.at, z)
	a.mu.marks[id] = m
	moved := a.advance()
	a.mu.Unlock()
	a.tell(moved)
}

// forget drops id's watermark: it dies with the stream that brought it (P3). Who waits for id is woken.
func (a *acks) forget(id txn.ServerID) {
	a.mu.Lock()
	delete(a.mu.marks, id)
	a.mu.Unlock()
	a.nudge()
}

// elect puts another membership in force, once it is committed and applied (P6).
func (a *acks) elect(who *electorate) {
	a.mu.Lock()
	a.mu.electorate = who
	moved := a.advance()
	a.mu.Unlock()
	a.tell(moved)
}

// advance needs mu. It tells whether more is committed than before.
func (a *acks) advance() bool {
	z := a.mu.electorate.Committed(a.counted)
	if z <= a.mu.committed {
		return false
	}
	a.mu.committed = z
	return true
}

// tell wakes the applier, and the pumps if there is more to tell the learners.
func (a *acks) tell(moved bool) {
	a.nudge()
	if moved {
		a.news.light()
	}
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

// of returns how far id's log is known to be durable.
func (a *acks) of(id txn.ServerID) txn.Zxid {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.mu.marks[id].at
}

// applicable is how far this server may apply: what is committed, and no
// further than its own disk (a quorum of others may be ahead of it).
func (a *acks) applicable() txn.Zxid {
	a.mu.Lock()
	defer a.mu.Unlock()
	return min(a.mu.committed, a.mu.marks[a.self].at)
}

// counts tells whether id's acknowledgements count.
func (a *acks) counts(id txn.ServerID) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.mu.electorate.counts(id, a.mu.marks[id].disk)
}

// who returns the electorate in force.
func (a *acks) who() *electorate {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.mu.electorate
}
