package process_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/quorate/quorate/internal/process"
)

// TestChaos kills, stops and cuts off servers at random under writers and readers. Whatever was acknowledged is there at
// the end, on every server, once; no reader who asks for a Sync first sees less than was
// acknowledged before; and an UNAVAILABLE write was never made. `make chaos` goes on for minutes.
func TestChaos(t *testing.T) {
	length := time.Duration(setting(t, "QUORATE_TEST_SECONDS", 20)) * time.Second
	seed := setting(t, "QUORATE_TEST_SEED", int(time.Now().UnixNano()%1_000_000))
	t.Logf("seed %d (QUORATE_TEST_SEED repeats the faults, though not their effects)", seed)
	// The smallest segments and frequent snapshots, so that rolls, purges and snapshots are hit too.
	c := startCluster(t, process.Shape{Voters: 3, Observers: 1, Wired: true, Args: []string{"--snapshot-txns", "1000", "--snapshot-bytes", "1MiB"}})
	g := startGame(c, 8, 4)

	f := faults{c: c, rng: rand.New(rand.NewPCG(uint64(seed), 0)), until: map[*process.Member]time.Time{}}
	for end := time.Now().Add(length); time.Now().Before(end); {
		pause(t.Context(), f.between(50, 600))
		f.undo()
		f.inflict()
		if t.Failed() {
			return
		}
	}
	f.undoAll()
	c.startAll()
	g.settle()
	c.await("all servers are equal", process.View.Equal)
	for _, m := range c.Members {
		g.verify(m)
	}
	t.Logf("%s; %s", f.summary(), g.summary())
}

// faults are what is done to the servers.
type faults struct {
	c      *cluster
	rng    *rand.Rand
	until  map[*process.Member]time.Time // when the fault of a server ends
	parted time.Time                     // when the network's fault ends; zero without one
	counts [4]int                        // paused, killed, all killed, cut off
}

// between returns a random duration, in milliseconds.
func (f *faults) between(low, high int) time.Duration {
	return time.Duration(low+f.rng.IntN(high-low)) * time.Millisecond
}

// inflict does something to a server that is well, or to all of them, or to the network.
func (f *faults) inflict() {
	f.c.t.Helper()
	if f.parted.IsZero() && f.rng.IntN(5) == 0 {
		f.part()
		return
	}
	m := f.c.Members[f.rng.IntN(len(f.c.Members))]
	if _, ill := f.until[m]; ill {
		return
	}
	switch n := f.rng.IntN(20); {
	case n == 0:
		f.undoAll()
		for _, m := range f.c.Members {
			f.kill(m)
		}
		f.counts[2]++
	case n < 8:
		if err := m.Pause(); err != nil {
			f.c.t.Errorf("server %d has ended by itself: %v", m.ID, err)
		}
		f.until[m] = time.Now().Add(f.between(20, 3500))
		f.counts[0]++
	default:
		f.kill(m)
		f.counts[1]++
	}
}

// part cuts one or two servers off, without a word to anybody.
func (f *faults) part() {
	some := f.rng.Perm(len(f.c.Members))[:1+f.rng.IntN(2)]
	var cut []*process.Member
	for _, i := range some {
		cut = append(cut, f.c.Members[i])
	}
	f.c.Part(cut...)
	f.parted = time.Now().Add(f.between(100, 5000))
	f.counts[3]++
}

func (f *faults) mend() {
	f.c.Part()
	f.parted = time.Time{}
}

func (f *faults) kill(m *process.Member) {
	select {
	case <-m.Server().Exited():
		f.c.t.Errorf("server %d has ended by itself", m.ID)
	default:
	}
	m.Kill()
	f.until[m] = time.Now().Add(f.between(0, 1500))
}

// undo ends the faults whose time is over.
func (f *faults) undo() {
	f.c.t.Helper()
	if !f.parted.IsZero() && time.Now().After(f.parted) {
		f.mend()
	}
	for _, m := range f.c.Members {
		if until, ill := f.until[m]; ill && time.Now().After(until) {
			f.heal(m)
		}
	}
}

func (f *faults) undoAll() {
	f.c.t.Helper()
	f.mend()
	for _, m := range f.c.Members {
		if _, ill := f.until[m]; ill {
			f.heal(m)
		}
	}
}

func (f *faults) heal(m *process.Member) {
	f.c.t.Helper()
	delete(f.until, m)
	var err error
	if m.Running() {
		err = m.Resume()
	} else {
		err = m.Launch()
	}
	if err != nil {
		f.c.t.Fatalf("server %d: %v", m.ID, err)
	}
}

func (f *faults) summary() string {
	return fmt.Sprintf("servers were stopped %d times, killed %d times, all at once %d times, cut off %d times", f.counts[0], f.counts[1], f.counts[2], f.counts[3])
}
