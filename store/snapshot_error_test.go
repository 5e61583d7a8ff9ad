package store

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/quorate/quorate/store/vfs"
)

// TestSnapshotTellsItsError to who asked for it.
func TestSnapshotTellsItsError(t *testing.T) {
	boom := errors.New("boom")
	var armed atomic.Bool // the log works beside us
	cfg := config(vfs.NewFaults(emptyDisk(t), func(op vfs.Op) error {
		if armed.Load() && op.Kind == vfs.OpCreate && strings.Contains(op.Name, "snapshot.") {
			return boom
		}
		return nil
	}))
	s := openStore(t, cfg)
	stop := running(t, s)
	must(t, drive(t, s, 1).write(10))
	armed.Store(true)
	if z, err := s.Snapshot(context.Background()); !errors.Is(err, boom) {
		t.Errorf("a snapshot at %s, %v", z, err)
	}
	armed.Store(false)
	if z, err := s.Snapshot(context.Background()); err != nil || z != s.Version().Zxid() {
		t.Errorf("tried again: a snapshot at %s, %v", z, err)
	}
	stop()
}
