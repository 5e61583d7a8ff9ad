package epochs

import (
	"errors"
	"testing"

	"github.com/quorate/quorate/store/vfs"
)

// What Open reports stays, and so does the file's name: a former process may have failed to sync it.
func TestOpenedFileKeepsItsName(t *testing.T) {
	mem := vfs.NewMem()
	must(t, mem.MkdirAll("data"))
	must(t, mem.SyncDir("."))
	broken := errors.New("no sync")
	err := Create(vfs.NewFaults(mem, func(op vfs.Op) error {
		if op.Kind == vfs.OpSyncDir {
			return broken
		}
		return nil
	}), name)
	if !errors.Is(err, broken) {
		t.Fatalf("created with %v", err)
	}
	must(t, open(t, mem).Close())
	if _, err := Open(mem.CrashClone(nil, vfs.KeepSynced), name); err != nil {
		t.Errorf("after a power cut: %v", err)
	}
}
