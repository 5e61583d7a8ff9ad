package snap

import (
	"bytes"
	"context"
	"errors"
	"path"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/quorate/quorate/store/tree"
	"github.com/quorate/quorate/store/txn"
	"github.com/quorate/quorate/store/vfs"
)

func TestWriteThenLoad(t *testing.T) {
	for _, n := range []int{0, 1, 500} {
		fs := emptyDir(t)
		v := build(t, n)
		wrote := write(t, fs, v)
		got, info, err := Load(fs, wrote.Path)
		must(t, err)
		if !equal(got, v) || info != wrote {
			t.Fatalf("%d nodes: loaded %+v, wrote %+v", n, info, wrote)
		}
		checked, err := Check(fs, wrote.Path)
		if err != nil || checked != wrote {
			t.Fatalf("%d nodes: checked %+v, %v", n, checked, err)
		}
		if want := []string{Name(v.Zxid())}; !slices.Equal(names(t, fs), want) {
			t.Fatalf("files %q, want %q", names(t, fs), want)
		}
		if wrote.Network || wrote.Zxid != v.Zxid() || wrote.Nodes != uint64(v.Len()) || wrote.Digest != v.Digest() {
			t.Fatalf("wrote %+v", wrote)
		}
	}
}

func TestInstallThenLoad(t *testing.T) {
	fs := emptyDir(t)
	v := build(t, 300)
	got, info, err := install(fs, v)
	must(t, err)
	again, loaded, err := Load(fs, info.Path)
	must(t, err)
	if !equal(got, v) || !equal(again, v) || loaded != info || !info.Network {
		t.Fatalf("installed %+v, loaded %+v", info, loaded)
	}
}

func TestInstallRefuses(t *testing.T) {
	v, other := build(t, 40), build(t, 41)
	var chunks [][]byte
	for c := range v.Chunks(512) {
		chunks = append(chunks, bytes.Clone(c))
	}
	end := len(chunks) - 1
	for _, c := range []struct {
		name   string
		zxid   txn.Zxid
		chunks [][]byte
	}{
		{"nothing", v.Zxid(), nil},
		{"no end", v.Zxid(), chunks[:end]},
		{"no beginning", v.Zxid(), chunks[1:]},
		{"one lost", v.Zxid(), append(slices.Clone(chunks[:2]), chunks[3:]...)},
		{"one twice", v.Zxid(), append(slices.Clone(chunks[:2]), chunks[1:]...)},
		{"one after the end", v.Zxid(), append(slices.Clone(chunks), chunks[1])},
		{"another zxid", other.Zxid(), chunks},
		{"garbage", v.Zxid(), append([][]byte{[]byte("garbage\xff")}, chunks...)},
	} {
		t.Run(c.name, func(t *testing.T) {
			fs := emptyDir(t)
			in, err := NewInstaller(fs, dir, c.zxid)
			must(t, err)
			for _, chunk := range c.chunks {
				if err = in.Add(chunk); err != nil {
					break
				}
			}
			if err == nil {
				_, _, err = in.Commit()
			}
			if !errors.Is(err, ErrInvalid) {
				t.Fatalf("got %v", err)
			}
			must(t, in.Abort())
			if len(names(t, fs)) != 0 {
				t.Fatalf("left behind: %q", names(t, fs))
			}
		})
	}
	if _, err := NewInstaller(emptyDir(t), dir, 0); err == nil {
		t.Fatal("a snapshot at zxid 0 was begun")
	}
}

func TestInstallEndsOnce(t *testing.T) {
	fs := emptyDir(t)
	in, err := NewInstaller(fs, dir, 5)
	must(t, err)
	must(t, in.Abort())
	must(t, in.Abort())
	if _, _, err := in.Commit(); err == nil {
		t.Fatal("an aborted installation was committed")
	}
}

func TestCancelledWriteLeavesNothing(t *testing.T) {
	fs := emptyDir(t)
	v := build(t, 500)
	stop := errors.New("stop")
	ctx, cancel := context.WithCancelCause(context.Background())
	paces := 0
	_, err := Write(ctx, fs, dir, v, Options{ChunkSize: 1 << 10, Pace: func(context.Context, time.Duration) error {
		if paces++; paces == 3 {
			cancel(stop)
		}
		return nil
	}})
	if !errors.Is(err, stop) || paces != 3 {
		t.Fatalf("got %v after %d chunks", err, paces)
	}
	_, err = Write(context.Background(), fs, dir, v, Options{Pace: func(context.Context, time.Duration) error { return stop }})
	if !errors.Is(err, stop) {
		t.Fatalf("got %v", err)
	}
	if len(names(t, fs)) != 0 {
		t.Fatalf("left behind: %q", names(t, fs))
	}
}

