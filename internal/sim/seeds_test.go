package sim

import (
	"flag"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

var (
	seeds    = flag.Int("seeds", 5, "how many random runs")
	first    = flag.Uint64("first", 1, "the first one's seed")
	seed     = flag.Uint64("seed", 0, "do this run alone, and print its trace")
	seconds  = flag.Int("seconds", 20, "how long each does harm, in simulated time")
	stop     = flag.Bool("stop", false, "at the first that fails")
	messages = flag.Bool("messages", false, "print the messages too")
	voters   = flag.Int("voters", 0, "how many; 0: as the seed says")
)

// once does a run in a bubble.
func once(t *testing.T, p Plan) (r Result) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { r = Run(p) })
	return r
}

// TestSeeds does random runs.
func TestSeeds(t *testing.T) {
	if *seed != 0 {
		r := once(t, Plan{Seed: *seed, For: time.Duration(*seconds) * time.Second, Voters: *voters, Messages: *messages})
		fmt.Print(r.Trace)
		report(t, *seed, r, 0)
		return
	}
	for s := *first; s < *first+uint64(*seeds); s++ {
		began := time.Now()
		r := once(t, Plan{Seed: s, For: time.Duration(*seconds) * time.Second, Voters: *voters})
		report(t, s, r, time.Since(began))
		if *stop && r.Err != nil {
			return
		}
	}
}

func report(t *testing.T, seed uint64, r Result, took time.Duration) {
	t.Helper()
	if r.Err != nil {
		t.Errorf("seed %d: %v", seed, r.Err)
	}
	t.Logf("seed %d: %d txns in %d epochs, %+v, %d steps, %v", seed, r.Txns, r.Epochs, r.Tally, r.Steps, took.Round(time.Millisecond))
}

// TestSameSeedSameTrace: a seed is a run.
func TestSameSeedSameTrace(t *testing.T) {
	for s := *first; s < *first+uint64(*seeds); s++ {
		p := Plan{Seed: s, For: 10 * time.Second, Voters: *voters, Messages: true}
		a, b := once(t, p), once(t, p)
		if a.Sum != b.Sum {
			t.Errorf("seed %d gives two traces: %v", s, difference(a.Trace.String(), b.Trace.String()))
		}
	}
}

// difference shows where two texts part.
func difference(a, b string) string {
	as, bs := strings.Split(a, "\n"), strings.Split(b, "\n")
	for i := range min(len(as), len(bs)) {
		if as[i] != bs[i] {
			from := max(0, i-3)
			return fmt.Sprintf("line %d:\n%s\n---\n%s", i, strings.Join(as[from:min(i+4, len(as))], "\n"), strings.Join(bs[from:min(i+4, len(bs))], "\n"))
		}
	}
	return fmt.Sprintf("%d and %d lines", len(as), len(bs))
}
