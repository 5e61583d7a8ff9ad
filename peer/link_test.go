package peer

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	quorumv1 "github.com/quorate/quorate/gen/quorate/quorum/v1"
	"github.com/quorate/quorate/peer/election"
	"github.com/quorate/quorate/store/txn"
)

// bond is a link from server 1 to server 2 in a network, without an elector.
type bond struct {
	network *network
	link    *link

	mu    sync.Mutex
	heard []reach
}

// told returns what the link has told so far.
func (b *bond) told() []reach {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.heard)
}

// linkTo runs a link in a bubble until f returns. Server 2 serves in some way; nil: it refuses.
func linkTo(t *testing.T, serve func(ExchangeServer) error, f func(b *bond)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork()
		n.listen(2, serve)
		bindTo(t, n, dialer{n, 1}, f)
		n.reset(0, 0)
	})
}

// bindTo runs a link until f returns.
func bindTo(t *testing.T, n *network, d Dialer, f func(b *bond)) {
	b := &bond{network: n, link: newLink(1, txn.Member{ID: 2}, d, rand.New(rand.NewPCG(1, 1)))}
	b.link.tell = func(r reach) {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.heard = append(b.heard, r)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		b.link.run(ctx)
	}()
	f(b)
	cancel()
	<-ended
}

// linkAnswers serves a stream: it notes what comes, and answers each message, unless unanswered says not to.
func linkAnswers(got *[]*quorumv1.ExchangeRequest, unanswered func(*quorumv1.ExchangeRequest) bool) func(ExchangeServer) error {
	return func(s ExchangeServer) error {
		for {
			m, err := s.Recv()
			if err != nil {
				return err
			}
			*got = append(*got, m)
			if unanswered != nil && unanswered(m) {
				continue
			}
			if err := s.Send(&quorumv1.ExchangeResponse{Sequence: m.GetSequence()}); err != nil {
				return err
			}
		}
	}
}

// passInBubble lets time pass, and what it brings happen.
func passInBubble(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// TestLinkMeasures: the first message has the round trip, and something is said every second.
func TestLinkMeasures(t *testing.T) {
	var got []*quorumv1.ExchangeRequest
	linkTo(t, linkAnswers(&got, nil), func(b *bond) {
		passInBubble(10*time.Second + 100*millis)
		if len(b.told()) != 1 || b.told()[0].cause != nil {
			t.Fatalf("told %v, want that it stands, once", b.told())
		}
		if rt := b.told()[0].roundTrip; rt < 2*time.Millisecond || rt > trip {
			t.Errorf("round trip %v", rt)
		}
		if len(got) != 11 {
			t.Errorf("%d messages in 10 s, want 11", len(got))
		}
		for i, m := range got {
			if m.GetSequence() != uint64(i+1) || m.GetId() != 1 || m.GetNotification() != nil {
				t.Errorf("message %d: %v", i+1, m)
			}
		}
		n := &quorumv1.Notification{Round: 5}
		b.link.say(n)
		passInBubble(trip)
		if last := got[len(got)-1]; last.GetNotification() != n {
			t.Errorf("said %v", last)
		}
		passInBubble(950 * millis)
		if len(got) != 12 {
			t.Errorf("%d messages, want 12: a word stands for a probe", len(got))
		}
	})
}

// TestLinkSaysTheNewest: what was said before the stream stood, and while it did not take
// anything, is forgotten but for the last.
func TestLinkSaysTheNewest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &sluggish{taken: make(chan *quorumv1.ExchangeRequest)}
		bindTo(t, nil, s, func(b *bond) {
			for r := range uint64(7) {
				b.link.say(&quorumv1.Notification{Round: r + 1})
				if r > 0 {
					synctest.Wait() // it tries to send the second word, and 3 to 7 come meanwhile
				}
			}
			var said []uint64
			for range 2 {
				m := <-s.taken
				said = append(said, m.GetNotification().GetRound())
			}
			if !slices.Equal(said, []uint64{2, 7}) {
				t.Errorf("said rounds %d, want 2 and 7", said)
			}
		})
	})
}

// sluggish is a dialer, and a stream whose Send takes until the message is taken.
type sluggish struct {
	ctx   context.Context
	taken chan *quorumv1.ExchangeRequest
}

func (s *sluggish) Sync(context.Context, txn.Member) (LearnerStream, error) { return nil, errRefused }

