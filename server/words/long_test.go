package words_test

import (
	"strings"
	"testing"

	"github.com/quorate/quorate/server/config"
	"github.com/quorate/quorate/server/facts"
	"github.com/quorate/quorate/server/facts/factstest"
	"github.com/quorate/quorate/server/words"
)

// reader is who asks for a word; he asks for another before he reads what he gets.
type reader struct {
	ask  func(out *strings.Builder)
	then strings.Builder
	strings.Builder
}

// Write takes a part of the answer.
func (r *reader) Write(b []byte) (int, error) {
	r.then.Reset()
	r.ask(&r.then)
	return r.Builder.Write(b)
}

// While one long answer is written, and read slowly, others are refused, and short ones are given.
func TestLongAnswersAreGivenOneAtATime(t *testing.T) {
	w := words.New(words.Config{Facts: factstest.Source(t, facts.Leader), Enabled: config.Words{config.AllWords}})
	for other, want := range map[string]string{"wchc": "wchc is not executed because the server answers another such word.\n", "ruok": "imok"} {
		for range 2 {
			r := &reader{ask: func(out *strings.Builder) { w.Answer(out, other) }}
			w.Answer(r, "wchp")
			if !strings.Contains(r.String(), "/") || r.then.String() != want {
				t.Errorf("wchp: %q; %s meanwhile: %q", r.String(), other, r.then.String())
			}
		}
	}
}
