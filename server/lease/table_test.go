package lease_test

import (
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/quorate/quorate/server/lease"
	"github.com/quorate/quorate/store/txn"
)

const tick = 100 * time.Millisecond

var origin = time.Unix(1000, 0)

// resumed is a table in which sessions expire.
func resumed(now time.Time) *lease.Table {
	t := lease.NewTable(tick, now)
	t.Resume(1, now)
	return t
}

// TestExpiresWithinATick: random sessions, touches and ends; each look, every half tick, finds those of which nothing was heard
// for their timeout, no later than a tick afterwards.
func TestExpiresWithinATick(t *testing.T) {
	for seed := range uint64(50) {
		rng := rand.New(rand.NewPCG(seed, 1))
		now := origin.Add(time.Duration(rng.Int64N(int64(tick))))
		table := resumed(now)
		timeout, heard := map[txn.SessionID]time.Duration{}, map[txn.SessionID]time.Time{}
		for step := range 3000 {
			now = now.Add(min(table.Next(now), time.Duration(rng.Int64N(int64(tick/2)))))
			for _, id := range table.Due(now, nil) {
				silent := now.Sub(heard[id])
				if silent <= timeout[id] || silent > timeout[id]+tick {
					t.Fatalf("seed %d: due after %v, its timeout is %v", seed, silent, timeout[id])
				}
				if !table.Expire(id, now) {
					t.Fatalf("seed %d: due, and not", seed)
				}
				table.Close(id)
				delete(heard, id)
			}
			for id, at := range heard {
				if now.Sub(at) > timeout[id]+tick {
					t.Fatalf("seed %d: nothing heard for %v, and it lives", seed, now.Sub(at))
				}
			}
			switch id := txn.SessionID(step + 1); rng.IntN(4) {
			case 0:
				timeout[id], heard[id] = time.Duration(1+rng.IntN(900))*time.Millisecond, now
				table.Open(id, timeout[id].Milliseconds(), 1, now)
			case 1, 2:
				id = txn.SessionID(1 + rng.IntN(step+1))
				if _, open := heard[id]; open {
					heard[id] = now
				}
				table.Touch(id, now)
			case 3:
				if rng.IntN(5) == 0 {
					id = txn.SessionID(1 + rng.IntN(step+1))
					delete(heard, id)
					table.Close(id)
				}
			}
			if table.Len() != len(heard) {
				t.Fatalf("seed %d: %d sessions, want %d", seed, table.Len(), len(heard))
			}
		}
	}
}

// TestTouchedAfterDue: a session that was due and is touched, or given back, is due again in its time.
func TestTouchedAfterDue(t *testing.T) {
	table := resumed(origin)
	table.Open(7, 50, 0, origin)
	now := origin
	due := func(after time.Duration) []txn.SessionID {
		for end := now.Add(after); now.Before(end); {
			now = now.Add(tick / 2)
			if ids := table.Due(now, nil); len(ids) > 0 {
				return ids
			}
		}
		return nil
	}
	if ids := due(tick); !slices.Equal(ids, []txn.SessionID{7}) {
		t.Fatalf("due: %v", ids)
	}
	table.Touch(7, now)
	if table.Expire(7, now) {
		t.Error("it was touched, and expires")
	}
	if ids := due(2 * tick); !slices.Equal(ids, []txn.SessionID{7}) || !table.Expire(7, now) {
		t.Fatalf("due again: %v", ids)
	}
	if ids := due(3 * tick); ids != nil {
		t.Errorf("due, though it was not given back: %v", ids)
	}
	table.Again(7)
	if ids := due(tick); !slices.Equal(ids, []txn.SessionID{7}) {
		t.Errorf("given back: %v", ids)
	}
	table.Close(7)
	table.Again(7)
	if table.Expire(7, now) || due(3*tick) != nil || table.Len() != 0 {
		t.Error("a closed session lives on")
	}
}

