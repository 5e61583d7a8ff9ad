package peer

import (
	"context"
	"math/rand/v2"
	"time"
)

// The pauses between attempts.
const (
	minPause    = 10 * time.Millisecond
	maxPause    = 250 * time.Millisecond
	pauseGrowth = 1.6
	pauseJitter = 0.2 // of a pause, more or less
)

// backOff yields the lengths of successive pauses.
type backOff struct {
	random *rand.Rand
	base   time.Duration // of the next; 0: minPause
}

// next returns the length of the next pause.
func (p *backOff) next() time.Duration {
	base := max(p.base, minPause)
	p.base = min(time.Duration(float64(base)*pauseGrowth), maxPause)
	return time.Duration(float64(base) * (1 - pauseJitter + 2*pauseJitter*p.random.Float64()))
}

// restart makes the next pause the shortest.
func (p *backOff) restart() { p.base = 0 }

// sleep waits, or returns ctx's cause.
func sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return nil
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
