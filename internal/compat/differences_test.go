package compat_test

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/quorate/quorate/internal/compat/script"
	"github.com/quorate/quorate/internal/golden"
)

// In a script of testdata/differences the replies that are not the same stand twice, with who says so in front.
const (
	theirs = "ZooKeeper: "
	ours   = "Quorate: "
)

// side returns a script of differences with the replies of one side alone.
func side(steps []script.Step, own, other string) []script.Step {
	all := slices.Clone(steps)
	for i, s := range all {
		all[i].Replies = nil
		for _, r := range s.Replies {
			if !strings.HasPrefix(r, other) {
				all[i].Replies = append(all[i].Replies, strings.TrimPrefix(r, own))
			}
		}
	}
	return all
}

// merge makes one script of what both sides say.
func merge(zookeeper, quorate []script.Step) []script.Step {
	all := slices.Clone(zookeeper)
	for i := range all {
		if slices.Equal(zookeeper[i].Replies, quorate[i].Replies) {
			continue
		}
		all[i].Replies = nil
		for _, r := range zookeeper[i].Replies {
			all[i].Replies = append(all[i].Replies, theirs+r)
		}
		for _, r := range quorate[i].Replies {
			all[i].Replies = append(all[i].Replies, ours+r)
		}
	}
	return all
}

// explained says whether a script of differences begins with what is different, and why.
func explained(steps []script.Step) bool {
	return len(steps) > 2 && strings.HasPrefix(steps[0].Line, "# What: ") &&
		slices.ContainsFunc(steps, func(s script.Step) bool { return strings.HasPrefix(s.Line, "# Why: ") })
}

// TestDifferences holds Quorate to where it does otherwise than ZooKeeper: to what is recorded, and that it is not the same.
func TestDifferences(t *testing.T) {
	for name, steps := range scripts(t, "differences") {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if !explained(steps) {
				t.Error("it does not begin with # What: … and # Why: …")
			}
			got := play(t, startQuorates(t, settingsOf(t, steps)), steps)
			if *rewrite {
				zookeeper := play(t, startZooKeepers(t, settingsOf(t, steps)), steps)
				golden.Check(t, true, filepath.Join("testdata", "differences", name+".txt"), script.Text(merge(zookeeper, got)))
				return
			}
			if diff := cmp.Diff(script.Text(side(steps, ours, theirs)), script.Text(got)); diff != "" {
				t.Errorf("Quorate does not say what is recorded (-recorded +now):\n%s", diff)
			}
			if script.Text(side(steps, theirs, ours)) == script.Text(got) {
				t.Error("there is no difference any more: let it be a recording")
			}
		})
	}
}

// TestDifferencesZooKeeper holds these scripts to what ZooKeeper says now.
func TestDifferencesZooKeeper(t *testing.T) {
	needJava(t)
	needTime(t)
	if *rewrite {
		t.Skip("TestDifferences records them")
	}
	for name, steps := range scripts(t, "differences") {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := play(t, startZooKeepers(t, settingsOf(t, steps)), steps)
			if diff := cmp.Diff(script.Text(side(steps, theirs, ours)), script.Text(got)); diff != "" {
				t.Errorf("ZooKeeper does not say what is recorded (-recorded +now):\n%s", diff)
			}
		})
	}
}
