package retry

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/quorate/quorate/client"
)

// The pause before another try doubles from shortest to longest.
const (
	shortest = 50 * time.Millisecond
	longest  = time.Second
)

// Policy bounds repetition.
type Policy struct {
	// For is how long to go on trying after the first failure; 0: one try only.
	For time.Duration
	// Each bounds one try; 0: it is bounded by the context alone.
	Each time.Duration
	// Waiting, if set, is told of each failure that will be tried again.
	Waiting func(error)
}

// Do runs try until it succeeds, fails for good, ctx ends or the policy's time is
// over, and returns the last error. try must be harmless to repeat even when its
// outcome is unknown.
func (p Policy) Do(ctx context.Context, try func(context.Context) error) error {
	var since time.Time
	for pause := shortest; ; pause = min(2*pause, longest) {
		err := p.once(ctx, try)
		if err == nil || ctx.Err() != nil || !Temporary(err) {
			return err
		}
		if since.IsZero() {
			since = time.Now()
		}
		wait := max(jitter(pause), retryAfter(err))
		if time.Since(since)+wait > p.For {
			return err
		}
		if p.Waiting != nil {
			p.Waiting(err)
		}
		if !sleep(ctx, wait) {
			return err
		}
	}
}

func (p Policy) once(ctx context.Context, try func(context.Context) error) error {
	if p.Each <= 0 {
		return try(ctx)
	}
	ctx, cancel := context.WithTimeout(ctx, p.Each)
	defer cancel()
	return try(ctx)
}

// Temporary tells whether an error may go away by itself.
func Temporary(err error) bool {
	for _, e := range []error{client.ErrUnavailable, client.ErrUnknownOutcome, client.ErrTimeout, client.ErrOverloaded, context.DeadlineExceeded} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// jitter spreads the tries of parallel workers.
func jitter(d time.Duration) time.Duration { return d/2 + rand.N(d/2) }

func retryAfter(err error) time.Duration {
	var e *client.Error
	if errors.As(err, &e) {
		return e.RetryAfter
	}
	return 0
}

// sleep waits; false if ctx ended first.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
