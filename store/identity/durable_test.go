package identity

import (
	"errors"
	"testing"

	"github.com/quorate/quorate/store/vfs"
)

// What Read reports stays: a former process may have died, or failed, before it synced the
// directory in which the file has got its name.
func TestReadIsDurable(t *testing.T) {
	mem := emptyDir(t)
	old, next := Record{Server: 1, Storage: 1}, Record{Server: 1, Storage: 2, Ensemble: 9}
	must(t, Write(mem, name, old))
	broken := errors.New("no sync")
	err := Write(vfs.NewFaults(mem, func(op vfs.Op) error {
		if op.Kind == vfs.OpSyncDir {
			return broken
		}
		return nil
	}), name, next)
	if !errors.Is(err, broken) {
		t.Fatalf("written with %v", err)
	}
	if got, err := Read(mem, name); err != nil || got != next {
		t.Fatalf("got %+v, %v", got, err)
	}
	if got, err := Read(mem.CrashClone(nil, vfs.KeepSynced), name); err != nil || got != next {
		t.Errorf("after a power cut: %+v, %v; %+v was reported before it", got, err, next)
	}
}
