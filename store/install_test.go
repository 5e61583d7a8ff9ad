package store

import (
	"context"
	"errors"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/quorate/quorate/store/snap"
	"github.com/quorate/quorate/store/tree"
	"github.com/quorate/quorate/store/txn"
	"github.com/quorate/quorate/store/vfs"
)

// remote returns the tree of another server after n txns, the same history as a driver's in epoch 1.
func remote(t testing.TB, n int) *tree.Version {
	t.Helper()
	s := openStore(t, config(emptyDisk(t)))
	stop := running(t, s)
	d := drive(t, s, 1)
	must(t, d.write(n))
	defer stop()
	return s.Version()
}

func install(s *Store, v *tree.Version) error {
	in, err := s.Install(v.Zxid())
	if err != nil {
		return err
	}
	for chunk := range v.Chunks(1 << 10) {
		if err := in.Add(chunk); err != nil {
			return errors.Join(err, in.Abort())
		}
	}
	return in.Commit(context.Background())
}

func TestInstall(t *testing.T) {
	want := remote(t, 200)
	cfg := config(emptyDisk(t))
	s := openStore(t, cfg)
	stop := running(t, s)
	d := drive(t, s, 1)
	must(t, d.write(20))
	must(t, d.propose(20)) // a tail that goes with the old log
	id := s.Identity()
	must(t, install(s, want))
	if !equal(s.Version(), want) || s.Last() != want.Zxid() || s.Durable() != want.Zxid() || s.Identity() != id {
		t.Fatalf("tree at %s, log up to %s", s.Version().Zxid(), s.Last())
	}
	d = drive(t, s, 2)
	must(t, d.write(10))
	after := s.Version()
	stop()
	got, err := reopened(cfg)
	must(t, err)
	if !equal(got, after) {
		t.Fatalf("reopened at %s, want %s", got.Zxid(), after.Zxid())
	}
}

func TestInstallOneAtATime(t *testing.T) {
	cfg := config(emptyDisk(t))
	s := openStore(t, cfg)
	in, err := s.Install(7)
	must(t, err)
	if _, err := s.Install(8); err == nil {
		t.Fatal("two at once")
	}
	must(t, in.Abort())
	in, err = s.Install(8)
	must(t, err)
	if in.Commit(context.Background()) == nil {
		t.Fatal("an empty snapshot was installed")
	}
	if s.Version().Zxid() != 0 {
		t.Fatal("a failed installation left a trace")
	}
	must(t, install(s, remote(t, 5)))
	must(t, s.Close())
}

// An older state takes back what was acknowledged: the storage identity changes first, and
// nothing newer comes back after a restart.
func TestInstallOfAnOlderState(t *testing.T) {
	want := remote(t, 25)
	_, cfg, _ := lived(t, 20, 50)
	s := openStore(t, cfg)
	stop := running(t, s)
	drive(t, s, 2)
	id := s.Identity().Storage
	must(t, install(s, want))
	if s.Identity().Storage == id {
		t.Fatal("the storage identity is the old one")
	}
	stop()
	got, err := reopened(cfg)
	must(t, err)
	if !equal(got, want) {
		t.Fatalf("reopened at %s, want %s", got.Zxid(), want.Zxid())
	}
}

// TestInstallBelowTheLogsEnd: what is logged may be acknowledged, and committed, though it is not applied here. A disk
// that no longer holds it must not vouch for it (P6).
func TestInstallBelowTheLogsEnd(t *testing.T) {
	want := remote(t, 30)
	cfg := config(emptyDisk(t))
	s := openStore(t, cfg)
	stop := running(t, s)
	d := drive(t, s, 1)
	must(t, d.write(20))
	must(t, d.propose(11))
	id := s.Identity().Storage
	must(t, install(s, want))
	if s.Identity().Storage == id {
		t.Fatal("the storage identity is the old one")
	}
	stop()
	again := openStore(t, cfg)
	if again.Identity().Storage == id || again.Last() != want.Zxid() {
		t.Fatalf("reopened with the identity %v, the log up to %s", again.Identity().Storage, again.Last())
	}
	must(t, again.Close())
}

