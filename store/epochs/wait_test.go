package epochs

import (
	"testing"
	"testing/synctest"

	"github.com/quorate/quorate/store/vfs"
)

// TestGetDoesNotWaitForTheDisk: while a promise is being written, the one before is read; on
// the failover path an fdatasync would otherwise hold up everybody who asks.
func TestGetDoesNotWaitForTheDisk(t *testing.T) {
	mem := fresh(t)
	synctest.Test(t, func(t *testing.T) {
		gate, holding := make(chan struct{}), false
		f, err := Open(vfs.NewFaults(mem, func(op vfs.Op) error {
			if holding && op.Kind == vfs.OpSync {
				<-gate
			}
			return nil
		}), name)
		must(t, err)
		holding = true
		var written error
		go func() { written = f.Set(Record{Accepted: 1, From: 1}) }()
		synctest.Wait()
		if got := f.Get(); got.Accepted != 0 {
			t.Errorf("epoch %d is read, and not durable", got.Accepted)
		}
		close(gate)
		synctest.Wait()
		if got := f.Get(); written != nil || got.Accepted != 1 {
			t.Errorf("written: %v, read: %+v", written, got)
		}
		must(t, f.Close())
	})
}
