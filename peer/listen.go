package peer

import (
	"fmt"
	"strings"
	"time"

	quorumv1 "github.com/quorate/quorate/gen/quorate/quorum/v1"
	"github.com/quorate/quorate/store/txn"
)

// listen takes what the learner says after its promise, until the stream ends.
func (s *session) listen() {
	defer s.lead.roster.wg.Done()
	s.fail(s.hearAll())
}

func (s *session) hearAll() error {
	for {
		m, err := s.stream.Recv()
		if err != nil {
			return fmt.Errorf("the stream from the learner has ended: %w", err)
		}
		s.hear()
		if err := s.take(m); err != nil {
			return err
		}
	}
}

// take does what a message asks for.
func (s *session) take(m *quorumv1.SyncRequest) error {
	switch step := m.GetStep().(type) {
	case *quorumv1.SyncRequest_Ping:
		return s.pong(step.Ping)
	case *quorumv1.SyncRequest_AckNewLeader:
		return s.ackNewLeader(step.AckNewLeader)
	}
	if s.phase() != serving {
		return malformed("%s before the learner serves", stepName(m))
	}
	if ack := m.GetAck(); ack != nil {
		return s.ack(txn.Zxid(ack.GetZxid()))
	}
	return s.answerTo(m)
}

// answerTo takes what is answered: once each, and not more at a time than there is room for.
func (s *session) answerTo(m *quorumv1.SyncRequest) error {
	if err := s.awaitRoom(); err != nil {
		return err
	}
	switch step := m.GetStep().(type) {
	case *quorumv1.SyncRequest_Request:
		s.request(step.Request)
	case *quorumv1.SyncRequest_Sync:
		s.sync(step.Sync.GetId())
	case *quorumv1.SyncRequest_Revalidate:
		s.revalidate(step.Revalidate)
	default:
		return malformed("%s in broadcast", stepName(m))
	}
	return nil
}

// pong takes a ping: first the sessions in it, since the round that it answers says that they are told.
func (s *session) pong(p *quorumv1.Ping) error {
	if n := len(p.GetSessions()); n > maxTouches {
		return malformed("a ping with %d sessions", n)
	} else if n > 0 {
		s.lead.touches.heard(sessionsOf(p))
	}
	s.mu.Lock()
	if p.GetDurableBytes() > s.mu.written {
		s.mu.written = p.GetDurableBytes()
		s.mu.progress = time.Now()
	}
	echoed := min(p.GetRound(), s.mu.round)
	s.mu.echoed = max(s.mu.echoed, echoed)
	s.mu.Unlock()
	if s.phase() == serving {
		s.lead.rounds.echo(s.id, s.disk, echoed)
	}
	return nil
}

func sessionsOf(p *quorumv1.Ping) []txn.SessionID {
	ids := make([]txn.SessionID, len(p.GetSessions()))
	for i, id := range p.GetSessions() {
		ids[i] = txn.SessionID(id)
	}
	return ids
}

func (s *session) ackNewLeader(ack *quorumv1.AckNewLeader) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case !s.mu.asked || s.mu.phase != synchronizing:
		return malformed("AckNewLeader where none belongs")
	case ack.GetEpoch() != uint32(s.lead.epoch):
		return malformed("AckNewLeader for epoch %d, not %d", ack.GetEpoch(), s.lead.epoch)
	}
	s.mu.phase = synchronized
	close(s.acked)
	return nil
}

// ack takes an acknowledgement: never for more than was sent, or a learner could commit what it has not.
func (s *session) ack(z txn.Zxid) error {
	if !s.durable || !s.flow.acked(z) {
		return malformed("Ack of %v, which was not proposed on this stream", z)
	}
	s.mark(z)
	s.poke()
	return nil
}

// request hands a client's request on. Its reply says at which zxid the client may be answered.
func (s *session) request(m *quorumv1.Request) {
	answer := func(reply Reply, err error) { s.answer(m.GetId(), reply, err) }
	r, err := decodeRequest(m)
	if err != nil { // of one client; and while versions change, a newer learner's request may be unknown here
		answer(Reply{}, err)
		return
	}
	r.Via = s.id
	s.lead.requests(r, answer)
}

// sync answers with what is committed, once a quorum has proven that this leader still leads (P10).
func (s *session) sync(id uint64) {
	s.lead.rounds.begin(s.lead.term.Committed(), func(at txn.Zxid, err error) {
		s.answer(id, Reply{Zxid: at}, err)
	})
}

// revalidate has a session judged in its turn among the requests: by the tip, since one that is being closed there is closed.
func (s *session) revalidate(m *quorumv1.Revalidate) {
	s.lead.requests(decodeRevalidate(m, s.id), func(r Reply, err error) {
		s.reply(&quorumv1.SyncResponse{Step: &quorumv1.SyncResponse_Revalidated{Revalidated: encodeRevalidated(m.GetId(), r, err)}})
	})
}

func malformed(format string, args ...any) *Rejection {
	return reject(quorumv1.RefusalReason_REFUSAL_REASON_MALFORMED, format, args...)
}

// stepName names a message's step for people: "AckEpoch", or "nothing".
func stepName(m *quorumv1.SyncRequest) string {
	if m.GetStep() == nil {
		return "a message without a step"
	}
	name := fmt.Sprintf("%T", m.GetStep())
	return name[strings.LastIndexByte(name, '_')+1:]
}
