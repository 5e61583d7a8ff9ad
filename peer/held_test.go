package peer

import (
	"fmt"
	"io"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/quorate/quorate/store/vfs"
)

// TestHeldByALeader: a learner that acknowledges nothing fills its window, and what is told is what there is.
func TestHeldByALeader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const window, end, txnBytes = 10 << 10, 4 << 10, 2 << 10
		c, _ := reign(t, premise{timing: patient, limits: Limits{Window: window, Feed: end}}, 2)
		defer c.rises()
		three := c.comes(3, c.current())
		three.set(doesNotAck)
		for i := range 60 {
			c.creates(fmt.Sprintf("/%01000d", i))
		}
		three.says(syncOf(1))
		held := map[string]int64{}
		for _, h := range c.peer.Held() {
			held[h.What] = h.Is
			if h.Is > h.Bound || h.Bound == 0 {
				t.Errorf("%+v", h)
			}
		}
		for what, least := range map[string]int64{
			"bytes of the log's end": end - txnBytes,
			"bytes before the newest that learner 2 has not acknowledged": 0,
			"bytes before the newest that learner 3 has not acknowledged": window - txnBytes,
			"answers owed to learner 2":                                   0,
			"answers owed to learner 3":                                   0,
		} {
			if is, ok := held[what]; !ok || is < least {
				t.Errorf("%s: %d (%v), want at least %d", what, is, ok, least)
			}
		}
		if len(held) != 5 {
			t.Errorf("held: %v", held)
		}
	})
}

// TestHeldByALearner: what is logged and not committed is not applied, and a request has no answer.
func TestHeldByALearner(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := awake(t, vfs.NewMem())
		defer f.asleep()
		s, ended := f.follow(Following)
		h := newAnnals(t)
		s.lead(1, h)
		prev := h.last()
		h.grow(4, 1000)
		s.say(proposal(prev, h.after(prev), 0))
		newAnswers(t).submit(f.peer.Standing().Upstream, "/a")
		synctest.Wait()
		want := []Held{
			{"bytes of txns that are not applied", int64(size(h.after(prev))), maxPending},
			{"requests that are not done", 1, maxOutstanding},
			{"bytes of requests that are not sent", 0, maxUnsent},
		}
		if got := f.peer.Held(); !slices.Equal(got, want) {
			t.Errorf("%v, want %v", got, want)
		}
		s.end(io.EOF)
		<-ended
	})
}

// TestHeldRequests: those that wait to be sent, but for a single one, which may be of any size.
func TestHeldRequests(t *testing.T) {
	a, up := newAnswers(t), newUpstream(newOutbox(time.Second), newApplier(nil))
	for n := range 4 {
		var bytes int64
		if n > 1 {
			bytes = up.outbox.mu.bytes
		}
		want := []Held{{"requests that are not done", int64(n), maxOutstanding}, {"bytes of requests that are not sent", bytes, maxUnsent}}
		if got := up.held(); !slices.Equal(got, want) {
			t.Errorf("after %d requests: %v, want %v", n, got, want)
		}
		a.submit(up, fmt.Sprint("/", n))
	}
	if up.outbox.mu.bytes == 0 {
		t.Error("no request waits")
	}
}
