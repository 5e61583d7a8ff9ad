package main

import (
	"context"
	"regexp"
	"slices"
	"testing"

	"github.com/quorate/quorate/cmd/quorate/internal/outcome"
)

// TestSim runs the same two seeds twice: no rule is broken, and all that happens is the same.
func TestSim(t *testing.T) {
	sh := shell{t: t}
	sums := func(args ...string) []string {
		out := sh.ok(append([]string{"sim", "--seconds", "5"}, args...)...)
		contains(t, out, "no rule was broken\n")
		return regexp.MustCompile(`sum [0-9a-f]{16}`).FindAllString(out, -1)
	}
	both := sums("--seeds", "2", "--first", "3")
	if len(both) != 2 || both[0] == both[1] {
		t.Errorf("two runs: %v", both)
	}
	for i, seed := range []string{"3", "4"} {
		if again := sums("--seeds", "1", "--first", seed, "--trace"); !slices.Equal(again, both[i:i+1]) {
			t.Errorf("seed %s: %v, and before %v", seed, again, both[i])
		}
	}
	out := sh.ok("sim", "--seconds", "5", "--seeds", "1", "--servers", "3", "--observers", "1", "--trace")
	contains(t, out, "[4] looking for a leader\n", "seed 1: voters 3, observers 1; ")
}

// TestSimEnds: Ctrl-C ends it in the middle of a run.
func TestSimEnds(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	r := shell{t: t}.runContext(ctx, "sim", "--seconds", "1000000000")
	if r.code != outcome.Failed {
		t.Errorf("exit code %d", r.code)
	}
	contains(t, r.out, "seed 1: interrupted\n")
	contains(t, r.err, "interrupted", "0 of 20 runs are done")
	contains(t, shell{t: t}.fails(outcome.Usage, "sim", "--seeds", "0"), "--seeds is 0")
	contains(t, shell{t: t}.fails(outcome.Usage, "sim", "now"), "usage: quorate sim")
}
