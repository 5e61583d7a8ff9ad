package peer

import (
	"maps"
	"slices"
	"time"

	quorumv1 "github.com/quorate/quorate/gen/quorate/quorum/v1"
	"github.com/quorate/quorate/store/txn"
)

// maxTouches is how many sessions a ping names; the others follow in pings of their own, right behind it.
const maxTouches = 1 << 14

// touches are how a peer learns of the sessions that were heard of here, and whom it tells what others have heard.
type touches struct {
	heard func([]txn.SessionID)
	told  tidings
}

func newTouches(t Timing, collect func() []txn.SessionID, heard func([]txn.SessionID)) *touches {
	return &touches{heard: heard, told: tidings{collect: collect, keep: t.SyncLimit + t.Tick}}
}

// HandleTouches sets who knows which sessions this server's clients have touched; before Run. While this server follows,
// collect is called for each ping, at least every half tick: it returns the sessions that were heard of since it was
// last called. On the leader heard is called with what a learner has told, on the goroutine of
// its stream and before [Term.Answered] knows of that ping. Neither may block.
func (p *Peer) HandleTouches(collect func() []txn.SessionID, heard func(touched []txn.SessionID)) {
	p.touches = newTouches(p.timing, collect, heard)
}

// Round begins a round of pings to the learners, and returns its number. It writes nothing.
func (t *Term) Round() uint64 { return t.lead.rounds.next() }

// Answered tells whether every learner that serves now, or is about to, has answered a round or a later one. Whatever
// sessions it had heard of when the round reached it, it has told before.
func (t *Term) Answered(round uint64) bool {
	return !slices.ContainsFunc(t.lead.roster.list(), func(s *session) bool { return s.behind(round) })
}

// behind tells whether a learner has its history, but has not answered a round.
func (s *session) behind(round uint64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.mu.phase >= synchronized && s.mu.echoed < round
}

// tidings are what a learner tells in its pings: which sessions it has heard of. They are for the goroutine that sends,
// one stream after the other.
//
// A ping may be lost with its stream, and with it the one touch that a session would have lived on. So what was told
// last is told once more on the next stream; nobody expires too early for it, and nobody lives on it twice.
type tidings struct {
	collect  func() []txn.SessionID
	keep     time.Duration // what was told longer ago has been heard, or the stream has ended
	rest     []txn.SessionID
	answered uint64 // the newest round that was answered on this stream

	lately, before map[txn.SessionID]struct{} // what was told since turned, and for at least as long as keep before that
	turned         time.Time
}

// begin begins another stream.
func (t *tidings) begin(now time.Time) {
	t.turn(now)
	for _, told := range []map[txn.SessionID]struct{}{t.before, t.lately} {
		t.rest = slices.AppendSeq(t.rest, maps.Keys(told))
	}
	slices.Sort(t.rest)
	t.rest = slices.Compact(t.rest)
	t.answered, t.lately, t.before = 0, nil, nil
}

// turn forgets what need not be told again.
func (t *tidings) turn(now time.Time) {
	switch gone := now.Sub(t.turned); {
	case gone > 2*t.keep:
		t.before, t.lately, t.turned = nil, nil, now
	case gone > t.keep:
		t.before, t.lately, t.turned = t.lately, nil, now
	}
}

// ping returns a ping that answers a round; or the one before, while there are more sessions to tell of: who has
// answered a round has told all that was touched until it came. more: another ping must follow this one.
func (t *tidings) ping(round uint64, written int64, now time.Time) (m *quorumv1.Ping, more bool) {
	t.rest = append(t.rest, t.collect()...)
	m = &quorumv1.Ping{DurableBytes: uint64(written)}
	t.turn(now)
	n := min(len(t.rest), maxTouches)
	if t.lately == nil && n > 0 {
		t.lately = make(map[txn.SessionID]struct{}, n)
	}
	for _, id := range t.rest[:n] {
		m.Sessions = append(m.Sessions, uint64(id))
		t.lately[id] = struct{}{}
	}
	if t.rest = t.rest[n:]; len(t.rest) == 0 {
		t.rest, t.answered = nil, round
	}
	m.Round = t.answered
	return m, len(t.rest) > 0
}
