package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/quorate/quorate/store/tree"
	"github.com/quorate/quorate/store/txn"
	"github.com/quorate/quorate/store/vfs"
	"github.com/quorate/quorate/store/wal"
)

const dir = "srv/data"

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// emptyDisk has room for a data directory, and its parent.
func emptyDisk(t testing.TB) *vfs.Mem {
	t.Helper()
	fs := vfs.NewMem()
	must(t, fs.MkdirAll("srv"))
	must(t, fs.SyncDir("."))
	return fs
}

// counter returns a source of numbers that never repeat.
func counter() func() uint64 {
	var n atomic.Uint64
	return func() uint64 { return n.Add(1) * 0x9e3779b97f4a7c15 }
}

// config is that of a small store which snapshots only when asked.
func config(fs vfs.FS) Config {
	return Config{
		FS: fs, Dir: dir, Server: 1, SegmentSize: wal.MinSegmentSize, Reserve: 16 << 10, Random: counter(),
	}
}

func openStore(t testing.TB, cfg Config) *Store {
	t.Helper()
	s, err := Open(context.Background(), cfg)
	must(t, err)
	return s
}

// driver does to a store what a leader of one server does: it prepares txns on a
// tip, appends them, and publishes what is durable.
type driver struct {
	*Store
	tip       *tree.Draft
	committed txn.Zxid
	last      txn.Zxid
	sent      []*tree.Version // appended, not published
	bytes     []int64
	size      int    // of a node's data
	digest    func() // called before a txn is appended, if set
}

// drive takes over a store's tail, which it takes for committed, and leads it in an epoch.
func drive(t testing.TB, s *Store, e txn.Epoch) *driver {
	t.Helper()
	d, err := newDriver(s, e)
	must(t, err)
	return d
}

func newDriver(s *Store, e txn.Epoch) (*driver, error) {
	d := &driver{Store: s, tip: s.Version().Edit(), last: txn.MakeZxid(e, 0), size: 100}
	for t, err := range s.Tail() {
		if err == nil {
			_, err = d.tip.ApplyChecked(t)
		}
		if err != nil {
			return nil, err
		}
	}
	if d.tip.Zxid() > s.Version().Zxid() {
		s.Publish(d.tip.Publish(), nil, 0)
	}
	d.committed, d.last = d.tip.Zxid(), max(d.last, d.tip.Zxid())
	return d, nil
}

// next returns the next txn of a history that writes to a few nodes.
func (d *driver) next() *txn.Txn {
	d.last++
	path := fmt.Sprintf("/n%02d", uint32(d.last)%40)
	t := &txn.Txn{Header: txn.Header{Zxid: d.last, Time: int64(d.last & 0xffff), Committed: d.committed}}
	data := fmt.Appendf(nil, "%0*d", d.size, d.last)
	if _, there := d.tip.Get(path); there {
		t.Op = &txn.SetData{Path: path, Data: data}
	} else {
		t.Op = &txn.Create{Path: path, Data: data, ACL: tree.OpenACL(), Kind: txn.Persistent}
	}
	t.Time = d.tip.Clamp(t.Time)
	d.tip.Apply(t)
	t.Digest = d.tip.Digest()
	return t
}

// propose appends n txns.
func (d *driver) propose(n int) error {
	for range n {
		t := d.next()
		payload := t.Append(nil)
		if d.digest != nil {
			d.digest()
		}
		if err := d.Append(context.Background(), []wal.Record{{Zxid: t.Zxid, Payload: payload}}); err != nil {
			return err
		}
		d.sent = append(d.sent, d.tip.Publish())
		d.bytes = append(d.bytes, int64(len(payload)))
	}
	return nil
}

// commit makes durable and publishes what was proposed.
func (d *driver) commit() error {
	if err := d.Sync(context.Background()); err != nil {
		return err
	}
	for i, v := range d.sent {
		d.Publish(v, nil, d.bytes[i])
		d.committed = v.Zxid()
	}
	d.sent, d.bytes = nil, nil
	return nil
}

// write proposes and commits n txns one by one, so that all but the last stand below a watermark.
func (d *driver) write(n int) error {
	for range n {
		if err := errors.Join(d.propose(1), d.commit()); err != nil {
			return err
		}
	}
	return nil
}

// running runs a store until the test or stop ends it, and checks how it ended.
func running(t testing.TB, s *Store) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	stopped := false
	stop = func() {
		t.Helper()
		if stopped {
			return
		}
		stopped = true
		cancel()
		must(t, <-done)
		must(t, s.Close())
	}
	t.Cleanup(stop)
	return stop
}

// openDigest is the digest of the tree before any txn.
func openDigest() uint64 { return tree.New().Digest() }

// dump returns every byte of a version.
func dump(v *tree.Version) []byte {
	var all []byte
	for chunk := range v.Chunks(4 << 10) {
		all = append(all, chunk...)
	}
	return all
}

func equal(a, b *tree.Version) bool {
	return a.Zxid() == b.Zxid() && a.Digest() == b.Digest() && slices.Equal(dump(a), dump(b))
}
