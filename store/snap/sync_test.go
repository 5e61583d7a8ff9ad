package snap

import (
	"path"
	"strings"
	"testing"

	"github.com/quorate/quorate/store/vfs"
)

// TestWriteSyncsAsItGoes: the log's fdatasync never waits behind more than SyncEvery and a
// chunk of a snapshot, and the snapshot does not sync for every chunk either.
func TestWriteSyncsAsItGoes(t *testing.T) {
	const every, chunk = 20_000, 4_000
	v := build(t, 4000)
	mem := vfs.NewMem()
	if err := mem.MkdirAll(dir); err != nil {
		t.Fatal(err)
	}
	unsynced, syncs, most := 0, 0, 0
	fs := vfs.NewFaults(mem, func(op vfs.Op) error {
		switch {
		case !strings.HasPrefix(path.Base(op.Name), prefix):
		case op.Kind == vfs.OpWrite:
			unsynced += op.Len
			most = max(most, unsynced)
		case op.Kind == vfs.OpSync:
			unsynced, syncs = 0, syncs+1
		}
		return nil
	})
	info, err := Write(t.Context(), fs, dir, v, Options{ChunkSize: chunk, SyncEvery: every})
	if err != nil {
		t.Fatal(err)
	}
	if info.Bytes < 5*every {
		t.Fatalf("the snapshot has %d bytes only", info.Bytes)
	}
	if most > every+2*chunk {
		t.Errorf("%d bytes were written without a sync, want %d and a chunk at most", most, every)
	}
	if limit := int(info.Bytes/every) + 1; syncs > limit {
		t.Errorf("%d syncs for %d bytes, want %d at most", syncs, info.Bytes, limit)
	}
	if unsynced != 0 {
		t.Errorf("%d bytes of a published snapshot are not synced", unsynced)
	}
}
