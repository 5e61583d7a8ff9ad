package wal

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"

	"github.com/quorate/quorate/store/txn"
	"github.com/quorate/quorate/store/vfs"
)

// Record is one entry of the log.
type Record struct {
	// Zxid is its position; greater than that of the record before.
	Zxid txn.Zxid
	// Payload is its content, at most Options.MaxRecord bytes. May be empty.
	Payload []byte
}

// Log is a write-ahead log. All methods may be called by several goroutines at once,
// except that Append, TruncateAfter and Reset are one writer's: what they mean when
// they overlap is up to their order.
//
// Open starts no goroutine. While Run runs, what is appended becomes durable on its
// own and segments are prepared ahead; without it Sync, TruncateAfter, Reset and Close
// write by themselves, WaitDurable and WaitProgress wait for them, and only the segments
// that lie ready can be used.
type Log struct {
	fs  vfs.FS
	dir string
	o   Options
	// frameMax is the greatest payload of a frame of several records.
	frameMax int

	// turn is held (by a send) by whoever writes to the log. It guards tail. A channel,
	// not a mutex: a test's clock must not stand still while somebody waits for it.
	turn chan struct{}
	tail tail
	// trim is held (by a send) by whoever removes segments. It guards doomed: files no
	// longer part of the log, oldest first.
	trim   chan struct{}
	doomed []string

	wake   chan struct{} // something waits to be written; capacity 1
	hungry chan struct{} // a segment should be prepared; capacity 1
	dead   chan struct{} // closed when the log is poisoned

	mu state
}

// state is what the log's goroutines share. Nothing is read or written on the disk
// while its lock is held.
type state struct {
	sync.Mutex
	history history

	// at and off are where the next frame will lie.
	at  *active
	off int64
	// next is the prepared segment, nil while there is none; full says why none can be.
	next *active
	full error

	last    txn.Zxid // appended
	fill    *group   // collects what is appended
	spare   *group   // the other buffer; nil while it is being written
	writing uint64   // number of the group being written or written last
	durable uint64   // number of the group written and synced last
	waiting int      // bytes in fill and in the group being written

	cuts    uint64 // how often the log was cut or reset
	readers map[*Reader]struct{}
	running bool
	closed  bool
	err     error         // why the log is poisoned
	changed chan struct{} // closed at the next change; nil while nobody waits for one
}

// active is a segment with its file open for writing.
type active struct {
	segment
	file vfs.File
}

// tail is where the last durable frame ends.
type tail struct {
	at      *active
	off     int64
	prev    uint32 // CRC of that frame's header
	last    txn.Zxid
	covered bool // a cover frame says so
}

// end is the tail as a global offset.
func (t *tail) end() int64 { return t.at.base + t.off }

// Durable returns the greatest zxid up to which everything is durable; Base if nothing is.
func (l *Log) Durable() txn.Zxid {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.mu.history.last()
}

// Last returns the zxid appended last, durable or not; Base if there is none.
func (l *Log) Last() txn.Zxid {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.mu.last
}

// First returns the oldest durable record the log still holds, 0 if it holds none.
func (l *Log) First() txn.Zxid {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.mu.history.first()
}

// Base returns the zxid after which the log starts: it holds every record greater
// than that. 0 for a new log, what was given to Reset, or the last purged record.
func (l *Log) Base() txn.Zxid {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.mu.history.base()
}

// Size returns the bytes the log takes on the disk, prepared segments included.
func (l *Log) Size() int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	size := l.mu.at.end() - l.mu.history.segs[0].base
	if l.mu.next != nil {
		size += l.mu.next.capacity
	}
	return size
}

// Full tells whether no segment could be prepared for lack of space. Append goes on
// while the current one has room.
func (l *Log) Full() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.mu.full != nil
}

// Close writes and syncs what was appended, unless the log is poisoned, and closes the
// files. Run must have returned. Readers fail from now on; a second call does nothing.
func (l *Log) Close() error {
	l.mu.Lock()
	closed := l.mu.closed
	assert(!l.mu.running, "Close while Run runs")
	l.mu.Unlock()
	if closed {
		return nil
	}
	err := l.settle()
	l.turn <- struct{}{}
	defer func() { <-l.turn }()
	l.mu.Lock()
	l.mu.closed = true
	files := l.openFilesLocked()
	l.announceLocked()
	l.mu.Unlock()
	for _, f := range files {
		err = errors.Join(err, f.Close())
	}
	return err
}

// openFilesLocked returns the files open for writing. l.mu and l.turn must be held.
func (l *Log) openFilesLocked() []vfs.File {
	files := []vfs.File{l.tail.at.file}
	if l.mu.at != l.tail.at { // poisoned before it was reached
		files = append(files, l.mu.at.file)
	}
	if l.mu.next != nil {
		files = append(files, l.mu.next.file)
	}
	return files
}

// poison makes the log fail for good, and returns the error that says so. The first cause stays.
func (l *Log) poison(cause error) error {
	l.mu.Lock()
	first := l.mu.err == nil
	if first {
		l.mu.err = fmt.Errorf("%w: %w", ErrPoisoned, cause)
		close(l.dead)
		l.announceLocked()
	}
	err := l.mu.err
	l.mu.Unlock()
	if first {
		l.o.Events.poisoned(err)
	}
	return err
}

// failedLocked returns why the log can no longer be used, if so. l.mu must be held.
func (l *Log) failedLocked() error {
	if l.mu.err != nil {
		return l.mu.err
	}
	if l.mu.closed {
		return ErrClosed
	}
	return nil
}

// announceLocked wakes everybody who waits for a change. l.mu must be held.
func (l *Log) announceLocked() {
	if l.mu.changed != nil {
		close(l.mu.changed)
		l.mu.changed = nil
	}
}

// changedLocked returns a channel that is closed at the next change. l.mu must be held.
func (l *Log) changedLocked() <-chan struct{} {
	if l.mu.changed == nil {
		l.mu.changed = make(chan struct{})
	}
	return l.mu.changed
}

// awaitLocked releases l.mu, waits for a change, and takes it again.
func (l *Log) awaitLocked(ctx context.Context) error {
	changed := l.changedLocked()
	l.mu.Unlock()
	defer l.mu.Lock()
	select {
	case <-changed:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// poke fills a channel of capacity 1.
func poke(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

func (l *Log) path(name string) string { return filepath.Join(l.dir, name) }
