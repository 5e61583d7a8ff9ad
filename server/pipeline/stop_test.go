package pipeline_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"

	"github.com/quorate/quorate/store/tree"
	"github.com/quorate/quorate/store/vfs"
	"github.com/quorate/quorate/store/wal"
)

// TestStopLetsTheReignLive: the pipeline is stopped while the log has no room yet for all of a
// batch. That batch is finished, and the reign, which is not the pipeline's, goes on.
func TestStopLetsTheReignLive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gate, holding := make(chan struct{}), false
		s := prepare(t, vfs.NewFaults(vfs.NewMem(), func(op vfs.Op) error {
			if holding && op.Kind == vfs.OpSync {
				<-gate
			}
			return nil
		}))
		s.run(func(ctx context.Context) { _ = s.peer.Run(ctx) })
		s.run(func(ctx context.Context) { _ = s.store.Run(ctx) })
		synctest.Wait()
		holding = true
		const n = 12
		outcomes := make(chan error, n)
		for i := range n { // they wait in the queue, and become one batch of three segments
			r := &tree.CreateRequest{Path: fmt.Sprintf("/%02d", i), ACL: tree.OpenACL(), Data: make([]byte, wal.MinSegmentSize/4)}
			go func() { _, err := s.submit(r); outcomes <- err }()
		}
		synctest.Wait()
		term := s.peer.Standing().Term
		s.run(func(ctx context.Context) { _ = s.pipe.Run(ctx) })
		synctest.Wait()
		if z := s.store.Last(); z >= term.Tip().Zxid() {
			t.Fatalf("all is in the log, up to %v: nothing waits", z)
		}
		stopped := make(chan struct{})
		go func() { s.stops[2](); close(stopped) }()
		synctest.Wait()
		close(gate)
		<-stopped
		for range n {
			if err := <-outcomes; err != nil {
				t.Errorf("what was being proposed became: %v", err)
			}
		}
		if now := s.peer.Standing(); now.Term != term {
			t.Errorf("stopping the pipeline ended the reign: %v", now.Reason)
		}
		s.stops = s.stops[:2]
		s.down()
	})
}
