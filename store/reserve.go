package store

import (
	"errors"
	"fmt"
	"path/filepath"
	"sync"

	"github.com/quorate/quorate/store/vfs"
)

// reserve is a file of zeros that is given up when the disk is full, so that
// what makes room (cutting the log, removing snapshots) has room itself.
type reserve struct {
	fs     vfs.FS
	path   string
	size   int64 // 0: there is none
	events *Events
	mu     struct {
		sync.Mutex
		held bool
	}
}

// restore creates the file unless it is there. A full disk is an error, and leaves nothing behind.
func (r *reserve) restore() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.mu.held || r.size == 0 {
		return nil
	}
	if err := vfs.WriteFile(r.fs, r.path, make([]byte, r.size)); err != nil {
		return errors.Join(fmt.Errorf("writing the reserve %s: %w", r.path, err), r.removeTemporary())
	}
	r.mu.held = true
	return nil
}

func (r *reserve) removeTemporary() error {
	err := r.fs.Remove(r.path + ".tmp")
	if errors.Is(err, vfs.ErrNotExist) {
		return nil
	}
	return err
}

// find looks whether the file is there from a former run.
func (r *reserve) find() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	file, err := r.fs.Open(r.path)
	if errors.Is(err, vfs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("opening the reserve %s: %w", r.path, err)
	}
	size, err := file.Size()
	r.mu.held = err == nil && size == r.size
	if err := errors.Join(err, file.Close()); err != nil {
		return fmt.Errorf("reading the reserve %s: %w", r.path, err)
	}
	return nil
}

// missing tells whether the file should be there and is not.
func (r *reserve) missing() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return !r.mu.held && r.size > 0
}

// spend does what makes room. If the disk is too full for that, it gives up the
// reserve and does it again, so do must bear to be repeated.
func (r *reserve) spend(do func() error) error {
	err := do()
	if !errors.Is(err, vfs.ErrNoSpace) {
		return err
	}
	released, err2 := r.release()
	if err2 != nil || !released {
		return errors.Join(err, err2)
	}
	r.events.reserveReleased(err)
	return do()
}

// release removes the file and tells whether it was there.
func (r *reserve) release() (bool, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.mu.held {
		return false, nil
	}
	r.mu.held = false
	if err := r.fs.Remove(r.path); err != nil && !errors.Is(err, vfs.ErrNotExist) {
		return false, fmt.Errorf("removing the reserve %s: %w", r.path, err)
	}
	if err := r.fs.SyncDir(filepath.Dir(r.path)); err != nil {
		return false, fmt.Errorf("removing the reserve %s: %w", r.path, err)
	}
	return true, nil
}