func (s *sluggish) Exchange(ctx context.Context, _ txn.Member) (ExchangeClient, error) {
	return &sluggish{ctx, s.taken}, nil
}
func (s *sluggish) Context() context.Context { return s.ctx }
func (s *sluggish) Send(m *quorumv1.ExchangeRequest) error {
	select {
	case s.taken <- m:
		return nil
	case <-s.ctx.Done():
		return s.ctx.Err()
	}
}

func (s *sluggish) Recv() (*quorumv1.ExchangeResponse, error) {
	<-s.ctx.Done()
	return nil, s.ctx.Err()
}

// TestLinkSilence: one unanswered message is enough, though Send is stuck with it; or if it is not the first.
func TestLinkSilence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &sluggish{taken: make(chan *quorumv1.ExchangeRequest)}
		bindTo(t, nil, s, func(b *bond) {
			passInBubble(linkSilence + millis)
			if told := b.told(); len(told) != 1 || !errors.Is(told[0].cause, errSilent) {
				t.Errorf("told %v", told)
			}
		})
	})
	var got []*quorumv1.ExchangeRequest
	dumb := func(m *quorumv1.ExchangeRequest) bool { return m.GetSequence() > 3 }
	linkTo(t, linkAnswers(&got, dumb), func(b *bond) {
		passInBubble(3*time.Second + linkSilence - 10*millis) // the 4th message went at 3 s
		if len(b.told()) != 1 {
			t.Fatalf("told %v before it was silent for %v", b.told(), linkSilence)
		}
		passInBubble(30 * millis)
		if len(b.told()) < 2 || !errors.Is(b.told()[1].cause, errSilent) {
			t.Errorf("told %v", b.told())
		}
	})
}

// TestAnswers: which message the answer is awaited and timed of.
func TestAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var fired atomic.Bool
		watchdog := time.AfterFunc(time.Hour, func() { fired.Store(true) })
		k := &talk{link: &link{to: txn.Member{ID: 2}}, watchdog: watchdog}
		answer := func(sequence uint64, want time.Duration) {
			t.Helper()
			if got, err := k.answered(sequence); err != nil || got != want {
				t.Errorf("answer %d: round trip %v, %v; want %v", sequence, got, err, want)
			}
		}
		k.next(nil)
		answer(1, 1) // in no time at all; 0 would mean that nobody knows
		answer(1, 0)
		k.next(nil)
		passInBubble(millis)
		k.next(nil)
		passInBubble(millis)
		answer(1, 0) // an old one
		answer(2, 2*millis)
		passInBubble(millis)
		answer(3, 2*millis)
		for range 3 {
			k.next(nil)
		}
		passInBubble(5 * millis)
		answer(6, 5*millis) // one for three
		if _, err := k.answered(7); err == nil {
			t.Error("an answer to what was not sent")
		}
		passInBubble(time.Minute)
		if fired.Load() {
			t.Error("nothing is unanswered, and the watchdog has fired")
		}
		k.next(nil)
		passInBubble(linkSilence / 2)
		k.next(nil)
		answer(7, linkSilence/2)
		passInBubble(linkSilence - millis)
		if fired.Load() {
			t.Error("the last message is not that old")
		}
		passInBubble(2 * millis)
		if !fired.Load() {
			t.Error("the last message is not answered")
		}
	})
}

// TestRoundTripIsNews: the first is, and one that makes another difference to the election; but not all the time.
func TestRoundTripIsNews(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, x := range []struct {
			told, now, since time.Duration
			news             bool
		}{
			{0, 0, 0, false},
			{0, 1, 0, true},
			{50 * millis, 0, time.Hour, false},
			{50 * millis, 99 * millis, time.Hour, false},
			{50 * millis, 101 * millis, time.Hour, true},
			{50 * millis, 101 * millis, linkProbe - 1, false},
			{50 * millis, 26 * millis, time.Hour, false},
			{50 * millis, 24 * millis, linkProbe, true},
			{1, minRoundTrip, time.Hour, false},
			{election.DefaultSilence, 1, time.Hour, false},
			{3 * election.DefaultSilence, 1, time.Hour, true},
		} {
			k := &talk{told: x.told, toldAt: time.Now().Add(-x.since)}
			if got := k.news(x.now); got != x.news {
				t.Errorf("%v after %v, %v later: news %v", x.now, x.told, x.since, got)
			}
		}
	})
}

