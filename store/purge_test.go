package store

import (
	"context"
	"testing"

	"github.com/quorate/quorate/store/snap"
	"github.com/quorate/quorate/store/vfs"
)

// TestDamagedSnapshotDoesNotCount when older ones and the log go: with the newest gone too, what is
// left still gives everything.
func TestDamagedSnapshotDoesNotCount(t *testing.T) {
	fs := emptyDisk(t)
	cfg := config(fs)
	cfg.Retain = 2
	s := openStore(t, cfg)
	stop := running(t, s)
	d := drive(t, s, 1)
	d.size = 4000 // some segments lie between two snapshots
	snapshot := func() {
		must(t, d.write(50))
		_, err := s.Snapshot(context.Background())
		must(t, err)
	}
	snapshot()
	snapshot()
	stop()
	must(t, vfs.WriteFile(fs, snapshotFile(100), []byte("no snapshot")))

	s = openStore(t, cfg)
	stop = running(t, s)
	d = drive(t, s, 2)
	d.size = 4000
	snapshot()
	want := s.Version()
	stop()
	newest := dir + "/snap/" + snap.Name(want.Zxid())
	must(t, vfs.WriteFile(fs, newest, []byte("no snapshot")))
	got, err := reopened(cfg)
	must(t, err)
	if !equal(got, want) {
		t.Errorf("tree at %s, want %s", got.Zxid(), want.Zxid())
	}
}
