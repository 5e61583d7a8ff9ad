package store

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/quorate/quorate/store/epochs"
	"github.com/quorate/quorate/store/fault"
	"github.com/quorate/quorate/store/tree"
	"github.com/quorate/quorate/store/txn"
	"github.com/quorate/quorate/store/vfs"
	"github.com/quorate/quorate/store/wal"
)

func TestReopen(t *testing.T) {
	fs := emptyDisk(t)
	cfg := config(fs)
	s := openStore(t, cfg)
	id := s.Identity()
	if id.Server != 1 || id.Storage == 0 || id.Ensemble != 0 || s.Version().Zxid() != 0 {
		t.Fatalf("a new store: %+v at %s", id, s.Version().Zxid())
	}
	stop := running(t, s)
	must(t, s.SetEnsemble(77))
	promise := epochs.Record{Accepted: 1, From: 1, Incarnation: 9, Current: 1}
	must(t, s.SetEpochs(promise))
	d := drive(t, s, 1)
	must(t, d.write(100))
	want := s.Version()
	stop()

	s = openStore(t, cfg)
	stop = running(t, s)
	id.Ensemble = 77
	if s.Identity() != id || s.Epochs() != promise {
		t.Fatalf("reopened: %+v %+v", s.Identity(), s.Epochs())
	}
	// Nothing in the log says that the last txn is committed: it is the tail.
	if got := s.Version().Zxid(); got != want.Zxid()-1 || s.Last() != want.Zxid() {
		t.Fatalf("recovered to %s with the log up to %s, want the one before %s", got, s.Last(), want.Zxid())
	}
	var tail []txn.Zxid
	for x, err := range s.Tail() {
		must(t, err)
		tail = append(tail, x.Zxid)
	}
	if len(tail) != 1 || tail[0] != want.Zxid() {
		t.Fatalf("tail %v", tail)
	}
	drive(t, s, 2)
	if !equal(s.Version(), want) {
		t.Fatalf("another tree at %s", s.Version().Zxid())
	}
	stop()
}

func TestSnapshotThenReopen(t *testing.T) {
	fs := emptyDisk(t)
	cfg := config(fs)
	s := openStore(t, cfg)
	stop := running(t, s)
	d := drive(t, s, 1)
	must(t, d.write(50))
	z, err := s.Snapshot(context.Background())
	must(t, err)
	if z != s.Version().Zxid() || s.Stats().Snapshot != z || s.Stats().TxnsSince != 0 {
		t.Fatalf("snapshot at %s, stats %+v", z, s.Stats())
	}
	if again, err := s.Snapshot(context.Background()); err != nil || again != z {
		t.Fatalf("the same again: %s, %v", again, err)
	}
	must(t, d.write(50))
	want := s.Version()
	stop()
	var r Recovery
	cfg.Events.Recovered = func(got Recovery) { r = got }
	s = openStore(t, cfg)
	running(t, s)
	drive(t, s, 2)
	if !equal(s.Version(), want) || r.Snapshot != z || r.Txns != 49 {
		t.Fatalf("recovered %+v, tree at %s", r, s.Version().Zxid())
	}
}

func TestRefusals(t *testing.T) {
	for _, c := range []struct {
		want   string
		change func(*vfs.Mem, *Config) error
	}{
		{"belongs to server 1, not 2: give this server", func(_ *vfs.Mem, c *Config) error { c.Server = 2; return nil }},
		{"belongs to ensemble 0000000000000005, not 0000000000000006", func(_ *vfs.Mem, c *Config) error { c.Ensemble = 6; return nil }},
		{"server id 0 is not between 1 and 253", func(_ *vfs.Mem, c *Config) error { c.Server = 0; return nil }},
		{"1 snapshots are not enough", func(_ *vfs.Mem, c *Config) error { c.Retain = 1; return nil }},
		{"FS, Dir and Random must be set", func(_ *vfs.Mem, c *Config) error { c.Dir = ""; return nil }},
		{"segment size 5", func(_ *vfs.Mem, c *Config) error { c.SegmentSize = 5; return nil }},
		{"must not be negative", func(_ *vfs.Mem, c *Config) error { c.SnapshotTxns = -1; return nil }},
		{"no identity file: restore", func(fs *vfs.Mem, _ *Config) error { return fs.Remove(dir + "/identity") }},
		{"has lost its epochs file", func(fs *vfs.Mem, _ *Config) error { return fs.Remove(dir + "/epochs") }},
		{"identity file cannot be used", func(fs *vfs.Mem, _ *Config) error { return vfs.WriteFile(fs, dir+"/identity", []byte("1")) }},
		{"epochs file is damaged", func(fs *vfs.Mem, _ *Config) error { return vfs.WriteFile(fs, dir+"/epochs", []byte("1")) }},
	} {
		t.Run(c.want, func(t *testing.T) {
			fs := emptyDisk(t)
			cfg := config(fs)
			s := openStore(t, cfg)
			must(t, s.SetEnsemble(5))
			if err := s.SetEnsemble(6); err == nil || !strings.Contains(err.Error(), "belongs to ensemble") {
				t.Fatalf("given to another ensemble: %v", err)
			}
			must(t, s.Close())
			must(t, c.change(fs, &cfg))
			_, err := Open(context.Background(), cfg)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("got %v", err)
			}
		})
	}
}

