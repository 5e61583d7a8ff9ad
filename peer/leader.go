package peer

import (
	"context"
	"fmt"

	"github.com/quorate/quorate/peer/quorum"
	"github.com/quorate/quorate/store/tree"
	"github.com/quorate/quorate/store/txn"
	"github.com/quorate/quorate/store/wal"
)

// leader is one candidacy and, if a quorum follows, one reign.
type leader struct {
	*Peer
	voters quorum.Majority
	// incarnation is this candidacy's: a repeat of its epoch is told from another's (P1).
	incarnation uint64

	infos     *rendezvous // accepted epochs reported
	epochAcks *rendezvous // new epoch promised
	synced    *rendezvous // history acknowledged
}

func newLeader(p *Peer, voters quorum.Majority) *leader {
	return &leader{
		Peer:        p,
		voters:      voters,
		incarnation: p.random(),
		infos:       newRendezvous(p.id, voters),
		epochAcks:   newRendezvous(p.id, voters),
		synced:      newRendezvous(p.id, voters),
	}
}

// lead is the leader's own way through ZAB's phases. Its durable order (P2):
// accepted epoch → (quorum of promises) → log → current epoch → own vote. It is
// in no rendezvous before its own durable step.
func (l *leader) lead(ctx context.Context) error {
	// Discovery
	epoch, err := l.proposeEpoch(ctx)
	if err != nil {
		return err
	}
	if err := l.acceptEpoch(epoch); err != nil {
		return err
	}
	if err := l.epochAcks.join(ctx, l.id); err != nil {
		return err
	}

	// Synchronization
	if err := l.store.Sync(ctx); err != nil {
		return err
	}
	if err := l.enterEpoch(epoch); err != nil {
		return err
	}
	if err := l.synced.join(ctx, l.id); err != nil {
		return err
	}

	// Broadcast
	term, err := l.establish(ctx, epoch)
	if err != nil {
		return err
	}
	l.take(term)
	err = term.run(ctx)
	l.leave(term, err)
	return err
}

// proposeEpoch waits until a quorum has reported its accepted epoch and returns
// one more than the greatest.
func (l *leader) proposeEpoch(ctx context.Context) (txn.Epoch, error) {
	accepted := l.store.Epochs().Accepted
	if err := l.infos.join(ctx, l.id); err != nil {
		return 0, err
	}
	if accepted >= txn.MaxEpoch {
		return 0, fmt.Errorf("epoch %d is the last there is: export the tree and import it into a new ensemble", accepted)
	}
	return accepted + 1, nil
}

// acceptEpoch makes the promise durable before anybody hears of it.
func (l *leader) acceptEpoch(epoch txn.Epoch) error {
	r := l.store.Epochs()
	r.Accepted, r.From, r.Incarnation = epoch, l.id, l.incarnation
	if err := l.store.SetEpochs(r); err != nil {
		return err
	}
	l.events.epochAccepted(epoch)
	return nil
}

// enterEpoch makes the epoch current, after the history it stands on is durable
// (ZOOKEEPER-4643: the other way round loses committed txns).
func (l *leader) enterEpoch(epoch txn.Epoch) error {
	r := l.store.Epochs()
	r.Current = epoch
	if err := l.store.SetEpochs(r); err != nil {
		return err
	}
	l.events.epochCurrent(epoch)
	return nil
}

// establish begins the reign. A quorum holds the whole log now, so all of it is
// committed, at once (P3): the tail that predecessors left is applied to the
// tree and published.
func (l *leader) establish(ctx context.Context, epoch txn.Epoch) (*Term, error) {
	tip := l.store.Version().Edit()
	tail := 0
	for t, err := range l.store.Tail() {
		if err != nil {
			return nil, err
		}
		if _, err := tip.ApplyChecked(t); err != nil {
			return nil, fmt.Errorf("txn %v of the log does not fit the tree: %w", t.Zxid, err)
		}
		tail++
	}
	if tail > 0 {
		l.store.Publish(tip.Publish(), 0)
	}
	l.applied.raise(tip.Zxid())
	l.events.established(epoch, tip.Zxid(), tail)
	term := newTerm(epoch, l.id, l.voters, l.store, l.applied, tip)
	return term, l.found(ctx, term)
}

// found proposes the ensemble's first txn, which records who it is (P6), unless
// the tree has it already.
func (l *leader) found(ctx context.Context, term *Term) error {
	m, ok := term.tip.Membership()
	if !ok {
		m = l.founding()
		b, err := l.foundingBatch(term, m)
		if err != nil {
			return err
		}
		l.events.founded(m)
		if err := term.Propose(ctx, b); err != nil {
			return err
		}
	}
	switch l.store.Identity().Ensemble {
	case m.Ensemble:
		return nil
	case 0:
		return l.store.SetEnsemble(m.Ensemble)
	}
	return fmt.Errorf("the data directory belongs to ensemble %v, but its tree to ensemble %v: its files are mixed up",
		l.store.Identity().Ensemble, m.Ensemble)
}

func (l *leader) foundingBatch(term *Term, m txn.Membership) (*Batch, error) {
	op, err := term.tip.Prepare(&tree.MembershipRequest{Membership: m}, nil, tree.Limits{})
	if err != nil {
		return nil, err
	}
	rec, _ := term.Log(txn.Header{Author: "quorate:founder"}, op)
	return &Batch{Records: []wal.Record{rec}, Zxid: rec.Zxid, Version: term.tip.Publish(), Done: func(error) {}}, nil
}
