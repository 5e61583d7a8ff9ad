package peer

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	quorumv1 "github.com/quorate/quorate/gen/quorate/quorum/v1"
	"github.com/quorate/quorate/store/fault"
	"github.com/quorate/quorate/store/txn"
)

// pump sends what the learner is to know, as long as the reign lasts: the most urgent first. committed is
// what it was told last.
func (s *session) pump(ctx context.Context, c *cursor, committed txn.Zxid) error {
	pulse := time.NewTimer(s.lead.timing.Tick)
	defer pulse.Stop()
	for {
		news := s.lead.news.wait()
		if s.lead.yield(ctx); ctx.Err() != nil {
			return context.Cause(ctx)
		}
		sent, err := s.step(c, &committed)
		if err != nil {
			return err
		}
		if sent {
			continue
		}
		due, left := s.pingDue()
		if due {
			continue
		}
		pulse.Reset(left)
		select {
		case <-news:
		case <-s.wake:
		case <-pulse.C:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// step sends a ping if one is due, and another message if there is one: so neither keeps the other
// waiting, however fast the rounds follow each other.
func (s *session) step(c *cursor, told *txn.Zxid) (sent bool, err error) {
	due, _ := s.pingDue()
	if due {
		if err := s.ping(); err != nil {
			return true, err
		}
	}
	sent, err = s.stepOn(c, told)
	return sent || due, err
}

// stepOn sends replies, txns or a commit.
func (s *session) stepOn(c *cursor, told *txn.Zxid) (sent bool, err error) {
	if replies := s.takeReplies(); len(replies) > 0 {
		return true, s.sendAll(replies)
	}
	committed := s.lead.term.Committed()
	if !s.durable {
		return s.inform(c, committed)
	}
	if s.flow.room(s.lead.limits.Window) {
		prev := c.at
		recs, err := c.next(^txn.Zxid(0), maxBatchBytes)
		if err != nil {
			return false, compacted(err)
		}
		if len(recs) > 0 {
			s.flow.sent(c.at, size(recs))
			*told = max(*told, min(committed, c.at))
			return true, s.send(proposal(prev, recs, *told))
		}
	}
	if z := min(committed, c.at); z > *told {
		*told = z
		return true, s.send(&quorumv1.SyncResponse{Step: &quorumv1.SyncResponse_Commit{Commit: &quorumv1.Commit{Zxid: uint64(z)}}})
	}
	return false, nil
}

// inform sends a learner without a log what is committed. The stream's own flow control is
// all that holds it back.
func (s *session) inform(c *cursor, committed txn.Zxid) (sent bool, err error) {
	prev := c.at
	recs, err := c.next(committed, maxBatchBytes)
	if err != nil || len(recs) == 0 {
		return false, compacted(err)
	}
	m := &quorumv1.Inform{PrevZxid: uint64(prev), Txns: payloads(recs)}
	return true, s.send(&quorumv1.SyncResponse{Step: &quorumv1.SyncResponse_Inform{Inform: m}})
}

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
		s.pong(step.Ping)
		return nil
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

func (s *session) pong(p *quorumv1.Ping) {
	s.mu.Lock()
	if p.GetDurableBytes() > s.mu.written {
		s.mu.written = p.GetDurableBytes()
		s.mu.progress = time.Now()
	}
	echoed := min(p.GetRound(), s.mu.round)
	s.mu.Unlock()
	if s.phase() == serving {
		s.lead.rounds.echo(s.id, s.disk, echoed)
	}
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
	s.lead.requests(r, answer)
}

// sync answers with what is committed, once a quorum has proven that this leader still leads (P10).
func (s *session) sync(id uint64) {
	s.lead.rounds.begin(s.lead.term.Committed(), func(at txn.Zxid, err error) {
		s.answer(id, Reply{Zxid: at}, err)
	})
}

func (s *session) revalidate(m *quorumv1.Revalidate) {
	_, valid := s.lead.store.Version().Session(txn.SessionID(m.GetSession()))
	s.reply(&quorumv1.SyncResponse{Step: &quorumv1.SyncResponse_Revalidated{Revalidated: &quorumv1.Revalidated{Id: m.GetId(), Valid: valid}}})
}

// answer replies to a Request or a Sync. The learner holds the answer until it has applied the
// zxid: the request's txn, or the tip on which it was refused.
func (s *session) answer(id uint64, r Reply, err error) {
	at := r.Zxid
	var refused *fault.Error
	if errors.As(err, &refused) {
		at = refused.Zxid
	}
	s.reply(&quorumv1.SyncResponse{Step: &quorumv1.SyncResponse_Reply{Reply: encodeReply(id, r, at, err)}})
}

// reply queues a reply for the pump. It never blocks.
func (s *session) reply(m *quorumv1.SyncResponse) {
	s.mu.Lock()
	s.mu.replies = append(s.mu.replies, m)
	s.mu.Unlock()
	s.poke()
}

// awaitRoom makes room for one more answer. Nothing more is read of the learner until there is.
func (s *session) awaitRoom() error {
	for {
		s.mu.Lock()
		if s.mu.owed < maxReplies {
			s.mu.owed++
			s.mu.Unlock()
			return nil
		}
		room := make(chan struct{})
		s.mu.room = room
		s.mu.Unlock()
		select {
		case <-room:
		case <-s.stream.Context().Done():
			return context.Cause(s.stream.Context())
		}
	}
}

func (s *session) takeReplies() []*quorumv1.SyncResponse {
	s.mu.Lock()
	defer s.mu.Unlock()
	replies := s.mu.replies
	s.mu.replies = nil
	return replies
}

// sendAll sends replies, and then makes room for as many.
func (s *session) sendAll(replies []*quorumv1.SyncResponse) error {
	for _, m := range replies {
		if err := s.send(m); err != nil {
			return err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mu.owed -= len(replies)
	if s.mu.room != nil {
		close(s.mu.room)
		s.mu.room = nil
	}
	return nil
}

// poke wakes the pump.
func (s *session) poke() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
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

// flow is what a learner was sent and has not acknowledged yet.
type flow struct {
	mu struct {
		sync.Mutex
		last  txn.Zxid // the last sent
		bytes int64    // not acknowledged
		waits []sentBatch
	}
}

type sentBatch struct {
	last  txn.Zxid
	bytes int64
	at    time.Time
}

// start says that nothing beyond z has been sent.
func (f *flow) start(z txn.Zxid) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.mu.last = z
}

func (f *flow) sent(last txn.Zxid, bytes int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.mu.last = last
	f.mu.bytes += int64(bytes)
	f.mu.waits = append(f.mu.waits, sentBatch{last, int64(bytes), time.Now()})
}

// acked takes an acknowledgement; false if that was never sent.
func (f *flow) acked(z txn.Zxid) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if z > f.mu.last {
		return false
	}
	n := 0
	for n < len(f.mu.waits) && f.mu.waits[n].last <= z {
		f.mu.bytes -= f.mu.waits[n].bytes
		n++
	}
	f.mu.waits = f.mu.waits[n:]
	return true
}

// room tells whether more may be sent.
func (f *flow) room(window int64) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.mu.bytes < window
}

// waiting returns the bytes that are not acknowledged, and for how long the oldest are not.
func (f *flow) waiting() (bytes int64, oldest time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.mu.waits) == 0 {
		return 0, 0
	}
	return f.mu.bytes, time.Since(f.mu.waits[0].at)
}
