package peer

import (
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/quorate/quorate/store/txn"
)

// comer is a stream of a server, which has said something just now.
func comer(l *leader, id txn.ServerID, nonce uint64) *session {
	s := &session{lead: l, id: id, nonce: nonce, fail: func(error) {}}
	s.mu.heard = time.Now()
	return s
}

func names(all []*session) (ids []txn.ServerID) {
	for _, s := range all {
		ids = append(ids, s.id)
	}
	return ids
}

// TestRosterListsWhoIsNamed, in the order of ids, each once; and all streams in the order of their coming.
func TestRosterListsWhoIsNamed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, r := &leader{established: make(chan struct{})}, newRoster()
		var guests []*session
		for _, id := range []txn.ServerID{5, 3, 4, 3} {
			s := comer(l, id, uint64(id))
			guests = append(guests, s)
			if !r.enter(s) {
				t.Fatal("the roster is closed")
			}
		}
		for i, s := range guests {
			if i == 2 {
				continue // has not said who it is
			}
			old, err := r.name(s, time.Second)
			if err != nil || (old != nil) != (i == 3) {
				t.Fatalf("stream %d replaces %v, %v", i, old, err)
			}
		}
		if got := names(r.list()); !slices.Equal(got, []txn.ServerID{3, 5}) || r.of(3) != guests[3] || r.of(4) != nil {
			t.Errorf("listed %v", got)
		}
		if !slices.Equal(r.all(), guests) {
			t.Errorf("all are %v", names(r.all()))
		}
		for i, s := range guests {
			if current := r.leave(s); current != (i == 0 || i == 3) {
				t.Errorf("stream %d was the newest of its server: %v", i, current)
			}
			r.wg.Done()
		}
		if len(r.list()) != 0 || len(r.all()) != 0 {
			t.Errorf("left over: %v, %v", names(r.list()), names(r.all()))
		}
		r.close()
		if r.enter(guests[0]) {
			t.Error("entered a closed roster")
		}
	})
}

// TestRosterNamesNobodyWhoHasLeft: a stream may end while its learner introduces itself, and nobody would
// take it out again.
func TestRosterNamesNobodyWhoHasLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, r := &leader{established: make(chan struct{})}, newRoster()
		s := comer(l, 3, 1)
		r.enter(s)
		r.leave(s)
		r.wg.Done()
		if _, err := r.name(s, time.Second); !errors.Is(err, errLeft) {
			t.Errorf("named: %v", err)
		}
		if r.of(3) != nil {
			t.Error("it stays for ever")
		}
	})
}

// TestRosterClosesWhenAllHaveLeft.
func TestRosterClosesWhenAllHaveLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRoster()
		r.enter(comer(nil, 3, 1))
		left := false
		go func() { r.close(); left = true }()
		synctest.Wait()
		if left {
			t.Fatal("a stream is still there")
		}
		r.wg.Done()
		synctest.Wait()
		if !left {
			t.Error("nobody is there any more")
		}
	})
}

// TestRosterLightsItsBeacon when somebody leaves.
func TestRosterLightsItsBeacon(t *testing.T) {
	r := newRoster()
	s := comer(nil, 3, 1)
	r.enter(s)
	lit := r.news.wait()
	r.leave(s)
	if !closed(lit) {
		t.Error("not lit")
	}
}
