package zaplog

import (
	"time"

	"go.uber.org/zap"

	"github.com/quorate/quorate/server/pipeline"
	"github.com/quorate/quorate/store/txn"
	"github.com/quorate/quorate/store/wal"
)

// slowSync is the time of a group commit from which it is logged: a disk that
// needs longer makes every write wait.
const slowSync = time.Second

// zxid is a field with a zxid as epoch.counter.
func zxid(key string, z txn.Zxid) zap.Field { return zap.Stringer(key, z) }

// wal listens to the transaction log. Groups that became durable are left to the
// metrics, but for slow ones.
func (l *Logger) wal() wal.Events {
	z := l.zap.Named("wal")
	return wal.Events{
		Synced: func(s wal.Synced) {
			if s.Took >= slowSync {
				z.Warn("slow disk: a group commit", zap.Duration("took", s.Took), zap.Int("records", s.Records), zap.Int("bytes", s.Bytes))
			}
		},
		SegmentReady: func(file string, took time.Duration) {
			z.Debug("segment prepared", zap.String("file", file), zap.Duration("took", took))
		},
		Rolled: func(file string) { z.Debug("the log goes on in the next segment", zap.String("file", file)) },
		TornTail: func(t wal.TornTail) {
			z.Info("torn tail of a crash cut off; nothing acknowledged was in it",
				zap.String("file", t.File), zap.Int64("offset", t.Offset), zap.Int64("dropped", t.Dropped))
		},
		Full: func(err error) {
			z.Error("no space for the next segment of the log: writes stop until there is", zap.Error(err))
		},
		Room:      func() { z.Info("there is space for the log again") },
		Truncated: func(after, last txn.Zxid) { z.Info("log truncated", zxid("after", after), zxid("last", last)) },
		Reset:     func(base txn.Zxid) { z.Info("log emptied", zxid("base", base)) },
		Purged:    func(file string) { z.Debug("segment removed", zap.String("file", file)) },
		Poisoned: func(err error) {
			z.Error("the log failed: what reached the disk is not known, and this server stops", zap.Error(err))
		},
	}
}

// Pipeline listens to requests on their way.
func (l *Logger) Pipeline() pipeline.Events {
	z := l.zap.Named("pipeline")
	return pipeline.Events{
		SoftQuota: func(path string) { z.Warn("soft quota exceeded", zap.String("path", path)) },
		Expired:   func(session txn.SessionID) { z.Debug("session expired", zap.Stringer("session", session)) },
		ExpiryPaused: func() {
			z.Info("no session expires for a moment: this server has begun to lead, or stood still, and does not know yet which live")
		},
	}
}
