package peer

import (
	"fmt"
)

// Held is something that a peer keeps in memory because of other servers, how much there is of it, and
// at most how much. What happens at the bound is written where it is kept.
type Held struct {
	// What is a few words for people.
	What string
	// Is and Bound are in bytes, or numbers of requests or answers.
	Is, Bound int64
}

// Held returns what this peer holds at this moment as a leader, for each learner that is connected, and as a learner
// that serves. It may be called by anybody.
func (p *Peer) Held() []Held {
	var all []Held
	now := p.Standing()
	if now.candidacy != nil {
		all = now.candidacy.held()
	}
	if now.Upstream != nil {
		all = append(all, now.Upstream.applier.held())
		all = append(all, now.Upstream.held()...)
	}
	return all
}

// held leaves out of the log's end what was not durable when records last came, since that must be kept: the log's
// buffer bounds it.
func (l *leader) held() []Held {
	all := []Held{{"bytes of the log's end", l.feed.durable(), l.limits.Feed}}
	for _, s := range l.roster.list() {
		all = append(all,
			Held{fmt.Sprintf("bytes before the newest that learner %d has not acknowledged", s.id), s.flow.crowd(), l.limits.Window},
			Held{fmt.Sprintf("answers owed to learner %d", s.id), s.owes(), maxReplies})
	}
	return all
}

// durable returns the bytes in the window that were durable when records last came.
func (f *feed) durable() (bytes int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, r := range f.mu.window {
		if r.Zxid <= f.mu.durable {
			bytes += int64(len(r.Payload))
		}
	}
	return bytes
}

// crowd returns how many bytes were not acknowledged when the newest message was sent.
func (f *flow) crowd() int64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	if n := len(f.mu.waits); n > 0 {
		return f.mu.bytes - f.mu.waits[n-1].bytes
	}
	return 0
}

func (s *session) owes() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return int64(s.mu.owed)
}

func (u *Upstream) held() []Held {
	u.mu.Lock()
	waiting := int64(len(u.mu.asked) + len(u.mu.held))
	u.mu.Unlock()
	return []Held{{"requests that are not done", waiting, maxOutstanding}, u.outbox.held()}
}

// held leaves out a single request, which may be larger than the bound.
func (o *outbox) held() Held {
	o.mu.Lock()
	defer o.mu.Unlock()
	var bytes int64
	if len(o.mu.calls) > 1 {
		bytes = o.mu.bytes
	}
	return Held{"bytes of requests that are not sent", bytes, maxUnsent}
}

func (a *applier) held() Held {
	a.mu.Lock()
	defer a.mu.Unlock()
	return Held{"bytes of txns that are not applied", a.mu.bytes, maxPending}
}
