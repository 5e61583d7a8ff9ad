package snap

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"math/rand/v2"
	"path"
	"testing"

	"github.com/quorate/quorate/store/tree"
	"github.com/quorate/quorate/store/vfs"
)

// makers are the two ways in which a snapshot comes to be.
func makers() map[string]func(vfs.FS, *tree.Version) error {
	return map[string]func(vfs.FS, *tree.Version) error{
		"write": func(fs vfs.FS, v *tree.Version) error {
			_, err := Write(context.Background(), fs, dir, v, Options{ChunkSize: 1 << 10, SyncEvery: 2 << 10})
			return err
		},
		"install": func(fs vfs.FS, v *tree.Version) error { _, _, err := install(fs, v); return err },
	}
}

// A power cut at any operation leaves the whole snapshot or none, and the older one; what a
// cut has left behind is cleaned up.
func TestCrashAtEveryOperation(t *testing.T) {
	older, v := build(t, 10), build(t, 200)
	for name, run := range makers() {
		t.Run(name, func(t *testing.T) {
			mem := emptyDir(t)
			write(t, mem, older)
			rng := rand.New(rand.NewPCG(5, 6))
			done, crashes := false, 0
			check := func(clone *vfs.Mem) {
				must(t, Clean(clone, dir))
				files, err := List(clone, dir)
				must(t, err)
				if len(files) == 0 || len(files) != len(names(t, clone)) || (done && len(files) != 2) {
					t.Fatalf("files %q", names(t, clone))
				}
				want := older
				if len(files) == 2 {
					want = v
				}
				got, _, err := Load(clone, files[0].Path)
				must(t, err)
				if !equal(got, want) {
					t.Fatal("another tree came out")
				}
				crashes++
			}
			fs := vfs.NewFaults(mem, func(vfs.Op) error {
				for i := range 6 {
					check(mem.CrashClone(rng, vfs.CrashMode(i%3)))
				}
				return nil
			})
			must(t, run(fs, v))
			done = true
			check(mem.CrashClone(nil, vfs.KeepSynced))
			if crashes < 60 {
				t.Fatalf("only %d crashes were tried", crashes)
			}
		})
	}
}

// An error at any operation is returned, leaves no temporary file and nothing that is not whole.
func TestErrorAtEveryOperation(t *testing.T) {
	boom := errors.New("boom")
	v := build(t, 200)
	for name, run := range makers() {
		t.Run(name, func(t *testing.T) {
			for k := int64(1); ; k++ {
				mem := emptyDir(t)
				fs := vfs.NewFaults(mem, func(op vfs.Op) error {
					if op.N == k {
						return boom
					}
					return nil
				})
				err := run(fs, v)
				if fs.Count() < k {
					return
				}
				if !errors.Is(err, boom) {
					t.Fatalf("the error at operation %d was lost: %v", k, err)
				}
				for _, left := range names(t, mem) {
					if _, _, err := Load(mem, path.Join(dir, left)); err != nil {
						t.Fatalf("operation %d left %s: %v", k, left, err)
					}
				}
			}
		})
	}
}

func content(t testing.TB, n int) (name string, b []byte) {
	t.Helper()
	fs := emptyDir(t)
	info := write(t, fs, build(t, n))
	b, err := vfs.ReadFile(fs, info.Path, 1<<30)
	must(t, err)
	return info.Path, b
}

func loadBytes(t testing.TB, name string, b []byte) (*tree.Version, error) {
	t.Helper()
	fs := emptyDir(t)
	must(t, vfs.WriteFile(fs, name, b))
	v, _, err := Load(fs, name)
	return v, err
}

// No flipped bit, missing end or added byte goes unnoticed, and none is taken for an error of the disk.
func TestDamageIsNeverSilent(t *testing.T) {
	name, whole := content(t, 60)
	for at := range whole {
		b := bytes.Clone(whole)
		b[at] ^= 1 << (at % 8)
		if _, err := loadBytes(t, name, b); !errors.Is(err, ErrInvalid) {
			t.Fatalf("byte %d of %d flipped: %v", at, len(whole), err)
		}
		if _, err := loadBytes(t, name, whole[:at]); !errors.Is(err, ErrInvalid) {
			t.Fatalf("cut at %d: %v", at, err)
		}
	}
	for _, more := range [][]byte{{0}, whole, make([]byte, 512)} {
		if _, err := loadBytes(t, name, append(bytes.Clone(whole), more...)); !errors.Is(err, ErrInvalid) {
			t.Fatalf("%d bytes added: %v", len(more), err)
		}
	}
}

// frames cuts a file's bytes into its header and frames.
func frames(b []byte) (pieces [][]byte) {
	pieces = append(pieces, b[:headerSize])
	for b = b[headerSize:]; len(b) > 0; {
		n := frameSize + int(binary.LittleEndian.Uint32(b[4:]))
		pieces = append(pieces, b[:n])
		b = b[n:]
	}
	return pieces
}

func TestFramesKeepTheirPlace(t *testing.T) {
	name, whole := content(t, 200)
	_, other := content(t, 201)
	p, q := frames(whole), frames(other)
	if len(p) < 6 {
		t.Fatalf("only %d pieces", len(p))
	}
	for what, pieces := range map[string][][]byte{
		"exchanged":             {p[0], p[2], p[1]},
		"repeated":              {p[0], p[1], p[1]},
		"lost":                  {p[0], p[2]},
		"of another":            {p[0], q[1]},
		"end only":              {p[0], p[len(p)-1]},
		"header of another":     {q[0], p[1], p[2]},
		"another after another": {p[0], p[1], q[2]},
	} {
		if _, err := loadBytes(t, name, bytes.Join(append(pieces, p[3:]...), nil)); !errors.Is(err, ErrInvalid) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// reseal makes all checksums right again, so that what lies behind them is reached.
func reseal(b []byte) {
	if len(b) < headerSize {
		return
	}
	binary.LittleEndian.PutUint32(b[headerSize-4:], crc32.Checksum(b[:headerSize-4], castagnoli))
	h, err := decodeHeader(b[:headerSize])
	if err != nil {
		return
	}
	b = b[headerSize:]
	for i := uint64(0); len(b) >= frameSize; i++ {
		size := int64(binary.LittleEndian.Uint32(b[4:]))
		if int64(len(b))-frameSize < size {
			return
		}
		payload := b[frameSize : frameSize+size]
		binary.LittleEndian.PutUint32(b[12:], frameSum(h.zxid, i, b[:12], payload))
		b = b[frameSize+size:]
	}
}

// Whatever a file holds, loading it gives a tree that is written as the same snapshot again, or an error.
func FuzzLoad(f *testing.F) {
	for _, n := range []int{0, 1, 3, 30} {
		_, b := content(f, n)
		f.Add(b)
		f.Add(b[:len(b)-1])
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		b = bytes.Clone(b)
		reseal(b)
		name := path.Join(dir, Name(0))
		if len(b) >= headerSize {
			if h, err := decodeHeader(b[:headerSize]); err == nil {
				name = path.Join(dir, Name(h.zxid))
			}
		}
		v, err := loadBytes(t, name, b)
		if err != nil {
			if !errors.Is(err, ErrInvalid) {
				t.Fatalf("not blamed on the snapshot: %v", err)
			}
			return
		}
		fs := emptyDir(t)
		again, _, err := Load(fs, write(t, fs, v).Path)
		must(t, err)
		if !equal(again, v) {
			t.Fatal("the tree did not survive being written")
		}
	})
}
