package lease

import (
	"time"

	"github.com/quorate/quorate/store/txn"
)

// Table is the sessions of a reign, with their owners and deadlines. It reads no clock: each method is told what time it is,
// and from a step of more than a tick it concludes that nobody was there to listen. It is for one goroutine at a time.
//
// A session stands in one bucket. A touch only notes the new deadline; when the bucket's time comes the
// session is moved on to the one where it then belongs. So a touch costs one look-up, and a
// session about 100 bytes.
type Table struct {
	tick    time.Duration
	began   time.Time
	seen    time.Time     // when it was last told the time
	stood   time.Duration // time that did not count
	stalls  uint64        // how often it stood still; the beginning is the first
	paused  bool
	leases  map[txn.SessionID]lease
	buckets map[int64][]txn.SessionID // those of bucket n are looked at n ticks after the beginning
	first   int64                     // the first bucket that was not looked at
	filed   int                       // entries in buckets, those of closed sessions among them
}

// lease is 16 bytes.
type lease struct {
	timeout uint32 // in milliseconds: see maxTimeout
	owner   txn.ServerID
	due     int64 // the bucket in which it expires
}

// maxTimeout is the longest a lease can be, 49 days; a longer one is cut to it.
const maxTimeout = 1<<32 - 1

// NewTable returns the table of a reign that begins at now, without sessions. Expiry is paused.
func NewTable(tick time.Duration, now time.Time) *Table {
	return &Table{
		tick: tick, began: now, seen: now, stalls: 1, paused: true,
		leases: map[txn.SessionID]lease{}, buckets: map[int64][]txn.SessionID{},
	}
}

// Len returns the number of sessions.
func (t *Table) Len() int { return len(t.leases) }

// Open adds a session, to which nobody is attached if owner is 0. timeout is in milliseconds.
func (t *Table) Open(id txn.SessionID, timeout int64, owner txn.ServerID, now time.Time) {
	l := lease{timeout: uint32(min(max(timeout, 0), maxTimeout)), owner: owner}
	l.due = t.due(l, t.clock(now))
	t.leases[id] = l
	t.file(id, l.due)
}

// Close removes a session.
func (t *Table) Close(id txn.SessionID) {
	delete(t.leases, id)
	if t.filed > 2*len(t.leases)+minSweep {
		t.tidy()
	}
}

// minSweep is how many entries of closed sessions are always tolerated.
const minSweep = 1024

// tidy forgets the entries of closed sessions: those with long timeouts would stay for long.
func (t *Table) tidy() {
	t.filed = 0
	for n, ids := range t.buckets {
		kept := make([]txn.SessionID, 0, len(ids))
		for _, id := range ids {
			if _, open := t.leases[id]; open {
				kept = append(kept, id)
			}
		}
		t.buckets[n] = kept
		t.filed += len(kept)
	}
}

// Touch notes that a session's client was heard of.
func (t *Table) Touch(id txn.SessionID, now time.Time) {
	clock := t.clock(now)
	if l, open := t.leases[id]; open {
		l.due = max(l.due, t.due(l, clock))
		t.leases[id] = l
	}
}

// Attach makes a server the owner of a session, and touches it.
func (t *Table) Attach(id txn.SessionID, owner txn.ServerID, now time.Time) {
	if l, open := t.leases[id]; open {
		l.owner = owner
		t.leases[id] = l
		t.Touch(id, now)
	}
}

// Owner returns the server to which a session's client is attached; 0 if none has been named in this reign.
func (t *Table) Owner(id txn.SessionID) txn.ServerID { return t.leases[id].owner }

// Stalls returns a number that grows whenever expiry is paused, and whether it is.
func (t *Table) Stalls(now time.Time) (n uint64, paused bool) {
	t.clock(now)
	return t.stalls, t.paused
}

// Resume ends the pause that began with the n-th stall, unless there was another since.
func (t *Table) Resume(n uint64, now time.Time) {
	t.clock(now)
	if n == t.stalls {
		t.paused = false
	}
}

// Due appends the sessions whose time has come to ids, the oldest deadlines first. They stand in no bucket any more:
// each must be given to [Table.Expire], or back by [Table.Again].
func (t *Table) Due(now time.Time, ids []txn.SessionID) []txn.SessionID {
	bucket := t.bucket(now)
	if t.paused {
		return ids
	}
	for ; t.first <= bucket; t.first++ {
		for _, id := range t.take(t.first) {
			switch l, open := t.leases[id]; {
			case !open:
			case l.due > t.first:
				t.file(id, l.due)
			default:
				ids = append(ids, id)
			}
		}
	}
	return ids
}

// Expire tells whether a session that was due still is. If not it has been touched, or expiry is paused, and it is given back.
func (t *Table) Expire(id txn.SessionID, now time.Time) bool {
	bucket := t.bucket(now)
	l, open := t.leases[id]
	if open && !t.paused && l.due <= bucket {
		return true
	}
	t.Again(id)
	return false
}

// Again gives a session back that was due and was not closed: it will be due again, in the next tick at the earliest.
func (t *Table) Again(id txn.SessionID) {
	if l, open := t.leases[id]; open {
		t.file(id, l.due)
	}
}

// Next returns how long it is until the next half of a tick: looked at then, sessions expire as soon as they are due,
// and half a tick is never taken for a stall.
func (t *Table) Next(now time.Time) time.Duration {
	half := t.tick / 2
	return half - t.clock(now)%half
}

// clock returns the time since the beginning that counts, and notices when it was not told the time for more than a tick.
func (t *Table) clock(now time.Time) time.Duration {
	if gap := now.Sub(t.seen); gap > t.tick {
		t.stood += gap
		t.stalls++
		t.paused = true
	}
	if now.After(t.seen) {
		t.seen = now
	}
	return t.seen.Sub(t.began) - t.stood
}

// bucket returns the newest bucket whose time has come.
func (t *Table) bucket(now time.Time) int64 { return int64(t.clock(now) / t.tick) }

// due returns the bucket of a session that is touched at clock: the first whose time is later than its deadline.
func (t *Table) due(l lease, clock time.Duration) int64 {
	return int64((clock+time.Duration(l.timeout)*time.Millisecond)/t.tick) + 1
}

// file puts a session into a bucket that was not looked at yet.
func (t *Table) file(id txn.SessionID, bucket int64) {
	bucket = max(bucket, t.first)
	t.buckets[bucket] = append(t.buckets[bucket], id)
	t.filed++
}

// take removes a bucket.
func (t *Table) take(bucket int64) []txn.SessionID {
	ids := t.buckets[bucket]
	delete(t.buckets, bucket)
	t.filed -= len(ids)
	return ids
}
