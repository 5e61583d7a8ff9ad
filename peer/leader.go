package peer

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	quorumv1 "github.com/quorate/quorate/gen/quorate/quorum/v1"
	"github.com/quorate/quorate/peer/election"
	"github.com/quorate/quorate/store"
	"github.com/quorate/quorate/store/tree"
	"github.com/quorate/quorate/store/txn"
	"github.com/quorate/quorate/store/wal"
)

// maxEpochJump is how far beyond the leader's own accepted epoch a voter may move the next
// one (P5): no honest ensemble gets there, and a faulty server cannot use up the epochs.
const maxEpochJump = 1 << 16

// The ends of a candidacy or a reign that it brings about itself.
var (
	errNoQuorum   = errors.New("no quorum of the voters is connected")
	errDeserted   = errors.New("the voters that elected this server have turned to another")
	errHopeless   = errors.New("too many voters have promised this epoch, or a later one, to another leader")
	errNobody     = errors.New("no quorum has come to the candidate in time")
	errAhead      = errors.New("a voter has a longer history than the candidate")
	errLeftOut    = errors.New("a voter has promised a later epoch: the next one is to take everybody in")
	errStalled    = errors.New("the leader's disk is stalled, and a quorum of the others is not")
	errCollecting = errors.New("elected; the voters are being collected")
)

// leader is one candidacy and, if a quorum follows, one reign.
type leader struct {
	*Peer
	who     *electorate   // by which the candidacy is judged; the reign's may change
	disk    txn.StorageID // this server's
	current txn.Epoch     // what this server stands on, with last
	last    txn.Zxid
	// incarnation is this candidacy's: a repeat of its epoch is told from another's (P1).
	incarnation uint64
	began       time.Time

	ctx  context.Context // of the candidacy: learners' streams end with it, and its cause
	fail context.CancelCauseFunc

	infos     *rendezvous // accepted epochs reported
	epochAcks *rendezvous // new epoch promised
	synced    *rendezvous // history acknowledged

	announced   chan struct{} // closed when the epoch is durable here and may be said
	established chan struct{} // closed when term is set
	epoch       txn.Epoch     // set before announced is closed
	term        *Term         // set before established is closed

	news     *beacon
	feed     *feed
	rounds   *rounds
	roster   *roster
	throttle *throttle

	mu struct {
		sync.Mutex
		accepted   txn.Epoch                      // the greatest reported until the quorum was complete
		disks      map[txn.ServerID]txn.StorageID // of those who came
		lost       map[txn.ServerID]bool          // whose promise this candidacy cannot get
		readmitted txn.Zxid                       // membership on which the last readmission was proposed
	}
}

func newLeader(p *Peer, v election.View) *leader {
	who, disk, news := newElectorate(v, p.quorum), p.store.Identity().Storage, &beacon{}
	l := &leader{
		Peer: p, who: who, disk: disk, incarnation: p.random() | 1, began: time.Now(),
		current: p.store.Epochs().Current, last: p.store.Last(),
		infos: newRendezvous(p.id, who), epochAcks: newRendezvous(p.id, who), synced: newRendezvous(p.id, who),
		announced: make(chan struct{}), established: make(chan struct{}),
		news: news, feed: newFeed(p.store, p.limits.Feed, news), rounds: newRounds(p.id, disk, who, news),
		roster: newRoster(), throttle: &throttle{limits: p.limits},
	}
	l.mu.disks = map[txn.ServerID]txn.StorageID{p.id: disk}
	l.mu.lost = map[txn.ServerID]bool{}
	l.mu.readmitted = ^txn.Zxid(0)
	return l
}

// lead is a candidacy from its beginning to the end of its reign; it returns why it ended
// after every stream that learners had opened to it has.
func (l *leader) lead(ctx context.Context) error {
	l.ctx, l.fail = context.WithCancelCause(ctx)
	l.become(Standing{Reason: errCollecting, candidacy: l})
	g, watching := errgroup.WithContext(l.ctx)
	g.Go(func() error { return l.watch(watching) })
	err := l.phases(l.ctx)
	l.fail(err)
	_ = g.Wait()
	l.rounds.end(Refusal(err))
	l.become(Standing{Reason: err})
	l.roster.close()
	return err
}

// phases is the leader's own way through ZAB's phases. Its durable order (P2):
// accepted epoch → (quorum of promises) → log → current epoch → own vote. It is
// in no rendezvous before its own durable step.
func (l *leader) phases(ctx context.Context) error {
	// Discovery
	if err := l.proposeEpoch(ctx); err != nil {
		return err
	}
	if err := l.epochAcks.join(ctx, l.id, l.disk); err != nil {
		return err
	}

	// Synchronization
	if err := l.store.Sync(ctx); err != nil {
		return stored(ctx, err)
	}
	if err := l.enterEpoch(l.epoch); err != nil {
		return err
	}
	if err := l.synced.join(ctx, l.id, l.disk); err != nil {
		return err
	}

	// Broadcast
	if err := l.establish(ctx); err != nil {
		return err
	}
	l.take()
	err := l.term.run(ctx)
	l.leave(err)
	return err
}

