package wal

import (
	"context"

	"github.com/quorate/quorate/store/fault"
	"github.com/quorate/quorate/store/txn"
)

// Append takes over records; their payloads are copied. They become durable with
// the next group commit: see WaitDurable. It blocks while Options.Buffer is full, or
// while the segment they need is still being prepared.
//
// Zxids must ascend strictly, also from call to call; that they do not is a broken
// invariant and panics. The records of a call that are at most 256 KiB together (and
// fit a segment) lie in one frame: after a crash they are all there or none is.
//
// Errors: fault.TooLarge for a payload beyond Options.MaxRecord (nothing was taken),
// fault.NoSpace when the disk is full and so is the current segment, ErrPoisoned,
// ErrClosed, and the cause of ctx. After NoSpace and the end of ctx a call of
// more than 256 KiB may have been taken in part: up to Last.
func (l *Log) Append(ctx context.Context, recs ...Record) error {
	for _, r := range recs {
		if len(r.Payload) > l.o.MaxRecord {
			return fault.New(fault.TooLarge, "", "record of %d bytes; at most %d are allowed", len(r.Payload), l.o.MaxRecord)
		}
	}
	for len(recs) > 0 {
		n, size := chunk(recs, l.frameMax)
		if err := l.admit(ctx, recs[:n], size); err != nil {
			return err
		}
		recs = recs[n:]
	}
	return nil
}

// chunk returns how many of the records go into one frame of at most limit bytes, one
// at least, and a bound of their size there.
func chunk(recs []Record, limit int) (n, size int) {
	for _, r := range recs {
		s := recordOverhead + len(r.Payload)
		if n > 0 && size+s > limit {
			break
		}
		n, size = n+1, size+s
	}
	return n, size
}

// admit waits until there is room for the records of one frame and takes them.
func (l *Log) admit(ctx context.Context, recs []Record, size int) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.reserveLocked(ctx, kindRecords, size); err != nil {
		return err
	}
	before := len(l.mu.fill.buf)
	for _, r := range recs {
		assert(r.Zxid > l.mu.last, "record %v appended after %v", r.Zxid, l.mu.last)
		l.mu.fill.add(r)
		l.mu.last = r.Zxid
	}
	l.mu.waiting += len(l.mu.fill.buf) - before
	poke(l.wake)
	return nil
}

// reserveLocked waits until the open frame of the filling group is of this kind and
// can take size bytes more. l.mu must be held; it is released while waiting.
func (l *Log) reserveLocked(ctx context.Context, k kind, size int) error {
	for {
		if err := l.failedLocked(); err != nil {
			return err
		}
		if l.mu.waiting == 0 || l.mu.waiting+size <= l.o.Buffer {
			if l.placeLocked(k, size) {
				return nil
			}
			if l.mu.full != nil {
				return &fault.Error{Kind: fault.NoSpace, Detail: "no room for another segment of the log", Cause: l.mu.full}
			}
		}
		if err := l.awaitLocked(ctx); err != nil {
			return err
		}
	}
}

// placeLocked makes the open frame one of this kind with room for size bytes more, if
// the current or the prepared segment has room. l.mu must be held.
func (l *Log) placeLocked(k kind, size int) bool {
	g := l.mu.fill
	if g.open && k == kindRecords {
		f := g.newest()
		grown := f.length + size
		if f.kind == k && grown <= l.frameMax && f.off+align(frameHeader+int64(grown)) <= f.into.limit(k) {
			return true
		}
	}
	l.sealLocked()
	if l.mu.off+align(frameHeader+int64(size)) > l.mu.at.limit(k) {
		if l.mu.next == nil {
			return false
		}
		l.rollLocked()
		assert(l.mu.off+align(frameHeader+int64(size)) <= l.mu.at.limit(k), "%d bytes do not fit an empty segment of %d", size, l.mu.at.capacity)
	}
	l.beginLocked(k, l.mu.last)
	return true
}

// rollLocked goes on in the prepared segment.
func (l *Log) rollLocked() {
	l.mu.at, l.mu.off, l.mu.next = l.mu.next, headerSize, nil
	l.beginLocked(kindStart, l.mu.last)
	l.sealLocked()
	poke(l.hungry)
}

// beginLocked opens a frame at the next place. l.mu must be held, the frame before sealed.
func (l *Log) beginLocked(k kind, zxid txn.Zxid) {
	l.mu.fill.begin(k, l.mu.at, l.mu.off, zxid)
	l.mu.waiting += frameHeader
}

// sealLocked ends the open frame, if any, and moves on behind it. l.mu must be held.
func (l *Log) sealLocked() {
	g := l.mu.fill
	if !g.open {
		return
	}
	before := len(g.buf)
	g.seal()
	l.mu.waiting += len(g.buf) - before
	l.mu.off += g.newest().size()
}
