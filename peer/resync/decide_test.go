package resync_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/quorate/quorate/peer/resync"
	"github.com/quorate/quorate/store/txn"
)

// places are the zxids at which a history can be cut: its beginning and its records.
func places(h []txn.Zxid) []txn.Zxid { return append([]txn.Zxid{0}, h...) }

// worlds calls visit with every world of three epochs of up to three records: all
// pairs of histories that one leader per epoch can leave behind, all bases,
// snapshots and floors.
func worlds(visit func(world)) {
	all := histories(3, 3)
	for _, leader := range all {
		for _, learner := range all {
			if !matching(leader, learner) {
				continue
			}
			for i, base := range places(leader) {
				snapshots := slices.Compact([]txn.Zxid{base, places(leader)[(i+len(leader))/2], last(leader)})
				for _, snapshot := range snapshots {
					for _, floor := range places(learner) {
						for flags := range 4 {
							visit(world{leader, base, snapshot, learner, floor, flags&1 == 0, flags&2 != 0})
						}
					}
				}
			}
		}
	}
}

// TestDecideIsTheCheapestPlanThatWorks holds Decide, which sees a handful of numbers,
// against somebody who sees both logs and tries everything.
func TestDecideIsTheCheapestPlanThatWorks(t *testing.T) {
	kinds := map[resync.Reason]int{}
	worlds(func(w world) {
		if forked(w.leader, w.learner) {
			return
		}
		p := resync.Decide(w.numbers())
		want := w.cheapest()
		if p.Kind != want.Kind || p.After != want.After {
			t.Fatalf("%v:\nplan %v, the cheapest that works is %v after %v", w, p, want.Kind, want.After)
		}
		if _, err := w.execute(p); err != nil {
			t.Fatalf("%v:\nplan %v: %v", w, p, err)
		}
		if p.Kind == resync.Trunc {
			checkCut(t, w, p)
		}
		kinds[p.Reason]++
	})
	for r := resync.Asked; r <= resync.Diverged; r++ {
		if (kinds[r] == 0) != (r == resync.Contradiction) {
			t.Errorf("%v: %d worlds; every row but the contradiction is among them", r, kinds[r])
		}
	}
}

// checkCut: what is cut is what the leader does not have, all of it, and nothing applied.
func checkCut(t *testing.T, w world, p resync.Plan) {
	t.Helper()
	gone := w.learner[len(upTo(w.learner, p.After)):]
	if len(gone) == 0 {
		t.Fatalf("%v:\nplan %v cuts nothing", w, p)
	}
	for _, z := range gone {
		if slices.Contains(w.leader, z) {
			t.Fatalf("%v:\nplan %v cuts %v, which the leader has", w, p, z)
		}
		if z <= w.floor {
			t.Fatalf("%v:\nplan %v cuts %v, which the learner has applied", w, p, z)
		}
	}
}

// TestForkIsNoticedAndHealed: if against all rules the leader has a record that the
// learner passed over, zxids do not show where their histories part. The learner
// then refuses to cut (P8), or a guard has fired before; what it never does is to
// carry on with other records than the leader. Asking for a snapshot heals it.
func TestForkIsNoticedAndHealed(t *testing.T) {
	refused := 0
	worlds(func(w world) {
		if !forked(w.leader, w.learner) {
			return
		}
		p := resync.Decide(w.numbers())
		_, err := w.execute(p)
		switch {
		case err == nil && p.Kind == resync.Snap:
		case errors.Is(err, errMismatch) && p.Kind == resync.Trunc:
			refused++
		default:
			t.Fatalf("%v:\nplan %v: %v", w, p, err)
		}
		w.ask = true
		p = resync.Decide(w.numbers())
		if _, err := w.execute(p); err != nil || p.Kind != resync.Snap || p.Reason != resync.Asked {
			t.Fatalf("%v:\nplan %v: %v", w, p, err)
		}
	})
	if refused == 0 {
		t.Error("no fork among the worlds")
	}
}

