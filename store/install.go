package store

import (
	"context"
	"errors"
	"fmt"

	"github.com/quorate/quorate/store/snap"
	"github.com/quorate/quorate/store/txn"
)

// Install is a snapshot on its way from another server to becoming this one's
// state. It is for one goroutine, and ends with Commit or Abort.
type Install struct {
	store *Store
	file  *snap.Installer
}

// Install begins to take over a snapshot at a zxid. There is at most one installation at a time.
func (s *Store) Install(z txn.Zxid) (*Install, error) {
	if err := s.beginInstall(); err != nil {
		return nil, err
	}
	file, err := snap.NewInstaller(s.cfg.FS, s.snapDir(), z)
	if err != nil {
		s.endInstall()
		return nil, err
	}
	return &Install{store: s, file: file}, nil
}

func (s *Store) beginInstall() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.mu.installing {
		return errors.New("another snapshot is being installed")
	}
	s.mu.installing = true
	return nil
}

func (s *Store) endInstall() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mu.installing = false
}

// Add writes the next chunk, not compressed, as tree.Version.Chunks makes them; it
// does not keep it.
func (i *Install) Add(chunk []byte) error { return i.file.Add(chunk) }

// Abort gives the installation up; the state stays as it was.
func (i *Install) Abort() error {
	defer i.store.endInstall()
	return i.file.Abort()
}

// Commit makes the snapshot the state: it is durable under its final name, then
// newer snapshots are removed, then the log is replaced by an empty one that starts at its
// zxid, then its version is published. Current epoch and word are the caller's, after
// that, in this order.
// A snapshot older than the log's end takes back what may have been acknowledged, committed even:
// the snapshot is followed by the records up to there, but the server may die before it has them.
// So a new storage identity is drawn first (DESIGN P6).
//
// Nothing may be appended or published meanwhile. After an error the published version is
// the old one; the next [Open] finds the old state or the new one, never a mixture. An error of the log or
// of the file system is best answered by opening the directory again.
func (i *Install) Commit(ctx context.Context) error {
	s := i.store
	defer s.endInstall()
	release, err := s.snaps.exclude(ctx)
	if err != nil {
		return errors.Join(err, i.file.Abort())
	}
	defer release()
	v, info, err := i.file.Commit()
	if err != nil {
		return fmt.Errorf("installing a snapshot: %w", err)
	}
	if info.Zxid < s.Last() {
		if err := s.RenewStorage(); err != nil {
			return fmt.Errorf("installing the snapshot at %s: %w", info.Zxid, err)
		}
	}
	if err := s.replaceLog(ctx, info.Zxid); err != nil {
		return fmt.Errorf("installing the snapshot at %s: %w", info.Zxid, err)
	}
	s.cfg.Published(Publication{Version: v, Jump: true})
	s.version.Store(v)
	s.snaps.restart(info)
	s.cfg.Events.installed(info)
	return nil
}
