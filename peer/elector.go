package peer

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/quorate/quorate/peer/election"
	"github.com/quorate/quorate/store/txn"
)

const (
	// abstention is how long a server that has resigned lets others try, before it
	// stands again: it may be the only one that can lead.
	abstention = time.Second
	// refusalPause is the least time between two events about what one server said.
	refusalPause = time.Second
)

type (
	// PeerReached: a stream of the election to another server stands, and it has answered.
	PeerReached struct {
		ID        txn.ServerID
		RoundTrip time.Duration
	}
	// PeerUnreachable: the stream has ended, or could not be opened. It is tried again all the
	// time, and told again only after it has stood.
	PeerUnreachable struct {
		ID    txn.ServerID
		Cause error
	}
)

func (e PeerReached) String() string { return fmt.Sprintf("server %d reached", e.ID) }
func (e PeerUnreachable) String() string {
	return fmt.Sprintf("server %d not reached: %v", e.ID, e.Cause)
}

// elector is this server's part in elections: it drives an [election.Machine] over
// Election.Exchange. Two streams join each pair of servers, each opened by the one who speaks on it ([link],
// [inbound]). All that happens is a letter to the one goroutine that tells the Machine; nobody waits for
// that goroutine, and it waits for nobody. Methods that do not say otherwise are its own.
type elector struct {
	p        *Peer
	start    time.Time // zero of the Machine's clock
	mail     *mailbox
	stopping chan struct{}  // closed when run's context has ended
	working  sync.WaitGroup // all other goroutines

	// For the elector's goroutine alone.
	machine *election.Machine
	random  *rand.Rand
	joined  []txn.Member                   // the members of the view
	links   []*link                        // to each other one, in the same order
	looker  chan<- election.Decide         // has room for the decision; nil while nobody waits
	stand   *election.Look                 // what follows an abstention; else nil
	standAt time.Duration                  // and when
	tickAt  time.Duration                  // when a Tick is due; 0: never
	refusal map[txn.ServerID]time.Duration // when the last NotificationRefused was about the server

	mu struct {
		sync.Mutex
		status  election.Status           // the Machine's after its last step
		running bool                      // run has begun and its context has not ended
		inbound int                       // streams admitted and not dismissed
		streams map[txn.ServerID]*inbound // those of them that have said whose they are
	}
}

// newElector returns the server's part in elections; it fails if the server is not in its own list.
func newElector(p *Peer, c election.Config) (*elector, error) {
	m, err := election.New(c)
	if err != nil {
		return nil, err
	}
	e := &elector{
		p: p, start: time.Now(), mail: newMailbox(), stopping: make(chan struct{}),
		machine: m, random: rand.New(rand.NewPCG(p.random(), p.random())),
		refusal: map[txn.ServerID]time.Duration{},
	}
	e.mu.status = m.Status()
	e.mu.streams = map[txn.ServerID]*inbound{}
	return e, nil
}

// run takes part in elections until ctx ends, and returns when all it has started has ended. It may be
// called once.
func (e *elector) run(ctx context.Context) error {
	e.open()
	e.work(ctx)
	e.close()
	e.working.Wait()
	return nil
}

func (e *elector) open() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.mu.running = true
}

// close keeps new streams out and ends those there are.
func (e *elector) close() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.mu.running = false
	close(e.stopping)
}

// look begins an election and returns its decision, or ctx's cause if that ends
// first. Anybody may call it, one at a time; it decides nothing unless run runs.
func (e *elector) look(ctx context.Context, l election.Look) (election.Decide, error) {
	decided := make(chan election.Decide, 1)
	e.mail.put(aboutLook, 0, func(ctx context.Context) {
		e.looker = decided
		e.begin(ctx, l)
	})
	select {
	case d := <-decided:
		return d, nil
	case <-ctx.Done():
		return election.Decide{}, context.Cause(ctx)
	}
}

// settled tells the epoch of the leader that this server has, or is. Anybody may call it.
func (e *elector) settled(leader txn.ServerID, reign txn.Epoch) {
	e.mail.put(aboutLeader, 0, func(ctx context.Context) {
		e.step(ctx, election.Settled{Leader: leader, Reign: reign})
	})
}

// changed brings a membership that has been committed. Anybody may call it.
func (e *elector) changed(v election.View) {
	e.mail.put(aboutMembers, 0, func(ctx context.Context) {
		e.step(ctx, election.Changed{View: v})
	})
}

// status tells where the election stands. Anybody may call it.
func (e *elector) status() election.Status {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.mu.status
}

// work reads letters and does what is due, until ctx ends.
func (e *elector) work(ctx context.Context) {
	e.join(ctx, e.machine.Status().View)
	timer := time.NewTimer(abstention)
	defer timer.Stop()
	for {
		for _, l := range e.mail.take() {
			l.read(ctx)
		}
		e.due(ctx)
		e.wind(timer)
		select {
		case <-ctx.Done():
			return
		case <-e.mail.filled:
		case <-timer.C:
		}
	}
}

func (e *elector) now() time.Duration { return time.Since(e.start) }

