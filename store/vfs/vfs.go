package vfs

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"syscall"
)

// SectorSize is the number of bytes that are kept or lost as one in a power cut.
const SectorSize = 512

// ErrNoSpace is in the chain of an error that the lack of space caused.
var ErrNoSpace error = syscall.ENOSPC

// ErrLocked is in the chain of the error of Lock when somebody else holds the lock.
var ErrLocked = errors.New("locked by another process")

// ErrNotExist is in the chain of an error about a name that does not exist.
var ErrNotExist = fs.ErrNotExist

// FS is a file system. Its implementations are [OS], [Mem] and [Faults].
type FS interface {
	// Create opens a new file for reading and writing; an existing one becomes empty.
	Create(name string) (File, error)
	// Open opens an existing file for reading.
	Open(name string) (File, error)
	// OpenReadWrite opens an existing file for reading and writing.
	OpenReadWrite(name string) (File, error)
	// Remove removes a file. Handles that are open on it stay valid.
	Remove(name string) error
	// Rename gives a file another name in the same directory, replacing what has that name.
	Rename(from, to string) error
	// List returns the names of the files and directories in dir, sorted, without dir.
	List(dir string) ([]string, error)
	// MkdirAll creates dir and its parents as needed. SyncDir of a directory's parent makes it durable.
	MkdirAll(dir string) error
	// SyncDir makes the creations, removals and renames in dir durable.
	SyncDir(dir string) error
	// Lock takes an exclusive lock on the file of that name, which it creates if need
	// be, or fails at once with ErrLocked. The lock ends with Close, or with the process.
	Lock(name string) (io.Closer, error)
	// Free returns the bytes that can still be written below dir.
	Free(dir string) (int64, error)
}

// File is an open file.
type File interface {
	io.ReaderAt
	io.WriterAt
	io.Closer
	// Sync makes content and size durable (fdatasync).
	Sync() error
	// Truncate changes the size; what is added reads as zeros.
	Truncate(size int64) error
	// Size returns the size in bytes.
	Size() (int64, error)
}

// Exists tells whether a file or directory of that name exists.
func Exists(fsys FS, name string) (bool, error) {
	names, err := fsys.List(filepath.Dir(name))
	if errors.Is(err, ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	for _, n := range names {
		if n == filepath.Base(name) {
			return true, nil
		}
	}
	return false, nil
}

// ReadFile returns the content of a file of at most limit bytes.
func ReadFile(fsys FS, name string, limit int64) ([]byte, error) {
	f, err := fsys.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // only read from
	size, err := f.Size()
	if err != nil {
		return nil, err
	}
	if size > limit {
		return nil, fmt.Errorf("%s has %d bytes, more than the %d expected at most", name, size, limit)
	}
	data := make([]byte, size)
	if n, err := f.ReadAt(data, 0); err != nil && (err != io.EOF || int64(n) != size) {
		return nil, err
	}
	return data, nil
}

// WriteFile replaces the content of a file in one step, durably: a power cut
// leaves the old content or the new. It writes name+".tmp" on the way.
func WriteFile(fsys FS, name string, data []byte) error {
	tmp := name + ".tmp"
	f, err := fsys.Create(tmp)
	if err != nil {
		return err
	}
	_, err = f.WriteAt(data, 0)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	if err := fsys.Rename(tmp, name); err != nil {
		return err
	}
	return fsys.SyncDir(filepath.Dir(name))
}
