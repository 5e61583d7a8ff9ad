package election

import (
	"slices"
	"time"

	"github.com/quorate/quorate/peer/quorum"
	"github.com/quorate/quorate/store/txn"
)

// Machine is one server's part in elections. It is a plain value that changes in [Machine.Step] alone: one
// goroutine at a time may use it.
type Machine struct {
	cfg    Config
	view   View
	quorum quorum.System

	state State // 0 before the first Look
	round Round
	creds Look // what the last Look said
	vote  Vote // while Looking derived, see best; then the decision
	reign txn.Epoch
	peers []peer // every other member of the view, by id

	agreed   bool          // a quorum agrees on vote
	agreedAt time.Duration // since then
	resendAt time.Duration // when to say it all again
	resend   time.Duration // and how long to wait after that
	timer    time.Duration // what the last SetTimer asked for

	now time.Duration // of this Step
	out []Action      // of this Step
	say bool          // this Step: everybody is to hear from us
}

// New returns a Machine that is not looking yet. It fails if the server is not in its own list.
func New(cfg Config) (*Machine, error) {
	cfg, err := cfg.complete()
	if err != nil {
		return nil, err
	}
	m := &Machine{cfg: cfg}
	m.setView(cfg.View)
	return m, nil
}

// Step takes an event and returns what is to be done about it. now is a monotonic
// clock's; it may stand still but not go back.
func (m *Machine) Step(now time.Duration, e Event) []Action {
	m.now, m.out, m.say = now, nil, false
	switch e := e.(type) {
	case Look:
		m.look(e)
	case Received:
		m.receive(e.From, e.Notification)
	case Reachable:
		m.reachable(e)
	case Unreachable:
		if p := m.peer(e.ID); p != nil {
			*p = peer{member: p.member, link: ended, backs: p.backs}
		}
	case Tick: // what is due is done below, whatever the event
	case Settled:
		m.settled(e)
	case Changed:
		m.changed(e.View)
	}
	if m.state == Looking {
		m.conclude()
	}
	if m.say {
		m.broadcast()
	}
	if m.state == Looking {
		m.arm()
	}
	return m.out
}

// Status is what a person wants to know of an election.
type Status struct {
	State State
	Round Round
	Vote  Vote
	// View is the membership the server judges by.
	View View
	// Unheard are the voters that a Looking server has heard nothing of in this round.
	// In a founding, which needs them all, they are what it waits for.
	Unheard []txn.ServerID
}

// Status returns where the Machine stands.
func (m *Machine) Status() Status {
	s := Status{State: m.state, Round: m.round, Vote: m.vote, View: m.view}
	for _, p := range m.peers {
		if m.state == Looking && p.votes() && !p.heard {
			s.Unheard = append(s.Unheard, p.member.ID)
		}
	}
	return s
}

func (m *Machine) look(e Look) {
	m.state, m.creds, m.reign = Looking, e, 0
	m.beginRound(max(m.round, e.Round) + 1)
	for i := range m.peers {
		m.peers[i].heard = false // a word from before the leader was lost must not bring it back
	}
}

// beginRound starts a round of our own or joins another's. Votes of earlier rounds are
// forgotten; that somebody follows a leader is true in any round.
func (m *Machine) beginRound(r Round) {
	m.round, m.agreed, m.vote, m.say = r, false, Vote{}, true
	for i := range m.peers {
		p := &m.peers[i]
		p.since = m.now
		p.heard = p.heard && p.word.State != Looking
	}
}

func (m *Machine) reachable(e Reachable) {
	p := m.peer(e.ID)
	if p == nil {
		return
	}
	p.link, p.roundTrip, p.since = up, e.RoundTrip, m.now
	if m.state == Looking {
		m.send(e.ID) // whatever we said before, it may not have heard
	}
}

// settled takes note of a leader found by somebody else.
func (m *Machine) settled(e Settled) {
	if e.Leader != m.vote.Leader {
		m.vote = Vote{Leader: e.Leader}
		m.say = true
	}
	if state := m.under(e.Leader); state != m.state {
		m.state, m.say = state, true
	}
	m.reign = e.Reign
}

// under is the state of this server when somebody leads.
func (m *Machine) under(leader txn.ServerID) State {
	switch {
	case leader == m.cfg.ID:
		return Leading
	case m.view.votes(m.cfg.ID):
		return Following
	}
	return Observing
}

func (m *Machine) changed(v View) {
	if v.Version < m.view.Version {
		return
	}
	m.setView(v)
	if m.state == Looking {
		m.beginRound(m.round + 1)
	}
}

// setView takes over a membership, with what is known of those who stay.
func (m *Machine) setView(v View) {
	old := m.peers
	m.view, m.quorum, m.peers = v, m.cfg.Quorum(v.Membership), nil
	for _, member := range v.Membership.Members {
		if member.ID == m.cfg.ID {
			continue
		}
		p := peer{since: m.now}
		if i := slices.IndexFunc(old, func(o peer) bool { return o.member.ID == member.ID }); i >= 0 {
			p = old[i]
		}
		p.member = member
		m.peers = append(m.peers, p)
	}
}

// word is what we tell.
func (m *Machine) word() Notification {
	return Notification{State: m.state, Round: m.round, Vote: m.vote, Storage: m.creds.Storage, Reign: m.reign, View: m.view}
}

func (m *Machine) emit(a Action) { m.out = append(m.out, a) }

func (m *Machine) send(to txn.ServerID) { m.emit(Send{To: to, Notification: m.word()}) }

// broadcast tells everybody, and starts the repetitions anew.
func (m *Machine) broadcast() {
	m.send(All)
	m.resend = m.cfg.Resend
	m.resendAt = m.now + m.resend
}
