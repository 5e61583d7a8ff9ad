package store

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/quorate/quorate/store/snap"
	"github.com/quorate/quorate/store/txn"
	"github.com/quorate/quorate/store/vfs"
)

// A snapshot that is older than the log's beginning becomes the state in several steps, between
// which the directory would look as if snapshots had been lost. So a file says
// what is going on: the snapshot's zxid, and where the log begins that goes.
const (
	replacingName   = "replacing"
	replacingFormat = "%016x %016x\n"
	replacingSize   = 16 + 1 + 16 + 1
)

// replaceLog makes the snapshot at z the newest one and the log begin after it.
func (s *Store) replaceLog(ctx context.Context, z txn.Zxid) error {
	base := s.log.Base()
	if z >= base {
		return s.replaceMarked(ctx, z)
	}
	mark := fmt.Appendf(nil, replacingFormat, uint64(z), uint64(base))
	err := s.reserve.spend(func() error { return vfs.WriteFile(s.cfg.FS, s.file(replacingName), mark) })
	if err != nil {
		return fmt.Errorf("writing %s: %w", s.file(replacingName), err)
	}
	if err := s.replaceMarked(ctx, z); err != nil {
		return err
	}
	return s.unmark()
}

func (s *Store) replaceMarked(ctx context.Context, z txn.Zxid) error {
	err := s.reserve.spend(func() error {
		removed, err := snap.RemoveAfter(s.cfg.FS, s.snapDir(), z)
		s.snaps.forget(removed)
		s.cfg.Events.snapshotRemoved(removed)
		return err
	})
	if err != nil {
		return err
	}
	return s.reserve.spend(func() error { return s.log.Reset(ctx, z) })
}

func (s *Store) unmark() error {
	if err := s.cfg.FS.Remove(s.file(replacingName)); err != nil {
		return fmt.Errorf("removing %s: %w", s.file(replacingName), err)
	}
	if err := s.cfg.FS.SyncDir(s.cfg.Dir); err != nil {
		return fmt.Errorf("syncing %s: %w", s.cfg.Dir, err)
	}
	return nil
}

// finishReplacing does what a crash has left of replaceLog. Where the log does not begin
// where it did, it has been replaced, and may have gone on since.
func (s *Store) finishReplacing(ctx context.Context) error {
	b, err := vfs.ReadFile(s.cfg.FS, s.file(replacingName), replacingSize+1)
	if errors.Is(err, vfs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("reading %s: %w", s.file(replacingName), err)
	}
	var z, base uint64
	if _, err := fmt.Sscanf(string(b), replacingFormat, &z, &base); err != nil || fmt.Sprintf(replacingFormat, z, base) != string(b) {
		return fmt.Errorf("%s is damaged: start with an empty data directory and let the leader send everything", s.file(replacingName))
	}
	if s.log.Base() != txn.Zxid(base) {
		return s.unmark()
	}
	at, last := txn.Zxid(z), s.log.Last()
	if _, err := snap.Check(s.cfg.FS, filepath.Join(s.snapDir(), snap.Name(at))); err != nil {
		return fmt.Errorf("the installation of the snapshot at %s was interrupted and cannot be finished: "+
			"start with an empty data directory and let the leader send everything: %w", at, err)
	}
	if err := s.replaceMarked(ctx, at); err != nil {
		return fmt.Errorf("finishing the installation of the snapshot at %s: %w", at, err)
	}
	s.cfg.Events.logDiscarded(at, last)
	return s.unmark()
}
