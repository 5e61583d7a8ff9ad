package wal

import (
	"context"
	"errors"
	"path/filepath"
	"time"

	"github.com/quorate/quorate/store/vfs"
)

const (
	// retryPrepare is the time after which preparing a segment is tried again on a full disk.
	retryPrepare = 500 * time.Millisecond
	// prepareChunk is how much of a segment is written and synced at a time: small, so
	// that the group commits beside it need not wait for all of it.
	prepareChunk = 1 << 20
	tmpName      = "next.tmp"
)

// prepareAhead sees to it that a segment lies ready, until ctx ends or the log is poisoned.
func (l *Log) prepareAhead(ctx context.Context) {
	for {
		full := false
		if after := l.wanted(); after != nil {
			full = l.prepareNext(ctx, after.segment)
		}
		if !l.untilHungry(ctx, full) {
			return
		}
	}
}

// wanted returns the segment whose successor is to be prepared, nil if none is.
func (l *Log) wanted() *active {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.mu.next != nil || l.failedLocked() != nil {
		return nil
	}
	return l.mu.at
}

// untilHungry waits until a segment may be wanted, and tells whether to go on.
func (l *Log) untilHungry(ctx context.Context, full bool) bool {
	var again <-chan time.Time
	if full {
		t := time.NewTimer(retryPrepare)
		defer t.Stop()
		again = t.C
	}
	select {
	case <-l.hungry:
	case <-again:
	case <-l.dead:
		return false
	case <-ctx.Done():
		return false
	}
	return true
}

// prepareNext prepares the successor of a segment, and tells whether space was lacking.
// Any other failure poisons the log: the disk it is on can no longer be relied upon.
func (l *Log) prepareNext(ctx context.Context, after segment) (full bool) {
	began := time.Now()
	next := segment{seq: after.seq + 1, nonce: l.o.Nonce(), base: after.end(), capacity: l.o.SegmentSize}
	file, err := createSegment(ctx, l.fs, l.dir, next)
	switch {
	case err == nil:
		l.o.Events.segmentReady(fileName(next.seq), time.Since(began))
		l.ready(&active{segment: next, file: file})
	case errors.Is(err, vfs.ErrNoSpace):
		l.noRoom(err)
		return true
	case ctx.Err() == nil:
		l.poison(err) //nolint:errcheck // everybody is told
	}
	return false
}

func (l *Log) ready(next *active) {
	l.mu.Lock()
	wasFull := l.mu.full != nil
	l.mu.next, l.mu.full = next, nil
	l.announceLocked()
	l.mu.Unlock()
	if wasFull {
		l.o.Events.room()
	}
}

func (l *Log) noRoom(err error) {
	l.mu.Lock()
	wasFull := l.mu.full != nil
	l.mu.full = err
	l.announceLocked()
	l.mu.Unlock()
	if !wasFull {
		l.o.Events.full(err)
	}
}

// createSegment makes the file of a segment, zeros behind the header, durable under its
// final name. On failure it leaves nothing that takes space.
func createSegment(ctx context.Context, fsys vfs.FS, dir string, s segment) (vfs.File, error) {
	tmp, name := filepath.Join(dir, tmpName), filepath.Join(dir, fileName(s.seq))
	file, err := fsys.Create(tmp)
	if err != nil {
		return nil, err
	}
	if err := fill(ctx, file, s); err != nil {
		return nil, errors.Join(err, file.Close(), fsys.Remove(tmp))
	}
	err = fsys.Rename(tmp, name)
	if err == nil {
		err = fsys.SyncDir(dir)
	}
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return file, nil
}

// fill writes a segment's header and zeros behind it, and syncs them.
func fill(ctx context.Context, file vfs.File, s segment) error {
	zeros := make([]byte, min(prepareChunk, s.capacity))
	for off := int64(0); off < s.capacity; off += int64(len(zeros)) {
		if err := ctx.Err(); err != nil {
			return err
		}
		if _, err := file.WriteAt(zeros[:min(int64(len(zeros)), s.capacity-off)], off); err != nil {
			return err
		}
		if off > 0 { // the first chunk is synced with its header
			if err := file.Sync(); err != nil {
				return err
			}
		}
	}
	if _, err := file.WriteAt(s.encode(), 0); err != nil {
		return err
	}
	return file.Sync()
}

// removeFile removes a file durably.
func removeFile(fsys vfs.FS, dir, name string) error {
	if err := fsys.Remove(filepath.Join(dir, name)); err != nil && !errors.Is(err, vfs.ErrNotExist) {
		return err
	}
	return fsys.SyncDir(dir)
}
