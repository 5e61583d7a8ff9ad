package server

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"

	apiv1 "github.com/quorate/quorate/gen/quorate/api/v1"
	"github.com/quorate/quorate/store/vfs"
	"github.com/quorate/quorate/store/wal"
)

// TestADiskThatFailsEndsTheServer: after a failed fdatasync nothing is known
// about the disk, so the write under way is not acknowledged and the server ends
// with the reason. What had been acknowledged before is there afterwards.
func TestADiskThatFailsEndsTheServer(t *testing.T) {
	mem := vfs.NewMem()
	broken := errors.New("the disk is gone")
	var fail atomic.Bool
	fs := vfs.NewFaults(mem, func(op vfs.Op) error {
		if fail.Load() && op.Kind == vfs.OpSync && strings.Contains(op.Name, "/log/") {
			return broken
		}
		return nil
	})
	n, err := New(t.Context(), settingsFor(nil), Options{FS: fs})
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- n.Run(context.Background()) }()
	w := dial(t, n)
	w.awaitHealth(t, "", healthv1.HealthCheckResponse_SERVING)
	w.create(t, &apiv1.CreateRequest{Path: "/before"})
	fail.Store(true)
	_, err = w.keeper.Create(t.Context(), &apiv1.CreateRequest{Path: "/under-way"})
	if why, _ := reason(err); why != "UNKNOWN_OUTCOME" && status.Code(err) != codes.Unavailable { // as it is if the end of the server cuts the answer off
		t.Errorf("the write under way: got %v", err)
	}
	select {
	case err := <-ended:
		if !errors.Is(err, broken) || !errors.Is(err, wal.ErrPoisoned) {
			t.Errorf("Run ended with %v", err)
		}
	case <-time.After(patience):
		t.Fatal("the server goes on")
	}
	again := run(t, mem, nil)
	if r, err := again.keeper.Exists(t.Context(), &apiv1.ExistsRequest{Path: "/before"}); err != nil || r.Stat == nil {
		t.Errorf("acknowledged and gone: %v, %v", r, err)
	}
}

// TestAFullDiskStopsWritesAlone: reads go on, health says so, nothing
// acknowledged is lost, and writes come back with the space.
func TestAFullDiskStopsWritesAlone(t *testing.T) {
	mem := vfs.NewMem()
	w := run(t, mem, nil)
	mem.SetLimit(mem.Used())
	acked := 0
	for err := error(nil); err == nil; acked++ {
		_, err = w.keeper.Create(t.Context(), &apiv1.CreateRequest{Path: fmt.Sprintf("/n%d", acked), Data: make([]byte, 1<<20)})
		if err != nil {
			wantReason(t, err, "NO_SPACE")
			break
		}
		if acked > 100 {
			t.Fatal("the disk does not fill up")
		}
	}
	w.awaitHealth(t, "", healthv1.HealthCheckResponse_NOT_SERVING)
	for i := range acked {
		if _, err := w.keeper.Get(t.Context(), &apiv1.GetRequest{Path: fmt.Sprintf("/n%d", i)}); err != nil {
			t.Errorf("a read of /n%d: %v", i, err)
		}
	}
	mem.SetLimit(1 << 40)
	w.awaitHealth(t, "", healthv1.HealthCheckResponse_SERVING)
	w.create(t, &apiv1.CreateRequest{Path: "/after"})
}
