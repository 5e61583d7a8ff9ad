package snap

import (
	"cmp"
	"errors"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/quorate/quorate/store/txn"
	"github.com/quorate/quorate/store/vfs"
)

const (
	prefix = "snapshot."
	suffix = ".tmp"
)

// File is a snapshot as its name tells it; nothing in it has been read.
type File struct {
	Path string
	Zxid txn.Zxid
}

// Name returns the name of the snapshot at a zxid, without its directory.
func Name(z txn.Zxid) string { return fmt.Sprintf("%s%016x", prefix, uint64(z)) }

// parseName is the inverse of Name; it accepts no other spelling.
func parseName(name string) (txn.Zxid, bool) {
	n, err := strconv.ParseUint(strings.TrimPrefix(name, prefix), 16, 64)
	return txn.Zxid(n), err == nil && name == Name(txn.Zxid(n))
}

// List returns the snapshots in a directory, the newest first. Files of other
// names are left out.
func List(fs vfs.FS, dir string) ([]File, error) {
	names, err := fs.List(dir)
	if err != nil {
		return nil, fmt.Errorf("listing %s: %w", dir, err)
	}
	var files []File
	for _, name := range names {
		if z, ok := parseName(name); ok {
			files = append(files, File{Path: path.Join(dir, name), Zxid: z})
		}
	}
	slices.SortFunc(files, func(a, b File) int { return cmp.Compare(b.Zxid, a.Zxid) })
	return files, nil
}

// Clean removes what interrupted writes have left in a directory. Nothing may be
// written there meanwhile.
func Clean(fs vfs.FS, dir string) error {
	names, err := fs.List(dir)
	if err != nil {
		return fmt.Errorf("listing %s: %w", dir, err)
	}
	var errs []error
	for _, name := range names {
		if strings.HasPrefix(name, prefix) && strings.HasSuffix(name, suffix) {
			errs = append(errs, fs.Remove(path.Join(dir, name)))
		}
	}
	return errors.Join(errs...)
}

// Retain removes all snapshots older than the n-th newest valid one, n being at least 1, and returns
// those it removed. A snapshot for which valid says no is not counted, so that damage never
// pushes out what could replace it; with fewer than n valid ones nothing is removed.
func Retain(fs vfs.FS, dir string, n int, valid func(File) bool) ([]File, error) {
	files, err := List(fs, dir)
	if err != nil {
		return nil, err
	}
	counted := 0
	for i, f := range files {
		if !valid(f) {
			continue
		}
		if counted++; counted >= max(n, 1) {
			return remove(fs, dir, files[i+1:])
		}
	}
	return nil, nil
}

// RemoveAfter removes all snapshots newer than z: a server that takes over an
// older version from a leader must not come back with a newer one of its own.
func RemoveAfter(fs vfs.FS, dir string, z txn.Zxid) ([]File, error) {
	files, err := List(fs, dir)
	if err != nil {
		return nil, err
	}
	keep := slices.IndexFunc(files, func(f File) bool { return f.Zxid <= z })
	if keep < 0 {
		keep = len(files)
	}
	return remove(fs, dir, files[:keep])
}

// remove removes files durably and returns those that are gone.
func remove(fs vfs.FS, dir string, files []File) ([]File, error) {
	if len(files) == 0 {
		return nil, nil
	}
	for i, f := range files {
		if err := fs.Remove(f.Path); err != nil {
			return files[:i], fmt.Errorf("removing %s: %w", f.Path, err)
		}
	}
	if err := fs.SyncDir(dir); err != nil {
		return files, fmt.Errorf("syncing %s: %w", dir, err)
	}
	return files, nil
}
