package wal

import (
	"context"
	"errors"
	"hash/crc32"
	"time"
)

// Run writes and syncs what is appended, one group after the other, and prepares
// segments ahead. When ctx ends it makes durable what was appended until then, and
// returns nil once everything it started has ended; when the log is poisoned it returns
// that error. It may be called again afterwards, but not twice at once.
func (l *Log) Run(ctx context.Context) error {
	l.setRunning(true)
	defer l.setRunning(false)
	ctx, cancel := context.WithCancel(ctx)
	prepared := make(chan struct{})
	go func() {
		defer close(prepared)
		l.prepareAhead(ctx)
	}()
	err := l.commitAll(ctx)
	cancel()
	<-prepared
	return err
}

func (l *Log) setRunning(on bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	assert(l.mu.running != on, "Run called twice at once")
	l.mu.running = on
}

// commitAll commits groups until ctx ends or the log is poisoned.
func (l *Log) commitAll(ctx context.Context) error {
	for {
		select {
		case <-l.wake:
			if err := l.drain(); err != nil {
				return err
			}
		case <-ctx.Done():
			return l.settle()
		case <-l.dead:
			return l.drain() // which returns the cause
		}
	}
}

// drain commits until nothing waits, then covers the tail.
func (l *Log) drain() error {
	l.turn <- struct{}{}
	defer func() { <-l.turn }()
	for {
		if wrote, err := l.commit(); err != nil || !wrote {
			return err
		}
	}
}

// settle makes everything durable, the cover frame too.
func (l *Log) settle() error {
	if err := l.drain(); err != nil {
		return err
	}
	l.turn <- struct{}{}
	defer func() { <-l.turn }()
	if err := l.tail.at.file.Sync(); err != nil {
		return l.poison(err)
	}
	return nil
}

// commit writes and syncs the group that waits; without one it covers the tail. l.turn
// must be held.
func (l *Log) commit() (wrote bool, err error) {
	g, err := l.take()
	if err != nil {
		return false, err
	}
	if g == nil {
		return false, l.cover()
	}
	began := time.Now()
	if err := l.write(g); err != nil {
		return false, l.poison(err)
	}
	done := Synced{Records: g.records, Bytes: len(g.buf), Last: l.tail.last, Took: time.Since(began)}
	l.publish(g)
	l.o.Events.synced(done)
	return true, nil
}

// take returns the group that waits to be written, nil if there is none, and lets
// Append fill the other buffer.
func (l *Log) take() (*group, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.failedLocked(); err != nil {
		return nil, err
	}
	l.sealLocked()
	g := l.mu.fill
	if len(g.frames) == 0 {
		return nil, nil
	}
	l.mu.fill, l.mu.spare = l.mu.spare, nil
	l.mu.writing = g.number
	l.mu.fill.number = g.number + 1
	return g, nil
}

// write writes a group, segment by segment; each is durable before the next is begun.
func (l *Log) write(g *group) error {
	for i := 0; i < len(g.frames); {
		part := g.part(i)
		if err := l.writePart(g, part); err != nil {
			return err
		}
		i += len(part)
	}
	return nil
}

// writePart writes and syncs frames that lie in one segment.
func (l *Log) writePart(g *group, frames []frame) error {
	first, newest := &frames[0], &frames[len(frames)-1]
	old := l.tail
	mark := old.end() // in a new segment: still the end of the one before
	if first.into != old.at {
		l.tail.at, l.tail.off = first.into, headerSize
	}
	assert(first.off == l.tail.off, "frame laid out at %d, the log ends at %d", first.off, l.tail.off)
	for i := range frames {
		l.finish(g, &frames[i], mark)
	}
	l.tail.covered = false
	if _, err := l.tail.at.file.WriteAt(g.buf[first.at:newest.at+int(newest.size())], first.off); err != nil {
		return err
	}
	if err := l.tail.at.file.Sync(); err != nil {
		return err
	}
	l.tail.off, l.tail.last = newest.off+newest.size(), newest.last
	if old.at == l.tail.at {
		return nil
	}
	return l.leave(old)
}

// leave ends the segment before the one now begun with a cover frame whose mark lies in
// the new one: from now on it is damage if that is missing.
func (l *Log) leave(old tail) error {
	l.o.Events.rolled(fileName(l.tail.at.seq))
	return errors.Join(old.cover(l.tail.end()), old.at.file.Close())
}

// finish fills in a frame's header.
func (l *Log) finish(g *group, f *frame, mark int64) {
	nonce := f.into.nonce
	payload := g.buf[f.at+frameHeader:][:f.length]
	h := header{
		payload: crc32.Update(seed(nonce, f.off), castagnoli, payload),
		prev:    l.tail.prev,
		length:  uint32(f.length), //nolint:gosec // at most a segment
		mark:    mark,
		zxid:    f.base,
		count:   f.count,
		kind:    f.kind,
	}
	l.tail.prev = h.put(g.buf[f.at:], nonce, f.off)
}

// publish makes known that a group is durable, and gives its buffer back.
func (l *Log) publish(g *group) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := range g.frames {
		l.recordLocked(&g.frames[i])
	}
	l.mu.durable = g.number
	l.mu.waiting -= len(g.buf)
	g.clear()
	l.mu.spare = g
	l.announceLocked()
}

// recordLocked enters a durable frame into the history. l.mu must be held.
func (l *Log) recordLocked(f *frame) {
	h, end := &l.mu.history, f.off+f.size()
	switch f.kind {
	case kindStart:
		h.start(f.into.segment, end, f.base)
	case kindRecords:
		h.extend(f.off, end, f.base, f.first, f.last)
	case kindCut:
		h.cut(end, f.base)
		l.mu.cutReadersLocked(f.base, false)
	case kindReset:
		h.reset(end, f.base)
		l.mu.cutReadersLocked(f.base, true)
	}
}

// cover writes the empty frame of an idle log, unless it is there. It is not synced:
// the next group, or the end of Run, does that. l.turn must be held.
func (l *Log) cover() error {
	if l.tail.covered {
		return nil
	}
	if err := l.tail.cover(l.tail.end()); err != nil {
		return l.poison(err)
	}
	l.tail.covered = true
	return nil
}

// cover writes an empty frame with this mark at the tail.
func (t *tail) cover(mark int64) error {
	var b [sector]byte
	h := header{payload: seed(t.at.nonce, t.off), prev: t.prev, mark: mark, zxid: t.last, kind: kindCover}
	h.put(b[:], t.at.nonce, t.off)
	_, err := t.at.file.WriteAt(b[:], t.off)
	return err
}
