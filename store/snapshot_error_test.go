package store

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/quorate/quorate/store/vfs"
)

// TestSnapshotTellsItsError to who asked for it.
func TestSnapshotTellsItsError(t *testing.T) {
	boom, armed := errors.New("boom"), false
	cfg := config(vfs.NewFaults(emptyDisk(t), func(op vfs.Op) error {
		if armed && op.Kind == vfs.OpCreate && strings.Contains(op.Name, "snapshot.") {
			return boom
		}
		return nil
	}))
	s := openStore(t, cfg)
	stop := running(t, s)
	must(t, drive(t, s, 1).write(10))
	armed = true
	if z, err := s.Snapshot(context.Background()); !errors.Is(err, boom) {
		t.Errorf("a snapshot at %s, %v", z, err)
	}
	armed = false
	if z, err := s.Snapshot(context.Background()); err != nil || z != s.Version().Zxid() {
		t.Errorf("tried again: a snapshot at %s, %v", z, err)
	}
	stop()
}