// proposeEpoch waits until a quorum has reported its accepted epoch, and makes one more than
// the greatest durable before anybody hears of it.
func (l *leader) proposeEpoch(ctx context.Context) error {
	if err := l.awaitFounders(ctx); err != nil {
		return err
	}
	if err := l.report(l.id, l.disk, l.store.Epochs().Accepted); err != nil {
		return err
	}
	if err := l.infos.wait(ctx); err != nil {
		return err
	}
	if l.mu.accepted >= txn.MaxEpoch {
		return broken(fmt.Errorf("epoch %d is the last there is: export the tree and import it into a new ensemble", l.mu.accepted))
	}
	l.epoch = l.mu.accepted + 1
	if err := l.acceptEpoch(l.epoch); err != nil {
		return err
	}
	close(l.announced)
	return nil
}

// report takes part in finding the epoch.
func (l *leader) report(id txn.ServerID, disk txn.StorageID, accepted txn.Epoch) error {
	return l.infos.arrive(id, disk, func() error {
		if !l.who.counts(id, disk) {
			return nil
		}
		if own := l.store.Epochs().Accepted; accepted > own+maxEpochJump {
			return reject(quorumv1.RefusalReason_REFUSAL_REASON_AHEAD, "server %d has accepted epoch %d, more than %d beyond this server's %d", id, accepted, maxEpochJump, own)
		}
		l.mu.Lock()
		defer l.mu.Unlock()
		l.mu.accepted = max(l.mu.accepted, accepted)
		return nil
	})
}

// awaitFounders gives the listed servers a second to come, so that the founding txn names
// their disks. Who is later is readmitted.
func (l *leader) awaitFounders(ctx context.Context) error {
	if l.who.version != 0 {
		return nil
	}
	enough := time.NewTimer(time.Second)
	defer enough.Stop()
	for !l.foundersHere() {
		select {
		case <-l.roster.news.wait():
		case <-enough.C:
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}

func (l *leader) foundersHere() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, m := range l.who.membership.Members {
		if _, here := l.mu.disks[m.ID]; !here && m.Role != txn.Observer {
			return false
		}
	}
	return true
}

// acceptEpoch makes the promise durable before anybody hears of it.
func (l *leader) acceptEpoch(epoch txn.Epoch) error {
	r := l.store.Epochs()
	r.Accepted, r.From, r.Incarnation = epoch, l.id, l.incarnation
	if err := l.store.SetEpochs(r); err != nil {
		return broken(err)
	}
	l.emit(EpochAccepted{epoch})
	return nil
}

// enterEpoch makes the epoch current, after the history it stands on is durable
// (ZOOKEEPER-4643: the other way round loses committed txns).
func (l *leader) enterEpoch(epoch txn.Epoch) error {
	r := l.store.Epochs()
	r.Current = epoch
	if err := l.store.SetEpochs(r); err != nil {
		return broken(err)
	}
	l.emit(EpochCurrent{epoch})
	return nil
}

// establish begins the reign. A quorum holds the whole log now, so all of it is
// committed, at once (P3): the tail that predecessors left is applied to the
// tree and published.
func (l *leader) establish(ctx context.Context) error {
	tip := l.store.Version().Edit()
	var changes []store.Change
	tail := 0
	for t, err := range l.store.Tail() {
		if err != nil {
			return broken(err)
		}
		out, err := tip.ApplyChecked(t)
		if err != nil {
			return broken(fmt.Errorf("txn %v of the log does not fit the tree: %w", t.Zxid, err))
		}
		changes = store.AddChange(changes, t.Zxid, &out)
		tail++
	}
	if tail > 0 {
		l.store.Publish(tip.Publish(), changes, 0)
	}
	l.applied.raise(tip.Zxid())
	l.emit(Established{l.epoch, tip.Zxid(), tail})
	term := newTerm(l, tip)
	if err := l.found(ctx, term); err != nil {
		return err
	}
	if v, founded := viewOf(l.store.Version()); founded {
		term.elect(v)
	}
	l.term = term
	close(l.established)
	return nil
}

// found proposes the ensemble's first txn, which records who it is (P6), unless
// the tree has it already.
func (l *leader) found(ctx context.Context, term *Term) error {
	m, ok := term.tip.Membership()
	if !ok {
		l.mu.Lock()
		m = l.founding(l.mu.disks)
		l.mu.Unlock()
		b, err := l.foundingBatch(term, m)
		if err != nil {
			return err
		}
		l.emit(Founded{m})
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
	return broken(fmt.Errorf("the data directory belongs to ensemble %v, but its tree to ensemble %v: its files are mixed up",
		l.store.Identity().Ensemble, m.Ensemble))
}

func (l *leader) foundingBatch(term *Term, m txn.Membership) (*Batch, error) {
	op, err := term.tip.Prepare(&tree.MembershipRequest{Membership: m}, nil, tree.Limits{})
	if err != nil {
		return nil, err
	}
	rec, out := term.Log(txn.Header{Author: "quorate:founder"}, op)
	return &Batch{
		Records: []wal.Record{rec}, Zxid: rec.Zxid, Version: term.tip.Publish(),
		Changes: store.AddChange(nil, rec.Zxid, &out), Done: func(error) {},
	}, nil
}

// take announces an established reign.
func (l *leader) take() {
	l.become(Standing{Role: Leading, Leader: l.id, Term: l.term, candidacy: l})
	l.elector.settled(l.id, l.epoch)
}

// leave announces its end: first to those who ask for a reign, so that nobody who
// saw this one end is given it again.
func (l *leader) leave(cause error) {
	l.become(Standing{Reason: cause})
	l.term.abandon(cause)
	l.emit(Resigned{l.epoch, cause})
	var r *resignation
	l.abstain = errors.As(cause, &r)
}
