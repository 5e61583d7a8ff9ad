package peer

import (
	"context"
	"errors"
	"io"
	"slices"
	"sync"
	"testing"
	"time"

	quorumv1 "github.com/quorate/quorate/gen/quorate/quorum/v1"
	"github.com/quorate/quorate/peer/election"
	"github.com/quorate/quorate/store/txn"
)

// calls opens a stream to server 1 as another server would, outside of any elector.
func (c *contest) calls(from txn.ServerID) (*exchangeCall, context.CancelFunc) {
	ctx, cancel := context.WithCancel(c.t.Context())
	return c.network.open(ctx, route{from, 1}, c.servers[1].elector.serve), cancel
}

// word is a message of a server that looks in round 1, and is for itself.
func word(sequence uint64, from txn.ServerID) *quorumv1.ExchangeRequest {
	n := election.Notification{
		State: election.Looking, Round: 1, Storage: diskOf(from), View: founded(3, 0),
		Vote: election.Vote{Leader: from, Epoch: 1, Zxid: txn.MakeZxid(1, 9), Storage: diskOf(from)},
	}
	return &quorumv1.ExchangeRequest{Sequence: sequence, Id: uint32(from), Notification: encodeNotification(n)}
}

// tell sends messages and fails the test if one cannot be sent.
func (c *contest) tell(s *exchangeCall, ms ...*quorumv1.ExchangeRequest) {
	c.t.Helper()
	for _, m := range ms {
		if err := s.Send(m); err != nil {
			c.t.Fatal(err)
		}
	}
	c.run(trip)
}

// wantAnswer fails unless the next answer has a number.
func (c *contest) wantAnswer(s *exchangeCall, sequence uint64) {
	c.t.Helper()
	if m, err := s.Recv(); err != nil || m.GetSequence() != sequence {
		c.t.Errorf("answer %v, %v; want number %d", m, err, sequence)
	}
}

// whyEnded receives until the stream ends, and returns why it did.
func whyEnded(s *exchangeCall) error {
	for {
		if _, err := s.Recv(); err != nil {
			return err
		}
	}
}

// TestArrivalIsProved: answers carry the greatest number that has arrived, one for many.
func TestArrivalIsProved(t *testing.T) {
	elect(t, founded(3, 0), func(c *contest) {
		c.boot(1)
		s, cancel := c.calls(2)
		defer cancel()
		c.tell(s, &quorumv1.ExchangeRequest{Sequence: 1, Id: 2})
		c.wantAnswer(s, 1)
		c.tell(s, word(5, 2))
		c.wantAnswer(s, 5)
		for i := range uint64(100) {
			if err := s.Send(word(10+i, 2)); err != nil {
				t.Fatal(err)
			}
		}
		answers := 0
		for last := uint64(0); last != 109; answers++ {
			m, err := s.Recv()
			if err != nil || m.GetSequence() <= last {
				t.Fatalf("answer %v after number %d, %v", m, last, err)
			}
			last = m.GetSequence()
		}
		t.Logf("%d answers to 100 messages", answers)
	})
}

// TestStreamsThatMakeNoSense end with a rejection, each by itself: another server's stream stands.
func TestStreamsThatMakeNoSense(t *testing.T) {
	strange := word(2, 2)
	strange.Notification.State = 9
	for name, messages := range map[string][]*quorumv1.ExchangeRequest{
		"no id":                 {{Sequence: 1}},
		"id beyond the last":    {word(1, 254)},
		"id beyond 8 bits":      {{Sequence: 1, Id: 258}},
		"not a member":          {word(1, 4)},
		"ourselves":             {word(1, 1)},
		"another id":            {word(1, 2), word(2, 3)},
		"no number":             {word(0, 2)},
		"a number twice":        {word(1, 2), word(1, 2)},
		"a number that shrinks": {word(9, 2), word(8, 2)},
		"unknown state":         {word(1, 2), strange},
	} {
		elect(t, founded(3, 0), func(c *contest) {
			s := c.boot(1)
			good, cancelGood := c.calls(3)
			defer cancelGood()
			c.tell(good, word(1, 3))
			c.wantAnswer(good, 1)
			bad, cancel := c.calls(2)
			defer cancel()
			c.tell(bad, messages...)
			wantRejection(t, whyEnded(bad), reasonMalformed)
			c.tell(good, word(2, 3))
			c.wantAnswer(good, 2)
			if n := len(saws[NotificationRefused](s)); n != 1 {
				t.Errorf("%s: %d events, want one", name, n)
			}
		})
	}
}

