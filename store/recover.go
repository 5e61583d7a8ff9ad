package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/quorate/quorate/store/snap"
	"github.com/quorate/quorate/store/tree"
	"github.com/quorate/quorate/store/txn"
	"github.com/quorate/quorate/store/wal"
)

// progressEvery is the number of replayed txns between two looks at the clock.
const progressEvery = 4096

// found is what recovery begins with: the newest valid snapshot.
type found struct {
	version *tree.Version // an empty tree at zxid 0 without a snapshot
	info    snap.Info
	skipped error // newer snapshots that cannot be used, and why
}

// recover loads the newest valid snapshot and replays the log up to the greatest
// commit watermark in its records.
func (s *Store) recover(ctx context.Context) error {
	start := time.Now()
	if err := snap.Clean(s.cfg.FS, s.snapDir()); err != nil {
		return err
	}
	if err := s.refuseLostLog(); err != nil {
		return err
	}
	var err error
	if s.log, err = wal.Open(s.cfg.FS, s.logDir(), s.cfg.walOptions()); err != nil {
		return err
	}
	if err := s.finishReplacing(ctx); err != nil {
		return err
	}
	begin, err := s.newestSnapshot(ctx)
	if err != nil {
		return err
	}
	if err := s.join(ctx, begin); err != nil {
		return err
	}
	s.cfg.Published(Publication{Version: begin.version, Jump: true})
	s.version.Store(begin.version)
	p, err := s.replay(ctx, begin.version)
	if err != nil {
		return err
	}
	s.snaps.count(p.Txns, p.Bytes)
	s.cfg.Events.recovered(Recovery{
		Snapshot: begin.info.Zxid, Applied: s.Version().Zxid(), Last: s.log.Last(),
		Txns: p.Txns, Bytes: p.Bytes, Took: time.Since(start),
	})
	return nil
}

// refuseLostLog refuses a directory whose log has gone. The log's first segment is durable
// before the first promise is made, and there is at least one ever after.
func (s *Store) refuseLostLog() error {
	if s.epochs.Get().Accepted == 0 {
		return nil
	}
	names, err := s.cfg.FS.List(s.logDir())
	if err != nil {
		return err
	}
	for _, name := range names {
		if wal.IsSegment(name) {
			return nil
		}
	}
	return fmt.Errorf("%s holds no segment of the log, though this server has taken part in epoch %d: what it acknowledged is missing. "+
		"Put the files back, or start with an empty data directory and let the leader send everything", s.logDir(), s.epochs.Get().Accepted)
}

// newestSnapshot loads the newest snapshot that can be used. The directory is synced
// first: what a rename before a crash has left must not vanish after we build on it.
func (s *Store) newestSnapshot(ctx context.Context) (found, error) {
	if err := s.cfg.FS.SyncDir(s.snapDir()); err != nil {
		return found{}, fmt.Errorf("syncing %s: %w", s.snapDir(), err)
	}
	files, err := snap.List(s.cfg.FS, s.snapDir())
	if err != nil {
		return found{}, err
	}
	var skipped []error
	for _, f := range files {
		if ctx.Err() != nil {
			return found{}, context.Cause(ctx)
		}
		s.cfg.Events.recovering(Progress{At: f.Zxid})
		v, info, err := snap.Load(s.cfg.FS, f.Path)
		if err == nil {
			s.snaps.trust(info)
			return found{version: v, info: info, skipped: errors.Join(skipped...)}, nil
		}
		s.cfg.Events.snapshotSkipped(f.Path, err)
		skipped = append(skipped, err)
	}
	return found{version: tree.New(), skipped: errors.Join(skipped...)}, nil
}