// TestTotal: whatever the numbers are, a stranger's or a mistaken leader's, there
// is a plan, and none that harms the learner: nothing below its floor is cut,
// nothing beyond its last is taken for granted.
func TestTotal(t *testing.T) {
	const top = 4
	for n := range 1 << 14 {
		z := func(i int) txn.Zxid { return txn.Zxid(n >> (2 * i) & 3) }
		h := resync.History{Base: z(0), Last: z(1), Snapshot: top + z(2), Common: z(3)}
		l := resync.Learner{Last: z(4), Floor: z(5), Resync: n>>12&1 == 1, Durable: n>>13&1 == 1}
		p := resync.Decide(h, l)
		ok := false
		switch p.Kind {
		case resync.Diff:
			ok = p.After == l.Last && l.Floor <= l.Last && p.After >= h.Base && p.After <= h.Last
		case resync.Trunc:
			ok = p.After < l.Last && p.After >= l.Floor && p.After >= h.Base && p.After <= h.Last && l.Durable
		case resync.Snap:
			ok = p.After == h.Snapshot
		}
		if !ok || kindOf(p.Reason) != p.Kind || l.Resync && p.Reason != resync.Asked {
			t.Fatalf("%+v %+v: plan %v", h, l, p)
		}
	}
}

// kindOf is the last column of the table in doc.go.
func kindOf(r resync.Reason) resync.Kind {
	switch r {
	case resync.Current, resync.Behind:
		return resync.Diff
	case resync.Ahead, resync.Diverged:
		return resync.Trunc
	case resync.Asked, resync.Contradiction, resync.Purged, resync.NoLog, resync.BelowFloor:
		return resync.Snap
	}
	return 0
}

// TestPurgedNeverTakesBack: a learner that is only late never gets a snapshot
// older than what it has applied, for it would have to stop vouching for its disk (P6).
func TestPurgedNeverTakesBack(t *testing.T) {
	worlds(func(w world) {
		if p := resync.Decide(w.numbers()); p.Reason == resync.Purged && p.After < w.floor {
			t.Fatalf("%v: plan %v", w, p)
		}
	})
}

// TestLaterBaseIsALimit: a leader that would rather send a snapshot than all of
// its log gives a later zxid as Base. That is as good as having purged.
func TestLaterBaseIsALimit(t *testing.T) {
	h := resync.History{Base: 3, Last: 90, Snapshot: 80}
	for _, tt := range []struct {
		common txn.Zxid
		want   resync.Plan
	}{
		{39, resync.Plan{Kind: resync.Snap, After: 80, Reason: resync.Purged}},
		{40, resync.Plan{Kind: resync.Diff, After: 40, Reason: resync.Behind}},
	} {
		h.Common = tt.common
		l := resync.Learner{Last: tt.common, Floor: tt.common, Durable: true}
		if p := resync.Decide(h, l); p.Kind != resync.Diff {
			t.Errorf("learner at %v: plan %v, want DIFF", l.Last, p)
		}
		limited := h
		limited.Base = 40
		if p := resync.Decide(limited, l); p != tt.want {
			t.Errorf("learner at %v, limit 40: plan %v, want %v", l.Last, p, tt.want)
		}
	}
}

// TestWords: events and traces print them.
func TestWords(t *testing.T) {
	seen := map[string]bool{}
	for r := resync.Reason(0); r <= resync.Diverged+1; r++ {
		seen[r.String()] = true
		if guard := r == resync.Contradiction || r == resync.NoLog || r == resync.BelowFloor; r.Guard() != guard {
			t.Errorf("%v: Guard %t", r, r.Guard())
		}
	}
	for k := resync.Kind(0); k <= resync.Snap; k++ {
		seen[k.String()] = true
	}
	if len(seen) != 10+4 {
		t.Errorf("%d different words, want 14: %v", len(seen), seen)
	}
}
