package vfs_test

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/quorate/quorate/store/vfs"
)

func rng(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 1)) }

func list(t *testing.T, fs vfs.FS) []string {
	t.Helper()
	names, err := fs.List(".")
	must(t, err)
	return names
}

func TestCrashKeepsWhatWasSynced(t *testing.T) {
	m := vfs.NewMem()
	f, err := m.Create("f")
	must(t, err)
	_, err = f.WriteAt([]byte("old"), 0)
	must(t, err)
	must(t, f.Sync())
	if got := list(t, m.CrashClone(nil, vfs.KeepSynced)); len(got) != 0 {
		t.Fatalf("a name survived without SyncDir: %v", got)
	}
	must(t, m.SyncDir("."))
	_, err = f.WriteAt([]byte("new"), 0)
	must(t, err)
	for mode, want := range map[vfs.CrashMode]string{vfs.KeepSynced: "old", vfs.KeepAll: "new"} {
		if got, err := vfs.ReadFile(m.CrashClone(nil, mode), "f", 10); err != nil || string(got) != want {
			t.Errorf("mode %d: %q, %v; want %q", mode, got, err, want)
		}
	}
}

// Each unsynced sector is kept or lost on its own: all combinations must turn up.
func TestCrashSectors(t *testing.T) {
	m := vfs.NewMem()
	f, err := m.Create("f")
	must(t, err)
	must(t, f.Truncate(3*vfs.SectorSize))
	must(t, f.Sync())
	must(t, m.SyncDir("."))
	_, err = f.WriteAt(bytes.Repeat([]byte{1}, 3*vfs.SectorSize), 0)
	must(t, err)
	seen := map[[3]byte]bool{}
	for seed := range uint64(200) {
		data, err := vfs.ReadFile(m.CrashClone(rng(seed), vfs.KeepSome), "f", 1<<20)
		must(t, err)
		var k [3]byte
		for i := range k {
			sector := data[i*vfs.SectorSize : (i+1)*vfs.SectorSize]
			k[i] = sector[0]
			if !bytes.Equal(sector, bytes.Repeat(sector[:1], len(sector))) {
				t.Fatal("a sector was torn")
			}
		}
		seen[k] = true
	}
	if len(seen) != 8 {
		t.Errorf("%d of 8 outcomes seen", len(seen))
	}
}

func TestCrashDirectoryPrefix(t *testing.T) {
	m := vfs.NewMem()
	for _, name := range []string{"a", "b"} {
		_, err := m.Create(name)
		must(t, err)
	}
	must(t, m.SyncDir("."))
	must(t, m.Rename("a", "c"))
	must(t, m.Remove("b"))
	_, err := m.Create("d")
	must(t, err)
	want := [][]string{{"a", "b"}, {"b", "c"}, {"c"}, {"c", "d"}}
	seen := map[int]bool{}
	for seed := range uint64(200) {
		got := list(t, m.CrashClone(rng(seed), vfs.KeepSome))
		i := slices.IndexFunc(want, func(w []string) bool { return slices.Equal(w, got) })
		if i < 0 {
			t.Fatalf("%v is no prefix", got)
		}
		seen[i] = true
	}
	if len(seen) != len(want) {
		t.Errorf("%d of %d prefixes seen", len(seen), len(want))
	}
}

func TestCrashLosesDirectories(t *testing.T) {
	m := vfs.NewMem()
	must(t, m.MkdirAll("x/y"))
	must(t, m.SyncDir("x"))
	if got := list(t, m.CrashClone(nil, vfs.KeepSynced)); len(got) != 0 {
		t.Fatalf("%v survived", got)
	}
	must(t, m.SyncDir("."))
	c := m.CrashClone(nil, vfs.KeepSynced)
	if names, err := c.List("x"); err != nil || !slices.Equal(names, []string{"y"}) {
		t.Fatalf("%v, %v", names, err)
	}
}

func TestCrashReleasesLocks(t *testing.T) {
	m := vfs.NewMem()
	_, err := m.Lock("LOCK")
	must(t, err)
	_, err = m.CrashClone(nil, vfs.KeepAll).Lock("LOCK")
	must(t, err)
}

func TestTruncateIsLostOrKept(t *testing.T) {
	m := vfs.NewMem()
	must(t, vfs.WriteFile(m, "f", bytes.Repeat([]byte{7}, 1500)))
	f, err := m.OpenReadWrite("f")
	must(t, err)
	must(t, f.Truncate(100))
	sizes := map[int]bool{}
	for seed := range uint64(100) {
		data, err := vfs.ReadFile(m.CrashClone(rng(seed), vfs.KeepSome), "f", 1<<20)
		must(t, err)
		sizes[len(data)] = true
	}
	if !sizes[100] || !sizes[1500] || len(sizes) != 2 {
		t.Errorf("sizes seen: %v", sizes)
	}
}

func TestLimit(t *testing.T) {
	m := vfs.NewMem()
	m.SetLimit(1000)
	f, err := m.Create("f")
	must(t, err)
	_, err = f.WriteAt(make([]byte, 800), 0)
	must(t, err)
	if _, err = f.WriteAt(make([]byte, 300), 800); !errors.Is(err, vfs.ErrNoSpace) {
		t.Fatalf("beyond the limit: %v", err)
	}
	if _, err = f.WriteAt(make([]byte, 300), 500); err != nil {
		t.Fatalf("within the file: %v", err)
	}
	if free, _ := m.Free("."); free != 200 {
		t.Errorf("%d free", free)
	}
	must(t, m.Remove("f"))
	if m.Used() != 0 {
		t.Errorf("%d used when empty", m.Used())
	}
}

func TestFaults(t *testing.T) {
	boom := errors.New("boom")
	m := vfs.NewMem()
	var fail vfs.OpKind
	var seen []vfs.OpKind
	fs := vfs.NewFaults(m, func(op vfs.Op) error {
		seen = append(seen, op.Kind)
		switch {
		case op.Kind != fail:
			return nil
		case op.Kind == vfs.OpWrite:
			return &vfs.ShortWrite{N: 2, Err: boom}
		}
		return boom
	})
	f, err := fs.Create("f")
	must(t, err)
	must(t, fs.SyncDir("."))
	fail = vfs.OpWrite
	if n, err := f.WriteAt([]byte("abcd"), 0); n != 2 || !errors.Is(err, boom) {
		t.Fatalf("%d, %v", n, err)
	}
	if data, _ := vfs.ReadFile(m, "f", 10); string(data) != "ab" {
		t.Fatalf("%q written", data)
	}
	fail = vfs.OpSync
	if err := f.Sync(); !errors.Is(err, boom) {
		t.Fatal(err)
	}
	fail = ""
	must(t, f.Sync())
	if data, _ := vfs.ReadFile(m.CrashClone(nil, vfs.KeepSynced), "f", 10); string(data) == "ab" {
		t.Error("a sync after a failed one made the old writes durable")
	}
	want := []vfs.OpKind{vfs.OpCreate, vfs.OpSyncDir, vfs.OpWrite, vfs.OpSync, vfs.OpSync}
	if !slices.Equal(seen, want) || fs.Count() != int64(len(want)) {
		t.Errorf("saw %v (%d), want %v", seen, fs.Count(), want)
	}
}
