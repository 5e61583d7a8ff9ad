package store

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"github.com/quorate/quorate/store/epochs"
	"github.com/quorate/quorate/store/identity"
	"github.com/quorate/quorate/store/txn"
	"github.com/quorate/quorate/store/vfs"
)

// makeDirs creates the directories and makes their names durable. The parent
// directory may belong to somebody else and be closed to us: then we have not created our name in it.
func (s *Store) makeDirs() error {
	for _, dir := range []string{s.cfg.Dir, s.logDir(), s.snapDir()} {
		if err := s.cfg.FS.MkdirAll(dir); err != nil {
			return fmt.Errorf("the data directory %s cannot be used: %w", s.cfg.Dir, err)
		}
	}
	// MkdirAll may have made ancestors too, and each has its entry in the one above it.
	for dir := filepath.Clean(s.cfg.Dir); dir != filepath.Dir(dir); dir = filepath.Dir(dir) {
		if err := s.cfg.FS.SyncDir(filepath.Dir(dir)); err != nil && !errors.Is(err, fs.ErrPermission) {
			return fmt.Errorf("the data directory %s cannot be made durable: %w", s.cfg.Dir, err)
		}
	}
	if err := s.cfg.FS.SyncDir(s.cfg.Dir); err != nil {
		return fmt.Errorf("the data directory %s cannot be used: %w", s.cfg.Dir, err)
	}
	return nil
}

func (s *Store) takeLock() error {
	lock, err := s.cfg.FS.Lock(s.file("LOCK"))
	if errors.Is(err, vfs.ErrLocked) {
		return fmt.Errorf("the data directory %s is in use by another process: "+
			"stop that server, or give this one a directory of its own: %w", s.cfg.Dir, err)
	}
	if err != nil {
		return fmt.Errorf("the data directory %s cannot be locked: %w", s.cfg.Dir, err)
	}
	s.lock = lock
	return nil
}

// openIdentity finds out whose directory it is, and what was promised in it. The identity is
// written last when a directory is created: where it is, the epochs are too.
func (s *Store) openIdentity() error {
	r, err := identity.Read(s.cfg.FS, s.file("identity"))
	if errors.Is(err, identity.ErrMissing) {
		r, err = s.create()
	}
	if err != nil {
		return err
	}
	if err := r.Check(s.cfg.Dir, s.cfg.Server, s.cfg.Ensemble); err != nil {
		return err
	}
	s.mu.Lock()
	s.mu.identity = r
	s.mu.Unlock()
	s.epochs, err = epochs.Open(s.cfg.FS, s.file("epochs"))
	if errors.Is(err, vfs.ErrNotExist) {
		return fmt.Errorf("the data directory %s has lost its epochs file, and with it what this server promised to the ensemble: "+
			"restore the directory as a whole, or start with an empty one: %w", s.cfg.Dir, err)
	}
	return err
}

// create makes a new directory's epochs and identity, unless there is something that has lost them.
func (s *Store) create() (identity.Record, error) {
	if err := s.checkUnused(); err != nil {
		return identity.Record{}, err
	}
	if err := epochs.Create(s.cfg.FS, s.file("epochs")); err != nil {
		return identity.Record{}, err
	}
	r := identity.Record{
		Server:   s.cfg.Server,
		Storage:  txn.StorageID(identity.Draw(s.cfg.Random, 0)),
		Ensemble: s.cfg.Ensemble,
	}
	if err := identity.Write(s.cfg.FS, s.file("identity"), r); err != nil {
		return identity.Record{}, err
	}
	s.cfg.Events.created(r.Storage)
	return r, nil
}

// checkUnused refuses a directory without identity in which a server has lived.
func (s *Store) checkUnused() error {
	lost := func(what string) error {
		return fmt.Errorf("the data directory %s holds %s but no identity file: "+
			"restore that file, or start with an empty directory", s.cfg.Dir, what)
	}
	for _, dir := range []string{s.logDir(), s.snapDir()} {
		names, err := s.cfg.FS.List(dir)
		if err != nil {
			return fmt.Errorf("listing %s: %w", dir, err)
		}
		if len(names) > 0 {
			return lost(filepath.Join(filepath.Base(dir), names[0]))
		}
	}
	f, err := epochs.Open(s.cfg.FS, s.file("epochs"))
	if errors.Is(err, vfs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if f.Get() != (epochs.Record{}) {
		return errors.Join(lost("promised epochs"), f.Close())
	}
	return f.Close()
}
