package store

import (
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/quorate/quorate/store/tree"
	"github.com/quorate/quorate/store/vfs"
)

// A power cut while a state is installed that is older than the log's beginning.
func TestCrashDuringInstallBeforeTheLog(t *testing.T) {
	want := remote(t, 5)
	mem, old := lateLog(t)
	cfg := config(mem)
	rng := rand.New(rand.NewPCG(7, 8))
	armed := false
	cfg.FS = vfs.NewFaults(mem, func(op vfs.Op) error {
		if !armed || !op.Changes() {
			return nil
		}
		for i := range 3 {
			got, err := reopened(config(mem.CrashClone(rng, vfs.CrashMode(i%3))))
			if err != nil {
				t.Errorf("before %s %s: %v", op.Kind, op.Name, err)
			} else if !equal(got, want) && !equal(got, old) {
				t.Errorf("a tree at %s, neither old nor new", got.Zxid())
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
	got, err := reopened(config(mem.CrashClone(nil, vfs.KeepSynced)))
	must(t, err)
	if !equal(got, want) {
		t.Errorf("installed, and reopened at %s", got.Zxid())
	}
	must(t, s.Close())
}

// lateLog lived through an installation, so that its log begins after 1.100.
func lateLog(t *testing.T) (*vfs.Mem, *tree.Version) {
	t.Helper()
	mem := emptyDisk(t)
	s := openStore(t, config(mem))
	stop := running(t, s)
	must(t, install(s, remote(t, 100)))
	d := drive(t, s, 2)
	must(t, d.write(10))
	old := s.Version()
	stop()
	return mem, old
}

// An error at any step is returned, and reopened the state is the old one or the new one.
func TestErrorDuringInstallBeforeTheLog(t *testing.T) {
	boom := errors.New("boom")
	want := remote(t, 5)
	disk, old := lateLog(t)
	for k := int64(1); ; k++ {
		mem := disk.CrashClone(nil, vfs.KeepSynced)
		from, hit := int64(1)<<62, false
		fs := vfs.NewFaults(mem, func(op vfs.Op) error {
			if op.N == from+k {
				hit = true
				return boom
			}
			return nil
		})
		s := openStore(t, config(fs))
		_, err := newDriver(s, 1000)
		must(t, err)
		from = fs.Count()
		err = install(s, want)
		from = 1 << 62
		_ = s.Close()
		if !hit {
			must(t, err)
			return
		}
		if !errors.Is(err, boom) {
			t.Fatalf("the error at operation %d was lost: %v", k, err)
		}
		got, err := reopened(config(mem.CrashClone(nil, vfs.KeepSynced)))
		must(t, err)
		if !equal(got, old) && !equal(got, want) {
			t.Fatalf("operation %d: a tree at %s, neither old nor new", k, got.Zxid())
		}
	}
}

// A mark that outlived its installation does no harm to what came after it, and one that
// cannot be read is not passed over.
func TestMarkOfAnInstallation(t *testing.T) {
	for mark, refused := range map[string]bool{
		"0000000100000005 0000000100000063\n": false, // the log began after 1.99 then
		"0000000100000005 0000000100000064\n": true,  // there is no such snapshot
		"0000000100000005":                    true,
	} {
		mem, old := lateLog(t)
		must(t, vfs.WriteFile(mem, dir+"/"+replacingName, []byte(mark)))
		got, err := reopened(config(mem))
		if refused {
			if err == nil || !strings.Contains(err.Error(), "start with an empty data directory") {
				t.Errorf("mark %q: %v", mark, err)
			}
			continue
		}
		must(t, err)
		names, err := mem.List(dir)
		must(t, err)
		if !equal(got, old) || slices.Contains(names, replacingName) {
			t.Errorf("mark %q: a tree at %s, files %v", mark, got.Zxid(), names)
		}
	}
}
