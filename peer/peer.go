package peer

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	quorumv1 "github.com/quorate/quorate/gen/quorate/quorum/v1"
	"github.com/quorate/quorate/peer/election"
	"github.com/quorate/quorate/peer/quorum"
	"github.com/quorate/quorate/store"
	"github.com/quorate/quorate/store/fault"
	"github.com/quorate/quorate/store/txn"
)

// Role is what a server is doing in its ensemble.
type Role uint8

// The roles.
const (
	// Looking: no leader is known, or not reached yet; the server answers reads only.
	Looking Role = iota
	// Following: the server votes and is up to date with a leader.
	Following
	// Observing is Following without a vote.
	Observing
	// Leading: a quorum follows this server.
	Leading
)

// String returns the role in lower case, as a noun.
func (r Role) String() string {
	return [...]string{"looking", "follower", "observer", "leader"}[r]
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
	// Dialer opens streams to the others; a server on its own needs none.
	Dialer Dialer
	// Random returns the random numbers of ids that must not be guessed or repeated.
	Random func() uint64
	// Quorum gives the quorum system of a membership; nil: majorities.
	Quorum func(txn.Membership) quorum.System
	// ClientPort is the port on which this server serves clients. It is told to who asks a learner where to find
	// the leader; 0: nobody is told.
	ClientPort uint16
	// Bootstrap lets a quorum of blank servers found an ensemble: see [election.Config].
	Bootstrap bool
	// Timing is how patient it is.
	Timing Timing
	// Limits bound what learners may cost a leader.
	Limits Limits
	// Events listens to the steps; may be nil.
	Events func(Event)
	// Yield is called before it is looked what there is to send on a stream; may be nil. What else is
	// about to happen on this server may go first, and then rides along. A simulation ends the
	// instant here, so that the scheduler has no say in what a message holds. It returns when ctx ends.
	Yield func(ctx context.Context)
}

// Standing is what a server is in its ensemble at one moment.
type Standing struct {
	// Role is Looking until the reign, or the learner's synchronization, is complete.
	Role Role
	// Leader is who leads, as far as known; 0 without.
	Leader txn.ServerID
	// LeaderPort is the port on which another server that leads serves clients; 0 if unknown.
	LeaderPort uint16
	// Term is the reign of this server; nil unless Leading.
	Term *Term
	// Upstream is the stream to the leader; nil unless Following or Observing.
	Upstream *Upstream
	// Reason says why the server is Looking; nil otherwise.
	Reason error
	// Changed is closed when this is no longer so.
	Changed <-chan struct{}

	candidacy *leader // whom learners may come to, also before it is established
	changed   chan struct{}
}

// Peer is one server of an ensemble. Its methods may be called by anybody.
type Peer struct {
	id       txn.ServerID
	nonce    uint64 // this process's, see LearnerInfo
	port     uint16 // on which clients are served
	members  []txn.Member
	store    *store.Store
	dialer   Dialer
	random   func() uint64
	quorum   func(txn.Membership) quorum.System
	timing   Timing
	limits   Limits
	emit     func(Event)
	yield    func(context.Context)
	applied  *watermark
	elector  *elector
	requests func(Request, func(Reply, error)) // set before Run
	touches  *touches                          // set before Run

	// resync makes the next AckEpoch ask for a snapshot, abstain the next Look stand
	// back; both for the goroutine of roles alone.
	resync, abstain bool

	// serving counts the conversations that other servers have begun here; none begins when
	// mu.ended is set.
	serving sync.WaitGroup

	mu struct {
		sync.Mutex
		standing Standing
		served   bool      // the role there is, or was last, came to serve
		madeRoom time.Time // when a reign was last ended for a server left out (P5)
		stalled  time.Time // when one was last ended for a stalled disk
		ended    bool      // Run waits for the last conversations
	}
}