// join sees to it that the log continues the snapshot.
func (s *Store) join(ctx context.Context, b found) error {
	at := b.version.Zxid()
	held, err := s.holds(at)
	if err != nil || held {
		return err
	}
	switch last := s.log.Last(); {
	case at < s.log.Base() && b.skipped != nil:
		return fmt.Errorf("the log begins after %s, and what came before it cannot be restored, since a snapshot is damaged: "+
			"restore the data directory from a copy, or start with an empty one and let the leader send everything: %w", s.log.Base(), b.skipped)
	case at < s.log.Base():
		return fmt.Errorf("the log begins after %s, and the newest snapshot is at %s: the txns between them are missing. "+
			"Restore the missing snapshot, or start with an empty data directory and let the leader send everything", s.log.Base(), at)
	case !b.info.Network || b.skipped != nil:
		return fmt.Errorf("the log ends at %s and does not continue the snapshot at %s, though that was made from it: "+
			"txns that this server has acknowledged are missing. Restore the data directory from a copy, "+
			"or start with an empty one and let the leader send everything", last, at)
	default: // an installation was interrupted between its snapshot and its log
		if err := s.reserve.spend(func() error { return s.log.Reset(ctx, at) }); err != nil {
			return fmt.Errorf("finishing the installation of the snapshot at %s: %w", at, err)
		}
		s.cfg.Events.logDiscarded(at, last)
		return nil
	}
}

// holds tells whether the log has the txn at z, or begins right after it.
func (s *Store) holds(z txn.Zxid) (bool, error) {
	if z == s.log.Base() {
		return true, nil
	}
	if z < s.log.Base() || z > s.log.Last() {
		return false, nil
	}
	holds := false
	err := s.each(z-1, func(rec wal.Record) (bool, error) {
		holds = rec.Zxid == z
		return false, nil
	})
	return holds, err
}

// watermark returns the greatest zxid that the records after a zxid know to be committed,
// but none beyond the log's end.
func (s *Store) watermark(ctx context.Context, after txn.Zxid) (txn.Zxid, error) {
	committed := after
	err := s.each(after, func(rec wal.Record) (bool, error) {
		h, err := txn.PeekHeader(rec.Payload)
		if err != nil {
			return false, fmt.Errorf("the record at %s in the log is no txn this program can read: %w", rec.Zxid, err)
		}
		committed = max(committed, h.Committed)
		return ctx.Err() == nil, context.Cause(ctx)
	})
	return min(committed, max(after, s.log.Last())), err
}

// replay applies the log after v as far as it is known to be committed, and publishes that.
func (s *Store) replay(ctx context.Context, v *tree.Version) (Progress, error) {
	p := Progress{At: v.Zxid()}
	var err error
	if p.Until, err = s.watermark(ctx, v.Zxid()); err != nil || p.Until == p.At {
		return p, err
	}
	draft, shown := v.Edit(), time.Now()
	var changes []Change
	publish := func() {
		v := draft.Publish()
		s.cfg.Published(Publication{Version: v, Changes: changes})
		s.version.Store(v)
		changes = nil
	}
	err = s.each(v.Zxid(), func(rec wal.Record) (bool, error) {
		if rec.Zxid > p.Until {
			return false, nil
		}
		out, err := apply(draft, rec)
		if err != nil {
			return false, err
		}
		changes = AddChange(changes, rec.Zxid, &out)
		p.At, p.Txns, p.Bytes = rec.Zxid, p.Txns+1, p.Bytes+int64(len(rec.Payload))
		if p.Txns%progressEvery == 0 {
			publish()
			if time.Since(shown) >= time.Second {
				shown = time.Now()
				s.cfg.Events.recovering(p)
			}
		}
		return ctx.Err() == nil, context.Cause(ctx)
	})
	if err != nil {
		return p, err
	}
	publish()
	return p, nil
}

func apply(draft *tree.Draft, rec wal.Record) (tree.Outcome, error) {
	t, err := decode(rec)
	if err != nil {
		return tree.Outcome{}, err
	}
	out, err := draft.ApplyChecked(t)
	if err != nil {
		return tree.Outcome{}, fmt.Errorf("the txn at %s in the log does not give the tree it gave before, so that what this server holds differs "+
			"from the ensemble; start with an empty data directory and let the leader send everything: %w", rec.Zxid, err)
	}
	return out, nil
}
