package store

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/quorate/quorate/store/txn"
	"github.com/quorate/quorate/store/vfs"
	"github.com/quorate/quorate/store/wal"
)

// The defaults of [Config].
const (
	DefaultSnapshotTxns  = 500_000
	DefaultSnapshotBytes = 64 << 20
	DefaultRetain        = 3
	DefaultReserve       = 4 << 20
)

// minRetain is the least number of snapshots that are kept: the log reaches back
// to the second newest, so that one damaged snapshot loses nothing.
const minRetain = 2

// Config says where a store is and how it behaves. FS, Dir, Server and Random
// must be set; the zero value of every other field means its default.
type Config struct {
	// FS is the file system that has the data directory.
	FS vfs.FS
	// Dir is the data directory. It is created if it does not exist.
	Dir string
	// Server is whose directory it must be.
	Server txn.ServerID
	// Ensemble is the ensemble it must belong to; 0 is not compared.
	Ensemble txn.EnsembleID
	// SegmentSize, MaxRecord and Buffer are those of [wal.Options].
	SegmentSize int64
	MaxRecord   int
	Buffer      int
	// SnapshotTxns is the number of applied txns after which a snapshot is
	// written; default [DefaultSnapshotTxns].
	SnapshotTxns int64
	// SnapshotBytes is the number of bytes of applied txns after which a snapshot
	// is written; default [DefaultSnapshotBytes]. Twice the size of the newest
	// snapshot counts instead if that is more, so that a large tree with few writes
	// is not written over and over.
	SnapshotBytes int64
	// Stagger lets a snapshot be due later than these limits say, by up to half of them: a share that differs from
	// server to server and from one snapshot to the next. Servers of an ensemble apply the same, and would else all write
	// at once (ZooKeeper draws its snapCount for the same reason).
	Stagger bool
	// Retain is the number of valid snapshots that are kept, at least 2; default [DefaultRetain].
	Retain int
	// Reserve is the size in bytes of the file that is given up when the disk is
	// full, so that truncation and clearing up still have room; default
	// [DefaultReserve], and none if negative.
	Reserve int64
	// Random returns random numbers for identities and for the log's segments. It must be safe for
	// concurrent use.
	Random func() uint64
	// Pace is that of background snapshots, see snap.Options; by default the
	// writer rests after each chunk as long as the chunk took.
	Pace func(ctx context.Context, took time.Duration) error
	// Published is called with each version that is about to be what [Store.Version] returns, in their order and
	// never twice at a time: by Open, too, for what recovery replays. May be nil. It must not block, or nothing more is applied.
	Published func(Publication)
	// Events are called at the observable steps.
	Events Events
}

// fill sets the defaults and checks what has none.
func (c *Config) fill() error {
	switch {
	case c.FS == nil || c.Dir == "" || c.Random == nil:
		return errors.New("store: FS, Dir and Random must be set")
	case !c.Server.Valid():
		return fmt.Errorf("server id %d is not between %d and %d", c.Server, txn.MinServerID, txn.MaxServerID)
	case c.Retain != 0 && c.Retain < minRetain:
		return fmt.Errorf("%d snapshots are not enough: at least %d are kept, so that a damaged one can be replaced", c.Retain, minRetain)
	case c.SnapshotTxns < 0 || c.SnapshotBytes < 0:
		return errors.New("the number of txns and of bytes between snapshots must not be negative")
	}
	setDefault(&c.SnapshotTxns, DefaultSnapshotTxns)
	setDefault(&c.SnapshotBytes, DefaultSnapshotBytes)
	setDefault(&c.Retain, DefaultRetain)
	setDefault(&c.Reserve, DefaultReserve)
	if c.Reserve < 0 || c.Reserve > math.MaxInt32 {
		c.Reserve = min(max(c.Reserve, 0), math.MaxInt32)
	}
	if c.Published == nil {
		c.Published = func(Publication) {}
	}
	if c.Pace == nil {
		c.Pace = rest
	}
	return nil
}

func setDefault[T int | int64](p *T, value T) {
	if *p == 0 {
		*p = value
	}
}

func (c *Config) walOptions() wal.Options {
	return wal.Options{
		SegmentSize: c.SegmentSize, MaxRecord: c.MaxRecord, Buffer: c.Buffer, Events: c.Events.Log, Nonce: c.Random,
	}
}

// rest waits as long as the last chunk took, so that a snapshot takes no more
// than half of one processor and leaves gaps on the disk.
func rest(ctx context.Context, took time.Duration) error {
	if took <= 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(took)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