// TestMemberNoMore: a stream ends when its server leaves the membership.
func TestMemberNoMore(t *testing.T) {
	elect(t, founded(3, 0), func(c *contest) {
		s := c.boot(1)
		stream, cancel := c.calls(3)
		defer cancel()
		c.tell(stream, word(1, 3))
		next := founded(2, 0)
		next.Version = txn.MakeZxid(1, 2)
		s.elector.changed(next)
		c.tell(stream, word(2, 3))
		wantRejection(t, whyEnded(stream), reasonMalformed)
	})
}

// TestNewerStreamReplaces: a server has one stream here, the newest; the election hears no
// more from the old one, and the end of that is not the end of the new one.
func TestNewerStreamReplaces(t *testing.T) {
	elect(t, founded(3, 0), func(c *contest) {
		s := c.boot(1)
		old, cancelOld := c.calls(2)
		defer cancelOld()
		c.tell(old, word(1, 2))
		next, cancel := c.calls(2)
		defer cancel()
		c.tell(next, word(1, 2))
		wantRejection(t, whyEnded(old), quorumv1.RefusalReason_REFUSAL_REASON_REPLACED)
		c.wantAnswer(next, 1)
		c.tell(next, word(2, 2))
		c.wantAnswer(next, 2)
		if n := len(s.elector.mu.streams); n != 1 {
			t.Errorf("%d streams are remembered, want the new one", n)
		}
		cancel()
		c.run(trip)
		if n := len(s.elector.mu.streams) + s.elector.mu.inbound; n != 0 {
			t.Errorf("%d streams are remembered that have ended", n)
		}
	})
}

// TestSilentStreamEnds: also one that never says whose it is.
func TestSilentStreamEnds(t *testing.T) {
	elect(t, founded(3, 0), func(c *contest) {
		c.boot(1)
		mute, cancelMute := c.calls(2)
		defer cancelMute()
		spoke, cancelSpoke := c.calls(3)
		defer cancelSpoke()
		c.run(time.Second)
		c.tell(spoke, word(1, 3))
		since := c.now()
		wantRejection(t, whyEnded(mute), quorumv1.RefusalReason_REFUSAL_REASON_TOO_SLOW)
		if took := c.now() - since; took > time.Second {
			t.Errorf("the mute one has ended %v after a second", took)
		}
		wantRejection(t, whyEnded(spoke), quorumv1.RefusalReason_REFUSAL_REASON_TOO_SLOW)
		if took := c.now() - since; took < linkSilence-trip || took > linkSilence+trip {
			t.Errorf("the other has ended after %v of silence, want %v", took, linkSilence)
		}
	})
}

// TestStreamsAreBounded: more than two for each server there can be are refused at once.
func TestStreamsAreBounded(t *testing.T) {
	elect(t, founded(3, 0), func(c *contest) {
		c.boot(1)
		for range maxIncoming {
			_, cancel := c.calls(2)
			defer cancel()
		}
		c.run(trip)
		s, cancel := c.calls(2)
		defer cancel()
		wantRejection(t, whyEnded(s), quorumv1.RefusalReason_REFUSAL_REASON_THROTTLED)
	})
}

// TestStopEndsStreams: and before the start and after the end there are none.
func TestStopEndsStreams(t *testing.T) {
	elect(t, founded(3, 0), func(c *contest) {
		stopping := quorumv1.RefusalReason_REFUSAL_REASON_RESIGNED
		s := c.boot(1)
		serve := s.elector.serve
		mute, cancelMute := c.calls(3) // ends though it never said a word
		defer cancelMute()
		stream, cancel := c.calls(2)
		defer cancel()
		c.tell(stream, word(1, 2))
		s.stop()
		wantRejection(t, whyEnded(stream), stopping)
		wantRejection(t, whyEnded(mute), stopping)
		<-s.ended
		unread := func(s ExchangeServer) error { return serve(unread{t, s.(*servedCall)}) }
		wantRejection(t, whyEnded(c.network.open(c.t.Context(), route{2, 1}, unread)), stopping)

		s.stop = func() {}
		idle, err := newElector(s.elector.p, election.Config{ID: 1, View: founded(3, 0)})
		if err != nil {
			t.Fatal(err)
		}
		wantRejection(t, whyEnded(c.network.open(c.t.Context(), route{2, 1}, idle.serve)), stopping)
	})
}

// parting is a stream whose other side has said all it has to say.
type parting struct{ *servedCall }

func (parting) Recv() (*quorumv1.ExchangeRequest, error) { return nil, io.EOF }

// TestEndInOrder: it is no error.
func TestEndInOrder(t *testing.T) {
	elect(t, founded(3, 0), func(c *contest) {
		e := c.boot(1).elector
		s := c.network.open(c.t.Context(), route{2, 1}, func(s ExchangeServer) error { return e.serve(parting{s.(*servedCall)}) })
		if err := whyEnded(s); !errors.Is(err, io.EOF) {
			t.Errorf("ended with %v", err)
		}
	})
}

