package wal

import (
	"context"
	"math"

	"github.com/quorate/quorate/store/txn"
)

// TruncateAfter takes back all records greater than z, durably when it returns nil.
// z must be a record of the log or Base, else ErrNotInLog. After any other error it is
// open whether the records come back when the log is opened again. It needs no space
// on the disk, within reason: a few sectors of each segment are kept for it.
func (l *Log) TruncateAfter(ctx context.Context, z txn.Zxid) error {
	if err := l.Sync(ctx); err != nil {
		return err
	}
	if ok, err := l.holds(z); err != nil || !ok {
		return err
	}
	last, number, err := l.divert(ctx, kindCut, z)
	if err != nil || number == 0 {
		return err
	}
	if err := l.flush(ctx, number); err != nil {
		return err
	}
	l.o.Events.truncated(z, last)
	return nil
}

// holds tells whether z is a record of the log or its base, with ErrNotInLog if not.
func (l *Log) holds(z txn.Zxid) (bool, error) {
	if z == l.Base() {
		return true, nil
	}
	if z < l.Base() || z > l.Durable() {
		return false, ErrNotInLog
	}
	r, err := l.Reader(z - 1)
	if err != nil {
		return false, err
	}
	defer r.Close() //nolint:errcheck // only read from
	rec, ok, err := r.Next()
	if err != nil {
		return false, err
	}
	if !ok || rec.Zxid != z {
		return false, ErrNotInLog
	}
	return true, nil
}

// divert appends a frame after which the log goes on from z. It returns the last
// record before, and the number of the group; 0 if there is nothing to cut.
func (l *Log) divert(ctx context.Context, k kind, z txn.Zxid) (last txn.Zxid, number uint64, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if k == kindCut && z >= l.mu.last {
		return 0, 0, nil
	}
	if err := l.reserveLocked(ctx, k, 0); err != nil {
		return 0, 0, err
	}
	last = l.mu.last
	f := l.mu.fill.newest()
	f.base, f.last = z, z
	l.sealLocked()
	l.mu.last = z
	l.mu.cuts++
	poke(l.wake)
	l.announceLocked()
	return last, l.mu.fill.number, nil
}

// Reset empties the log, which then goes on after base: what a snapshot of that zxid
// asks for. It is durable when Reset returns nil; a crash before leaves the old log or
// the new one. After an error that is open until the log is opened again.
func (l *Log) Reset(ctx context.Context, base txn.Zxid) error {
	_, number, err := l.divert(ctx, kindReset, base)
	if err != nil {
		return err
	}
	if err := l.flush(ctx, number); err != nil {
		return err
	}
	l.o.Events.reset(base)
	return l.remove(func() []segment { return l.mu.history.purge(base, math.MaxUint64) })
}
