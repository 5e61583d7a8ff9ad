package peer

import (
	"math/rand/v2"
	"testing"

	"github.com/quorate/quorate/store/txn"
)

// TestAcksNeverAheadOfOwnDisk: a quorum of followers may commit before the
// leader's own disk is done; the leader applies no further than that disk.
func TestAcksNeverAheadOfOwnDisk(t *testing.T) {
	a := newAcks(1, 9, voters(1, 2, 3), 10, &beacon{})
	a.set(2, 9, 15)
	a.set(3, 9, 14)
	if got := a.committed(); got != 14 {
		t.Errorf("committed %v, want 14: followers 2 and 3 have it", got)
	}
	if got := a.applicable(); got != 10 {
		t.Errorf("applicable %v, want 10: the own disk is there only", got)
	}
	a.set(1, 9, 13)
	if got := a.applicable(); got != 13 {
		t.Errorf("applicable %v, want 13", got)
	}
}

// TestAcksNeverGoBack feeds late and repeated acknowledgements.
func TestAcksNeverGoBack(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	a := newAcks(1, 9, voters(1, 2, 3), 5, &beacon{})
	last := a.committed()
	for range 1000 {
		a.set(txn.ServerID(1+rng.IntN(3)), 9, txn.Zxid(rng.IntN(100)))
		now := a.committed()
		if now < last {
			t.Fatalf("committed went from %v back to %v", last, now)
		}
		last = now
	}
}

func TestObserversCommitNothing(t *testing.T) {
	a := newAcks(1, 9, voters(1, 2, 3), 0, &beacon{})
	a.set(1, 9, 9)
	a.set(4, 9, 9)
	a.set(5, 9, 9)
	if got := a.committed(); got != 0 {
		t.Errorf("committed %v by one voter and two observers", got)
	}
}

func TestWatermark(t *testing.T) {
	var w watermark
	w.raise(3)
	if w.poll(3) != nil {
		t.Fatal("3 is not reached at 3")
	}
	for _, z := range []txn.Zxid{3, 4, 6, 2} {
		five := w.poll(5)
		w.raise(z)
		select {
		case <-five:
		default:
			if five != nil {
				t.Fatalf("who waits for 5 is not woken at %v", z)
			}
		}
		if reached := w.poll(5) == nil; reached != (z >= 5 || z == 2) {
			t.Fatalf("at %v: 5 is reached: %v", z, reached)
		}
	}
}
