package server

import (
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	apiv1 "github.com/quorate/quorate/gen/quorate/api/v1"
	"github.com/quorate/quorate/server/config"
	"github.com/quorate/quorate/store/vfs"
)

// An idle session costs memory and nothing else: 100,000 of them on one server, each with its client heard of, take less than
// 1 KB each, and no goroutine.
func TestIdleSessionsAreSmall(t *testing.T) {
	const sessions, each = 100_000, 1 << 10
	w := run(t, vfs.OS{}, func(c *config.Config) {
		c.DataDir = t.TempDir()
		c.SnapshotTxns, c.SnapshotBytes, c.MaxSessionTimeout = 1<<30, 1<<30, time.Hour
	})
	before, goroutines := live(), runtime.NumGoroutine()
	var opening sync.WaitGroup
	var left atomic.Int64
	left.Store(sessions)
	for range 256 {
		opening.Go(func() {
			for left.Add(-1) >= 0 {
				if _, _, err := w.sessions.Open(t.Context(), 0, nil, ""); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	opening.Wait()
	if n := w.pipeline.Version().Sessions(); n != sessions {
		t.Fatalf("%d sessions are open", n)
	}
	for s := range w.pipeline.Version().AllSessions() {
		a, err := w.sessions.Attach(s.ID, func(error) {})
		if err != nil {
			t.Fatal(err)
		}
		a.Touch()
	}
	took := live() - before
	t.Logf("%d sessions take %d bytes each", sessions, took/sessions)
	if took > sessions*each {
		t.Errorf("%d sessions take %d bytes each", sessions, took/sessions)
	}
	if n := runtime.NumGoroutine() - goroutines; n > 10 {
		t.Errorf("%d goroutines more than before", n)
	}
	if s, err := w.keeper.OpenSession(t.Context(), &apiv1.OpenSessionRequest{}); err != nil {
		t.Error(fmt.Errorf("one more: %v, %w", s, err))
	}
}

// live is how many bytes of the heap are in use.
func live() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
