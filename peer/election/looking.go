package election

import (
	"time"

	"github.com/quorate/quorate/store/txn"
)

// receive takes a notification. One that cannot be used changes nothing.
func (m *Machine) receive(from txn.ServerID, n Notification) {
	if err := m.check(from, n); err != nil {
		m.emit(Refuse{From: from, Err: err})
		return
	}
	p := m.peer(from)
	p.alive(m.now)
	switch {
	case m.state == 0:
	case m.state != Looking:
		m.receiveSettled(p, n)
	case n.View.Version > m.view.Version:
		m.setView(n.View)
		m.say = true // pass it on, and tell what has become of our own candidacy
		if p = m.peer(from); p != nil {
			m.hear(p, n)
		}
	default:
		m.hear(p, n)
	}
}

// receiveSettled is what a server with a leader does about a notification: it answers those who look.
func (m *Machine) receiveSettled(p *peer, n Notification) {
	counts := m.view.counts(p.member.ID, n.Storage)
	if n.State != Looking {
		p.backs = p.backs || counts && n.State == Following && n.Vote.Leader == m.cfg.ID
		return
	}
	m.send(p.member.ID)
	if late := n.Round == m.round && n.Vote == m.vote; m.state != Leading || late || !p.backs {
		return
	}
	p.backs = false
	m.emit(Disloyal{ID: p.member.ID, Deserted: !m.quorum.Reached(m.backed)})
}

// backed tells whether a voter, this one included, stands behind us as the leader.
func (m *Machine) backed(id txn.ServerID) bool {
	if p := m.peer(id); p != nil {
		return p.backs
	}
	return id == m.cfg.ID && m.counts()
}

// hear takes a notification while looking.
func (m *Machine) hear(p *peer, n Notification) {
	if n.State != Looking {
		p.heard, p.word = n.State != Observing, n
		return
	}
	if n.View.Version < m.view.Version {
		m.send(p.member.ID) // it judges by an old list
	}
	switch {
	case !m.view.votes(m.cfg.ID):
		p.heard = false // without a vote we wait until the voters have decided
	case !m.view.counts(p.member.ID, n.Storage):
		p.heard, p.word = p.votes(), n // it has spoken, and that is all
	case n.Round < m.round:
		p.heard = false
		m.send(p.member.ID) // it will come up to our round
	default:
		m.hearVote(p, n)
	}
}

// hearVote takes the vote of a voter that is in our round or ahead of it.
func (m *Machine) hearVote(p *peer, n Notification) {
	if n.Round > m.round {
		m.beginRound(n.Round)
	}
	p.heard, p.word = true, n
	if m.vote.Beats(n.Vote) && !m.say {
		m.send(p.member.ID) // it may have missed what we said
	}
}

// counts tells whether our own vote counts.
func (m *Machine) counts() bool { return m.view.counts(m.cfg.ID, m.creds.Storage) }

// own is our candidacy: nobody, if we must not be elected or will not.
func (m *Machine) own() Vote {
	if m.creds.Abstain || !m.counts() || !m.quorum.Has(m.cfg.ID) {
		return Vote{}
	}
	return Vote{Leader: m.cfg.ID, Epoch: m.creds.Epoch, Zxid: m.creds.Zxid, Storage: m.creds.Storage}
}

// best is the greatest of our own candidacy and all that the voters have said in
// this round, those too who have decided in it: else their last word would take back the one
// before. It is worked out anew each time, so that a vote goes when its reason goes.
func (m *Machine) best() Vote {
	if !m.view.votes(m.cfg.ID) {
		return Vote{}
	}
	best := m.own()
	for i := range m.peers {
		p := &m.peers[i]
		if m.inRound(p) && p.word.Vote.Beats(best) && m.electable(p.word.Vote) {
			best = p.word.Vote
		}
	}
	return best
}

// inRound tells whether the peer's word is one of this round and counts.
func (m *Machine) inRound(p *peer) bool {
	return p.heard && p.word.Round == m.round && m.view.counts(p.member.ID, p.word.Storage)
}

// electable tells whether a vote that was heard may be taken over.
func (m *Machine) electable(v Vote) bool {
	p := m.peer(v.Leader)
	switch {
	case p == nil: // a stranger, or ourselves: our own candidacy needs no telling, and another one is of a former life
		return false
	case !m.view.counts(v.Leader, v.Storage) || !m.quorum.Has(v.Leader):
		return false
	case p.link == ended:
		return false // we could not follow it
	}
	denied := m.inRound(p) && (v.Storage != p.word.Storage || p.word.State == Looking && v.Beats(p.word.Vote))
	return !denied // the candidate itself has another disk, or stands on less: the vote is of a former life
}

