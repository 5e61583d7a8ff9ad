package peer

import (
	"context"
	"errors"
	"math/rand/v2"
	"testing"
	"testing/synctest"

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

func TestWatermarkWakesWhoWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var w watermark
		w.raise(3)
		if err := w.wait(t.Context(), 3); err != nil {
			t.Fatal(err)
		}
		reached := false
		go func() {
			if err := w.wait(t.Context(), 5); err != nil {
				t.Error(err)
			}
			reached = true
		}()
		synctest.Wait()
		w.raise(4)
		synctest.Wait()
		if reached {
			t.Fatal("woke up at 4, waiting for 5")
		}
		w.raise(6)
		synctest.Wait()
		if !reached {
			t.Fatal("not woken at 6")
		}
		w.raise(2)
		if w.poll(6) != nil {
			t.Fatal("the mark went back")
		}
	})
}

func TestWatermarkGivesUpWithTheCause(t *testing.T) {
	cause := errors.New("enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(cause)
	var w watermark
	if err := w.wait(ctx, 1); !errors.Is(err, cause) {
		t.Errorf("got %v, want the cause", err)
	}
}
