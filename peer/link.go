package peer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"sync"
	"time"

	quorumv1 "github.com/quorate/quorate/gen/quorate/quorum/v1"
	"github.com/quorate/quorate/peer/election"
	"github.com/quorate/quorate/store/txn"
)

const (
	// linkSilence is how long a server may take to connect, and to answer a message.
	linkSilence = 2 * time.Second
	// linkProbe is the pause after which a message without content asks whether the
	// stream still carries.
	linkProbe = time.Second
	// minRoundTrip is the shortest round trip that makes a difference to the election.
	minRoundTrip = election.DefaultSilence / 2
)

var errSilent = errors.New("no answer for " + linkSilence.String())

// reach is what is known of a link: it stands, or why not.
type reach struct {
	roundTrip time.Duration // above 0 if it stands
	cause     error         // nil if it stands
}

// link is our stream of Election.Exchange to one other server, opened again whenever it ends.
// It carries what we say, and only the newest of that waits; what it says itself is how far the other is.
type link struct {
	from   txn.ServerID // this server
	to     txn.Member
	dialer Dialer
	pause  backOff
	words  chan *quorumv1.Notification // the newest to be said, if it has not been yet
	lives  chan struct{}               // has a token when the other has given a sign of life
	tell   func(reach)                 // what has changed; must not block
	stop   context.CancelFunc          // ends run

	up bool // as last told; the elector's
}

func newLink(from txn.ServerID, to txn.Member, d Dialer, r *rand.Rand) *link {
	return &link{
		from: from, to: to, dialer: d, pause: backOff{random: r},
		words: make(chan *quorumv1.Notification, 1), lives: make(chan struct{}, 1),
	}
}

// say makes n what is said next. It does not block. One goroutine may call it.
func (l *link) say(n *quorumv1.Notification) {
	select {
	case <-l.words:
	default:
	}
	l.words <- n
}

// run keeps the stream until ctx ends.
func (l *link) run(ctx context.Context) {
	for down := false; ; down = true {
		stood, cause := l.converse(ctx)
		if ctx.Err() != nil {
			return
		}
		if stood > 0 || !down {
			l.tell(reach{cause: cause})
		}
		if stood >= linkProbe {
			l.pause.restart() // and not if it ends as soon as it stands, over and over
		}
		l.rest(ctx)
	}
}

// apart keeps the links of a server apart by nanoseconds, which matter to simulated time alone:
// what was said to all at one instant is missed at instants whose order is always the same.
func (l *link) apart(d time.Duration) time.Duration { return d + time.Duration(l.to.ID) }

// rest waits before the next attempt, longer each time, but no longer than there is no sign
// of life.
func (l *link) rest(ctx context.Context) {
	timer := time.NewTimer(l.pause.next())
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	case <-l.lives:
		l.pause.restart()
	}
}

// converse opens the stream and returns why it ended, and how long it stood: from the first answer on.
func (l *link) converse(ctx context.Context) (stood time.Duration, cause error) {
	ctx, end := context.WithCancelCause(ctx)
	watchdog := time.AfterFunc(l.apart(linkSilence), func() { end(errSilent) })
	defer watchdog.Stop()
	stream, err := l.dialer.Exchange(ctx, l.to)
	if err != nil {
		end(err)
		return 0, context.Cause(ctx)
	}
	t := &talk{link: l, stream: stream, watchdog: watchdog}
	var listening sync.WaitGroup
	listening.Go(func() { end(t.listen()) })
	if err := t.speak(ctx); !errors.Is(err, io.EOF) { // which says that listen knows more
		end(err)
	}
	listening.Wait()
	if t.told > 0 {
		stood = max(time.Since(t.stands), 1)
	}
	return stood, context.Cause(ctx)
}

// talk is one stream of a link.
type talk struct {
	link     *link
	stream   ExchangeClient
	watchdog *time.Timer // ends the stream if the message asked about is not answered in time

	stands time.Time     // of the first answer
	told   time.Duration // the round trip as last told; 0 before the first answer
	toldAt time.Time

	mu struct {
		sync.Mutex
		sent   uint64    // number of the last message
		sentAt time.Time // and when it went
		asked  uint64    // the message whose answer is awaited and timed; 0: all is answered
		since  time.Time // when it went
	}
}

// speak says what is to be said, and something at least every linkProbe.
func (t *talk) speak(ctx context.Context) error {
	probe := time.NewTimer(t.link.apart(linkProbe))
	defer probe.Stop()
	for word := t.link.waiting(); ; {
		if err := t.stream.Send(t.next(word)); err != nil {
			return err
		}
		probe.Reset(t.link.apart(linkProbe))
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case word = <-t.link.words:
		case <-probe.C:
			word = t.link.waiting()
		}
	}
}

// waiting takes what is to be said; nil if nothing is.
func (l *link) waiting() *quorumv1.Notification {
	select {
	case n := <-l.words:
		return n
	default:
		return nil
	}
}

// next numbers a message.
func (t *talk) next(word *quorumv1.Notification) *quorumv1.ExchangeRequest {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.mu.sent++
	t.mu.sentAt = time.Now()
	if t.mu.asked == 0 {
		t.ask(t.link.apart(linkSilence))
	}
	return &quorumv1.ExchangeRequest{Sequence: t.mu.sent, Id: uint32(t.link.from), Notification: word}
}

// ask awaits the answer to the last message for that long; t.mu is held.
func (t *talk) ask(patience time.Duration) {
	t.mu.asked, t.mu.since = t.mu.sent, t.mu.sentAt
	t.watchdog.Reset(patience)
}

// listen takes the answers.
func (t *talk) listen() error {
	for {
		m, err := t.stream.Recv()
		if err != nil {
			return err
		}
		roundTrip, err := t.answered(m.GetSequence())
		if err != nil {
			return err
		}
		t.measured(roundTrip)
	}
}

// measured tells of a round trip, if that is news.
func (t *talk) measured(roundTrip time.Duration) {
	if !t.news(roundTrip) {
		return
	}
	now := time.Now()
	if t.told == 0 {
		t.stands = now
	}
	t.told, t.toldAt = roundTrip, now
	t.link.tell(reach{roundTrip: roundTrip})
}

// answered notes that all messages up to a number have arrived, and returns how long the one
// asked about took; 0 if that is not known yet.
func (t *talk) answered(sequence uint64) (roundTrip time.Duration, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case sequence > t.mu.sent:
		return 0, fmt.Errorf("server %d answers message %d, and %d were sent", t.link.to.ID, sequence, t.mu.sent)
	case t.mu.asked == 0 || sequence < t.mu.asked:
		return 0, nil
	}
	now := time.Now()
	roundTrip = max(now.Sub(t.mu.since), 1) // 0 would mean that it is not known
	if sequence < t.mu.sent {
		t.ask(t.link.apart(linkSilence) - now.Sub(t.mu.sentAt))
	} else {
		t.mu.asked = 0
		t.watchdog.Stop()
	}
	return roundTrip, nil
}

// news tells whether a round trip is worth telling: the first, and one that has become
// another altogether.
func (t *talk) news(roundTrip time.Duration) bool {
	if roundTrip == 0 || t.told == 0 {
		return roundTrip > 0
	}
	before, now := max(t.told, minRoundTrip), max(roundTrip, minRoundTrip)
	return (now > 2*before || 2*now < before) && time.Since(t.toldAt) >= linkProbe
}
