package snap

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/quorate/quorate/store/tree"
	"github.com/quorate/quorate/store/txn"
	"github.com/quorate/quorate/store/vfs"
)

const dir = "data/snap"

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func emptyDir(t testing.TB) *vfs.Mem {
	t.Helper()
	fs := vfs.NewMem()
	must(t, fs.MkdirAll(dir))
	must(t, errors.Join(fs.SyncDir("."), fs.SyncDir("data")))
	return fs
}

// build returns a tree at zxid 1.n with n nodes more than an empty one, and a session.
func build(t testing.TB, n int) *tree.Version {
	t.Helper()
	d := tree.New().Edit()
	rng := rand.New(rand.NewPCG(uint64(n), 1))
	for i := range n {
		var op txn.Op = &txn.Create{
			Path: fmt.Sprintf("/node-%06d", i), Kind: txn.Persistent,
			Data: fmt.Appendf(nil, "%x %d", rng.Uint64(), i),
			ACL:  []txn.ACE{{Perms: txn.Perms(1 + i%31), Scheme: "world", ID: "anyone"}},
		}
		if i == 0 {
			op = &txn.CreateSession{Session: 1<<56 | 7, Timeout: 1000, TokenHash: []byte("hash")}
		}
		_, err := d.ApplyChecked(&txn.Txn{Header: txn.Header{Zxid: txn.MakeZxid(1, uint32(i+1)), Time: int64(i)}, Op: op})
		must(t, err)
	}
	return d.Publish()
}

func write(t testing.TB, fs vfs.FS, v *tree.Version) Info {
	t.Helper()
	info, err := Write(context.Background(), fs, dir, v, Options{ChunkSize: 1 << 10})
	must(t, err)
	return info
}

// equal tells whether two versions are the same in every byte.
func equal(a, b *tree.Version) bool {
	return a.Zxid() == b.Zxid() && a.Digest() == b.Digest() && slices.Equal(dump(a), dump(b))
}

func dump(v *tree.Version) []byte {
	var all []byte
	for chunk := range v.Chunks(4 << 10) {
		all = append(all, chunk...)
	}
	return all
}

// names returns what is in the snapshot directory.
func names(t testing.TB, fs vfs.FS) []string {
	t.Helper()
	list, err := fs.List(dir)
	must(t, err)
	return list
}

func install(fs vfs.FS, v *tree.Version) (*tree.Version, Info, error) {
	in, err := NewInstaller(fs, dir, v.Zxid())
	if err != nil {
		return nil, Info{}, err
	}
	for chunk := range v.Chunks(1 << 10) {
		if err := in.Add(chunk); err != nil {
			return nil, Info{}, errors.Join(err, in.Abort())
		}
	}
	return in.Commit()
}
