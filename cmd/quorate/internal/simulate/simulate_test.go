package simulate

import (
	"context"
	"errors"
	"io"
	"iter"
	"strings"
	"testing"
	"time"

	"github.com/quorate/quorate/cmd/quorate/internal/outcome"
	"github.com/quorate/quorate/internal/sim"
)

// results yields what became of runs: err by seed.
func results(seeds []uint64, errs map[uint64]error) iter.Seq[sim.Result] {
	return func(yield func(sim.Result) bool) {
		for _, seed := range seeds {
			if !yield(sim.Result{Plan: sim.Plan{Seed: seed, Voters: 3}, Sum: seed, Trace: &sim.Trace{}, Err: errs[seed]}) {
				return
			}
		}
	}
}

// wants fails t if a text is not in another.
func wants(t *testing.T, text string, parts ...string) {
	t.Helper()
	for _, p := range parts {
		if !strings.Contains(text, p) {
			t.Errorf("%q is missing in:\n%s", p, text)
		}
	}
}

// TestTellsOfWhatIsBroken: the seed, the rule, the command that shows it again, and the exit code.
func TestTellsOfWhatIsBroken(t *testing.T) {
	var out strings.Builder
	r := Runs{First: 7, Seeds: 3, Seconds: 30, Voters: 5, Observers: AsDrawn}
	err := r.tell(t.Context(), &out, results([]uint64{7, 8, 9}, map[uint64]error{8: errors.New("server 2: NoLostAck: it is gone")}))
	if outcome.Of(err) != outcome.Failed || outcome.Explain(err) != "" {
		t.Errorf("exit code %d: %v", outcome.Of(err), err)
	}
	wants(t, out.String(), "seed 7: voters 3, observers 0; ", "sum 0000000000000007",
		"\n  BROKEN: server 2: NoLostAck: it is gone\n  again: quorate sim --seeds 1 --first 8 --seconds 30 --servers 5 --trace\n",
		"seed 9: ", "3 runs of 30s in ", "1 broke a rule: seed 8\n")
	if got := (&Runs{Seconds: 60, Voters: AsDrawn, Observers: 0}).again(1); got != "quorate sim --seeds 1 --first 1 --seconds 60 --observers 0 --trace" {
		t.Error(got)
	}
}

// TestTellsOfAnInterruption: what was done counts, and it is no success.
func TestTellsOfAnInterruption(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var out strings.Builder
	r := Runs{First: 1, Seeds: 5, Seconds: 30}
	err := r.tell(ctx, &out, results([]uint64{1, 2}, nil))
	if !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	wants(t, err.Error(), "2 of 5 runs are done")
	wants(t, out.String(), "seed 3: interrupted\n", "2 runs of 30s in ", "no rule was broken\n")
}

// full is a disk without room for what is told.
type full struct{ io.Writer }

var errFull = errors.New("no space left on device")

func (full) Write([]byte) (int, error) { return 0, errFull }

// TestNobodyListens: the runs end when nothing can be written.
func TestNobodyListens(t *testing.T) {
	r := Runs{First: 1, Seeds: 1000, Seconds: 30}
	done := 0
	err := r.tell(t.Context(), full{}, func(yield func(sim.Result) bool) {
		for ; done < r.Seeds && yield(sim.Result{Trace: &sim.Trace{}}); done++ {
		}
	})
	if !errors.Is(err, errFull) || done != 0 {
		t.Errorf("%d runs, %v", done+1, err)
	}
}

// TestSweep: what the flags mean for the runs.
func TestSweep(t *testing.T) {
	for _, c := range []struct {
		runs Runs
		want sim.Plan
	}{
		{Runs{Seconds: 60, Voters: AsDrawn, Observers: AsDrawn}, sim.Plan{For: time.Minute}},
		{Runs{Seconds: 5, Voters: 3, Observers: 0, Messages: true}, sim.Plan{For: 5 * time.Second, Voters: 3, Observers: -1, Messages: true}},
		{Runs{Seconds: 5, Voters: 5, Observers: 2}, sim.Plan{For: 5 * time.Second, Voters: 5, Observers: 2}},
	} {
		if got := c.runs.sweep().Plan; got != c.want {
			t.Errorf("%+v: %+v, want %+v", c.runs, got, c.want)
		}
	}
}

// TestRefuses: what cannot be run is an error of usage that names the flag.
func TestRefuses(t *testing.T) {
	ok := Runs{Seeds: 1, Seconds: 1, Voters: AsDrawn, Observers: AsDrawn}
	for flag, change := range map[string]func(*Runs){
		"--seeds is 0":           func(r *Runs) { r.Seeds = 0 },
		"--seconds is -1":        func(r *Runs) { r.Seconds = -1 },
		"--servers is 0":         func(r *Runs) { r.Voters = 0 },
		"--observers is -2":      func(r *Runs) { r.Observers = -2 },
		"at most 9 servers":      func(r *Runs) { r.Voters = 10 },
		"servers and --observer": func(r *Runs) { r.Voters, r.Observers = 5, 5 },
	} {
		r := ok
		change(&r)
		err := r.Run(t.Context(), io.Discard)
		if outcome.Of(err) != outcome.Usage {
			t.Fatalf("%s: exit code %d, %v", flag, outcome.Of(err), err)
		}
		wants(t, err.Error(), flag)
	}
	if err := ok.check(); err != nil {
		t.Error(err)
	}
}
