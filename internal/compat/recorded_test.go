package compat_test

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/quorate/quorate/internal/compat/script"
	"github.com/quorate/quorate/internal/golden"
)

var rewrite = flag.Bool("rewrite", false, "record anew what ZooKeeper says to the scripts in testdata/recorded, and both to those in testdata/differences")

// scripts returns the scripts of a folder of testdata, by their names.
func scripts(t *testing.T, folder string) map[string][]script.Step {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("testdata", folder, "*.txt"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no scripts in testdata/%s: %v", folder, err)
	}
	all := map[string][]script.Step{}
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		all[strings.TrimSuffix(filepath.Base(f), ".txt")] = script.Parse(string(text))
	}
	return all
}

// play plays a script.
func play(t *testing.T, addrs []string, steps []script.Step) []script.Step {
	t.Helper()
	got, err := script.Run(steps, addrs...)
	if err != nil {
		t.Fatalf("%v\n%s", err, script.Text(got))
	}
	return got
}

// TestRecordedZooKeeper holds the recordings to what ZooKeeper says now; with -rewrite it makes them.
func TestRecordedZooKeeper(t *testing.T) {
	needJava(t)
	needTime(t)
	for name, steps := range scripts(t, "recorded") {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := script.Text(play(t, startZooKeepers(t, settingsOf(t, steps)), steps))
			if *rewrite {
				golden.Check(t, true, filepath.Join("testdata", "recorded", name+".txt"), got)
				return
			}
			if diff := cmp.Diff(script.Text(steps), got); diff != "" {
				t.Errorf("ZooKeeper does not say what is recorded (-recorded +now):\n%s", diff)
			}
		})
	}
}

// TestRecorded plays the recordings against Quorate: a server on its own, and a follower of three.
func TestRecorded(t *testing.T) {
	for name, steps := range scripts(t, "recorded") {
		s := settingsOf(t, steps)
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			same(t, startQuorates(t, s), steps)
		})
		if !s.alone && !s.three {
			t.Run(name+" by a follower", func(t *testing.T) {
				t.Parallel()
				same(t, startThree(t, s)[1:2], steps)
			})
		}
	}
}

// same fails unless a Quorate says to a script what is recorded.
func same(t *testing.T, addrs []string, steps []script.Step) {
	t.Helper()
	if diff := cmp.Diff(script.Text(steps), script.Text(play(t, addrs, steps))); diff != "" {
		t.Errorf("Quorate does not say what ZooKeeper does (-ZooKeeper +Quorate):\n%s", diff)
	}
}
