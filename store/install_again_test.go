package store

import (
	"context"
	"testing"

	"github.com/quorate/quorate/store/txn"
	"github.com/quorate/quorate/store/vfs"
)

// TestSnapshotThatWentIsWrittenAgain: an installation removed the snapshot at a zxid, and the
// tree comes back to it.
func TestSnapshotThatWentIsWrittenAgain(t *testing.T) {
	want := remote(t, 25)
	fs, cfg, _ := lived(t, 20, 60)
	s := openStore(t, cfg)
	stop := running(t, s)
	must(t, install(s, want))
	d := drive(t, s, 1)
	must(t, d.write(35))
	z, err := s.Snapshot(context.Background())
	if err != nil || z != txn.MakeZxid(1, 60) {
		t.Fatalf("a snapshot at %s, %v", z, err)
	}
	if _, err := vfs.ReadFile(fs, snapshotFile(60), 1<<20); err != nil {
		t.Errorf("there is none: %v", err)
	}
	stop()
}
