package wal

import (
	"errors"
	"fmt"
	"math"

	"github.com/quorate/quorate/store/txn"
	"github.com/quorate/quorate/store/vfs"
)

// Reader iterates over the durable records of a log, in order, while it is written. It
// keeps the segments from the one it is in on from being purged. It belongs to one goroutine.
type Reader struct {
	log    *Log
	window window
	run    run   // as it was when last looked at
	off    int64 // of the next frame
	rest   []byte
	at     txn.Zxid // the record before rest
	after  txn.Zxid // records up to this one are skipped

	pin   uint64   // the sequence number of its segment; guarded by Log.mu
	cutTo txn.Zxid // the least zxid after which the log was cut since last looked; guarded by Log.mu
	stale bool     // the log was reset; guarded by Log.mu
}

// Reader returns an iterator over the records greater than after; Close it. Errors:
// ErrCompacted when the log starts later, ErrNotInLog when after is greater than Last, ErrClosed.
func (l *Log) Reader(after txn.Zxid) (*Reader, error) {
	r := &Reader{log: l, after: after, cutTo: math.MaxUint64}
	if err := l.enroll(r); err != nil {
		return nil, err
	}
	p := r.run.seek(after)
	r.off, r.at = p.off, p.zxid
	if err := r.open(); err != nil {
		r.Close() //nolint:errcheck // the first error matters
		return nil, err
	}
	return r, nil
}

// enroll finds the run to begin with, and pins it.
func (l *Log) enroll(r *Reader) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.mu.closed:
		return ErrClosed
	case r.after < l.mu.history.base():
		return ErrCompacted
	case r.after > l.mu.last && r.after > l.mu.history.last():
		return ErrNotInLog
	}
	r.run = l.mu.history.find(r.after)
	r.pin = r.run.seg.seq
	l.mu.readers[r] = struct{}{}
	return nil
}

// cutReadersLocked tells all readers that the log was cut after z, or reset.
func (s *state) cutReadersLocked(z txn.Zxid, reset bool) {
	for r := range s.readers {
		r.cutTo = min(r.cutTo, z)
		r.stale = r.stale || reset
	}
}

// Next returns the next record; its payload is valid until the next call. ok is false
// when nothing more is durable now: see WaitProgress. Errors: ErrTruncated when records
// beyond the reader's position were cut, or the log was reset; *DamageError; ErrClosed; those of the disk.
func (r *Reader) Next() (rec Record, ok bool, err error) {
	for {
		for len(r.rest) > 0 {
			if rec, r.rest, err = nextRecord(r.rest, r.at); err != nil {
				return Record{}, false, r.damage(err.Error())
			}
			if rec.Zxid > r.run.last { // void
				r.rest = nil
				break
			}
			if r.at = rec.Zxid; r.at > r.after {
				return rec, true, nil
			}
		}
		more, err := r.advance()
		if err != nil || !more {
			return Record{}, false, err
		}
		if err := r.load(); err != nil {
			return Record{}, false, err
		}
	}
}

// advance finds the next frame; more is false if none is durable yet.
func (r *Reader) advance() (more bool, err error) {
	before := r.run.seg.seq
	if more, err = r.look(); err != nil || !more {
		return false, err
	}
	r.window.limit = r.run.end
	if r.run.seg.seq != before {
		return true, r.open()
	}
	return true, nil
}

// look brings the reader's run up to date, and goes on to the next one when it is through.
func (r *Reader) look() (more bool, err error) {
	l := r.log
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.mu.closed:
		return false, ErrClosed
	case r.stale || max(r.at, r.after) > r.cutTo:
		return false, ErrTruncated
	}
	r.cutTo = math.MaxUint64
	for {
		now, newest := l.mu.history.after(r.run.id)
		if now.id == r.run.id {
			r.run = now
			if r.off < now.end && (newest || r.at < now.last) {
				return true, nil
			}
			if newest {
				return false, nil
			}
			now, _ = l.mu.history.after(r.run.id + 1)
		}
		r.run, r.off, r.at, r.pin = now, now.from, now.base, now.seg.seq
	}
}

// open opens the file of the reader's run.
func (r *Reader) open() error {
	if err := r.closeFile(); err != nil {
		return err
	}
	file, err := r.log.fs.Open(r.log.path(fileName(r.run.seg.seq)))
	if errors.Is(err, vfs.ErrNotExist) { // only a reset removes a pinned segment
		return errors.Join(ErrTruncated, err)
	}
	if err != nil {
		return err
	}
	r.window = window{file: file, seg: r.run.seg, buf: r.window.buf[:0], limit: r.run.end}
	return nil
}

// load reads the frame at r.off.
func (r *Reader) load() error {
	h, payload, ok, err := r.window.frame(r.off)
	if err != nil {
		return err
	}
	if !ok || h.kind != kindRecords || h.zxid != r.at {
		return r.damage("the frame does not check")
	}
	r.rest = payload
	r.off += h.size()
	return nil
}

func (r *Reader) damage(reason string) error {
	return &DamageError{File: r.log.path(fileName(r.run.seg.seq)), Offset: r.off, Reason: fmt.Sprintf("%s, read after %v", reason, r.at)}
}

func (r *Reader) closeFile() error {
	if r.window.file == nil {
		return nil
	}
	f := r.window.file
	r.window.file = nil
	return f.Close()
}

// Close ends the reader and lets go of its segments.
func (r *Reader) Close() error {
	r.log.mu.Lock()
	delete(r.log.mu.readers, r)
	r.log.mu.Unlock()
	return r.closeFile()
}

// Floor returns the greatest zxid of the log, the one it begins after included, that is not
// greater than z: where a log that ends at z and this one part, at the latest. It sees durable records only.
// ErrCompacted: the log begins after z.
func (l *Log) Floor(z txn.Zxid) (txn.Zxid, error) {
	from, err := l.frameBefore(z)
	if err != nil {
		return 0, err
	}
	r, err := l.Reader(from)
	if err != nil {
		return 0, err
	}
	floor := from
	for {
		rec, ok, err := r.Next()
		if err != nil || !ok || rec.Zxid > z {
			return floor, errors.Join(err, r.Close())
		}
		floor = rec.Zxid
	}
}

// frameBefore returns a zxid in the log not greater than z, near it if the index knows.
func (l *Log) frameBefore(z txn.Zxid) (txn.Zxid, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.mu.closed:
		return 0, ErrClosed
	case z < l.mu.history.base():
		return 0, ErrCompacted
	}
	run := l.mu.history.find(z)
	return min(run.seek(z).zxid, z), nil
}