// An installation ends the snapshot that is being written, and who waits for that gets the one installed.
func TestInstallEndsTheSnapshotBeingWritten(t *testing.T) {
	want := remote(t, 100)
	cfg := config(emptyDisk(t))
	writing := make(chan struct{})
	cfg.Pace = func(ctx context.Context, _ time.Duration) error {
		writing <- struct{}{}
		<-ctx.Done()
		return ctx.Err()
	}
	cfg.Events.SnapshotFailed = func(err error, _ time.Duration) { t.Error(err) }
	s := openStore(t, cfg)
	stop := running(t, s)
	d := drive(t, s, 1)
	must(t, d.write(10))
	got := make(chan txn.Zxid, 1)
	go func() {
		z, err := s.Snapshot(context.Background())
		if err != nil {
			t.Error(err)
		}
		got <- z
	}()
	<-writing
	must(t, install(s, want))
	if z := <-got; z != want.Zxid() {
		t.Fatalf("snapshot at %s", z)
	}
	stop()
}

// A power cut at any step of an installation leaves the old state or the new one, whole:
// whether the log holds the snapshot's zxid, ends before it, or is far beyond.
func TestCrashDuringInstall(t *testing.T) {
	for name, n := range map[string]int{"beyond the log": 200, "within the log": 55, "before the oldest snapshot": 5} {
		t.Run(name, func(t *testing.T) {
			want := remote(t, n)
			mem, cfg, old := lived(t, 20, 50)
			rng := rand.New(rand.NewPCG(7, uint64(n)))
			outcomes := map[txn.Zxid]int{}
			check := func(clone *vfs.Mem, done bool) {
				got, err := reopened(config(clone))
				must(t, err)
				if !equal(got, want) && (done || !equal(got, old)) {
					t.Fatalf("a tree at %s, neither old nor new", got.Zxid())
				}
				outcomes[got.Zxid()]++
			}
			armed := false
			cfg.FS = vfs.NewFaults(mem, func(op vfs.Op) error {
				if armed && op.Changes() {
					for i := range 3 {
						check(mem.CrashClone(rng, vfs.CrashMode(i%3)), false)
					}
				}
				return nil
			})
			s := openStore(t, cfg)
			_, err := newDriver(s, 1000)
			must(t, err)
			armed = true
			must(t, install(s, want))
			armed = false
			check(mem.CrashClone(nil, vfs.KeepSynced), true)
			must(t, s.Close())
			if len(outcomes) != 2 || outcomes[old.Zxid()] < 20 {
				t.Fatalf("outcomes %v", outcomes)
			}
		})
	}
}

// An error at any step of an installation is returned; reopened, the state is the old one or the new one.
func TestErrorDuringInstall(t *testing.T) {
	boom := errors.New("boom")
	want := remote(t, 100)
	disk, _, old := lived(t, 20, 50)
	for k := int64(1); ; k++ {
		mem := disk.CrashClone(nil, vfs.KeepSynced)
		var fs *vfs.Faults
		from, hit := int64(1)<<62, false
		fs = vfs.NewFaults(mem, func(op vfs.Op) error {
			if op.N == from+k {
				hit = true
				return boom
			}
			return nil
		})
		cfg := config(fs)
		s := openStore(t, cfg)
		_, err := newDriver(s, 1000)
		must(t, err)
		from = fs.Count()
		err = install(s, want)
		from = 1 << 62
		closing := s.Close()
		if !hit {
			return
		}
		if !errors.Is(err, boom) {
			t.Fatalf("the error at operation %d was lost: %v, %v", k, err, closing)
		}
		got, err := reopened(config(mem.CrashClone(nil, vfs.KeepSynced)))
		must(t, err)
		if !equal(got, old) && !equal(got, want) {
			t.Fatalf("operation %d: a tree at %s, neither old nor new", k, got.Zxid())
		}
		names, err := mem.List(s.snapDir())
		must(t, err)
		for _, name := range names {
			if _, _, err := snap.Load(mem, s.snapDir()+"/"+name); err != nil {
				t.Fatalf("operation %d left %s", k, name)
			}
		}
	}
}
