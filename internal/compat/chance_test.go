package compat_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/quorate/quorate/internal/compat/script"
	"github.com/quorate/quorate/internal/process"
)

// The scripts by chance of a run of the tests; `make compat` plays more.
const (
	firstEnv       = "QUORATE_TEST_FIRST"
	defaultChances = 150
	maxFaults      = 5
)

// TestByChance plays scripts by chance against ZooKeeper and Quorate, in turn against one on its own, a follower of three, and three
// between which sessions move: both say the same.
func TestByChance(t *testing.T) {
	zookeeper, three := startZooKeepers(t, settings{}), startThree(t, settings{})
	pairs := []pair{{zookeeper, startQuorates(t, settings{})}, {zookeeper, three[1:2]}, {startZooKeepers(t, settings{three: true}), three}}
	first, n := numberOf(t, firstEnv, 1), numberOf(t, compatEnv, defaultChances)
	faults := 0
	for seed := first; seed < first+n && faults < maxFaults; seed++ {
		p := pairs[seed%len(pairs)]
		steps := script.ByChance(uint64(seed), len(p.quorate))
		zookeeper, quorate, err := p.both(steps)
		if err != nil {
			t.Fatalf("seed %d: %v\n%s", seed, err, script.Text(steps))
		}
		if script.Text(zookeeper) != script.Text(quorate) {
			faults++
			t.Errorf("seed %d: -ZooKeeper +Quorate\n%s", seed, diff(zookeeper, quorate))
			small, quorate, err := p.both(p.shrink(steps, script.Root(uint64(seed))))
			t.Errorf("the same in short: %v\n%s\nZooKeeper:\n%s", err, diff(small, quorate), script.Text(small))
		}
	}
	t.Logf("%d scripts", n)
}

func numberOf(t *testing.T, env string, otherwise int) int {
	t.Helper()
	n, err := process.Setting(env, otherwise)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// pair is a server of each kind, with the same tree.
type pair struct{ zookeeper, quorate []string }

// both plays a script against both.
func (p pair) both(steps []script.Step) (zookeeper, quorate []script.Step, err error) {
	done := make(chan error)
	go func() {
		var err error
		zookeeper, err = script.Run(steps, p.zookeeper...)
		done <- err
	}()
	quorate, err = script.Run(steps, p.quorate...)
	err = errors.Join(err, <-done)
	return normal(zookeeper), normal(quorate), err
}

// normal gives the events of a session's end an order: ZooKeeper deletes its nodes in that of a hash table.
func normal(steps []script.Step) []script.Step {
	for _, s := range steps {
		if strings.Contains(s.Line, "closeSession") {
			slices.Sort(s.Replies)
		}
	}
	return steps
}

// differ says whether the two say something else to a script. One that cannot be played is none on which they do.
func (p pair) differ(steps []script.Step) bool {
	zookeeper, quorate, err := p.both(steps)
	return err == nil && script.Text(zookeeper) != script.Text(quorate)
}

func diff(zookeeper, quorate []script.Step) string {
	return cmp.Diff(strings.Split(script.Text(zookeeper), "\n"), strings.Split(script.Text(quorate), "\n"))
}

// shrink leaves out of a script what is not needed for the two to differ, each time below another node.
func (p pair) shrink(steps []script.Step, root string) []script.Step {
	tries := 0
	elsewhere := func(steps []script.Step) []script.Step {
		tries++
		all := slices.Clone(steps)
		for i := range all {
			all[i].Line = strings.ReplaceAll(all[i].Line, root, fmt.Sprintf("%s_%d", root, tries))
		}
		return all
	}
	for i := len(steps) - 1; i >= 0; i-- {
		fewer := slices.Delete(slices.Clone(steps), i, i+1)
		if p.differ(elsewhere(fewer)) {
			steps = fewer
		}
	}
	return elsewhere(steps)
}
