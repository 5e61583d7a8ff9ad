package store

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/quorate/quorate/store/snap"
	"github.com/quorate/quorate/store/tree"
	"github.com/quorate/quorate/store/txn"
	"github.com/quorate/quorate/store/vfs"
	"github.com/quorate/quorate/store/wal"
)

// lived returns a disk with snapshots at the given multiples of 10 txns, a log of 60
// txns, and the tree after them.
func lived(t testing.TB, at ...int) (*vfs.Mem, Config, *tree.Version) {
	t.Helper()
	fs := emptyDisk(t)
	cfg := config(fs)
	s := openStore(t, cfg)
	stop := running(t, s)
	d := drive(t, s, 1)
	for i := 10; i <= 60; i += 10 {
		must(t, d.write(10))
		for _, n := range at {
			if n == i {
				_, err := s.Snapshot(context.Background())
				must(t, err)
			}
		}
	}
	want := s.Version()
	stop()
	return fs, cfg, want
}

func snapshotFile(z uint32) string { return dir + "/snap/" + snap.Name(txn.MakeZxid(1, z)) }

// reopened opens a store, takes its tail for committed, and returns its tree.
func reopened(cfg Config) (*tree.Version, error) {
	s, err := Open(context.Background(), cfg)
	if err != nil {
		return nil, err
	}
	_, err = newDriver(s, 1000)
	return s.Version(), errors.Join(err, s.Close())
}

// Damage anywhere in the newest snapshot is noticed, and the one before it and the log give the same tree.
func TestDamagedSnapshotIsReplaced(t *testing.T) {
	fs, cfg, want := lived(t, 30, 50)
	whole, err := vfs.ReadFile(fs, snapshotFile(50), 1<<20)
	must(t, err)
	skipped := 0
	cfg.Events.SnapshotSkipped = func(_ string, err error) {
		if skipped++; !errors.Is(err, snap.ErrInvalid) {
			t.Error(err)
		}
	}
	flips := 0
	for at := 0; at < len(whole); at += 1 + at/64 {
		b := bytes.Clone(whole)
		b[at] ^= 1 << (at % 8)
		must(t, vfs.WriteFile(fs, snapshotFile(50), b))
		got, err := reopened(cfg)
		must(t, err)
		if flips++; !equal(got, want) || skipped != flips {
			t.Fatalf("byte %d: tree at %s, %d of %d skipped", at, got.Zxid(), skipped, flips)
		}
	}
	if flips < 150 {
		t.Fatalf("only %d flips", flips)
	}
}

// What cannot be made whole is refused with a sentence, and what can be is not.
func TestRecoveryCases(t *testing.T) {
	damage := func(t *testing.T, fs *vfs.Mem, name string) {
		b, err := vfs.ReadFile(fs, name, 1<<20)
		must(t, err)
		b[len(b)/2] ^= 1
		must(t, vfs.WriteFile(fs, name, b))
	}
	emptyLog := func(t *testing.T, fs *vfs.Mem) {
		names, err := fs.List(dir + "/log")
		must(t, err)
		for _, n := range names {
			must(t, fs.Remove(dir+"/log/"+n))
		}
	}
	resetLog := func(t *testing.T, cfg Config, base txn.Zxid) {
		l, err := wal.Open(cfg.FS, dir+"/log", wal.Options{SegmentSize: cfg.SegmentSize})
		must(t, err)
		must(t, l.Reset(context.Background(), base))
		must(t, l.Close())
	}
	for _, c := range []struct {
		name, refusal string
		change        func(*testing.T, *vfs.Mem, Config)
	}{
		{"untouched", "", func(*testing.T, *vfs.Mem, Config) {}},
		{"all snapshots gone, the log is whole", "", func(t *testing.T, fs *vfs.Mem, _ Config) {
			must(t, fs.Remove(snapshotFile(30)))
			must(t, fs.Remove(snapshotFile(50)))
		}},
		{"all snapshots damaged, the log is whole", "", func(t *testing.T, fs *vfs.Mem, _ Config) {
			damage(t, fs, snapshotFile(30))
			damage(t, fs, snapshotFile(50))
		}},
		{"the log is gone", "txns that this server has acknowledged are missing", func(t *testing.T, fs *vfs.Mem, _ Config) { emptyLog(t, fs) }},
		{"the log begins later, the snapshot it needs is damaged", "since a snapshot is damaged", func(t *testing.T, fs *vfs.Mem, cfg Config) {
			resetLog(t, cfg, txn.MakeZxid(1, 50))
			damage(t, fs, snapshotFile(50))
		}},
		{"the log begins later, the snapshot it needs is gone", "the log begins after 1.50, and the newest snapshot is at 1.30", func(t *testing.T, fs *vfs.Mem, cfg Config) {
			resetLog(t, cfg, txn.MakeZxid(1, 50))
			must(t, fs.Remove(snapshotFile(50)))
		}},
		{"the log begins later, no snapshot", "the newest snapshot is at 0.0", func(t *testing.T, fs *vfs.Mem, cfg Config) {
			resetLog(t, cfg, txn.MakeZxid(1, 50))
			must(t, fs.Remove(snapshotFile(30)))
			must(t, fs.Remove(snapshotFile(50)))
		}},
		{"the log is damaged", "the log is damaged", func(t *testing.T, fs *vfs.Mem, _ Config) {
			names, err := fs.List(dir + "/log")
			must(t, err)
			f, err := fs.OpenReadWrite(dir + "/log/" + names[0])
			must(t, err)
			_, err = f.WriteAt([]byte{0xff, 0xff, 0xff}, 4700)
			must(t, errors.Join(err, f.Sync(), f.Close()))
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			fs, cfg, want := lived(t, 30, 50)
			c.change(t, fs, cfg)
			got, err := reopened(cfg)
			if c.refusal != "" {
				if err == nil || !strings.Contains(err.Error(), c.refusal) {
					t.Fatalf("got %v, want a refusal with %q", err, c.refusal)
				}
				return
			}
			must(t, err)
			if !equal(got, want) {
				t.Fatalf("tree at %s, want %s", got.Zxid(), want.Zxid())
			}
		})
	}
}

