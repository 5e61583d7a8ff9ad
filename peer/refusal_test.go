package peer

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/quorate/quorate/store/fault"
	"github.com/quorate/quorate/store/vfs"
)

// TestRefusal: whatever ended a reign, who asks without one hears that nothing was done and
// when to come back; the full disk alone has a name of its own.
func TestRefusal(t *testing.T) {
	full := fault.New(fault.NoSpace, "", "full")
	for _, c := range []struct {
		reason error
		want   fault.Kind
	}{
		{errors.New("starting"), fault.Unavailable},
		{ErrRollover, fault.Unavailable},
		{full, fault.NoSpace},
		{&fault.Error{Kind: fault.Unknown, Detail: "of another request"}, fault.Unavailable},
		{&fault.Error{Kind: fault.NoNode, Path: "/a"}, fault.Unavailable},
	} {
		got := Refusal(c.reason)
		if got.Kind != c.want || got.RetryAfter == 0 {
			t.Errorf("%v became %v, to be repeated after %v; want %v", c.reason, got.Kind, got.RetryAfter, c.want)
		}
	}
	if full.RetryAfter != 0 {
		t.Error("the reason itself was changed")
	}
}

// TestFullDiskEndsTheReignEarly: no segment can be prepared, and the current one still has
// room. The leader resigns now, with room left to finish what is in flight.
func TestFullDiskEndsTheReignEarly(t *testing.T) {
	bubble(t, func(t *testing.T) {
		disk := vfs.NewMem()
		s := boot(t, disk)
		term := s.term()
		synctest.Wait()
		disk.SetLimit(2 * small)
		before := s.store.Stats().BytesSince
		var logged int64
		for i := range 2 { // the second goes into the last segment
			b, done := bigBatch(t, term, i, 1, small/2)
			logged += int64(len(b.Records[0].Payload))
			if err := term.Propose(t.Context(), b); err != nil {
				t.Fatal(err)
			}
			if err := <-done; err != nil {
				t.Fatal(err)
			}
		}
		synctest.Wait()
		if got := s.store.Stats().BytesSince - before; got != logged {
			t.Errorf("%d bytes are counted for the next snapshot, want %d", got, logged)
		}
		if err := term.Ready(); !fault.Is(err, fault.NoSpace) {
			t.Errorf("ready on a full disk: %v", err)
		}
		<-term.Over()
		if now := s.peer.Standing(); now.Term == term || !fault.Is(now.Reason, fault.NoSpace) {
			t.Errorf("no leader because of %v, want NO_SPACE", now.Reason)
		}
		if err := s.down(); err != nil {
			t.Fatal(err)
		}
	})
}

// TestNoRoomForASnapshot: the log has room, so that it cannot tell when there is enough. The leader is not asked for the snapshot
// at once again, since sending it costs.
func TestNoRoomForASnapshot(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := boot(t, vfs.NewMem())
		began := time.Now()
		if err := s.peer.recoverFrom(t.Context(), fault.New(fault.NoSpace, "", "no room"), 0); err != nil {
			t.Fatal(err)
		}
		if waited := time.Since(began); waited != roomPause {
			t.Errorf("it comes again after %v", waited)
		}
		if err := s.down(); err != nil {
			t.Fatal(err)
		}
	})
}
