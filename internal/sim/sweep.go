package sim

import (
	"context"
	"iter"
	"testing"
	"testing/synctest"
	"time"
)

// Sweep is a row of random runs.
type Sweep struct {
	// First is the first run's seed, Count how many there are: those of the seeds First, First+1 and so on.
	First uint64
	Count int
	// Plan is what they have in common; each has a seed of its own.
	Plan Plan
}

// Results does the runs, one after the other, and yields what became of each. It ends before the last one when ctx ends;
// what became of a run that was going on then is not yielded. It is not for a bubble: every run has its own.
func (s Sweep) Results(ctx context.Context) iter.Seq[Result] {
	return func(yield func(Result) bool) {
		for i := range s.Count {
			p := s.Plan
			p.Seed = s.First + uint64(i)
			if r := once(ctx, p); ctx.Err() != nil || !yield(r) {
				return
			}
		}
	}
}

// once does a run in a bubble. The bubble belongs to a test, of which nothing is needed but that it is there: the zero T does,
// also in a program that is no test.
func once(ctx context.Context, p Plan) (r Result) {
	began := time.Now()
	synctest.Test(new(testing.T), func(*testing.T) { r = Run(ctx, p) })
	r.Took = time.Since(began)
	return r
}