func TestLockedUntilClosed(t *testing.T) {
	cfg := config(emptyDisk(t))
	s := openStore(t, cfg)
	if _, err := Open(context.Background(), cfg); !errors.Is(err, vfs.ErrLocked) || !strings.Contains(err.Error(), "in use by another process: stop") {
		t.Fatalf("opened twice: %v", err)
	}
	must(t, s.Close())
	must(t, openStore(t, cfg).Close())
}

// A directory in which a server has lived and that has lost its identity is not taken for a new one.
func TestLostIdentityOfAnIdleServer(t *testing.T) {
	fs := emptyDisk(t)
	cfg := config(fs)
	s := openStore(t, cfg)
	must(t, s.SetEpochs(epochs.Record{Accepted: 3, From: 2}))
	must(t, s.Close())
	must(t, fs.Remove(dir+"/identity"))
	names, err := fs.List(dir + "/log")
	must(t, err)
	for _, name := range names {
		must(t, fs.Remove(dir+"/log/"+name))
	}
	if _, err := Open(context.Background(), cfg); err == nil || !strings.Contains(err.Error(), "holds promised epochs but no identity file") {
		t.Fatalf("got %v", err)
	}
}

func TestRenewStorage(t *testing.T) {
	cfg := config(emptyDisk(t))
	var events []txn.StorageID
	cfg.Events.Created = func(id txn.StorageID) { events = append(events, id) }
	cfg.Events.Renewed = func(old, now txn.StorageID) { events = append(events, old, now) }
	s := openStore(t, cfg)
	first := s.Identity().Storage
	must(t, s.RenewStorage())
	second := s.Identity().Storage
	must(t, s.Close())
	s = openStore(t, cfg)
	if got := s.Identity().Storage; got != second || first == second || !slices.Equal(events, []txn.StorageID{first, first, second}) {
		t.Fatalf("first %v, second %v, reopened %v, events %v", first, second, got, events)
	}
	must(t, s.Close())
}

// P9: a crash between history and epoch leaves a last record of a later epoch than
// the current one. That is a legal state.
func TestLogAheadOfCurrentEpochOpens(t *testing.T) {
	cfg := config(emptyDisk(t))
	s := openStore(t, cfg)
	stop := running(t, s)
	must(t, s.SetEpochs(epochs.Record{Accepted: 4, From: 1, Current: 3}))
	d := drive(t, s, 4)
	must(t, d.write(5))
	stop()
	s = openStore(t, cfg)
	stop = running(t, s)
	if got := s.Epochs().Current; got != 3 || s.Last() != txn.MakeZxid(4, 5) || s.Version().Zxid() != txn.MakeZxid(4, 4) {
		t.Fatalf("current %d, log up to %s, tree at %s", got, s.Last(), s.Version().Zxid())
	}
	stop()
}

func TestTruncate(t *testing.T) {
	ctx := context.Background()
	cfg := config(emptyDisk(t))
	s := openStore(t, cfg)
	stop := running(t, s)
	d := drive(t, s, 1)
	must(t, d.write(10))
	must(t, d.propose(10))
	must(t, s.Sync(ctx))
	at := s.Version().Zxid()
	if err := s.TruncateAfter(ctx, at-1); err == nil || !strings.Contains(err.Error(), "the tree has applied up to 1.10") {
		t.Fatalf("truncated below the tree: %v", err)
	}
	if err := s.TruncateAfter(ctx, txn.MakeZxid(1, 99)); !errors.Is(err, wal.ErrNotInLog) {
		t.Fatalf("truncated to what is not there: %v", err)
	}
	must(t, s.TruncateAfter(ctx, at+3))
	if s.Last() != at+3 || s.Durable() != at+3 {
		t.Fatalf("log up to %s", s.Last())
	}
	stop()
	s = openStore(t, cfg)
	stop = running(t, s)
	if s.Last() != at+3 {
		t.Fatalf("reopened: log up to %s", s.Last())
	}
	stop()
}

func TestPublishChecksItsOrder(t *testing.T) {
	s := openStore(t, config(emptyDisk(t)))
	stop := running(t, s)
	d := drive(t, s, 1)
	must(t, d.write(2))
	ahead := s.Version().Edit()
	ahead.Apply(&txn.Txn{Header: txn.Header{Zxid: txn.MakeZxid(1, 3), Time: 1 << 40}, Op: &txn.SetData{Path: "/n01"}})
	for what, v := range map[string]*tree.Version{"memory is ahead of disk": ahead.Publish(), "after 1.2": s.Version()} {
		func() {
			defer func() {
				if r := recover(); r == nil || !strings.Contains(r.(string), what) {
					t.Errorf("%s: recovered %v", what, r)
				}
			}()
			s.Publish(v, nil, 0)
		}()
	}
	stop()
}

func TestStoppedStoreWritesNoSnapshot(t *testing.T) {
	s := openStore(t, config(emptyDisk(t)))
	stop := running(t, s)
	stop()
	if _, err := s.Snapshot(context.Background()); !fault.Is(err, fault.Unavailable) {
		t.Fatalf("got %v", err)
	}
}
