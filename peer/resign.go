package peer

import (
	"context"
	"fmt"
	"time"

	"github.com/quorate/quorate/store/fault"
	"github.com/quorate/quorate/store/txn"
)

// resignation ends a reign on request.
type resignation struct {
	successor txn.ServerID // who is to lead next; 0: whoever is elected
}

func (r *resignation) Error() string {
	if r.successor == 0 {
		return "asked to resign"
	}
	return fmt.Sprintf("asked to resign in favour of server %d", r.successor)
}

// Resign ends this server's reign and returns when it has ended. What is in flight is finished
// first. With a successor, a voter that serves, it is waited for until that one has the whole
// log, SyncLimit at most, and the others stand back in its favour. The next reign may be this server's again
// if nobody else can lead. Errors: *fault.Error of the kinds Unavailable (it does not lead) and
// BadArguments; ctx's cause.
func (p *Peer) Resign(ctx context.Context, successor txn.ServerID) error {
	term := p.Standing().Term
	if term == nil {
		return fault.New(fault.Unavailable, "", "this server does not lead")
	}
	if successor != 0 && !term.serves(successor) {
		return fault.New(fault.BadArguments, "", "server %d is no voter that follows this leader", successor)
	}
	_ = term.end(&resignation{successor})
	select {
	case <-term.Over():
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// serves tells whether a server is a voter that could lead at once.
func (t *Term) serves(id txn.ServerID) bool {
	s := t.lead.roster.of(id)
	return s != nil && id != t.lead.id && s.phase() == serving && t.acks.counts(id)
}

// handOver waits until a named successor has the whole log, since nobody else should be elected; or
// until it can no longer lead.
func (t *Term) handOver(ctx context.Context, cause error) error {
	r, ok := cause.(*resignation)
	if !ok || r.successor == 0 {
		return cause
	}
	patience := time.NewTimer(t.lead.timing.SyncLimit)
	defer patience.Stop()
	for t.serves(r.successor) && t.acks.of(r.successor) < t.lead.store.Last() {
		select {
		case <-t.acks.wake:
		case <-patience.C:
			return cause
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return cause
}
