package peer

import (
	"cmp"
	"time"
)

// Timing is how patient servers are with each other. All of an ensemble should have the same.
type Timing struct {
	// Tick is the pulse: the leader pings each learner every half of it, and looks at its
	// quorum as often. Default 200 ms, at least 2 ms. (ZooKeeper's default is 2 s.)
	Tick time.Duration
	// InitLimit bounds a learner's discovery, and how long its synchronization may go on
	// without progress. Default 10 s. (ZooKeeper: ticks.)
	InitLimit time.Duration
	// SyncLimit is how long the other side may be silent, or a learner leave a
	// proposal unacknowledged, in broadcast. Default 2 s; more than Tick.
	SyncLimit time.Duration
	// StallLimit is how long the leader's own disk may make no progress on what a
	// quorum of the others has on theirs, before it resigns. Default 5 s; below 0: for ever.
	StallLimit time.Duration
}

// complete fills in the defaults.
func (t Timing) complete() Timing {
	return Timing{
		Tick:       cmp.Or(t.Tick, 200*time.Millisecond),
		InitLimit:  cmp.Or(t.InitLimit, 10*time.Second),
		SyncLimit:  cmp.Or(t.SyncLimit, 2*time.Second),
		StallLimit: cmp.Or(t.StallLimit, 5*time.Second),
	}
}
