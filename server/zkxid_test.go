package server

import (
	"testing"

	"github.com/quorate/quorate/internal/compat/wire"
	"github.com/quorate/quorate/store/tree"
	"github.com/quorate/quorate/store/vfs"
)

// Whatever number a client gives a write, the tree that remembers it can be read from its snapshot.
func TestNumbersOfRequestsDoNotSpoilSnapshots(t *testing.T) {
	w := run(t, vfs.NewMem(), small)
	for path, xid := range map[string]int32{"/first": 1, "/most": 1<<31 - 1, "/below": -7, "/least": -1 << 31} {
		z := zkDial(t, w, wire.Hello{Timeout: 30_000})
		if r := z.create(xid, path, ""); r.code != 0 || r.xid != xid {
			t.Fatalf("%s: %d is answered as %d with %d", path, xid, r.xid, r.code)
		}
		l := tree.NewLoader()
		for chunk := range w.pipeline.Version().Chunks(1 << 20) {
			if err := l.Add(chunk); err != nil {
				t.Fatalf("%s: %v", path, err)
			}
		}
		if _, err := l.Finish(); err != nil {
			t.Errorf("%s: %v", path, err)
		}
	}
}
