package peer

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/quorate/quorate/peer/election"
	"github.com/quorate/quorate/peer/quorum"
	"github.com/quorate/quorate/store/txn"
)

// TestRendezvousExhaustive lets every subset of four servers arrive, three of
// them voters, and holds completion against its definition.
func TestRendezvousExhaustive(t *testing.T) {
	who := voters(1, 2, 3) // 4 observes
	const leader = 1
	for set := range 1 << 4 {
		r := newRendezvous(leader, who)
		count := 0
		for id := txn.ServerID(1); id <= 4; id++ {
			if set>>(id-1)&1 == 0 {
				continue
			}
			_ = r.arrive(id, 9, nil)
			_ = r.arrive(id, 9, nil) // again: changes nothing
			if id <= 3 {
				count++
			}
		}
		want := count >= 2 && set&1 == 1
		if got := closed(r.done); got != want {
			t.Errorf("arrived %04b: complete %v, want %v", set, got, want)
		}
	}
}

func TestRendezvousWaitsForTheLeader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRendezvous(1, voters(1, 2, 3))
		var met atomic.Int32
		for _, id := range []txn.ServerID{2, 3} {
			go func() {
				if err := r.join(t.Context(), id, 9); err != nil {
					t.Error(err)
				}
				met.Add(1)
			}()
			synctest.Wait()
		}
		if met.Load() != 0 {
			t.Fatal("two followers met without the leader's own durable step (P2)")
		}
		if err := r.join(t.Context(), 1, 9); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if met.Load() != 2 {
			t.Fatalf("%d of 2 followers went on", met.Load())
		}
	})
}

func TestRendezvousGivesUpWithTheCause(t *testing.T) {
	cause := errors.New("initLimit is over")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(cause)
	if err := newRendezvous(1, voters(1, 2, 3)).join(ctx, 1, 9); !errors.Is(err, cause) {
		t.Errorf("got %v, want the cause", err)
	}
}

// voters is an electorate that counts whatever disk they have.
func voters(ids ...txn.ServerID) *electorate {
	var m txn.Membership
	for _, id := range ids {
		m.Members = append(m.Members, txn.Member{ID: id, Role: txn.Voter})
	}
	return newElectorate(election.View{Membership: m}, func(m txn.Membership) quorum.System { return quorum.Of(m) })
}

func closed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// TestRendezvousInVain: a quorum that is complete begins nothing in a candidacy that is over.
func TestRendezvousInVain(t *testing.T) {
	over := errors.New("over")
	ctx, end := context.WithCancelCause(t.Context())
	r := newRendezvous(1, voters(1, 2, 3))
	_ = r.arrive(2, 9, nil)
	if err := r.join(ctx, 1, 9); err != nil {
		t.Errorf("complete: %v", err)
	}
	end(over)
	for range 100 { // a select would take either
		if err := r.join(ctx, 1, 9); err != over {
			t.Fatalf("over: %v", err)
		}
	}
}