func TestFullDisk(t *testing.T) {
	fs := emptyDir(t)
	v := build(t, 3000)
	fs.SetLimit(fs.Used() + 20_000)
	if _, err := Write(context.Background(), fs, dir, v, Options{}); !errors.Is(err, vfs.ErrNoSpace) {
		t.Fatalf("got %v", err)
	}
	if _, _, err := install(fs, v); !errors.Is(err, vfs.ErrNoSpace) {
		t.Fatalf("got %v", err)
	}
	if len(names(t, fs)) != 0 {
		t.Fatalf("left behind: %q", names(t, fs))
	}
	fs.SetLimit(1 << 40)
	write(t, fs, v)
}

func TestLoadRefusesAnotherName(t *testing.T) {
	fs := emptyDir(t)
	info := write(t, fs, build(t, 3))
	wrong := path.Join(dir, Name(99))
	must(t, fs.Rename(info.Path, wrong))
	_, _, err := Load(fs, wrong)
	_, err2 := Check(fs, wrong)
	if !errors.Is(err, ErrInvalid) || !errors.Is(err2, ErrInvalid) || !strings.Contains(err.Error(), "1.3") {
		t.Fatalf("got %v and %v", err, err2)
	}
	if _, _, err := Load(fs, info.Path); !errors.Is(err, vfs.ErrNotExist) || errors.Is(err, ErrInvalid) {
		t.Fatalf("a missing file: %v", err)
	}
}

func TestListAndClean(t *testing.T) {
	fs := emptyDir(t)
	for _, name := range []string{
		Name(3), Name(1 << 40), Name(7), "snapshot.7", "snapshot.000000000000000G", "snapshot.0000000000000009.tmp",
		"snapshot.0000000000000009.net.tmp", "notes", "snapshot.000000000000000A",
	} {
		f, err := fs.Create(path.Join(dir, name))
		must(t, err)
		must(t, f.Close())
	}
	files, err := List(fs, dir)
	must(t, err)
	if len(files) != 3 || files[0].Zxid != 1<<40 || files[1].Zxid != 7 || files[2].Zxid != 3 {
		t.Fatalf("got %+v", files)
	}
	must(t, Clean(fs, dir))
	if left := names(t, fs); len(left) != 7 {
		t.Fatalf("left %q", left)
	}
}

func TestRetain(t *testing.T) {
	for _, c := range []struct {
		name    string
		n       int
		invalid []txn.Zxid
		want    []txn.Zxid
	}{
		{"newest", 1, nil, []txn.Zxid{5}},
		{"three", 3, nil, []txn.Zxid{3, 4, 5}},
		{"never none", 0, nil, []txn.Zxid{5}},
		{"all", 9, nil, []txn.Zxid{1, 2, 3, 4, 5}},
		{"damage does not count", 2, []txn.Zxid{5, 3}, []txn.Zxid{2, 3, 4, 5}},
		{"nothing valid", 1, []txn.Zxid{1, 2, 3, 4, 5}, []txn.Zxid{1, 2, 3, 4, 5}},
		{"old damage goes", 1, []txn.Zxid{1, 2}, []txn.Zxid{5}},
	} {
		t.Run(c.name, func(t *testing.T) {
			fs := emptyDir(t)
			for z := txn.Zxid(1); z <= 5; z++ {
				f, err := fs.Create(path.Join(dir, Name(z)))
				must(t, err)
				must(t, f.Close())
			}
			removed, err := Retain(fs, dir, c.n, func(f File) bool { return !slices.Contains(c.invalid, f.Zxid) })
			must(t, err)
			var want []string
			for _, z := range c.want {
				want = append(want, Name(z))
			}
			if got := names(t, fs); !slices.Equal(got, want) || len(removed) != 5-len(want) {
				t.Fatalf("left %q, want %q; removed %v", got, want, removed)
			}
		})
	}
}

func TestRemoveAfter(t *testing.T) {
	for z, left := range map[txn.Zxid]int{0: 0, 3: 1, 4: 1, 5: 2, 9: 2} {
		fs := emptyDir(t)
		for _, z := range []txn.Zxid{3, 5} {
			f, err := fs.Create(path.Join(dir, Name(z)))
			must(t, err)
			must(t, f.Close())
		}
		removed, err := RemoveAfter(fs, dir, z)
		if err != nil || len(removed) != 2-left || len(names(t, fs)) != left {
			t.Fatalf("after %d: removed %v, %v; left %q", z, removed, err, names(t, fs))
		}
	}
}

// A version keeps what it was while a snapshot of it is written beside traffic.
func TestWriteBesideEdits(t *testing.T) {
	fs := emptyDir(t)
	v := build(t, 400)
	want := dump(v)
	d := v.Edit()
	z := v.Zxid()
	info, err := Write(context.Background(), fs, dir, v, Options{ChunkSize: 512, Pace: func(context.Context, time.Duration) error {
		z++
		_, err := d.ApplyChecked(&txn.Txn{Header: txn.Header{Zxid: z, Time: 1 << 40}, Op: &txn.SetData{Path: "/node-000399", Data: []byte("later")}})
		d.Publish()
		return err
	}})
	must(t, err)
	var got *tree.Version
	got, _, err = Load(fs, info.Path)
	must(t, err)
	if !bytes.Equal(dump(got), want) {
		t.Fatal("the snapshot is not the version that was pinned")
	}
}
