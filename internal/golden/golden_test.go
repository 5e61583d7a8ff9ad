package golden_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/quorate/quorate/internal/golden"
)

// recorder is a test that may fail.
type recorder struct {
	testing.TB
	failed bool
}

func (r *recorder) Helper()               {}
func (r *recorder) Errorf(string, ...any) { r.failed = true }

func TestCheck(t *testing.T) {
	file := filepath.Join(t.TempDir(), "story.txt")
	golden.Check(t, true, file, "as it was")
	if got, err := os.ReadFile(file); err != nil || string(got) != "as it was" {
		t.Fatalf("rewritten to %q, %v", got, err)
	}
	for got, fails := range map[string]bool{"as it was": false, "as it is": true} {
		r := &recorder{TB: t}
		golden.Check(r, false, file, got)
		if r.failed != fails {
			t.Errorf("%q: failed is %v", got, r.failed)
		}
	}
}
