package peer

import (
	"cmp"
	"slices"
	"sync"
	"time"

	quorumv1 "github.com/quorate/quorate/gen/quorate/quorum/v1"
	"github.com/quorate/quorate/store/txn"
)

// roster is the streams that learners have open to one candidacy.
type roster struct {
	news *beacon // lit when somebody comes or goes
	wg   sync.WaitGroup
	mu   struct {
		sync.Mutex
		closed bool
		all    map[*session]struct{}
		named  map[txn.ServerID]*session // those that have said who they are
	}
}

func newRoster() *roster {
	r := &roster{news: &beacon{}}
	r.mu.all = map[*session]struct{}{}
	r.mu.named = map[txn.ServerID]*session{}
	return r
}

// enter takes a new stream in; false: the candidacy is over.
func (r *roster) enter(s *session) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.mu.closed {
		return false
	}
	r.mu.all[s] = struct{}{}
	r.wg.Add(1)
	return true
}

// name gives a stream its place among those that said who they are (P11). A stream of the same
// process is replaced, and so is one that has been silent for a tick; another process with
// that id is a duplicate. The replaced stream is told to end, and returned.
func (r *roster) name(s *session, silence time.Duration) (old *session, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	old = r.mu.named[s.id]
	if old != nil && old.nonce != s.nonce && old.silent() < silence {
		return nil, reject(quorumv1.RefusalReason_REFUSAL_REASON_DUPLICATE, "another process with the id %d is connected: each server needs an id of its own", s.id)
	}
	r.mu.named[s.id] = s
	return old, nil
}

// leave removes a stream that has ended; current tells whether it was the newest of its server.
func (r *roster) leave(s *session) (current bool) {
	r.mu.Lock()
	current = r.mu.named[s.id] == s
	if current {
		delete(r.mu.named, s.id)
	}
	delete(r.mu.all, s)
	r.mu.Unlock()
	r.news.light()
	return current
}

// of returns the stream of a server, nil without.
func (r *roster) of(id txn.ServerID) *session {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.mu.named[id]
}

// list returns all streams, in the order of their servers; those that have not said who they are last.
func (r *roster) list() []*session {
	r.mu.Lock()
	defer r.mu.Unlock()
	all := make([]*session, 0, len(r.mu.all))
	for _, s := range r.mu.named {
		all = append(all, s)
	}
	slices.SortFunc(all, func(a, b *session) int { return cmp.Compare(a.id, b.id) })
	for s := range r.mu.all {
		if r.mu.named[s.id] != s {
			all = append(all, s)
		}
	}
	return all
}

// close takes nobody in any more, and returns when all streams have ended.
func (r *roster) close() {
	r.mu.Lock()
	r.mu.closed = true
	r.mu.Unlock()
	r.wg.Wait()
}
