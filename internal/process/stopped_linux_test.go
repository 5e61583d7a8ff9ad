package process_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/quorate/quorate/internal/process"
)

// TestPause: who is paused does nothing more, with no thread, also in the middle of writing.
func TestPause(t *testing.T) {
	c := startCluster(t, process.Shape{Voters: 3, Args: lenient()})
	m := c.leader()
	h := strike(c, 4)
	for range 100 {
		if err := m.Pause(); err != nil {
			t.Fatal(err)
		}
		threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", m.Server().Pid()))
		if err != nil || len(threads) == 0 {
			t.Fatalf("it has %d threads, %v", len(threads), err)
		}
		for _, path := range threads {
			stat, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if _, state, _ := strings.Cut(string(stat), ") "); !strings.HasPrefix(state, "T") {
				t.Errorf("a thread goes on: %s", stat)
			}
		}
		if err := m.Resume(); err != nil {
			t.Fatal(err)
		}
	}
	h.end()
}
