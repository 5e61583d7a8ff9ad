package pipeline

import (
	"context"
	"time"

	"github.com/quorate/quorate/peer"
	"github.com/quorate/quorate/store/tree"
)

// Sweep says how the leader deletes containers that are empty again, and nodes that have outlived their time to live
// (ZooKeeper: ContainerManager).
type Sweep struct {
	// Interval is how often it looks for them. Default 60 s; below 0: never.
	Interval time.Duration
	// PerMinute is how many it deletes in a minute at most. Default 10,000.
	PerMinute int
	// Unused is how old a container is that never had a child when it is deleted, too. 0: it stays.
	Unused time.Duration
}

// complete fills in the defaults.
func (s Sweep) complete() Sweep {
	if s.Interval == 0 {
		s.Interval = time.Minute
	}
	if s.PerMinute <= 0 {
		s.PerMinute = 10_000
	}
	return s
}

// pause is how long it waits between two deletions.
func (s Sweep) pause() time.Duration { return time.Minute / time.Duration(s.PerMinute) }

// most is how many nodes it takes notice of at a time: what can be deleted in one interval.
func (s Sweep) most() int { return max(1, int(s.Interval/s.pause())) }

// sweep looks for nodes that may go and deletes them, one after the other, until ctx ends.
func (p *Pipeline) sweep(ctx context.Context, term *peer.Term) {
	if p.sweeps.Interval < 0 {
		return
	}
	for sleep(ctx, p.sweeps.Interval) {
		now := time.Now()
		for _, path := range p.sweepable(now) {
			if !p.remove(ctx, term, path, now) || !sleep(ctx, p.sweeps.pause()) {
				break
			}
		}
	}
}

// sweepable returns the nodes that may go.
func (p *Pipeline) sweepable(now time.Time) []string {
	var paths []string
	for path := range p.Version().Sweepable(now.UnixMilli(), p.sweeps.Unused.Milliseconds()) {
		if paths = append(paths, path); len(paths) == p.sweeps.most() {
			break
		}
	}
	return paths
}

// remove deletes a node if it may still go when its turn comes, and returns when that is proposed. false: ctx has ended.
func (p *Pipeline) remove(ctx context.Context, term *peer.Term, path string, now time.Time) bool {
	r := Request{
		Op:     &tree.SweepRequest{Path: path, Now: now.UnixMilli(), NeverUsed: p.sweeps.Unused.Milliseconds()},
		Caller: tree.Super(), Author: sweepAuthor, Via: p.peer.ID(),
	}
	done := make(chan struct{})
	p.start(&job{Request: r, term: term, done: func(Reply, error) { close(done) }})
	select {
	case <-done:
		return true
	case <-ctx.Done():
		return false
	}
}

// sleep waits; false if ctx ends first.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
