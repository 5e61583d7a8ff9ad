package lease

import (
	"slices"
	"testing"
	"time"

	"github.com/quorate/quorate/store/txn"
)

// TestDeadlines tells of each session when it expires, and holds that against when it does.
func TestDeadlines(t *testing.T) {
	const tick = time.Second
	now := time.Unix(1_000_000, 0)
	table := NewTable(tick, now)
	stall, _ := table.Stalls(now)
	table.Resume(stall, now)
	table.Open(2, 5_000, 1, now)
	table.Open(1, 5_000, 1, now)
	table.Open(3, 2_000, 1, now)
	all := table.Deadlines()
	if len(all) != 2 || !slices.Equal(all[0].Sessions, []txn.SessionID{3}) || !slices.Equal(all[1].Sessions, []txn.SessionID{1, 2}) {
		t.Fatalf("deadlines %v", all)
	}
	for _, d := range all {
		for ; now.Before(d.At); now = now.Add(tick / 4) {
			if due := table.Due(now, nil); due != nil {
				t.Fatalf("%v expire at %v, %v early", due, now, d.At.Sub(now))
			}
		}
		if due := table.Due(now, nil); len(due) != len(d.Sessions) {
			t.Errorf("at %v %v expire, want %v", now, due, d.Sessions)
		}
	}
}
