package wal

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/quorate/quorate/store/vfs"
)

// Open opens the log in dir, which it creates if need be; nobody else may have it open
// (the caller's lock sees to that). It reads the whole log and checks it, cuts a torn
// tail, and makes durable what it found before it returns. A damaged log is refused
// with a [*DamageError] and left as it is.
//
// It needs space on the disk only for a new log's first segment.
func Open(fsys vfs.FS, dir string, o Options) (*Log, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	r := &recovery{fs: fsys, dir: dir, o: o}
	if err := r.run(); err != nil {
		return nil, errors.Join(fmt.Errorf("open the log in %s: %w", dir, err), r.close())
	}
	l := r.log()
	if err := l.cover(); err != nil { // before anybody relies on what was found
		return nil, errors.Join(err, r.close())
	}
	return l, nil
}

// run brings the files into order: afterwards the segment that is written to is open as
// r.tail.at, the prepared one, if any, as r.next, and r.history says what is where.
func (r *recovery) run() error {
	if err := r.fs.MkdirAll(r.dir); err != nil {
		return err
	}
	if err := r.fs.SyncDir(filepath.Dir(filepath.Clean(r.dir))); err != nil {
		return err
	}
	if err := r.list(); err != nil {
		return err
	}
	if err := r.walk(); err != nil {
		return err
	}
	if err := r.refuseDamage(); err != nil {
		return err
	}
	if r.used == 0 {
		return r.found()
	}
	if err := r.cutTail(); err != nil {
		return err
	}
	if err := r.makeDurable(); err != nil {
		return err
	}
	if err := r.keepNext(); err != nil {
		return err
	}
	return r.removeVoid()
}

// found begins a new log: there is none, or only the segments prepared for one.
func (r *recovery) found() error {
	if err := r.removeSegments(0); err != nil {
		return err
	}
	if err := r.fs.SyncDir(r.dir); err != nil {
		return err
	}
	first := segment{seq: 1, nonce: r.o.Nonce(), capacity: r.o.SegmentSize}
	file, err := createSegment(context.Background(), r.fs, r.dir, first)
	if err != nil {
		return err
	}
	r.tail = tail{at: &active{segment: first, file: file}, off: headerSize + sector}
	var b [sector]byte
	h := header{payload: seed(first.nonce, headerSize), kind: kindStart}
	r.tail.prev = h.put(b[:], first.nonce, headerSize)
	if _, err := file.WriteAt(b[:], headerSize); err != nil {
		return err
	}
	r.history.start(first, r.tail.off, 0)
	return file.Sync()
}

// makeDurable opens the segment that is written to, writes again what no mark covers,
// and syncs it. Writing is needed: a former process may have seen a failed fdatasync,
// after which the system takes pages for clean that are not on the disk.
func (r *recovery) makeDurable() error {
	seg := r.tail.at.segment
	file, err := r.fs.OpenReadWrite(r.path(seg.seq))
	if err != nil {
		return err
	}
	r.tail.at.file = file
	w := window{file: file, seg: seg, limit: r.tail.off}
	for off := max(headerSize, r.mark-seg.base); off < r.tail.off; {
		b, err := w.at(off, readAhead)
		if err != nil {
			return err
		}
		if _, err := file.WriteAt(b, off); err != nil {
			return err
		}
		off += int64(len(b))
	}
	if err := file.Sync(); err != nil {
		return err
	}
	return r.fs.SyncDir(r.dir)
}

// keepNext opens the prepared segment, if it is as wanted, and removes all others
// behind the one that is written to.
func (r *recovery) keepNext() error {
	keep := r.used
	if keep < len(r.segs) && r.segs[keep].capacity == r.o.SegmentSize {
		file, err := r.fs.OpenReadWrite(r.path(r.segs[keep].seq))
		if err != nil {
			return err
		}
		r.next = &active{segment: r.segs[keep], file: file}
		keep++
	}
	return r.removeSegments(keep)
}

// removeSegments removes the segments from index i on, which are not in use, and
// leftovers of unfinished ones. The last goes first: a crash must not leave a gap.
func (r *recovery) removeSegments(i int) error {
	for n := len(r.unused) - 1; n >= 0; n-- {
		if err := removeFile(r.fs, r.dir, r.unused[n]); err != nil {
			return err
		}
	}
	for n := len(r.segs) - 1; n >= i; n-- {
		if err := removeFile(r.fs, r.dir, fileName(r.segs[n].seq)); err != nil {
			return err
		}
	}
	return nil
}

// removeVoid removes the segments in front that hold nothing valid: what a Reset was
// about to remove.
func (r *recovery) removeVoid() error {
	for _, s := range r.history.purge(0, r.tail.at.seq) {
		if err := removeFile(r.fs, r.dir, fileName(s.seq)); err != nil {
			return err
		}
	}
	return nil
}

// close closes what is open.
func (r *recovery) close() error {
	var err error
	if r.tail.at != nil && r.tail.at.file != nil {
		err = r.tail.at.file.Close()
	}
	if r.next != nil {
		err = errors.Join(err, r.next.file.Close())
	}
	return err
}

// log returns the log that was recovered.
func (r *recovery) log() *Log {
	l := &Log{
		fs: r.fs, dir: r.dir, o: r.o,
		frameMax: min(frameTarget, recordRoom(r.o.SegmentSize)),
		turn:     make(chan struct{}, 1), trim: make(chan struct{}, 1),
		wake: make(chan struct{}, 1), hungry: make(chan struct{}, 1), dead: make(chan struct{}),
		tail: r.tail,
	}
	l.tail.last = r.history.last()
	l.mu.history = r.history
	l.mu.at, l.mu.off, l.mu.next = r.tail.at, r.tail.off, r.next
	l.mu.last = r.history.last()
	l.mu.fill, l.mu.spare = &group{number: 1}, &group{}
	l.mu.readers = map[*Reader]struct{}{}
	return l
}
