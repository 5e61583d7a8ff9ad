package sim

import (
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
)

// TestScriptsOverGRPC runs the stories of testdata over the transport of production. Every command, each await and each
// expect, has to come out, and no rule may be broken. Compared with what happened in the simulated network are
//
//   - what clients were answered, whenever that was;
//   - what the logs held where a story looks at them;
//   - what each server did on its disk and which roles it had, in that order: [substance].
//
// Not compared is what the instants decide: the order of what several servers do, who is heard first in an election, at
// which zxid a learner is picked up while others write, and the words for a stream that has ended.
func TestScriptsOverGRPC(t *testing.T) {
	eachScript(t, func(t *testing.T, file string) {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		synctest.Test(t, func(t *testing.T) {
			out, err := RunScript(string(text), func(c *Config) { c.GRPC = true })
			if err != nil {
				t.Error(err)
			}
			want, got := substanceOf(string(text)), substanceOf(out)
			for _, who := range slices.Sorted(maps.Keys(want)) {
				if w, g := strings.Join(want[who], "\n"), strings.Join(got[who], "\n"); w != g {
					t.Errorf("%s: %s", who, difference(w, g))
				}
			}
			if strings.Contains(out, "context canceled") {
				t.Error("somebody is told no reason")
			}
			if t.Failed() {
				t.Logf("over gRPC:\n%s", out)
			}
		})
	})
}

// substance is what timing does not decide of what a server does.
var substance = regexp.MustCompile(`^\[\d+\] (accepted epoch \d+|current epoch \d+|established in epoch \d+|founded|history durable|installed|up to date|` +
	`role (leader|follower|observer)|resigned epoch \d+|readmitting server \d+|crash|stopped|ended)`)

// substanceOf returns what is compared of a story.
func substanceOf(story string) map[string][]string {
	parts := map[string][]string{}
	put := func(who, what string) { parts[who] = append(parts[who], what) }
	for line := range strings.Lines(story) {
		said, ok := strings.CutPrefix(strings.TrimRight(line, "\n"), indent)
		if !ok {
			continue
		}
		server, what, _ := strings.Cut(said, " ")
		switch step := substance.FindString(said); {
		case strings.HasPrefix(what, "client: "):
			put("the answers", said)
		case strings.HasPrefix(what, "log "):
			put("the logs", said)
		case step != "":
			put(server, step)
		}
	}
	slices.Sort(parts["the answers"])
	return parts
}
