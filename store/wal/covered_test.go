package wal_test

import (
	"errors"
	"testing"

	"github.com/quorate/quorate/store/txn"
	"github.com/quorate/quorate/store/vfs"
	"github.com/quorate/quorate/store/wal"
)

// TestCoverStays: a log that is only opened and closed again still knows that its last record was
// durable, so that damage to it is damage, and no torn tail.
func TestCoverStays(t *testing.T) {
	fs := vfs.NewMem()
	l := open(t, fs, small())
	must(t, l.Append(t.Context(), rec(1, 100, 0)))
	must(t, l.Close())
	for range 3 {
		must(t, open(t, fs, small()).Close())
		clone := fs.CrashClone(nil, vfs.KeepSynced)
		edit(t, clone, "0000000000000001.wal", func(b []byte) []byte {
			b[1100] ^= 1
			return b
		})
		_, err := wal.Open(clone, "wal", small())
		var damage *wal.DamageError
		if !errors.As(err, &damage) {
			t.Fatalf("opened with %v", err)
		}
	}
}

// TestReaderBeyondACut: a reader that has read nothing yet stands where it was told to begin.
func TestReaderBeyondACut(t *testing.T) {
	l := open(t, vfs.NewMem(), small())
	for z := txn.Zxid(1); z <= 6; z++ {
		must(t, l.Append(t.Context(), rec(z, 100, 0)))
	}
	must(t, l.Sync(t.Context()))
	r, err := l.Reader(5)
	must(t, err)
	must(t, l.TruncateAfter(t.Context(), 3))
	for z := txn.Zxid(4); z <= 8; z++ {
		must(t, l.Append(t.Context(), rec(z, 100, 1)))
	}
	must(t, l.Sync(t.Context()))
	if got, ok, err := r.Next(); !errors.Is(err, wal.ErrTruncated) {
		t.Errorf("after 5, which was cut, comes %v, %v, %v", got.Zxid, ok, err)
	}
	must(t, errors.Join(r.Close(), l.Close()))
}
