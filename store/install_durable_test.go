package store

import (
	"errors"
	"testing"

	"github.com/quorate/quorate/store/vfs"
)

// A process dies between the rename of an installed snapshot and the sync of its directory. The
// next one finishes the installation and empties the log: from then on the snapshot must not vanish.
func TestFinishedInstallationIsDurable(t *testing.T) {
	boom := errors.New("boom")
	want := remote(t, 200)
	mem, cfg, _ := lived(t, 20, 50)
	armed, renamed := false, false
	cfg.FS = vfs.NewFaults(mem, func(op vfs.Op) error {
		renamed = renamed || armed && op.Kind == vfs.OpRename
		if renamed && op.Kind == vfs.OpSyncDir {
			return boom
		}
		return nil
	})
	s := openStore(t, cfg)
	_, err := newDriver(s, 1000)
	must(t, err)
	armed = true
	if err := install(s, want); !errors.Is(err, boom) {
		t.Fatalf("installed with %v", err)
	}
	armed = false
	_ = s.Close()
	got, err := reopened(config(mem))
	must(t, err)
	if !equal(got, want) {
		t.Fatalf("finished at %s, want %s", got.Zxid(), want.Zxid())
	}
	got, err = reopened(config(mem.CrashClone(nil, vfs.KeepSynced)))
	must(t, err)
	if !equal(got, want) {
		t.Errorf("after a power cut at %s, want %s", got.Zxid(), want.Zxid())
	}
}

// After an error the published version is the old one, whatever was done on the disk until then.
func TestFailedInstallationPublishesNothing(t *testing.T) {
	boom := errors.New("boom")
	want := remote(t, 100)
	disk, _, old := lived(t, 20, 50)
	for k := int64(1); ; k++ {
		from, hit := int64(1)<<62, false
		fs := vfs.NewFaults(disk.CrashClone(nil, vfs.KeepSynced), func(op vfs.Op) error {
			if op.N == from+k {
				hit = true
				return boom
			}
			return nil
		})
		s := openStore(t, config(fs))
		_, err := newDriver(s, 1000)
		must(t, err)
		from = fs.Count()
		err = install(s, want)
		from = 1 << 62
		if now := s.Version(); err != nil && !equal(now, old) {
			t.Fatalf("operation %d failed, and the tree is at %s: %v", k, now.Zxid(), err)
		}
		_ = s.Close()
		if !hit {
			must(t, err)
			return
		}
	}
}
