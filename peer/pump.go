package peer

import (
	"context"
	"time"

	quorumv1 "github.com/quorate/quorate/gen/quorate/quorum/v1"
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
