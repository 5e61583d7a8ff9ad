package store

import (
	"errors"
	"path"
	"testing"

	"github.com/quorate/quorate/store/vfs"
)

// TestIdentityIsThatOnDisk: what could not be written is not what the server says it is.
func TestIdentityIsThatOnDisk(t *testing.T) {
	boom, armed := errors.New("boom"), false
	cfg := config(vfs.NewFaults(emptyDisk(t), func(op vfs.Op) error {
		if armed && op.Kind == vfs.OpRename && path.Base(op.Name) == "identity" {
			return boom
		}
		return nil
	}))
	s := openStore(t, cfg)
	before := s.Identity()
	armed = true
	if err := s.RenewStorage(); !errors.Is(err, boom) {
		t.Fatalf("renewed with %v", err)
	}
	if err := s.SetEnsemble(7); !errors.Is(err, boom) {
		t.Fatalf("joined with %v", err)
	}
	if now := s.Identity(); now != before {
		t.Errorf("the identity became %+v, the disk holds %+v", now, before)
	}
	must(t, s.Close())
}