// A txn that does not give the digest it carries is refused, and named.
func TestDigestMismatchInReplay(t *testing.T) {
	cfg := config(emptyDisk(t))
	s := openStore(t, cfg)
	stop := running(t, s)
	d := drive(t, s, 1)
	must(t, d.write(5))
	for i := range 2 {
		x := d.next()
		if i == 0 {
			x.Digest++
		}
		x.Committed = x.Zxid - 1
		must(t, s.Append(context.Background(), []wal.Record{{Zxid: x.Zxid, Payload: x.Append(nil)}}))
	}
	stop()
	_, err := Open(context.Background(), cfg)
	if !errors.Is(err, tree.ErrMismatch) || !strings.Contains(err.Error(), "the txn at 1.6 in the log") {
		t.Fatalf("got %v", err)
	}
}

// A record that is whole on disk and no txn is refused, and named.
func TestUnreadableRecord(t *testing.T) {
	for want, payload := range map[string][]byte{
		"it says that it is 9.9": (&txn.Txn{Header: txn.Header{Zxid: txn.MakeZxid(9, 9)}, Op: &txn.Delete{Path: "/n"}}).Append(nil),
		"no txn this program":    []byte("not a txn"),
	} {
		cfg := config(emptyDisk(t))
		s := openStore(t, cfg)
		stop := running(t, s)
		d := drive(t, s, 1)
		must(t, d.write(5))
		must(t, s.Append(context.Background(), []wal.Record{{Zxid: txn.MakeZxid(1, 6), Payload: payload}}))
		x := &txn.Txn{Header: txn.Header{Zxid: txn.MakeZxid(1, 7), Committed: txn.MakeZxid(1, 6)}, Op: &txn.Delete{Path: "/n01"}}
		must(t, s.Append(context.Background(), []wal.Record{{Zxid: x.Zxid, Payload: x.Append(nil)}}))
		stop()
		if _, err := Open(context.Background(), cfg); err == nil || !strings.Contains(err.Error(), want) ||
			!strings.Contains(err.Error(), "the record at 1.6 in the log") {
			t.Fatalf("got %v, want %q", err, want)
		}
	}
}

func TestRecoveryIsCancelled(t *testing.T) {
	_, cfg, _ := lived(t, 30)
	stop := errors.New("stop")
	ctx, cancel := context.WithCancelCause(context.Background())
	cancel(stop)
	if _, err := Open(ctx, cfg); !errors.Is(err, stop) {
		t.Fatalf("got %v", err)
	}
	if _, err := reopened(cfg); err != nil { // and the lock was given back
		t.Fatal(err)
	}
}
