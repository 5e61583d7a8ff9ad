package client

import "testing"

func TestHeardOverABreak(t *testing.T) {
	t.Parallel()
	h := heard{since: 3}
	for _, c := range []struct {
		z    Zxid
		want bool
	}{{3, false}, {5, true}, {5, true}, {7, true}, {7, true}, {6, false}} {
		if got := h.fresh(Event{Zxid: c.z}); got != c.want {
			t.Fatalf("event at %d: %v", c.z, got)
		}
	}
	if after := h.broke(); after != 6 {
		t.Fatalf("goes on after %d, want 6", after)
	}
	var got []bool
	for range 3 { // two of the txn at 7 were told, a third comes now
		got = append(got, h.fresh(Event{Zxid: 7}))
	}
	if got[0] || got[1] || !got[2] {
		t.Errorf("after the break: %v", got)
	}
}
