package progress_test

import (
	"bytes"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/quorate/quorate/cmd/quorate/internal/progress"
	"github.com/quorate/quorate/cmd/quorate/internal/transfer"
)

func TestLinesWithoutATerminal(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		d := progress.New(&out, false, "importing")
		e := d.Events()
		err := d.While(func() error {
			e.Planned(10, 4096)
			e.Done(3, 2048)
			e.Skipped(transfer.Skip{Path: "a\x1b[2J", Why: "it is ugly"})
			for range 3 {
				e.Waiting(errors.New("gone"))
			}
			time.Sleep(6 * time.Second)
			e.Waiting(errors.New("still gone"))
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		want := "skipped \"a\\x1b[2J\": it is ugly\nno answer, trying again: gone\nimporting: 3 of 10, 2.0 KiB\nno answer, trying again: still gone\n"
		if got := out.String(); got != want {
			t.Errorf("got:\n%s\nwant:\n%s", got, want)
		}
	})
}

// locked lets the bar's goroutine and the test share a buffer.
type locked struct {
	mu  sync.Mutex
	buf bytes.Buffer // guarded by mu
}

func (l *locked) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(b)
}

func (l *locked) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

func TestBarEndsWithTheWork(t *testing.T) {
	t.Parallel()
	for name, failure := range map[string]error{"done": nil, "failed": errors.New("broken"), "at once": nil} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var out locked
			d := progress.New(&out, true, "importing")
			e := d.Events()
			err := d.While(func() error {
				if name == "at once" {
					return nil
				}
				e.Planned(2, 2)
				e.Done(1, 1)
				e.Skipped(transfer.Skip{Path: "x", Why: "it is ugly"})
				if failure == nil {
					e.Done(1, 1)
				}
				return failure
			})
			if !errors.Is(err, failure) {
				t.Errorf("got %v", err)
			}
			if !strings.Contains(out.String(), "importing") || name != "at once" && !strings.Contains(out.String(), "skipped x") {
				t.Errorf("output: %q", out.String())
			}
		})
	}
}