// conclude draws the conclusions from what is known: whom to vote for, whether that is all.
func (m *Machine) conclude() {
	if v := m.best(); v != m.vote {
		m.vote, m.agreed, m.say = v, false, true
	}
	if m.join() || m.elect() {
		return
	}
	if m.now >= m.resendAt && !m.say {
		m.resend = min(2*m.resend, m.cfg.MaxResend)
		m.resendAt = m.now + m.resend
		m.send(All)
	}
}

// join follows a leader that a quorum has already, in whatever round: it must say itself that
// it leads. Two leaders cannot both have one, since each voter's last word names but one.
func (m *Machine) join() bool {
	for i := range m.peers {
		leader := &m.peers[i]
		id := leader.member.ID
		if !leader.settledFor(id) || !m.view.counts(id, leader.word.Storage) {
			continue
		}
		if m.quorum.Reached(func(v txn.ServerID) bool {
			p := m.peer(v)
			return p != nil && p.settledFor(id) && m.view.counts(v, p.word.Storage)
		}) {
			m.vote, m.round = leader.word.Vote, max(m.round, leader.word.Round)
			m.decide()
			return true
		}
	}
	return false
}

// elect ends the election if enough agree and there is nobody left to wait for.
func (m *Machine) elect() bool {
	if m.vote.Leader == 0 || !m.enough() {
		m.agreed = false
		return false
	}
	if !m.agreed {
		m.agreed, m.agreedAt = true, m.now
	}
	if next, waiting := m.awaited(); waiting && m.now < next {
		return false
	}
	for i := range m.peers {
		m.peers[i].backs = m.supports(m.peers[i].member.ID)
	}
	m.decide()
	return true
}

// supports tells whether a voter, this one included, is for our vote in this round.
func (m *Machine) supports(id txn.ServerID) bool {
	if id == m.cfg.ID {
		return m.counts()
	}
	p := m.peer(id)
	return p != nil && m.inRound(p) && p.word.Vote == m.vote
}

// enough tells whether enough voters agree. To found an ensemble all have to (P6).
func (m *Machine) enough() bool {
	if m.view.Version != 0 || m.cfg.Bootstrap {
		return m.quorum.Reached(m.supports)
	}
	for _, member := range m.view.Membership.Members {
		if member.Role != txn.Observer && !m.supports(member.ID) {
			return false
		}
	}
	return true
}

// awaited returns until when the election waits for somebody who might be better; false
// if there is nobody.
func (m *Machine) awaited() (until time.Duration, waiting bool) {
	end := m.agreedAt + m.cfg.Patience
	for i := range m.peers {
		p := &m.peers[i]
		if !p.votes() || !m.quorum.Has(p.member.ID) || p.link == ended || m.spoken(p) {
			continue
		}
		if silent := m.silentAt(p); silent > m.now {
			until, waiting = max(until, silent), true
		}
	}
	return min(until, end), waiting
}

// spoken tells whether all is known that a voter has to say in this round. One that follows
// a leader of another round has not spoken: it will find out.
func (m *Machine) spoken(p *peer) bool {
	switch {
	case !p.heard:
		return false
	case !m.view.counts(p.member.ID, p.word.Storage):
		return true
	}
	return p.word.Round == m.round || p.settledFor(m.vote.Leader)
}

// silentAt returns when a voter that has not spoken is taken for dead: two round
// trips after it could have answered. Where no round trip is known there is only patience.
func (m *Machine) silentAt(p *peer) time.Duration {
	if p.link != up || p.roundTrip == 0 || p.heard {
		return m.agreedAt + m.cfg.Patience
	}
	return p.since + max(2*p.roundTrip, m.cfg.Silence)
}

// decide settles on the vote.
func (m *Machine) decide() {
	m.state, m.say = m.under(m.vote.Leader), true
	m.emit(Decide{Leader: m.vote.Leader, Round: m.round, Vote: m.vote, View: m.view})
}

// arm asks for a Tick when something is due next.
func (m *Machine) arm() {
	at := m.resendAt
	if m.agreed {
		if next, waiting := m.awaited(); waiting {
			at = min(at, next)
		}
	}
	if at != m.timer {
		m.timer = at
		m.emit(SetTimer{At: at})
	}
}
