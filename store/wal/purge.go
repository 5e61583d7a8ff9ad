package wal

import (
	"math"

	"github.com/quorate/quorate/store/txn"
)

// PurgeBefore removes the segments that hold no record greater than z; never the
// newest, and none that a Reader is in or still has before it: they go with the next
// call after it has moved on. It may be called beside everything else.
func (l *Log) PurgeBefore(z txn.Zxid) error {
	return l.remove(func() []segment {
		pin := uint64(math.MaxUint64)
		for r := range l.mu.readers {
			pin = min(pin, r.pin)
		}
		return l.mu.history.purge(z, pin)
	})
}

// remove takes segments out of the log, which choose does with l.mu held, and removes
// their files, the oldest first and each durably, so that a crash never leaves a gap.
func (l *Log) remove(choose func() []segment) error {
	l.trim <- struct{}{}
	defer func() { <-l.trim }()
	l.mu.Lock()
	if err := l.failedLocked(); err != nil {
		l.mu.Unlock()
		return err
	}
	for _, s := range choose() {
		l.doomed = append(l.doomed, fileName(s.seq))
	}
	l.mu.Unlock()
	for len(l.doomed) > 0 {
		name := l.doomed[0]
		if err := removeFile(l.fs, l.dir, name); err != nil {
			return err
		}
		l.doomed = l.doomed[1:]
		l.o.Events.purged(name)
		poke(l.hungry)
	}
	return nil
}
