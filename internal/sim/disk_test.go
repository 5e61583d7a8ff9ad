package sim

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/quorate/quorate/store/vfs"
)

// file makes a file on a disk and writes to it.
func file(t *testing.T, d *disk, name string) vfs.File {
	t.Helper()
	f, err := d.fs.Create(name)
	if err == nil {
		_, err = f.WriteAt([]byte("data"), 0)
	}
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// TestSyncTakesTime: as the span says, at the file's own instants, and never under the
// locks of a store.
func TestSyncTakesTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mem := vfs.NewMem()
		if err := mem.MkdirAll(dataDir + "/log"); err != nil {
			t.Fatal(err)
		}
		d := newDisk(2, 1, mem, Span{time.Millisecond, 5 * time.Millisecond})
		for name, timed := range map[string]bool{dataDir + "/log/next.tmp": true, dataDir + "/epochs": true, dataDir + "/identity.tmp": false} {
			f := file(t, d, name)
			seen := map[time.Duration]bool{}
			for range 50 {
				begin := time.Now()
				if err := f.Sync(); err != nil {
					t.Fatal(err)
				}
				took := time.Since(begin)
				if timed && (took < time.Millisecond || took > 5*time.Millisecond+2*grid || place(time.Now().Nanosecond()%int(grid)) != diskPlace(2, name)) || !timed && took != 0 {
					t.Fatalf("%s: a sync took %v, until %v", name, took, time.Now())
				}
				seen[took] = true
			}
			if timed && len(seen) < 40 {
				t.Errorf("%s: %d durations of 50 syncs", name, len(seen))
			}
		}
		begin := time.Now()
		d.slow(Span{time.Second, time.Second})
		if err := file(t, d, dataDir+"/epochs").Sync(); err != nil || time.Since(begin) < time.Second {
			t.Errorf("the slow disk took %v, %v", time.Since(begin), err)
		}
	})
}

// TestDiskFaults: a dead process changes nothing any more, and a broken disk says so.
func TestDiskFaults(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mem := vfs.NewMem()
		if err := mem.MkdirAll(dataDir); err != nil {
			t.Fatal(err)
		}
		d := newDisk(1, 1, mem, Span{time.Millisecond, time.Millisecond})
		f := file(t, d, dataDir+"/epochs")
		gone := errors.New("gone")
		d.breakDown(gone)
		if err := f.Sync(); !errors.Is(err, gone) {
			t.Errorf("sync of a broken disk: %v", err)
		}
		if _, err := f.WriteAt([]byte("more"), 4); err != nil {
			t.Errorf("write to a disk that does not sync: %v", err)
		}
		d.kill()
		if _, err := f.WriteAt([]byte("too late"), 0); !errors.Is(err, errDead) {
			t.Errorf("a dead process wrote: %v", err)
		}
		if err := f.Close(); err != nil {
			t.Errorf("a dead process closes its files: %v", err)
		}
		if data, err := vfs.ReadFile(d.crash(KeepAll), dataDir+"/epochs", 100); err != nil || string(data) != "datamore" {
			t.Errorf("left: %q, %v", data, err)
		}
	})
}
