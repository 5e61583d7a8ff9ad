package peer

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/quorate/quorate/peer/quorum"
	"github.com/quorate/quorate/store"
	"github.com/quorate/quorate/store/fault"
	"github.com/quorate/quorate/store/txn"
)

// Role is what a server is doing in its ensemble.
type Role uint8

// The roles.
const (
	// Looking: no leader is known; the server answers reads only.
	Looking Role = iota
	// Leading: a quorum follows this server.
	Leading
)

// String returns the role in lower case.
func (r Role) String() string {
	if r == Leading {
		return "leader"
	}
	return "looking"
}

// Config says who a peer is.
type Config struct {
	// ID is this server.
	ID txn.ServerID
	// Members are the servers that found the ensemble, this one among them. Once the
	// ensemble is founded, the membership in its tree is what counts.
	Members []txn.Member
	// Store is where this server keeps what survives a restart. Its Run must be
	// running beside the peer's.
	Store *store.Store
	// Random returns the random numbers of ids that must not be guessed or repeated.
	Random func() uint64
	// Events listens to the steps.
	Events Events
}

// Status is what a peer is doing.
type Status struct {
	Role Role
	// Reason says why there is no leader; empty when there is one.
	Reason string
	// Epoch is the current epoch, as it stands on disk.
	Epoch txn.Epoch
	// Committed is the greatest zxid known to be committed.
	Committed txn.Zxid
}

// Peer is one server of an ensemble. Its methods may be called by anybody.
type Peer struct {
	id      txn.ServerID
	members []txn.Member
	store   *store.Store
	random  func() uint64
	events  Events
	applied *watermark

	mu struct {
		sync.Mutex
		term    *Term         // nil without an established leader here
		reason  error         // why there is none
		changed chan struct{} // closed at the next change of term
	}
}

// New returns a peer that does nothing until Run.
func New(c Config) *Peer {
	p := &Peer{
		id: c.ID, members: c.Members, store: c.Store, random: c.Random,
		events: c.Events, applied: &watermark{},
	}
	p.mu.reason = errors.New("starting")
	p.mu.changed = make(chan struct{})
	p.applied.raise(c.Store.Version().Zxid())
	return p
}

// Run takes part in the ensemble until ctx ends (nil) or the store can no longer
// be relied on (its error).
func (p *Peer) Run(ctx context.Context) error {
	for {
		err := p.reign(ctx)
		if ctx.Err() != nil {
			return nil
		}
		switch {
		case errors.Is(err, ErrRollover):
		case fault.Is(err, fault.NoSpace):
			if err := p.store.WaitRoom(ctx); err != nil {
				return orNil(ctx, err)
			}
		default:
			return err
		}
	}
}

// orNil returns nil for an error that only says that ctx has ended.
func orNil(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// reign leads once. With one voter the election is won before it starts.
func (p *Peer) reign(ctx context.Context) error {
	voters, err := p.voters()
	if err != nil {
		return err
	}
	if !voters.Reached(func(id txn.ServerID) bool { return id == p.id }) {
		return fmt.Errorf("server %d is no quorum of the voters %v: ensembles of several servers are not supported yet", p.id, voters)
	}
	return newLeader(p, voters).lead(ctx)
}

// voters returns who counts: the voters of the last membership in the log, or of
// the founders. A server whose data directory is not the one the membership names
// does not count, for it cannot vouch for what it once acknowledged (P6).
func (p *Peer) voters() (quorum.Majority, error) {
	m, err := p.membership()
	if err != nil {
		return nil, err
	}
	for _, member := range m.Members {
		if member.ID == p.id && member.Storage != p.store.Identity().Storage {
			return nil, fmt.Errorf("the data directory's identity is %v, but server %d joined the ensemble with %v: "+
				"this disk does not hold what the server acknowledged; restore the directory it had", p.store.Identity().Storage, p.id, member.Storage)
		}
	}
	return quorum.Of(m), nil
}

// membership returns the last membership in the log, committed or not.
func (p *Peer) membership() (txn.Membership, error) {
	m, founded := p.store.Version().Membership()
	for t, err := range p.store.Tail() {
		if err != nil {
			return m, err
		}
		if op, ok := t.Op.(*txn.Membership); ok {
			m, founded = *op, true
		}
	}
	if !founded {
		m = p.founding()
	}
	return m, nil
}

// founding is the membership with which this server founds an ensemble.
func (p *Peer) founding() txn.Membership {
	m := txn.Membership{Ensemble: p.store.Identity().Ensemble}
	for m.Ensemble == 0 {
		m.Ensemble = txn.EnsembleID(p.random())
	}
	for _, member := range p.members {
		if member.ID == p.id {
			member.Storage = p.store.Identity().Storage
		}
		m.Members = append(m.Members, member)
	}
	return m
}

// take announces an established reign.
func (p *Peer) take(t *Term) {
	p.change(t, nil)
	p.events.role(Leading, "")
}

// leave announces its end: first to those who ask for a reign, so that nobody who
// saw this one end is given it again.
func (p *Peer) leave(t *Term, cause error) {
	p.change(nil, cause)
	t.abandon(cause)
	p.events.resigned(t.epoch, cause)
	p.events.role(Looking, cause.Error())
}

func (p *Peer) change(t *Term, reason error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.mu.term, p.mu.reason = t, reason
	close(p.mu.changed)
	p.mu.changed = make(chan struct{})
}

// Term returns the reign of this server, or an error that says why there is none,
// and what is closed when that changes.
func (p *Peer) Term() (*Term, <-chan struct{}, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.mu.term, p.mu.changed, p.mu.reason
}

// Status tells what the peer is doing.
func (p *Peer) Status() Status {
	s := Status{Epoch: p.store.Epochs().Current, Committed: p.store.Version().Zxid()}
	term, _, reason := p.Term()
	if term == nil {
		s.Reason = reason.Error()
		return s
	}
	s.Role, s.Committed = Leading, term.Committed()
	return s
}

// Sync asks the quorum how far the ensemble is and returns that zxid once this
// server has applied it: a read here that follows is linearizable (P10). The
// voter that a quorum of one has to ask is this server itself.
func (p *Peer) Sync(ctx context.Context) (txn.Zxid, error) {
	term, _, reason := p.Term()
	if term == nil {
		return 0, Refusal(reason)
	}
	z := term.Committed()
	if err := p.applied.wait(ctx, z); err != nil {
		return 0, err
	}
	return z, nil
}
