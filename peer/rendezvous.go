package peer

import (
	"context"
	"sync"

	"github.com/quorate/quorate/store/txn"
)

// rendezvous is a place where servers meet: join waits until a quorum has come,
// the leader among them. ZAB has three: the accepted epochs, the
// acknowledgements of the new epoch, and the acknowledgements of its history.
type rendezvous struct {
	who    *electorate
	leader txn.ServerID
	done   chan struct{} // closed when the quorum is complete

	mu struct {
		sync.Mutex
		joined map[txn.ServerID]bool
	}
}

func newRendezvous(leader txn.ServerID, who *electorate) *rendezvous {
	r := &rendezvous{who: who, leader: leader, done: make(chan struct{})}
	r.mu.joined = map[txn.ServerID]bool{}
	return r
}

// join counts a server with this disk, if it counts at all, and waits until the quorum is complete or ctx
// ends, whose cause it returns. Joining again changes nothing.
func (r *rendezvous) join(ctx context.Context, id txn.ServerID, disk txn.StorageID) error {
	r.arrive(id, disk, nil)
	return r.wait(ctx)
}

// wait waits like join, and counts nobody. If it is over in both ways what follows would be in vain.
func (r *rendezvous) wait(ctx context.Context) error {
	select {
	case <-r.done:
	case <-ctx.Done():
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return nil
}

// complete tells whether the quorum is.
func (r *rendezvous) complete() bool {
	select {
	case <-r.done:
		return true
	default:
		return false
	}
}

// arrive counts a server and does not wait. Before the quorum is complete, and in one step
// with counting, it calls check, if any, whose error keeps the server out.
func (r *rendezvous) arrive(id txn.ServerID, disk txn.StorageID, check func() error) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.complete() {
		return nil
	}
	if check != nil {
		if err := check(); err != nil {
			return err
		}
	}
	if !r.who.counts(id, disk) {
		return nil
	}
	r.mu.joined[id] = true
	if r.enough() {
		close(r.done)
	}
	return nil
}

// enough needs r.mu. A quorum of followers alone is none: the leader's own
// durable step is part of each rendezvous (P2).
func (r *rendezvous) enough() bool {
	return r.mu.joined[r.leader] && r.who.Reached(func(id txn.ServerID) bool { return r.mu.joined[id] })
}
