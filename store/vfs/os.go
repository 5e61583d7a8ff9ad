package vfs

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// OS is the file system of the operating system.
type OS struct{}

// osFile is an *os.File whose Sync is fdatasync where there is one.
type osFile struct{ *os.File }

// Create implements FS. The file is readable and writable by its owner alone.
func (OS) Create(name string) (File, error) {
	return open(name, os.O_RDWR|os.O_CREATE|os.O_TRUNC)
}

// Open implements FS.
func (OS) Open(name string) (File, error) { return open(name, os.O_RDONLY) }

// OpenReadWrite implements FS.
func (OS) OpenReadWrite(name string) (File, error) { return open(name, os.O_RDWR) }

func open(name string, flags int) (File, error) {
	f, err := os.OpenFile(name, flags, 0o600)
	if err != nil {
		return nil, mapped(err)
	}
	return osFile{f}, nil
}

// Remove implements FS.
func (OS) Remove(name string) error { return mapped(os.Remove(name)) }

// Rename implements FS.
func (OS) Rename(from, to string) error { return mapped(os.Rename(from, to)) }

// List implements FS.
func (OS) List(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	names := make([]string, len(entries))
	for i, e := range entries {
		names[i] = e.Name()
	}
	return names, nil
}

// MkdirAll implements FS. Directories are open to their owner alone.
func (OS) MkdirAll(dir string) error { return mapped(os.MkdirAll(dir, 0o700)) }

// SyncDir implements FS.
func (OS) SyncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return mapped(errors.Join(d.Sync(), d.Close()))
}

// Lock implements FS with flock, which the kernel drops when the process ends.
func (OS) Lock(name string) (io.Closer, error) {
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, mapped(err)
	}
	err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if err == nil {
		return f, nil
	}
	if errors.Is(err, unix.EWOULDBLOCK) {
		err = ErrLocked
	}
	return nil, errors.Join(fmt.Errorf("lock %s: %w", name, err), f.Close())
}

// Free implements FS: the bytes free to an ordinary user.
func (OS) Free(dir string) (int64, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(filepath.Clean(dir), &st); err != nil {
		return 0, fmt.Errorf("statfs %s: %w", dir, err)
	}
	return int64(st.Bavail) * int64(st.Bsize), nil //nolint:gosec,unconvert // Bsize differs by system
}

// WriteAt writes all of p at off.
func (f osFile) WriteAt(p []byte, off int64) (int, error) {
	n, err := f.File.WriteAt(p, off)
	return n, mapped(err)
}

// Truncate changes the size of the file.
func (f osFile) Truncate(size int64) error { return mapped(f.File.Truncate(size)) }

// Sync makes content and size durable.
func (f osFile) Sync() error { return mapped(datasync(f.File)) }

// Size returns the size in bytes.
func (f osFile) Size() (int64, error) {
	st, err := f.Stat()
	if err != nil {
		return 0, err
	}
	return st.Size(), nil
}

// mapped adds ErrNoSpace to an error about a used-up quota, which is the same to us.
func mapped(err error) error {
	if errors.Is(err, unix.EDQUOT) {
		return errors.Join(err, ErrNoSpace)
	}
	return err
}
