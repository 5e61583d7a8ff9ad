package store

import (
	"context"
	"strings"
	"testing"

	"github.com/quorate/quorate/store/snap"
	"github.com/quorate/quorate/store/txn"
	"github.com/quorate/quorate/store/vfs"
)

// received puts a snapshot into a directory as an installation does, and no more.
func received(t *testing.T, fs vfs.FS, n int) txn.Zxid {
	t.Helper()
	v := remote(t, n)
	in, err := snap.NewInstaller(fs, dir+"/snap", v.Zxid())
	must(t, err)
	for chunk := range v.Chunks(1 << 10) {
		must(t, in.Add(chunk))
	}
	_, _, err = in.Commit()
	must(t, err)
	return v.Zxid()
}

// TestSnapshotBetweenTheRecords: the log reaches beyond an installed snapshot and has no txn of its
// zxid, since it went another way. It is no continuation, and goes.
func TestSnapshotBetweenTheRecords(t *testing.T) {
	cfg := config(emptyDisk(t))
	s := openStore(t, cfg)
	stop := running(t, s)
	must(t, drive(t, s, 1).write(20))
	must(t, drive(t, s, 2).write(10))
	stop()
	z := received(t, cfg.FS, 40) // 1.40, after 1.20 and before 2.1
	got, err := reopened(cfg)
	must(t, err)
	if got.Zxid() != z {
		t.Errorf("reopened at %s, want %s", got.Zxid(), z)
	}
}

// TestSnapshotBeyondTheLogIsNoProofOfAnInstallation if there is a newer one, that is damaged: the log
// may have held what that was made from.
func TestSnapshotBeyondTheLogIsNoProofOfAnInstallation(t *testing.T) {
	fs, cfg, _ := lived(t)
	received(t, fs, 100)
	must(t, vfs.WriteFile(fs, snapshotFile(150), []byte("no snapshot")))
	got, err := reopened(cfg)
	if err == nil || !strings.Contains(err.Error(), "txns that this server has acknowledged are missing") {
		t.Errorf("opened at %v: %v", got, err)
	}
}

// TestRecoveryKnowsWhereItStands: what was replayed counts for the next snapshot, the one loaded is
// known, and what an interrupted write has left is gone.
func TestRecoveryKnowsWhereItStands(t *testing.T) {
	fs, cfg, want := lived(t, 30)
	leftover := snapshotFile(40) + ".tmp"
	must(t, vfs.WriteFile(fs, leftover, []byte("half a snapshot")))
	s, err := Open(context.Background(), cfg)
	must(t, err)
	st := s.Stats()
	replayed := between(txn.MakeZxid(1, 30), st.Applied)
	if st.Snapshot != txn.MakeZxid(1, 30) || st.SnapshotBytes == 0 {
		t.Errorf("the newest snapshot is at %s with %d bytes", st.Snapshot, st.SnapshotBytes)
	}
	if replayed < 20 || st.TxnsSince != replayed || st.BytesSince == 0 {
		t.Errorf("%d txns and %d bytes since then, %d of %d were replayed", st.TxnsSince, st.BytesSince, replayed, between(0, want.Zxid()))
	}
	must(t, s.Close())
	if _, err := vfs.ReadFile(fs, leftover, 100); err == nil {
		t.Errorf("%s is still there", leftover)
	}
}
