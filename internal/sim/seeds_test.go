package sim

import (
	"context"
	"flag"
	"fmt"
	"strings"
	"testing"
	"time"
)

var (
	seeds    = flag.Int("seeds", 5, "how many random runs")
	first    = flag.Uint64("first", 1, "the first one's seed")
	seconds  = flag.Int("seconds", 20, "how long each does harm, in simulated time")
	stop     = flag.Bool("stop", false, "at the first that fails")
	trace    = flag.Bool("trace", false, "print the trace of each run")
	messages = flag.Bool("messages", false, "with the messages")
	voters   = flag.Int("voters", 0, "how many; 0: as the seed says")
)

// sweep is what the flags ask for.
func sweep() Sweep {
	return Sweep{First: *first, Count: *seeds, Plan: Plan{For: time.Duration(*seconds) * time.Second, Voters: *voters, Messages: *messages}}
}

// TestSeeds does random runs.
func TestSeeds(t *testing.T) { check(t, sweep()) }

// TestSeedsOverGRPC does random runs over the transport of production.
func TestSeedsOverGRPC(t *testing.T) {
	s := sweep()
	s.Plan.GRPC = true
	check(t, s)
}

// check does the runs of a sweep and fails t for those that break a rule.
func check(t *testing.T, s Sweep) {
	t.Helper()
	for r := range s.Results(t.Context()) {
		if *trace || s.Plan.GRPC && r.Err != nil { // the same run cannot be had again
			fmt.Print(r.Trace)
		}
		if r.Err != nil {
			t.Errorf("seed %d: %v", r.Plan.Seed, r.Err)
		}
		t.Logf("seed %d: %v", r.Plan.Seed, r)
		if *stop && r.Err != nil {
			return
		}
	}
}

// TestSameSeedSameTrace: a seed is a run.
func TestSameSeedSameTrace(t *testing.T) {
	for i := range uint64(*seeds) {
		p := Plan{Seed: *first + i, For: 10 * time.Second, Voters: *voters, Messages: true}
		a, b := once(t.Context(), p), once(t.Context(), p)
		if a.Sum != b.Sum {
			t.Errorf("seed %d gives two traces: %v", p.Seed, difference(a.Trace.String(), b.Trace.String()))
		}
	}
}

// TestSweepEnds: a sweep ends in the middle of a run when its context ends, and says nothing of that run.
func TestSweepEnds(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	n := 0
	for r := range (Sweep{First: 1, Count: 3, Plan: Plan{For: 5 * time.Second}}).Results(ctx) {
		n++
		if r.Plan.Seed != 1 || r.Err != nil {
			t.Errorf("run %d: seed %d, %v", n, r.Plan.Seed, r.Err)
		}
		cancel()
	}
	if n != 1 {
		t.Errorf("%d results, want 1", n)
	}
	if r := once(ctx, Plan{Seed: 1, For: 1000 * time.Hour}); r.Err != nil { // it would take all day
		t.Error(r.Err)
	}
}

// TestPlan: what is not given is drawn, and never more servers than a world has room for.
func TestPlan(t *testing.T) {
	for seed := range uint64(50) {
		if p := (Plan{Seed: seed, Voters: MaxServers}).complete(); p.Observers != 0 {
			t.Errorf("seed %d: %d observers beside %d voters", seed, p.Observers, p.Voters)
		}
		if p := (Plan{Seed: seed, Observers: -1}).complete(); p.Observers != 0 || p.Voters < 1 || p.Clients < 1 || p.For != time.Minute {
			t.Errorf("seed %d: %+v", seed, p)
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
