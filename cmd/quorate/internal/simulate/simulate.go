package simulate

import (
	"context"
	"fmt"
	"io"
	"iter"
	"strconv"
	"strings"
	"time"

	"github.com/quorate/quorate/cmd/quorate/internal/outcome"
	"github.com/quorate/quorate/internal/sim"
)

// AsDrawn is a number of servers that each run's seed decides.
const AsDrawn = -1

// Runs is what is to be run.
type Runs struct {
	// First is the first run's seed; the others follow.
	First uint64
	// Seeds is how many runs there are, Seconds how long there are faults in each, in simulated time.
	Seeds, Seconds int
	// Voters and Observers are how many servers there are; [AsDrawn]: as the seed says.
	Voters, Observers int
	// Trace prints all that happens, Messages that with every message.
	Trace, Messages bool
}

// Run does the runs and tells of them on out. It returns an error of usage for what cannot be run, a silent one if a
// rule was broken, and ctx's if that has ended.
func (r *Runs) Run(ctx context.Context, out io.Writer) error {
	if err := r.check(); err != nil {
		return outcome.With(outcome.Usage, err)
	}
	return r.tell(ctx, out, r.sweep().Results(ctx))
}

// check tells what cannot be run.
func (r *Runs) check() error {
	switch {
	case r.Seeds < 1:
		return fmt.Errorf("--seeds is %d: it must be at least 1", r.Seeds)
	case r.Seconds < 1:
		return fmt.Errorf("--seconds is %d: it must be at least 1", r.Seconds)
	case r.Voters != AsDrawn && r.Voters < 1:
		return fmt.Errorf("--servers is %d: it must be at least 1", r.Voters)
	case r.Observers < AsDrawn:
		return fmt.Errorf("--observers is %d: it must be at least 0", r.Observers)
	case max(r.Voters, 0)+max(r.Observers, 0) > sim.MaxServers:
		return fmt.Errorf("--servers and --observers: a simulated ensemble has at most %d servers", sim.MaxServers)
	}
	return nil
}

// sweep returns the runs as they are done. A plan knows 0 for what is drawn, and -1 for no observers.
func (r *Runs) sweep() sim.Sweep {
	p := sim.Plan{For: time.Duration(r.Seconds) * time.Second, Voters: max(r.Voters, 0), Observers: r.Observers, Messages: r.Messages}
	switch r.Observers {
	case AsDrawn:
		p.Observers = 0
	case 0:
		p.Observers = -1
	}
	return sim.Sweep{First: r.First, Count: r.Seeds, Plan: p}
}

// again is the command that does the run of a seed once more.
func (r *Runs) again(seed uint64) string {
	text := fmt.Sprintf("quorate sim --seeds 1 --first %d --seconds %d", seed, r.Seconds)
	if r.Voters != AsDrawn {
		text += fmt.Sprintf(" --servers %d", r.Voters)
	}
	if r.Observers != AsDrawn {
		text += fmt.Sprintf(" --observers %d", r.Observers)
	}
	return text + " --trace"
}

// tell tells of each run as it is done, and of all in the end.
func (r *Runs) tell(ctx context.Context, out io.Writer, results iter.Seq[sim.Result]) error {
	t := teller{Runs: r, out: out}
	began := time.Now()
	t.begin(r.First)
	for result := range results {
		if t.ended(result); t.err != nil {
			return t.err
		}
		if t.done < r.Seeds {
			t.begin(result.Plan.Seed + 1)
		}
	}
	t.all(time.Since(began))
	return t.outcome(ctx)
}

// teller writes what there is to tell.
type teller struct {
	*Runs
	out    io.Writer
	err    error // of out, the first one
	done   int
	broken []string // the seeds of runs that broke a rule
}

func (t *teller) printf(format string, args ...any) {
	if t.err == nil {
		_, t.err = fmt.Fprintf(t.out, format, args...)
	}
}

// begin names a run before it is done: one that comes to a standstill ends the program.
func (t *teller) begin(seed uint64) { t.printf("seed %d: ", seed) }

// ended tells what became of a run.
func (t *teller) ended(r sim.Result) {
	t.done++
	if t.Trace {
		t.printf("\n%v", r.Trace)
		t.begin(r.Plan.Seed)
	}
	t.printf("%v\n", r)
	if r.Err != nil {
		t.broken = append(t.broken, strconv.FormatUint(r.Plan.Seed, 10))
		t.printf("  BROKEN: %v\n  again: %s\n", r.Err, t.again(r.Plan.Seed))
	}
}

// all tells what became of all runs.
func (t *teller) all(took time.Duration) {
	if t.done < t.Seeds {
		t.printf("interrupted\n")
	}
	t.printf("%d runs of %ds in %v: ", t.done, t.Seconds, took.Round(time.Millisecond))
	if len(t.broken) == 0 {
		t.printf("no rule was broken\n")
		return
	}
	t.printf("%d broke a rule: seed %s\n", len(t.broken), strings.Join(t.broken, ", "))
}

// outcome is how the program ends.
func (t *teller) outcome(ctx context.Context) error {
	switch {
	case t.err != nil:
		return t.err
	case len(t.broken) > 0:
		return outcome.Silently(outcome.Failed)
	case t.done < t.Seeds:
		return fmt.Errorf("%d of %d runs are done: %w", t.done, t.Seeds, ctx.Err())
	}
	return nil
}