// TestTooLate: what was received before a stream ended, and comes after it, is not heard.
func TestTooLate(t *testing.T) {
	elect(t, founded(3, 0), func(c *contest) {
		e := c.boot(1).elector
		ctx, end := context.WithCancelCause(c.t.Context())
		end(errReset)
		if err := e.accept(ctx, &inbound{}, 2, nil); !errors.Is(err, errReset) {
			t.Errorf("accepted: %v", err)
		}
		if n := len(e.mu.streams); n != 0 {
			t.Errorf("%d streams are remembered", n)
		}
	})
}

// unread is a stream that nobody may receive from.
type unread struct {
	t *testing.T
	*servedCall
}

func (u unread) Recv() (*quorumv1.ExchangeRequest, error) {
	u.t.Error("something is received")
	return u.servedCall.Recv()
}

// stuck is a stream whose other side takes nothing.
type stuck struct {
	*servedCall
	over chan struct{}
}

func (s stuck) Send(*quorumv1.ExchangeResponse) error {
	<-s.over
	return errReset
}

// TestStuckSendEndsNothingElse: a server that does not take its answers does not keep its stream from ending.
func TestStuckSendEndsNothingElse(t *testing.T) {
	elect(t, founded(3, 0), func(c *contest) {
		e := c.boot(1).elector
		ctx, cancel := context.WithCancel(c.t.Context())
		defer cancel()
		s := c.network.open(ctx, route{2, 1}, func(s ExchangeServer) error {
			over := make(chan struct{})
			defer close(over) // as a transport does
			return e.serve(stuck{s.(*servedCall), over})
		})
		c.tell(s, word(1, 2), word(2, 2))
		next, cancelNext := c.calls(2)
		defer cancelNext()
		c.tell(next, word(1, 2))
		wantRejection(t, whyEnded(s), quorumv1.RefusalReason_REFUSAL_REASON_REPLACED)
		c.wantAnswer(next, 1)
	})
}

// TestRefusalsAreToldRarely: a server of another ensemble repeats itself ten times a second; one event a second.
func TestRefusalsAreToldRarely(t *testing.T) {
	elect(t, founded(3, 0), func(c *contest) {
		s := c.boot(1)
		stream, cancel := c.calls(2)
		defer cancel()
		for i := range uint64(50) {
			m := word(i+1, 2)
			m.Notification.Membership.Ensemble = 8
			c.tell(stream, m)
			c.run(100*millis - trip)
		}
		refused := saws[NotificationRefused](s)
		if n := len(refused); n != 5 {
			t.Errorf("%d events in 5 s, want 5", n)
		}
		if e := refused[0]; e.From != 2 || !errors.Is(e.Err, election.ErrStranger) {
			t.Errorf("refused: %+v", e)
		}
	})
}

// words makes server 3 listen outside of any elector, and returns what server 1 has said to it so far.
func (c *contest) words() func() []*quorumv1.Notification {
	var mu sync.Mutex
	var heard []*quorumv1.Notification
	c.network.listen(3, func(s ExchangeServer) error {
		for {
			m, err := s.Recv()
			if err != nil {
				return err
			}
			if m.GetId() == 1 && m.GetNotification() != nil {
				mu.Lock()
				heard = append(heard, m.GetNotification())
				mu.Unlock()
			}
			if err := s.Send(&quorumv1.ExchangeResponse{Sequence: m.GetSequence()}); err != nil {
				return err
			}
		}
	})
	return func() []*quorumv1.Notification {
		mu.Lock()
		defer mu.Unlock()
		return slices.Clone(heard)
	}
}

// TestReignIsTold: once the epoch is agreed, who asks is told, and nobody else.
func TestReignIsTold(t *testing.T) {
	elect(t, founded(4, 0), func(c *contest) {
		c.up(2, 1, 2, 4)
		c.run(100 * millis)
		c.servers[1].elector.settled(2, 7)
		words := c.words()
		c.run(time.Second)
		before := len(words())
		stream, cancel := c.calls(4)
		defer cancel()
		c.tell(stream, word(1, 4))
		if n := len(words()) - before; n != 0 {
			t.Errorf("3 is told %d times what 4 has asked", n)
		}
		stream, cancel = c.calls(3)
		defer cancel()
		c.tell(stream, word(1, 3))
		heard := words()
		if len(heard) != before+1 {
			t.Fatalf("heard %d words, want one", len(heard)-before)
		}
		if last := heard[before]; last.GetReign() != 7 || last.GetState() != quorumv1.ElectionState_ELECTION_STATE_FOLLOWING {
			t.Errorf("heard %v", last)
		}
		c.network.reset(3, 0)
	})
}
