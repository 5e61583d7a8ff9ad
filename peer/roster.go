package peer

import (
	"cmp"
	"errors"
	"maps"
	"slices"
	"sync"
	"time"

	quorumv1 "github.com/quorate/quorate/gen/quorate/quorum/v1"
	"github.com/quorate/quorate/store/txn"
)

// errLeft says that a stream ended before its learner was named.
var errLeft = errors.New("the stream has ended")

// roster is the streams that learners have open to one candidacy.
type roster struct {
	news *beacon // lit when somebody comes or goes
	wg   sync.WaitGroup
	mu   struct {
		sync.Mutex
		closed bool
		all    []*session                // in the order in which they came
		named  map[txn.ServerID]*session // the newest of each server that has said who it is
	}
}

func newRoster() *roster {
	r := &roster{news: &beacon{}}
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
	r.mu.all = append(r.mu.all, s)
	r.wg.Add(1)
	return true
}

// name gives a stream its place among those that said who they are (P11). A stream of the same
// process is replaced, and so is one that has been silent for a tick; another process with
// that id is a duplicate. The replaced stream counts no more, and is returned. A stream that has ended
// meanwhile gets no place: nobody would take it away again.
func (r *roster) name(s *session, silence time.Duration) (old *session, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !slices.Contains(r.mu.all, s) {
		return nil, errLeft
	}
	old = r.mu.named[s.id]
	if old != nil && old.nonce != s.nonce && old.silent() < silence {
		return nil, reject(quorumv1.RefusalReason_REFUSAL_REASON_DUPLICATE, "another process with the id %d is connected: each server needs an id of its own", s.id)
	}
	if old != nil {
		old.retire()
	}
	r.mu.named[s.id] = s
	return old, nil
}

// leave removes a stream that has ended, and what it was counted for; current tells whether it was
// the newest of its server.
func (r *roster) leave(s *session) (current bool) {
	r.mu.Lock()
	maps.DeleteFunc(r.mu.named, func(_ txn.ServerID, named *session) bool {
		if named == s {
			s.retire()
			current = true
		}
		return named == s
	})
	r.mu.all = slices.DeleteFunc(r.mu.all, func(other *session) bool { return other == s })
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

// list returns the newest stream of each server that has said who it is, in the order of their ids.
func (r *roster) list() []*session {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.SortedFunc(maps.Values(r.mu.named), func(a, b *session) int { return cmp.Compare(a.id, b.id) })
}

// all returns every stream, in the order in which they came.
func (r *roster) all() []*session {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.mu.all)
}

// close takes nobody in any more, and returns when all streams have ended.
func (r *roster) close() {
	r.mu.Lock()
	r.mu.closed = true
	r.mu.Unlock()
	r.wg.Wait()
}
