package store

import (
	"context"
	"testing"
)

// TestInstallComesForward: while Commit reads a snapshot back it tells so, chunk by chunk, and in all
// as much as was added: a leader would otherwise give a learner up that loads a large tree.
func TestInstallComesForward(t *testing.T) {
	v := remote(t, 200)
	s := openStore(t, config(emptyDisk(t)))
	stop := running(t, s)
	defer stop()
	in, err := s.Install(v.Zxid())
	must(t, err)
	added, chunks, read, calls := 0, 0, 0, 0
	in.OnRead(func(bytes int) { read += bytes; calls++ })
	for chunk := range v.Chunks(1 << 10) {
		must(t, in.Add(chunk))
		added, chunks = added+len(chunk), chunks+1
	}
	if read != 0 {
		t.Errorf("%d bytes were read back before Commit", read)
	}
	must(t, in.Commit(context.Background()))
	if read != added || calls != chunks || chunks < 3 {
		t.Errorf("read back %d bytes in %d chunks; added were %d in %d", read, calls, added, chunks)
	}
}