// due does what is due by now.
func (e *elector) due(ctx context.Context) {
	if e.tickAt != 0 && e.now() >= e.tickAt {
		e.tickAt = 0
		e.step(ctx, election.Tick{})
	}
	if e.stand != nil && e.now() >= e.standAt {
		e.begin(ctx, *e.stand)
	}
}

// wind sets the timer to what is due next.
func (e *elector) wind(timer *time.Timer) {
	at := e.tickAt
	if e.stand != nil && (at == 0 || e.standAt < at) {
		at = e.standAt
	}
	timer.Stop()
	if at != 0 {
		timer.Reset(max(at-e.now(), time.Nanosecond))
	}
}

// begin looks for a leader. Who abstains is given some time, and then stands after all.
func (e *elector) begin(ctx context.Context, l election.Look) {
	e.stand = nil
	if l.Abstain {
		again := l
		again.Abstain = false
		e.stand, e.standAt = &again, e.now()+abstention
	}
	e.p.emit(Electing{})
	e.step(ctx, l)
}

// step tells the Machine what has happened and does what it asks for. The links come first, for
// what is to be said may be for a new member.
func (e *elector) step(ctx context.Context, ev election.Event) {
	actions := e.machine.Step(e.now(), ev)
	e.publish(e.machine.Status())
	e.join(ctx, e.machine.Status().View)
	for _, a := range actions {
		e.do(a)
	}
}

func (e *elector) publish(s election.Status) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.mu.status = s
}

func (e *elector) do(a election.Action) {
	switch a := a.(type) {
	case election.Send:
		e.send(a)
	case election.SetTimer:
		e.tickAt = a.At
	case election.Decide:
		e.decided(a)
	case election.Disloyal:
		e.p.disloyal(a)
	case election.Refuse:
		e.refused(a.From, a.Err)
	}
}

func (e *elector) send(s election.Send) {
	n := encodeNotification(s.Notification)
	for _, l := range e.links {
		if s.To == election.All || s.To == l.to.ID {
			l.say(n)
		}
	}
}

func (e *elector) decided(d election.Decide) {
	e.stand = nil
	e.p.emit(Elected{Leader: d.Leader, Round: uint64(d.Round)})
	if e.looker != nil {
		e.looker <- d
		e.looker = nil
	}
}

// refused tells that what a server said was not used; not more often than it is worth.
func (e *elector) refused(from txn.ServerID, err error) {
	if last, ok := e.refusal[from]; ok && e.now()-last < refusalPause {
		return
	}
	e.refusal[from] = e.now()
	e.p.emit(NotificationRefused{From: from, Err: err})
}

// join makes the links lead to the members of a view, and to nobody else. A server without
// a dialer is on its own.
func (e *elector) join(ctx context.Context, v election.View) {
	members := v.Membership.Members
	if e.p.dialer == nil || slices.Equal(e.joined, members) {
		return
	}
	e.joined = members
	old, links := e.links, make([]*link, 0, len(members))
	for _, m := range members {
		to := e.dialled(m)
		switch i := slices.IndexFunc(old, func(l *link) bool { return l.to.ID == to.ID && l.to.Address == to.Address }); {
		case to.ID == e.p.id:
		case i >= 0:
			links = append(links, old[i])
		default:
			links = append(links, e.link(ctx, to))
		}
	}
	for _, l := range old {
		if !slices.Contains(links, l) {
			l.stop()
		}
	}
	e.links = links
}

// dialled returns a member with the address that this server was told to use, if it was told one.
func (e *elector) dialled(m txn.Member) txn.Member {
	if told, ok := memberOf(m.ID, e.p.members); ok && told.Address != "" {
		m.Address = told.Address
	}
	return m
}

// link starts a link.
func (e *elector) link(ctx context.Context, to txn.Member) *link {
	l := newLink(e.p.id, to, e.p.dialer, rand.New(rand.NewPCG(e.random.Uint64(), e.random.Uint64())))
	l.tell = func(r reach) {
		e.mail.put(aboutLink, to.ID, func(ctx context.Context) { e.linked(ctx, l, r) })
	}
	ctx, l.stop = context.WithCancel(ctx)
	e.working.Go(func() { l.run(ctx) })
	return l
}

// linked takes note of what has become of a link, unless it is one of the past.
func (e *elector) linked(ctx context.Context, l *link, r reach) {
	if !slices.Contains(e.links, l) {
		return
	}
	if r.cause != nil {
		l.up = false
		e.p.emit(PeerUnreachable{ID: l.to.ID, Cause: r.cause})
		e.step(ctx, election.Unreachable{ID: l.to.ID})
		return
	}
	if !l.up {
		l.up = true
		e.p.emit(PeerReached{ID: l.to.ID, RoundTrip: r.roundTrip})
	}
	e.step(ctx, election.Reachable{ID: l.to.ID, RoundTrip: r.roundTrip})
}

// hurry makes a link to a server that lives try again at once, if it does not stand.
func (e *elector) hurry(id txn.ServerID) {
	for _, l := range e.links {
		if l.to.ID == id {
			poke(l.lives)
		}
	}
}
