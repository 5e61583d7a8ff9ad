package process_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/quorate/quorate/internal/process"
)

// The bars of issue 3, for a machine that has nothing else to do.
const (
	medianBar = 150 * time.Millisecond
	worstBar  = 500 * time.Millisecond
)

// TestFailover kills the leader again and again under writers, and measures the longest time without a
// successful write. `make failover` kills more often and holds the results against the bars.
func TestFailover(t *testing.T) {
	kills, bars := setting(t, "QUORATE_TEST_KILLS", 0), true
	if kills == 0 {
		kills, bars = 5, false
	}
	var args []string
	nodes := setting(t, "QUORATE_TEST_NODES", 0)
	if nodes > 0 {
		args = []string{"--segment-size", "64MiB"}
	}
	c := startCluster(t, process.Shape{Voters: 3, Args: args})
	if nodes > 0 {
		fill(c, "/filled", nodes, 100)
	}
	h := strike(c, 8)
	h.awaitAll()

	var all []failover
	for range kills {
		f := kill(c, h)
		all = append(all, f)
		h.mark()
		c.startAll()
		h.awaitAll()
		f.back = h.longest().length()
		t.Log(f)
	}
	h.end()
	c.await("all servers are equal", process.View.Equal)
	median, worst := rank(all)
	t.Logf("%d kills: median %v, worst %v without a write; %s", kills, median, worst, h.summary())
	if bars && (median > medianBar || worst > worstBar) {
		t.Errorf("the bars are %v and %v", medianBar, worstBar)
	}
	if worst > 5*time.Second {
		t.Errorf("no write for %v", worst)
	}
}

// setting reads a number from the environment.
func setting(t *testing.T, name string, otherwise int) int {
	t.Helper()
	n, err := process.Setting(name, otherwise)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// failover is what came after a kill. Times are since the kill.
type failover struct {
	killed, next uint32
	gap          time.Duration            // the longest time without a successful write
	from, to     time.Duration            // when that was
	steps        map[string]time.Duration // when the survivors came where
	back         time.Duration            // the longest time without a write when the killed server came back
}

// steps are the messages in the log by which a failover is followed, in their order.
func steps() []string { return []string{"leader lost", "elected", "leading", "role"} }

// kill kills the leader, and returns when every writer can write again.
func kill(c *cluster, h *hammer) failover {
	c.t.Helper()
	old := c.leader()
	h.mark()
	at := time.Now()
	old.Kill()
	h.awaitAll()
	s := h.longest()
	f := failover{killed: old.ID, gap: s.length(), from: s.from.Sub(at), to: s.to.Sub(at), steps: map[string]time.Duration{}}
	f.next = c.leader().ID
	for _, msg := range steps() {
		for _, l := range c.Member(f.next).Lines() {
			if l.Msg == msg && l.At.After(at) { // the last: there may have been a round in vain
				f.steps[msg] = l.At.Sub(at)
			}
		}
	}
	return f
}

// String has all in one line.
func (f failover) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "server %d killed: %3d ms without a write (%d to %d ms after the kill); server %d:", f.killed, f.gap.Milliseconds(), f.from.Milliseconds(), f.to.Milliseconds(), f.next)
	for _, msg := range steps() {
		fmt.Fprintf(&b, " %s %d,", msg, f.steps[msg].Milliseconds())
	}
	fmt.Fprintf(&b, " its way back cost %d ms", f.back.Milliseconds())
	return b.String()
}

// rank returns the median and the worst.
func rank(all []failover) (median, worst time.Duration) {
	var gaps []time.Duration
	for _, f := range all {
		gaps = append(gaps, f.gap)
	}
	slices.Sort(gaps)
	return gaps[(len(gaps)-1)/2], gaps[len(gaps)-1]
}
