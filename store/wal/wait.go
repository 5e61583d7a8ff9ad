package wal

import (
	"context"

	"github.com/quorate/quorate/store/txn"
)

// WaitDurable waits until Durable is z or more. Errors: ErrPoisoned, ErrClosed, the
// cause of ctx, and ErrTruncated when the log was cut or reset below z meanwhile.
func (l *Log) WaitDurable(ctx context.Context, z txn.Zxid) error {
	if z == 0 {
		return nil
	}
	_, err := l.WaitProgress(ctx, z-1)
	return err
}

// WaitProgress waits until Durable is greater than since, and returns it. Errors: as WaitDurable.
func (l *Log) WaitProgress(ctx context.Context, since txn.Zxid) (txn.Zxid, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	cuts := l.mu.cuts
	for {
		if z := l.mu.history.last(); z > since {
			return z, nil
		}
		if err := l.failedLocked(); err != nil {
			return 0, err
		}
		if cuts != l.mu.cuts && since >= l.mu.last {
			return 0, ErrTruncated
		}
		if err := l.awaitLocked(ctx); err != nil {
			return 0, err
		}
	}
}

// WaitRoom waits until the log is not Full. Errors: as WaitDurable.
func (l *Log) WaitRoom(ctx context.Context) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	for {
		if err := l.failedLocked(); err != nil || l.mu.full == nil {
			return err
		}
		if err := l.awaitLocked(ctx); err != nil {
			return err
		}
	}
}

// Sync returns when everything appended so far is durable. Errors: as WaitDurable.
func (l *Log) Sync(ctx context.Context) error {
	l.mu.Lock()
	number := l.mu.writing
	if len(l.mu.fill.frames) > 0 {
		number = l.mu.fill.number
	}
	l.mu.Unlock()
	return l.flush(ctx, number)
}

// flush waits until the group of this number is durable, and commits it if nobody else does.
func (l *Log) flush(ctx context.Context, number uint64) error {
	for {
		l.mu.Lock()
		done, err := l.mu.durable >= number, l.failedLocked()
		if done || err != nil {
			l.mu.Unlock()
			return err
		}
		changed := l.changedLocked()
		l.mu.Unlock()
		select {
		case <-changed:
		case <-ctx.Done():
			return context.Cause(ctx)
		case l.turn <- struct{}{}:
			_, err := l.commit()
			<-l.turn
			if err != nil {
				return err
			}
		}
	}
}