// TestNothingExpiresInAPause: not at the beginning, not after a jump of the clock, and not after another one during a pause; and
// the time that was lost counts for nobody.
func TestNothingExpiresInAPause(t *testing.T) {
	now := origin
	table := lease.NewTable(tick, now)
	table.Open(7, 1000, 0, now)
	pass := func(d time.Duration) (due []txn.SessionID) {
		for range d / (tick / 2) {
			now = now.Add(tick / 2)
			due = table.Due(now, due)
		}
		return due
	}
	if due := pass(5 * time.Second); due != nil {
		t.Fatalf("before anybody was heard: %v", due)
	}
	stall, paused := table.Stalls(now)
	if stall != 1 || !paused {
		t.Fatalf("stall %d, paused: %t", stall, paused)
	}
	table.Touch(7, now)
	table.Resume(stall, now)
	if due := pass(900 * time.Millisecond); due != nil {
		t.Fatalf("before its time: %v", due)
	}
	now = now.Add(time.Hour)
	table.Touch(8, now) // whoever is first to look at the clock notices
	if due := table.Due(now, nil); due != nil {
		t.Errorf("after a stall: %v", due)
	}
	if stall, paused = table.Stalls(now); stall != 2 || !paused {
		t.Errorf("stall %d, paused: %t", stall, paused)
	}
	now = now.Add(tick + 1)
	table.Resume(stall, now)
	if stall, paused = table.Stalls(now); stall != 3 || !paused {
		t.Errorf("another stall meanwhile: %d, paused: %t", stall, paused)
	}
	table.Resume(stall, now)
	if due := pass(tick / 2); due != nil {
		t.Errorf("the stall counted: %v", due)
	}
	if due := pass(2 * tick); !slices.Equal(due, []txn.SessionID{7}) {
		t.Errorf("in its time: %v", due)
	}
	now = now.Add(2 * tick)
	if table.Expire(7, now) {
		t.Error("expired though the process stood still between judgement and turn")
	}
}

// TestHalfATickIsNoStall: looked at when Next says, nothing pauses.
func TestHalfATickIsNoStall(t *testing.T) {
	now := origin
	table := resumed(now)
	for range 1000 {
		if d := table.Next(now); d <= 0 || d > tick/2 {
			t.Fatalf("the next look is in %v", d)
		}
		now = now.Add(table.Next(now) + tick/2) // as late as may be
		table.Due(now, nil)
		if stall, paused := table.Stalls(now); stall != 1 || paused {
			t.Fatal("a stall")
		}
	}
}

// TestClockThatGoesBack: who read it earlier may come later.
func TestClockThatGoesBack(t *testing.T) {
	table := resumed(origin)
	table.Open(7, 1000, 0, origin)
	table.Touch(7, origin.Add(tick))
	table.Touch(7, origin)
	table.Touch(7, origin.Add(-time.Hour))
	if stall, paused := table.Stalls(origin.Add(2 * tick)); stall != 1 || paused {
		t.Errorf("stall %d, paused: %t", stall, paused)
	}
}

// TestOwner is who attached last; a touch changes it not.
func TestOwner(t *testing.T) {
	table := resumed(origin)
	table.Open(7, 1000, 2, origin)
	table.Touch(7, origin)
	if got := table.Owner(7); got != 2 {
		t.Errorf("opened by 2, owned by %d", got)
	}
	table.Attach(7, 3, origin)
	table.Attach(8, 3, origin)
	if a, b := table.Owner(7), table.Owner(8); a != 3 || b != 0 || table.Len() != 1 {
		t.Errorf("owned by %d, and who is not open by %d", a, b)
	}
}

// TestClosedSessionsAreForgotten long before their timeout, however many there were.
func TestClosedSessionsAreForgotten(t *testing.T) {
	now := origin
	table := resumed(now)
	before := heap()
	for id := range txn.SessionID(1_000_000) {
		table.Open(id+1, 24*3600*1000, 1, now)
		table.Close(id + 1)
	}
	if used := heap() - before; used > 1<<20 {
		t.Errorf("%d bytes for closed sessions", used)
	}
	runtime.KeepAlive(table)
}

// TestMemoryOfASession is at most 200 bytes, touched often.
func TestMemoryOfASession(t *testing.T) {
	const n = 100_000
	now := origin
	before := heap()
	table := resumed(now)
	for id := range txn.SessionID(n) {
		table.Open(id+1, 1000, 1, now)
	}
	for range 40 { // each is moved on several times
		now = now.Add(tick)
		for id := range txn.SessionID(n) {
			table.Touch(id+1, now)
		}
		if due := table.Due(now, nil); due != nil {
			t.Fatalf("%d are due", len(due))
		}
	}
	used := (heap() - before) / n
	t.Logf("%d bytes a session", used)
	if used > 200 {
		t.Errorf("%d bytes a session", used)
	}
	runtime.KeepAlive(table)
}

func heap() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
