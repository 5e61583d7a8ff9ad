package wal

import (
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"time"

	"github.com/quorate/quorate/store/txn"
)

// The bounds and defaults of Options.
const (
	// MinSegmentSize is the least SegmentSize, in bytes.
	MinSegmentSize = 64 << 10
	// MaxSegmentSize is the greatest SegmentSize, in bytes.
	MaxSegmentSize = 1 << 30
	// DefaultSegmentSize is the SegmentSize meant by 0.
	DefaultSegmentSize = 64 << 20
	// DefaultMaxRecord is the MaxRecord meant by 0, as far as the segment has room for it.
	DefaultMaxRecord = 4 << 20
	// DefaultBuffer is the Buffer meant by 0.
	DefaultBuffer = 8 << 20
)

// Options are the settings of a log. The zero value is the default of each.
type Options struct {
	// SegmentSize is the capacity of new segments in bytes, from MinSegmentSize to
	// MaxSegmentSize, rounded up to a whole number of 4 KiB. Segments on the disk keep theirs.
	SegmentSize int64
	// MaxRecord is the greatest payload of a record in bytes; it must fit a segment.
	MaxRecord int
	// Buffer is how many bytes may wait to become durable before Append blocks.
	Buffer int
	// Events are told what the log does.
	Events Events
	// Nonce draws the random number of a new segment; nil: from crypto/rand. A
	// simulation passes a seeded source. It must not repeat a number in one directory.
	Nonce func() uint64
}

// Events are functions the log calls; each may be nil. They must return soon and not
// call the log. They may be called by several goroutines at once.
type Events struct {
	// Synced: a group became durable.
	Synced func(Synced)
	// SegmentReady: a segment lies prepared; took is the time that needed.
	SegmentReady func(file string, took time.Duration)
	// Rolled: the log goes on in this file.
	Rolled func(file string)
	// TornTail: Open cut the tail that a crash left behind.
	TornTail func(TornTail)
	// Full: no segment can be prepared for lack of space.
	Full func(err error)
	// Room: a segment could be prepared again after Full.
	Room func()
	// Truncated: the records greater than after are gone; last was the greatest of them.
	Truncated func(after, last txn.Zxid)
	// Reset: the log is empty and goes on after base.
	Reset func(base txn.Zxid)
	// Purged: a segment was removed.
	Purged func(file string)
	// Poisoned: the log failed for good.
	Poisoned func(err error)
}

// Synced describes a group commit.
type Synced struct {
	// Last is the greatest durable zxid from now on.
	Last txn.Zxid
	// Records is how many records the group held.
	Records int
	// Bytes is what was written, padding included.
	Bytes int
	// Took is the time for writing and syncing.
	Took time.Duration
}

// TornTail describes what Open cut.
type TornTail struct {
	// File and Offset are where the log ends now.
	File   string
	Offset int64
	// Dropped is how many bytes behind it were not zero.
	Dropped int64
}

// withDefaults fills in the defaults and checks the bounds.
func (o Options) withDefaults() (Options, error) {
	if o.SegmentSize == 0 {
		o.SegmentSize = DefaultSegmentSize
	}
	if o.SegmentSize < MinSegmentSize || o.SegmentSize > MaxSegmentSize {
		return o, fmt.Errorf("wal: segment size %d is not within %d and %d", o.SegmentSize, MinSegmentSize, MaxSegmentSize)
	}
	o.SegmentSize = (o.SegmentSize + 4095) &^ 4095
	room := recordRoom(o.SegmentSize)
	if o.MaxRecord == 0 {
		o.MaxRecord = min(DefaultMaxRecord, room)
	}
	if o.MaxRecord < 0 || o.MaxRecord > room {
		return o, fmt.Errorf("wal: a record of %d bytes does not fit a segment of %d: at most %d", o.MaxRecord, o.SegmentSize, room)
	}
	if o.Buffer == 0 {
		o.Buffer = DefaultBuffer
	}
	if o.Buffer < 0 {
		return o, fmt.Errorf("wal: buffer of %d bytes", o.Buffer)
	}
	if o.Nonce == nil {
		o.Nonce = randomNonce
	}
	return o, nil
}

func randomNonce() uint64 {
	var b [8]byte
	rand.Read(b[:]) //nolint:errcheck // never fails, says its documentation
	return binary.LittleEndian.Uint64(b[:])
}

// The calls below spare the rest of the package the question whether anybody listens.

func (e *Events) synced(s Synced) {
	if e.Synced != nil {
		e.Synced(s)
	}
}

func (e *Events) segmentReady(file string, took time.Duration) {
	if e.SegmentReady != nil {
		e.SegmentReady(file, took)
	}
}

func (e *Events) rolled(file string) {
	if e.Rolled != nil {
		e.Rolled(file)
	}
}

func (e *Events) tornTail(t TornTail) {
	if e.TornTail != nil {
		e.TornTail(t)
	}
}

func (e *Events) full(err error) {
	if e.Full != nil {
		e.Full(err)
	}
}

func (e *Events) room() {
	if e.Room != nil {
		e.Room()
	}
}

func (e *Events) truncated(after, last txn.Zxid) {
	if e.Truncated != nil {
		e.Truncated(after, last)
	}
}

func (e *Events) reset(base txn.Zxid) {
	if e.Reset != nil {
		e.Reset(base)
	}
}

func (e *Events) purged(file string) {
	if e.Purged != nil {
		e.Purged(file)
	}
}

func (e *Events) poisoned(err error) {
	if e.Poisoned != nil {
		e.Poisoned(err)
	}
}
