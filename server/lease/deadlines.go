package lease

import (
	"slices"
	"time"

	"github.com/quorate/quorate/store/txn"
)

// Deadline is a time at which sessions expire, unless they are heard of before.
type Deadline struct {
	At time.Time
	// Sessions are sorted.
	Sessions []txn.SessionID
}

// Deadlines returns when all sessions expire, the earliest first. While expiry is paused it will be later.
func (t *Table) Deadlines() []Deadline {
	at := map[int64]*Deadline{}
	for id, l := range t.leases {
		d := at[l.due]
		if d == nil {
			d = &Deadline{At: t.began.Add(t.stood + time.Duration(l.due)*t.tick)}
			at[l.due] = d
		}
		d.Sessions = append(d.Sessions, id)
	}
	all := make([]Deadline, 0, len(at))
	for _, d := range at {
		slices.Sort(d.Sessions)
		all = append(all, *d)
	}
	slices.SortFunc(all, func(a, b Deadline) int { return a.At.Compare(b.At) })
	return all
}

// Deadlines is [Table.Deadlines].
func (l *Leases) Deadlines() []Deadline {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.mu.table.Deadlines()
}
