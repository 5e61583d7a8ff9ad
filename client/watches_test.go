package client

import "testing"

// What a watch has missed is told apart from what happened while it was left again.
func TestMissedFrom(t *testing.T) {
	t.Parallel()
	created := func(z Zxid, path string) Event { return Event{Type: EventCreated, Zxid: z, Path: path} }
	deleted := func(z Zxid, path string) Event { return Event{Type: EventDeleted, Zxid: z, Path: path} }
	set := func(z Zxid, path string) Event { return Event{Type: EventDataChanged, Zxid: z, Path: path} }
	list := func(all ...[]Event) (out []Event) {
		for _, events := range all {
			out = append(out, events...)
		}
		return out
	}
	again := []Event{created(9, "/r/a"), deleted(9, "/r/a"), created(9, "/r/a")}
	for name, c := range map[string]struct {
		live   []Event // what happened meanwhile, of which a watch on / tells that stands since 5
		missed []Event
	}{
		"nothing":                                  {nil, nil},
		"only missed":                              {nil, []Event{created(3, "/r/a"), deleted(4, "/r/a")}},
		"only elsewhere":                           {[]Event{created(6, "/x"), created(7, "/y")}, nil},
		"elsewhere, and missed":                    {[]Event{created(6, "/x")}, []Event{created(3, "/r/a")}},
		"here, and so missed too":                  {[]Event{created(6, "/r/a")}, []Event{created(6, "/r/a")}},
		"here and elsewhere":                       {[]Event{created(6, "/x"), created(7, "/r/a"), created(8, "/y")}, []Event{created(4, "/r/b"), created(7, "/r/a")}},
		"a txn that does the same twice":           {again, again},
		"such a txn after one that is older":       {again, list([]Event{set(4, "/r/b")}, again)},
		"such a txn, missed alone":                 {nil, []Event{set(4, "/r"), set(4, "/r")}},
		"the same change again and again":          {[]Event{set(6, "/r"), set(7, "/r")}, []Event{set(6, "/r"), set(7, "/r")}},
		"two of one txn":                           {[]Event{set(6, "/r"), set(6, "/r")}, []Event{set(6, "/r"), set(6, "/r")}},
		"missed from before the other watch stood": {[]Event{set(6, "/r")}, []Event{set(2, "/r"), set(5, "/r"), set(6, "/r")}},
	} {
		other, mine := watchKey{"/", WatchRecursive}, watchKey{"/r", WatchRecursive}
		w := watches{all: map[watchKey]*registration{
			other: {key: other, live: true, heard: heard{since: 5}},
			mine:  {key: mine},
		}}
		if got := w.missedFrom(mine, list(c.live, c.missed)); got != len(c.live) {
			t.Errorf("%s: from %d, want %d", name, got, len(c.live))
		}
	}
}

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