// TestSlowerThanItWas: a link tells when its round trip has changed.
func TestSlowerThanItWas(t *testing.T) {
	var got []*quorumv1.ExchangeRequest
	linkTo(t, linkAnswers(&got, nil), func(b *bond) {
		passInBubble(time.Second + 100*millis)
		b.network.slow(100 * millis)
		passInBubble(5 * time.Second)
		if told := b.told(); len(told) != 2 || told[1].cause != nil || told[1].roundTrip < 199*millis || told[1].roundTrip > 201*millis {
			t.Errorf("told %v", told)
		}
	})
}

// TestAnswerToNothingEndsTheLink: the other side has lost count.
func TestAnswerToNothingEndsTheLink(t *testing.T) {
	linkTo(t, func(s ExchangeServer) error {
		if err := s.Send(&quorumv1.ExchangeResponse{Sequence: 99}); err != nil {
			return err
		}
		<-s.Context().Done()
		return nil
	}, func(b *bond) {
		passInBubble(10 * millis)
		if len(b.told()) != 1 || b.told()[0].cause == nil {
			t.Errorf("told %v, want that the stream has ended", b.told())
		}
	})
}

// TestRejectionIsTold: why the other side has sent us away.
func TestRejectionIsTold(t *testing.T) {
	linkTo(t, func(ExchangeServer) error { return malformed("go away") }, func(b *bond) {
		passInBubble(time.Second)
		if len(b.told()) != 1 {
			t.Fatalf("told %v, want once", b.told())
		}
		wantRejection(t, b.told()[0].cause, reasonMalformed)
	})
}

// TestFlappingLinkIsNotHurried: a stream that ends as soon as it stands, as between two processes that
// have the same id, is opened some four times a second; one that has stood a while at once.
func TestFlappingLinkIsNotHurried(t *testing.T) {
	streams := 0
	linkTo(t, func(s ExchangeServer) error {
		streams++
		m, err := s.Recv()
		if err == nil {
			_ = s.Send(&quorumv1.ExchangeResponse{Sequence: m.GetSequence()})
			<-time.After(10 * millis)
		}
		return errReset
	}, func(*bond) {
		passInBubble(time.Minute)
		if streams < 180 || streams > 310 {
			t.Errorf("%d streams in a minute", streams)
		}
	})
	var ends, begins []time.Time
	linkTo(t, func(s ExchangeServer) error {
		begins = append(begins, time.Now())
		var got []*quorumv1.ExchangeRequest
		ctx, cancel := context.WithTimeout(s.Context(), 3*time.Second)
		defer cancel()
		err := linkAnswers(&got, nil)(until{s, ctx})
		ends = append(ends, time.Now())
		return err
	}, func(*bond) {
		passInBubble(10 * time.Second)
		for i, begin := range begins[1:] {
			if d := begin.Sub(ends[i]); d > 2*minPause+3*trip {
				t.Errorf("opened again after %v", d)
			}
		}
	})
}

// until is a stream whose Recv ends with a context.
type until struct {
	ExchangeServer
	ctx context.Context
}

func (u until) Recv() (*quorumv1.ExchangeRequest, error) {
	return u.ExchangeServer.(*servedCall).requests.receive(u.ctx)
}

// TestSignOfLifeEndsThePause: a server that has come back is dialled at once.
func TestSignOfLifeEndsThePause(t *testing.T) {
	var got []*quorumv1.ExchangeRequest
	linkTo(t, nil, func(b *bond) {
		passInBubble(time.Second)
		before := b.network.dials(1, 2)
		b.network.listen(2, linkAnswers(&got, nil))
		poke(b.link.lives)
		passInBubble(2 * trip) // one to connect, one to speak
		if len(got) != 1 || b.network.dials(1, 2) != before+1 {
			t.Errorf("%d messages after %d attempts, want one after one", len(got), b.network.dials(1, 2)-before)
		}
	})
}

// TestPauses grow by 1.6 from 10 to 250 ms, a fifth more or less.
func TestPauses(t *testing.T) {
	p := backOff{random: rand.New(rand.NewPCG(1, 1))}
	least, most := time.Hour, time.Duration(0)
	for range 100 {
		for _, want := range []float64{10, 16, 25.6, 40.96, 65.536, 104.8576, 167.77216, 250, 250} {
			base := time.Duration(want * float64(millis))
			got := p.next()
			if got < base*8/10 || got > base*12/10 {
				t.Fatalf("%v, want %v and a fifth more or less", got, base)
			}
			if base == maxPause {
				least, most = min(least, got), max(most, got)
			}
		}
		p.restart()
	}
	if most-least < 60*millis {
		t.Errorf("the longest are between %v and %v: all servers would come at once", least, most)
	}
}