// New returns a peer that does nothing until Run. It fails if the server is not
// among its own members.
func New(c Config) (*Peer, error) {
	p := &Peer{
		id: c.ID, port: c.ClientPort, members: c.Members, store: c.Store, dialer: c.Dialer, random: c.Random,
		quorum: c.Quorum, timing: c.Timing.complete(), limits: c.Limits.complete(), emit: c.Events, yield: c.Yield, applied: &watermark{},
	}
	if p.emit == nil {
		p.emit = func(Event) {}
	}
	if p.yield == nil {
		p.yield = func(context.Context) {}
	}
	if p.quorum == nil {
		p.quorum = func(m txn.Membership) quorum.System { return quorum.Of(m) }
	}
	p.requests = func(_ Request, done func(Reply, error)) {
		done(Reply{}, Refusal(errors.New("nobody takes requests here")))
	}
	p.HandleTouches(func() []txn.SessionID { return nil }, func([]txn.SessionID) {})
	for p.nonce == 0 {
		p.nonce = p.random()
	}
	changed := make(chan struct{})
	p.mu.standing = Standing{Reason: errors.New("starting"), Changed: changed, changed: changed}
	p.applied.raise(c.Store.Version().Zxid())
	view, err := p.view()
	if err != nil {
		return nil, err
	}
	p.elector, err = newElector(p, election.Config{ID: c.ID, View: view, Quorum: p.quorum, Bootstrap: c.Bootstrap})
	return p, err
}

// Handle sets who carries out, on the leader, the requests that learners forward; before Run.
// handle must not block for long; done is called once, as soon as the request is proposed or refused:
// with the zxid at which the learner may answer its client, on any goroutine.
func (p *Peer) Handle(handle func(r Request, done func(Reply, error))) { p.requests = handle }

// Run takes part in the ensemble until ctx ends (nil) or the store can no longer
// be relied on (its error).
func (p *Peer) Run(ctx context.Context) error {
	told, stop := context.WithCancelCause(context.WithoutCancel(ctx))
	defer stop(nil)
	unhook := context.AfterFunc(ctx, func() { stop(stopping{}) })
	defer unhook()
	g, inner := errgroup.WithContext(told)
	g.Go(func() error { return p.elector.run(inner) })
	g.Go(func() error { return p.roles(inner) })
	err := g.Wait()
	p.mu.Lock()
	p.mu.ended = true
	p.mu.Unlock()
	p.serving.Wait()
	return orNil(ctx, err)
}

// stopping is why all that a peer does ends when its Run is to end: what people and other servers are told. It is a
// context.Canceled.
type stopping struct{}

func (stopping) Error() string { return "the server is stopping" }

// Is tells that it is what contexts call it.
func (stopping) Is(err error) bool { return err == context.Canceled }

// admit lets another server begin a conversation, unless Run has ended; then serving must be told of
// its end.
func (p *Peer) admit() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.mu.ended {
		return errors.New("the server is being stopped")
	}
	p.serving.Add(1)
	return nil
}

// roles is a server's life: look for a leader, be or follow it, and again.
func (p *Peer) roles(ctx context.Context) error {
	again := backOff{random: rand.New(rand.NewPCG(p.random(), p.random()))}
	for {
		began := time.Now()
		err := p.role(ctx)
		if ctx.Err() != nil {
			return nil
		}
		served := p.end(err)
		wait := time.Duration(0) // a server that had a leader is wanted for the next one at once
		if served || time.Since(began) > time.Second {
			again.restart()
		} else {
			wait = again.next()
		}
		if err := p.recoverFrom(ctx, err, wait); err != nil {
			return orNil(ctx, err)
		}
	}
}

// end publishes that a role has ended, and tells whether the server served in it.
func (p *Peer) end(cause error) (served bool) {
	p.mu.Lock()
	served, p.mu.served = p.mu.served, false
	p.mu.Unlock()
	p.become(Standing{Reason: cause})
	return served
}

// roomPause is how long a server waits that had no room for the leader's snapshot, before it lets it be sent again.
const roomPause = 5 * time.Second

// recoverFrom waits until it makes sense to look for a leader again, or returns why it never will.
func (p *Peer) recoverFrom(ctx context.Context, err error, wait time.Duration) error {
	var disk *storeError
	var refused *Rejection
	switch {
	case fault.Is(err, fault.NoSpace) && p.store.Full():
		return p.store.WaitRoom(ctx)
	case fault.Is(err, fault.NoSpace): // for a snapshot: of that the log knows nothing
		return sleep(ctx, max(roomPause, wait))
	case errors.As(err, &disk):
		return disk.error
	case errors.As(err, &refused):
		// Who asked to be succeeded by another is obliged.
		p.abstain = refused.Reason == quorumv1.RefusalReason_REFUSAL_REASON_RESIGNED && refused.Leader != 0 && refused.Leader != p.id
		return sleep(ctx, max(refused.RetryAfter, wait))
	default:
		return sleep(ctx, wait)
	}
}

