package zaplog

import (
	"time"

	"go.uber.org/zap"

	"github.com/quorate/quorate/store"
	"github.com/quorate/quorate/store/snap"
	"github.com/quorate/quorate/store/txn"
)

// Store listens to the store and its log.
func (l *Logger) Store() store.Events {
	z := l.zap.Named("store")
	e := recovery(z)
	e.Log = l.wal()
	e.SnapshotSkipped = func(path string, err error) {
		z.Error("a snapshot cannot be used; an older one and the log take its place", zap.String("file", path), zap.Error(err))
	}
	e.SnapshotWritten = func(i snap.Info, took time.Duration) {
		z.Info("snapshot written", zxid("zxid", i.Zxid), zap.Int64("bytes", i.Bytes), zap.Duration("took", took))
	}
	e.SnapshotFailed = func(err error, retry time.Duration) {
		z.Warn("snapshot failed", zap.Error(err), zap.Duration("retry", retry))
	}
	e.SnapshotRemoved = func(path string) { z.Debug("snapshot removed", zap.String("file", path)) }
	e.Installed = func(i snap.Info) { z.Info("snapshot of another server installed", zxid("zxid", i.Zxid)) }
	e.ReserveReleased = func(cause error) { z.Warn("disk full: reserve given up", zap.NamedError("cause", cause)) }
	e.ReserveRestored = func() { z.Info("reserve is there again") }
	e.TidyFailed = func(err error) { z.Warn("clearing up failed", zap.Error(err)) }
	return e
}

// recovery are the events of opening a store.
func recovery(z *zap.Logger) store.Events {
	return store.Events{
		Created: func(id txn.StorageID) { z.Info("data directory created", zap.Stringer("storage", id)) },
		Renewed: func(old, now txn.StorageID) {
			z.Warn("data directory has a new identity", zap.Stringer("old", old), zap.Stringer("new", now))
		},
		Recovering: func(p store.Progress) {
			z.Info("recovering", zxid("at", p.At), zxid("until", p.Until), zap.Int64("txns", p.Txns), zap.Int64("bytes", p.Bytes))
		},
		Recovered: func(r store.Recovery) {
			z.Info("recovered", zxid("snapshot", r.Snapshot), zxid("applied", r.Applied), zxid("last", r.Last),
				zap.Int64("txns", r.Txns), zap.Int64("bytes", r.Bytes), zap.Duration("took", r.Took))
		},
		LogDiscarded: func(snapshot, last txn.Zxid) {
			z.Warn("interrupted installation of a snapshot finished: the log before it is discarded",
				zxid("snapshot", snapshot), zxid("last", last))
		},
	}
}
