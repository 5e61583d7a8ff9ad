package peer

import (
	"context"
	"errors"

	quorumv1 "github.com/quorate/quorate/gen/quorate/quorum/v1"
	"github.com/quorate/quorate/store/fault"
	"github.com/quorate/quorate/store/txn"
)

// answer replies to a Request or a Sync. The learner holds the answer until it has applied the
// zxid: the request's txn, or the tip on which it was refused.
func (s *session) answer(id uint64, r Reply, err error) {
	s.reply(&quorumv1.SyncResponse{Step: &quorumv1.SyncResponse_Reply{Reply: encodeReply(id, r, placeOf(r, err), err)}})
}

// placeOf returns the zxid at which an answer holds.
func placeOf(r Reply, err error) txn.Zxid {
	var refused *fault.Error
	if errors.As(err, &refused) {
		return refused.Zxid
	}
	return r.Zxid
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
