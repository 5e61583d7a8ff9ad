package peer

import (
	"cmp"
	"sync"
	"time"

	quorumv1 "github.com/quorate/quorate/gen/quorate/quorum/v1"
	"github.com/quorate/quorate/peer/resync"
)

// Limits bound what learners may cost a leader.
type Limits struct {
	// Snapshots and Diffs are how many learners may be synchronized at once by a
	// snapshot, and by records of the log. Voters are never refused, but counted. Default 2 and 8; at least 1.
	Snapshots, Diffs int
	// SnapshotRate bounds the bytes a second that each snapshot is sent with; 0: no bound.
	SnapshotRate int64
	// Window bounds the bytes of proposals that a learner has not acknowledged; no more
	// are sent then. Default 8 MiB.
	Window int64
	// Feed bounds the end of the log that the leader keeps in memory for all learners
	// together, in bytes; who is further behind is served from the log's files. Default 16 MiB.
	Feed int64
}

// complete fills in the defaults.
func (l Limits) complete() Limits {
	l.Snapshots = cmp.Or(l.Snapshots, 2)
	l.Diffs = cmp.Or(l.Diffs, 8)
	l.Window = cmp.Or(l.Window, 8<<20)
	l.Feed = cmp.Or(l.Feed, 16<<20)
	return l
}

// throttleRetry is when a learner that was refused is to come back.
const throttleRetry = time.Second

// throttle counts the learners that are being synchronized.
type throttle struct {
	limits Limits
	mu     struct {
		sync.Mutex
		snapshots, diffs int
	}
}

// admit takes a place for a synchronization, or refuses: it never waits, since who waits
// here holds back nothing but itself and is better told to come back. Voters are always
// admitted: the ensemble waits for them (ZooKeeper's "exempt").
func (t *throttle) admit(kind resync.Kind, voter bool) (release func(), err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	n, limit := &t.mu.diffs, t.limits.Diffs
	if kind == resync.Snap {
		n, limit = &t.mu.snapshots, t.limits.Snapshots
	}
	if *n >= limit && !voter {
		r := reject(quorumv1.RefusalReason_REFUSAL_REASON_THROTTLED, "%d learners are being synchronized by %v: come back later", *n, kind)
		r.RetryAfter = throttleRetry
		return nil, r
	}
	*n++
	return sync.OnceFunc(func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		*n--
	}), nil
}