// role is one election and what it made of this server.
func (p *Peer) role(ctx context.Context) error {
	look, err := p.credentials(ctx)
	if err != nil {
		return err
	}
	d, err := p.elector.look(ctx, look)
	if err != nil {
		return err
	}
	if d.Leader == p.id {
		return newLeader(p, d.View).lead(ctx)
	}
	leader, ok := p.address(d)
	if !ok {
		return fmt.Errorf("server %d was elected, and nobody knows its address", d.Leader)
	}
	return newLearner(p, leader, p.roleIn(d.View)).follow(ctx)
}

// credentials are what this server may be elected for: durable, all of it.
func (p *Peer) credentials(ctx context.Context) (election.Look, error) {
	if err := p.store.Sync(ctx); err != nil {
		return election.Look{}, broken(err)
	}
	if err := p.lockedOut(); err != nil {
		return election.Look{}, broken(err)
	}
	abstain := p.abstain
	p.abstain = false
	return election.Look{
		Epoch: p.store.Epochs().Current, Zxid: p.store.Last(), Storage: p.store.Identity().Storage, Abstain: abstain,
	}, nil
}

// address returns the leader with the address this server was told to use, or the one in the membership.
func (p *Peer) address(d election.Decide) (txn.Member, bool) {
	return memberOf(d.Leader, p.members, d.View.Membership.Members)
}

// memberOf returns the entry of a server in the first of several lists that has one.
func memberOf(id txn.ServerID, lists ...[]txn.Member) (txn.Member, bool) {
	for _, list := range lists {
		for _, m := range list {
			if m.ID == id {
				return m, true
			}
		}
	}
	return txn.Member{}, false
}

// storeError is an error of the store after which this server cannot go on.
type storeError struct{ error }

func (e *storeError) Unwrap() error { return e.error }

// broken marks an error of the store as the end of the peer: nobody knows what is on
// disk, so the directory has to be opened again. A full disk is none: it ends the role only.
func broken(err error) error {
	if fault.Is(err, fault.NoSpace) || errors.Is(err, context.Canceled) {
		return err
	}
	return &storeError{err}
}

// orNil returns nil for an error that only says that ctx has ended.
func orNil(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// become publishes what this server is now.
func (p *Peer) become(s Standing) {
	s.changed = make(chan struct{})
	s.Changed = s.changed
	p.mu.Lock()
	old := p.mu.standing
	p.mu.standing = s
	p.mu.served = p.mu.served || s.Role != Looking
	close(old.changed)
	p.mu.Unlock()
	if s.Role != old.Role || s.Role == Looking && reasonOf(s) != reasonOf(old) {
		p.emit(RoleChanged{Role: s.Role, Reason: reasonOf(s)})
	}
}

func reasonOf(s Standing) string {
	if s.Reason == nil {
		return ""
	}
	return s.Reason.Error()
}

// Standing returns what this server is now.
func (p *Peer) Standing() Standing {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.mu.standing
}

// ID returns this server's id.
func (p *Peer) ID() txn.ServerID { return p.id }

// Await returns nil when this server has applied z, and otherwise why ctx has ended.
func (p *Peer) Await(ctx context.Context, z txn.Zxid) error {
	for {
		changed := p.applied.poll(z)
		if changed == nil {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// Sync asks the quorum how far the ensemble is and returns that zxid once this
// server has applied it: a read here that follows is linearizable (P10). It writes nothing.
func (p *Peer) Sync(ctx context.Context) (txn.Zxid, error) {
	switch s := p.Standing(); {
	case s.Term != nil:
		return s.Term.sync(ctx)
	case s.Upstream != nil:
		return s.Upstream.sync(ctx)
	default:
		return 0, Refusal(s.Reason)
	}
}

// ServeExchange takes another server's notifications until its stream ends. When it returns, the
// transport must end the stream. The error says why, if it is a *[Rejection] to the other server too.
func (p *Peer) ServeExchange(s ExchangeServer) error {
	if err := p.admit(); err != nil {
		return err
	}
	defer p.serving.Done()
	return p.elector.serve(s)
}
