package peer

import (
	"context"
	"sync"

	"github.com/quorate/quorate/peer/quorum"
	"github.com/quorate/quorate/store/txn"
)

// rendezvous is a place where servers meet: join waits until a quorum has come,
// the leader among them. ZAB has three: the accepted epochs, the
// acknowledgements of the new epoch, and the acknowledgements of its history.
type rendezvous struct {
	voters quorum.Majority
	leader txn.ServerID
	done   chan struct{} // closed when the quorum is complete

	mu struct {
		sync.Mutex
		joined map[txn.ServerID]bool
	}
}

func newRendezvous(leader txn.ServerID, voters quorum.Majority) *rendezvous {
	r := &rendezvous{voters: voters, leader: leader, done: make(chan struct{})}
	r.mu.joined = map[txn.ServerID]bool{}
	return r
}

// join counts id, if it votes, and waits until the quorum is complete or ctx
// ends, whose cause it returns. Joining again changes nothing.
func (r *rendezvous) join(ctx context.Context, id txn.ServerID) error {
	r.arrive(id)
	select {
	case <-r.done:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (r *rendezvous) arrive(id txn.ServerID) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.complete() {
		return
	}
	r.mu.joined[id] = true
	if r.complete() {
		close(r.done)
	}
}

// complete needs r.mu. A quorum of followers alone is none: the leader's own
// durable step is part of each rendezvous (P2).
func (r *rendezvous) complete() bool {
	return r.mu.joined[r.leader] && r.voters.Reached(func(id txn.ServerID) bool { return r.mu.joined[id] })
}
