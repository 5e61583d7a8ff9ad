package identity

import (
	"bytes"
	"errors"
	"fmt"
	"hash/crc32"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/quorate/quorate/store/vfs"
)

const name = "data/identity"

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func emptyDir(t *testing.T) *vfs.Mem {
	t.Helper()
	fs := vfs.NewMem()
	must(t, fs.MkdirAll("data"))
	must(t, fs.SyncDir("."))
	return fs
}

func TestWriteIsRead(t *testing.T) {
	fs := emptyDir(t)
	if _, err := Read(fs, name); !errors.Is(err, ErrMissing) {
		t.Fatalf("no file: %v", err)
	}
	for _, want := range []Record{
		{Server: 1, Storage: 1},
		{Server: 253, Storage: 1<<64 - 1, Ensemble: 1<<64 - 1},
		{Server: 2, Storage: 0x9f0c6e5a1b2c3d4e, Ensemble: 7},
	} {
		must(t, Write(fs, name, want))
		got, err := Read(fs, name)
		if err != nil || got != want {
			t.Fatalf("got %+v, %v; want %+v", got, err, want)
		}
	}
	for _, r := range []Record{{}, {Server: 1}, {Storage: 1}, {Server: 254, Storage: 1}} {
		if Write(fs, name, r) == nil {
			t.Fatalf("%+v was written", r)
		}
	}
}

func TestCheck(t *testing.T) {
	r := Record{Server: 2, Storage: 1, Ensemble: 5}
	if err := errors.Join(r.Check("d", 2, 0), r.Check("d", 2, 5), Record{Server: 2}.Check("d", 2, 9)); err != nil {
		t.Fatal(err)
	}
	if err := r.Check("/var/d", 1, 5); err == nil ||
		!strings.HasPrefix(err.Error(), "the data directory /var/d belongs to server 2, not 1: ") {
		t.Fatalf("wrong server: %v", err)
	}
	if err := r.Check("/var/d", 2, 6); err == nil ||
		!strings.HasPrefix(err.Error(), "the data directory /var/d belongs to ensemble 0000000000000005, not 0000000000000006: ") {
		t.Fatalf("wrong ensemble: %v", err)
	}
}

func TestDraw(t *testing.T) {
	numbers := []uint64{0, 7, 0, 9}
	got := Draw(func() uint64 { n := numbers[0]; numbers = numbers[1:]; return n }, 7)
	if got != 9 {
		t.Fatalf("got %d", got)
	}
}

func readBytes(t *testing.T, b []byte) (Record, error) {
	t.Helper()
	fs := emptyDir(t)
	must(t, vfs.WriteFile(fs, name, b))
	return Read(fs, name)
}

func sealed(body string) []byte {
	sum := crc32.Checksum([]byte(body), castagnoli)
	return fmt.Appendf([]byte(body), "crc32c %08x\n", sum)
}

func TestBitFlipsAreRefused(t *testing.T) {
	whole := encode(Record{Server: 2, Storage: 0x9f0c6e5a1b2c3d4e, Ensemble: 5})
	for bit := range len(whole) * 8 {
		b := bytes.Clone(whole)
		b[bit/8] ^= 1 << (bit % 8)
		if r, err := readBytes(t, b); !errors.Is(err, ErrDamaged) {
			t.Fatalf("bit %d: %+v, %v", bit, r, err)
		}
	}
	for n := range whole {
		if _, err := readBytes(t, whole[:n]); !errors.Is(err, ErrDamaged) {
			t.Fatalf("cut at %d: %v", n, err)
		}
	}
}

func TestRefusalsSayWhatIsWrong(t *testing.T) {
	for _, c := range []struct{ body, want string }{
		{"quorate identity 2\nserver 2\nstorage 1\nensemble 2\nrack 7\n", "start that version"},
		{"something else\n", "first line"},
		{"quorate identity 1\nserver 2\nrack 7\n\n", "line 3 is not the storage"},
		{"quorate identity 1\n", "lines are missing"},
		{"quorate identity 1\nserver 300\nstorage 1\nensemble 2\n", "server id is 300"},
		{"quorate identity 1\nserver 0\nstorage 0000000000000001\nensemble 0000000000000002\n", "server id 0"},
		{"quorate identity 1\nserver 1\nstorage 0000000000000000\nensemble 0000000000000002\n", "no storage identity"},
		{"quorate identity 1\nserver 1\nstorage 1\nensemble 0000000000000002\n", "does not belong"},
		{"quorate identity 1\nserver 1\nstorage 0000000000000001\nensemble 0000000000000002\nrack 7\n", "does not belong"},
	} {
		_, err := readBytes(t, sealed(c.body))
		if !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), name) {
			t.Errorf("%q: got %v, want an error with %q", c.body, err, c.want)
		}
	}
}

// A power cut at any operation leaves the old record or the new, whole.
func TestCrashAtEveryOperation(t *testing.T) {
	mem := emptyDir(t)
	rng := rand.New(rand.NewPCG(3, 4))
	old, next := Record{Server: 1, Storage: 1}, Record{Server: 1, Storage: 2, Ensemble: 9}
	must(t, Write(mem, name, old))
	check := func(clone *vfs.Mem, want ...Record) {
		got, err := Read(clone, name)
		if err != nil || (got != want[0] && got != want[len(want)-1]) {
			t.Fatalf("got %+v, %v; want one of %+v", got, err, want)
		}
	}
	crashes := 0
	fs := vfs.NewFaults(mem, func(vfs.Op) error {
		for i := range 9 {
			check(mem.CrashClone(rng, vfs.CrashMode(i%3)), old, next)
			crashes++
		}
		return nil
	})
	must(t, Write(fs, name, next))
	check(mem.CrashClone(nil, vfs.KeepSynced), next)
	if crashes < 50 {
		t.Fatalf("only %d crashes were tried", crashes)
	}
}

// An error at any operation is returned, and leaves the old record or the new.
func TestErrorAtEveryOperation(t *testing.T) {
	boom := errors.New("boom")
	old, next := Record{Server: 1, Storage: 1}, Record{Server: 1, Storage: 2}
	for k := int64(1); ; k++ {
		mem := emptyDir(t)
		must(t, Write(mem, name, old))
		fs := vfs.NewFaults(mem, func(op vfs.Op) error {
			if op.N == k {
				return boom
			}
			return nil
		})
		err := Write(fs, name, next)
		if fs.Count() < k {
			return
		}
		if !errors.Is(err, boom) {
			t.Fatalf("the error at operation %d was lost: %v", k, err)
		}
		got, err := Read(mem, name)
		if err != nil || (got != old && got != next) {
			t.Fatalf("operation %d: %+v, %v", k, got, err)
		}
		must(t, Write(mem, name, next)) // a leftover is no obstacle
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte("quorate identity 1\nserver 2\nstorage 9f0c6e5a1b2c3d4e\nensemble 0000000000000000\n"))
	f.Add([]byte("quorate identity 2\n"))
	f.Add([]byte("server 2\n"))
	f.Fuzz(func(t *testing.T, body []byte) {
		_, _ = decode(body)
		b := sealed(string(body)) // behind the checksum
		if r, err := decode(b); err == nil && !bytes.Equal(encode(r), b) {
			t.Fatalf("%q was read as %+v, which is written as %q", b, r, encode(r))
		}
	})
}
