package sim

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"slices"
	"strings"

	"github.com/quorate/quorate/store"
	"github.com/quorate/quorate/store/epochs"
	"github.com/quorate/quorate/store/txn"
	"github.com/quorate/quorate/store/vfs"
	"github.com/quorate/quorate/store/wal"
)

// record is a txn of a log, as far as one is told from another.
type record struct {
	zxid txn.Zxid
	sum  uint64 // of its bytes
}

// sumOf returns what tells one txn's bytes from another's.
func sumOf(payload []byte) uint64 {
	h := fnv.New64a()
	h.Write(payload)
	return h.Sum64()
}

// onDisk is what a server's disk holds.
type onDisk struct {
	base    txn.Zxid // the log begins after it
	records []record
	applied txn.Zxid // of the tree
	epochs  epochs.Record
}

// onDisk looks at the disk of a server: of one that runs, at what is durable; of one that is down,
// at what it would find.
func (h *Host) onDisk() (onDisk, error) {
	if r := h.server(); r != nil {
		return inspect(r.store)
	}
	h.mu.Lock()
	mem := h.mu.mem
	h.mu.Unlock()
	return inspectDisk(h.ID, mem.CrashClone(nil, vfs.KeepAll))
}

// inspectDisk opens a store on a disk that nobody else uses, and looks.
func inspectDisk(id txn.ServerID, mem *vfs.Mem) (onDisk, error) {
	st, err := store.Open(context.Background(), store.Config{
		FS: mem, Dir: dataDir, Server: id, SegmentSize: wal.MinSegmentSize, Reserve: -1, Random: source(1),
	})
	if err != nil {
		return onDisk{}, err
	}
	d, err := inspect(st)
	return d, errors.Join(err, st.Close())
}

func inspect(st *store.Store) (onDisk, error) {
	d := onDisk{base: st.Base(), applied: st.Version().Zxid(), epochs: st.Epochs()}
	err := eachRecord(st, d.base, func(r wal.Record) bool {
		d.records = append(d.records, record{r.Zxid, sumOf(r.Payload)})
		return true
	})
	return d, err
}

// eachRecord calls do for the durable records after a zxid until it says no.
func eachRecord(st *store.Store, after txn.Zxid, do func(wal.Record) bool) error {
	r, err := st.Reader(after)
	if err != nil {
		return err
	}
	for {
		rec, ok, err := r.Next()
		if err != nil || !ok || !do(rec) {
			return errors.Join(err, r.Close())
		}
	}
}

// last returns the last zxid it has.
func (d onDisk) last() txn.Zxid {
	if n := len(d.records); n > 0 {
		return d.records[n-1].zxid
	}
	return d.base
}

// has tells whether a committed record is in it.
func (d onDisk) has(r record) bool {
	return r.zxid <= max(d.base, d.applied) || slices.Contains(d.records, r)
}

// zxids are those of the log, in words.
func (d onDisk) zxids() string {
	if len(d.records) == 0 {
		return "(empty)"
	}
	var words []string
	if d.records[0].zxid != txn.MakeZxid(1, 1) {
		words = append(words, "…")
	}
	for _, r := range d.records {
		words = append(words, r.zxid.String())
	}
	return strings.Join(words, " ")
}

// describe says it in a line.
func (h *Host) describe() (string, error) {
	d, err := h.onDisk()
	return fmt.Sprintf("[%d] log %s, applied %v, accepted epoch %d, current epoch %d",
		h.ID, d.zxids(), d.applied, d.epochs.Accepted, d.epochs.Current), err
}
