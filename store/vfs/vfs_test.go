package vfs_test

import (
	"errors"
	"io"
	"path/filepath"
	"slices"
	"testing"

	"github.com/quorate/quorate/store/vfs"
)

// each runs a test on every implementation.
func each(t *testing.T, test func(t *testing.T, fs vfs.FS, dir string)) {
	t.Run("os", func(t *testing.T) { test(t, vfs.OS{}, t.TempDir()) })
	t.Run("mem", func(t *testing.T) { test(t, vfs.NewMem(), ".") })
	t.Run("faults", func(t *testing.T) { test(t, vfs.NewFaults(vfs.NewMem(), nil), ".") })
}

func TestFiles(t *testing.T) {
	each(t, func(t *testing.T, fs vfs.FS, dir string) {
		dir = filepath.Join(dir, "a", "b")
		must(t, fs.MkdirAll(dir))
		name := filepath.Join(dir, "f")
		f, err := fs.Create(name)
		must(t, err)
		_, err = f.WriteAt([]byte("hello"), 1000)
		must(t, err)
		must(t, f.Truncate(1004))
		must(t, f.Truncate(1005))
		must(t, f.Sync())
		if n, err := f.Size(); n != 1005 || err != nil {
			t.Fatalf("size %d, %v", n, err)
		}
		buf := make([]byte, 8)
		if n, err := f.ReadAt(buf, 999); n != 6 || err != io.EOF || string(buf[:n]) != "\x00hell\x00" {
			t.Fatalf("read %q, %v", buf[:n], err)
		}
		must(t, fs.Rename(name, name+"2"))
		must(t, fs.SyncDir(dir))
		must(t, f.Close())
		if err := f.Close(); err == nil {
			t.Error("a second Close succeeded")
		}
		if names, err := fs.List(dir); err != nil || !slices.Equal(names, []string{"f2"}) {
			t.Fatalf("list %v, %v", names, err)
		}
		must(t, fs.Remove(name+"2"))
		if ok, err := vfs.Exists(fs, name+"2"); ok || err != nil {
			t.Fatalf("exists %v, %v", ok, err)
		}
	})
}

func TestMissing(t *testing.T) {
	each(t, func(t *testing.T, fs vfs.FS, dir string) {
		name := filepath.Join(dir, "none")
		_, err1 := fs.Open(name)
		_, err2 := fs.OpenReadWrite(name)
		_, err3 := fs.List(name)
		_, err4 := fs.Create(filepath.Join(name, "f"))
		for i, err := range []error{err1, err2, err3, err4, fs.Remove(name), fs.Rename(name, name+"2"), fs.SyncDir(name)} {
			if !errors.Is(err, vfs.ErrNotExist) {
				t.Errorf("case %d: %v", i, err)
			}
		}
	})
}

func TestReadOnly(t *testing.T) {
	each(t, func(t *testing.T, fs vfs.FS, dir string) {
		name := filepath.Join(dir, "f")
		must(t, vfs.WriteFile(fs, name, []byte("x")))
		f, err := fs.Open(name)
		must(t, err)
		if _, err := f.WriteAt([]byte("y"), 0); err == nil {
			t.Error("wrote to a file opened for reading")
		}
		must(t, f.Close())
	})
}

func TestWriteFile(t *testing.T) {
	each(t, func(t *testing.T, fs vfs.FS, dir string) {
		name := filepath.Join(dir, "f")
		for _, want := range []string{"one", "", "three"} {
			must(t, vfs.WriteFile(fs, name, []byte(want)))
			if got, err := vfs.ReadFile(fs, name, 5); err != nil || string(got) != want {
				t.Fatalf("%q, %v; want %q", got, err, want)
			}
		}
		if _, err := vfs.ReadFile(fs, name, 4); err == nil {
			t.Error("read a file beyond the limit")
		}
	})
}

func TestLock(t *testing.T) {
	each(t, func(t *testing.T, fs vfs.FS, dir string) {
		name := filepath.Join(dir, "LOCK")
		l, err := fs.Lock(name)
		must(t, err)
		if _, err := fs.Lock(name); !errors.Is(err, vfs.ErrLocked) {
			t.Fatalf("second lock: %v", err)
		}
		must(t, l.Close())
		l, err = fs.Lock(name)
		must(t, err)
		must(t, l.Close())
	})
}

func TestFree(t *testing.T) {
	each(t, func(t *testing.T, fs vfs.FS, dir string) {
		if n, err := fs.Free(dir); n <= 0 || err != nil {
			t.Fatalf("%d, %v", n, err)
		}
	})
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
