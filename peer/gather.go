package peer

import (
	"cmp"
	"context"
	"maps"
	"time"

	quorumv1 "github.com/quorate/quorate/gen/quorate/quorum/v1"
	"github.com/quorate/quorate/peer/election"
	"github.com/quorate/quorate/store/txn"
)

// How the streams of learners take part in the leader's three rendezvous.

// electorate returns who counts now: that of the reign, once there is one.
func (l *leader) electorate() *electorate {
	select {
	case <-l.established:
		return l.term.acks.who()
	default:
		return l.who
	}
}

// awaitEpoch takes a learner's accepted epoch into account and returns the new one, once it is
// durable here (P2).
func (l *leader) awaitEpoch(ctx context.Context, s *session) (txn.Epoch, error) {
	l.mu.Lock()
	l.mu.disks[s.id] = s.disk
	l.mu.Unlock()
	l.roster.news.light()
	if err := l.report(s.id, s.disk, s.accepted); err != nil {
		return 0, err
	}
	if err := s.waitSilently(ctx, l.announced); err != nil {
		return 0, err
	}
	if s.accepted > l.epoch {
		return 0, l.behind(s)
	}
	return l.epoch, nil
}

// waitSilently waits for a step of somebody else before the learner can be spoken to.
func (s *session) waitSilently(ctx context.Context, done <-chan struct{}) error {
	s.waiting(true)
	defer s.waiting(false)
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// waiting notes that the session waits for others, or that the next word is the learner's again.
func (s *session) waiting(yes bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mu.waits = yes
	s.mu.heard = time.Now()
	s.mu.progress = s.mu.heard
}

// behind deals with a learner that has promised an epoch later than this leader's, and so cannot
// follow (P5). One that does not count is told, and forgets its promise. For a voter the leader makes room: at
// once if without it the candidacy is hopeless, else once it is established.
func (l *leader) behind(s *session) error {
	refusal := reject(quorumv1.RefusalReason_REFUSAL_REASON_EPOCH, "server %d has promised epoch %d, this leader's is %d", s.id, s.accepted, l.epoch)
	counts := l.electorate().counts(s.id, s.disk)
	if counts { // never tell it to forget: its own view of who counts may be older
		refusal.Reason = quorumv1.RefusalReason_REFUSAL_REASON_AHEAD
	}
	s.fail(refusal) // before the end of the reign can be the reason
	if !counts {
		return refusal
	}
	select {
	case <-l.established:
		if s.accepted <= l.epoch+maxEpochJump && l.mayMakeRoom() { // else the next leader could not take it in either
			_ = l.term.end(errLeftOut)
		}
	default:
		l.lose(s.id)
	}
	return refusal
}

// mayMakeRoom limits how often a leader resigns for the sake of one that is left out: that one
// could otherwise keep the ensemble from working.
func (l *leader) mayMakeRoom() bool {
	l.Peer.mu.Lock()
	defer l.Peer.mu.Unlock()
	if !l.Peer.mu.madeRoom.IsZero() && time.Since(l.Peer.mu.madeRoom) < rarely {
		return false
	}
	l.Peer.mu.madeRoom = time.Now()
	return true
}

// lose notes that a voter's promise cannot be had, and gives up if that leaves no quorum.
func (l *leader) lose(id txn.ServerID) {
	l.mu.Lock()
	l.mu.lost[id] = true
	hopeless := !l.who.Reached(func(id txn.ServerID) bool { return !l.mu.lost[id] })
	l.mu.Unlock()
	if hopeless && !l.epochAcks.complete() {
		l.fail(errHopeless)
	}
}

// notToBeHad returns the voters whose promise is missing and will not come.
func (l *leader) notToBeHad() map[txn.ServerID]bool {
	if l.epochAcks.complete() {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return maps.Clone(l.mu.lost)
}

// joinEpoch takes a learner's promise and waits until a quorum has promised. Until then a voter
// that counts and whose history is longer ends the candidacy: this comparison carries ZAB's safety, not the
// election. Afterwards nobody is ahead: what is longer was never committed, and is cut (P4).
func (l *leader) joinEpoch(ctx context.Context, s *session, ack *quorumv1.AckEpoch) error {
	who := s.id
	if !ack.GetCounts() {
		who = 0 // it has promised this epoch to another candidacy (P1)
	}
	err := l.epochAcks.arrive(who, s.disk, func() error {
		if l.who.counts(s.id, s.disk) && l.ahead(ack) {
			return reject(quorumv1.RefusalReason_REFUSAL_REASON_AHEAD, "server %d is ahead: epoch %d, %v; the candidate has epoch %d, %v",
				s.id, ack.GetCurrentEpoch(), txn.Zxid(ack.GetLastZxid()), l.current, l.last)
		}
		return nil
	})
	if err != nil {
		s.fail(err)
		l.fail(errAhead)
		return err
	}
	if !ack.GetCounts() && l.who.counts(s.id, s.disk) && !l.epochAcks.complete() {
		l.lose(s.id)
	}
	s.waiting(true)
	defer s.waiting(false)
	return s.waitPinging(ctx, l.epochAcks.done)
}

// ahead compares as votes are compared: current epoch, then last logged zxid.
func (l *leader) ahead(ack *quorumv1.AckEpoch) bool {
	return cmp.Or(cmp.Compare(txn.Epoch(ack.GetCurrentEpoch()), l.current), cmp.Compare(txn.Zxid(ack.GetLastZxid()), l.last)) > 0
}

// establishWith counts a learner that has acknowledged NewLeader, its history ending at mark, and waits until
// the reign is established. Its watermark begins here, with what it has made durable under this leader (P3).
func (l *leader) establishWith(ctx context.Context, s *session, mark txn.Zxid) error {
	_ = l.synced.arrive(s.id, s.disk, nil)
	if err := s.waitPinging(ctx, l.established); err != nil {
		return err
	}
	if s.durable {
		s.flow.start(mark)
		s.mark(mark)
	}
	return nil
}

// mark records that the learner's log is durable up to z.
func (s *session) mark(z txn.Zxid) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.mu.gone {
		s.lead.term.acks.set(s.id, s.disk, z)
	}
}

// retire drops what a stream was counted for, when it has ended or was replaced: watermarks die with
// the stream that brought them (P3), and what of it is still underway brings none back.
func (s *session) retire() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mu.gone = true
	select {
	case <-s.lead.established:
		s.lead.term.acks.forget(s.id)
		s.lead.rounds.forget(s.id)
	default:
	}
}

// ensemble returns which one this is; 0 while it is being founded. A power cut may have come after the
// founding was logged and before the directory was marked.
func (l *leader) ensemble() txn.EnsembleID {
	return cmp.Or(l.store.Identity().Ensemble, l.who.membership.Ensemble)
}

// info is the leader's introduction.
func (l *leader) info(epoch txn.Epoch) *quorumv1.LeaderInfo {
	return &quorumv1.LeaderInfo{
		Epoch: uint32(epoch), Incarnation: l.incarnation, Protocol: protocol,
		Leader: uint32(l.id), Ensemble: uint64(l.ensemble()), ClientPort: uint32(l.port),
	}
}

// disloyal is the elector's word that a voter which backed this candidate looks for another.
func (p *Peer) disloyal(d election.Disloyal) {
	if lead := p.Standing().candidacy; lead != nil && d.Deserted {
		select {
		case <-lead.established: // knows better by its streams
		default:
			lead.fail(errDeserted)
		}
	}
}
