package vfs

import (
	"fmt"
	"io"
	"sync/atomic"
)

// OpKind names an operation of a file system.
type OpKind string

// The operations a [Faults] hook sees.
const (
	OpCreate   OpKind = "create"
	OpOpen     OpKind = "open"
	OpRemove   OpKind = "remove"
	OpRename   OpKind = "rename"
	OpList     OpKind = "list"
	OpMkdir    OpKind = "mkdir"
	OpSyncDir  OpKind = "syncdir"
	OpLock     OpKind = "lock"
	OpFree     OpKind = "free"
	OpRead     OpKind = "read"
	OpWrite    OpKind = "write"
	OpSync     OpKind = "sync"
	OpTruncate OpKind = "truncate"
	OpSize     OpKind = "size"
	OpClose    OpKind = "close"
)

// Op is one operation about to be done.
type Op struct {
	// N counts the operations of a Faults from 1.
	N int64
	// Kind is what is done.
	Kind OpKind
	// Name is the file or directory; for a rename the new name.
	Name string
	// Offset and Len are where a read or write goes and its length in bytes; for a
	// truncate Offset is the new size.
	Offset int64
	Len    int
}

// Changes tells whether the operation can change what is on the disk.
func (op Op) Changes() bool {
	switch op.Kind {
	case OpCreate, OpRemove, OpRename, OpMkdir, OpSyncDir, OpWrite, OpSync, OpTruncate:
		return true
	}
	return false
}

// ShortWrite is the error a hook returns to have the first N bytes of a write
// written before it fails with Err.
type ShortWrite struct {
	N   int
	Err error
}

// Error says what was cut short, and why.
func (e *ShortWrite) Error() string { return fmt.Sprintf("short write of %d bytes: %v", e.N, e.Err) }

// Unwrap returns Err.
func (e *ShortWrite) Unwrap() error { return e.Err }

// Faults is a file system whose operations can be made to fail.
type Faults struct {
	fs   FS
	hook func(Op) error
	n    atomic.Int64
}

// NewFaults wraps a file system. The hook, if not nil, is called before every
// operation, by the goroutine that does it; an error it returns becomes the
// operation's, which is then not done. Two cases go beyond that: a [*ShortWrite]
// writes a part, and a failed Sync on a [Mem] forgets what was dirty, as Linux
// does, so that a second Sync succeeds without making anything durable. A failed
// Close closes nonetheless.
func NewFaults(fsys FS, hook func(Op) error) *Faults { return &Faults{fs: fsys, hook: hook} }

// Count returns the number of operations begun so far.
func (f *Faults) Count() int64 { return f.n.Load() }

func (f *Faults) before(op Op) error {
	op.N = f.n.Add(1)
	if f.hook == nil {
		return nil
	}
	if err := f.hook(op); err != nil {
		return pathError(string(op.Kind), op.Name, err)
	}
	return nil
}

func (f *Faults) opened(name string, file File, err error) (File, error) {
	if err != nil {
		return nil, err
	}
	return &faultyFile{fs: f, file: file, name: name}, nil
}

// Create implements FS.
func (f *Faults) Create(name string) (File, error) {
	if err := f.before(Op{Kind: OpCreate, Name: name}); err != nil {
		return nil, err
	}
	file, err := f.fs.Create(name)
	return f.opened(name, file, err)
}

// Open implements FS.
func (f *Faults) Open(name string) (File, error) {
	if err := f.before(Op{Kind: OpOpen, Name: name}); err != nil {
		return nil, err
	}
	file, err := f.fs.Open(name)
	return f.opened(name, file, err)
}

// OpenReadWrite implements FS.
func (f *Faults) OpenReadWrite(name string) (File, error) {
	if err := f.before(Op{Kind: OpOpen, Name: name}); err != nil {
		return nil, err
	}
	file, err := f.fs.OpenReadWrite(name)
	return f.opened(name, file, err)
}

// Remove implements FS.
func (f *Faults) Remove(name string) error {
	if err := f.before(Op{Kind: OpRemove, Name: name}); err != nil {
		return err
	}
	return f.fs.Remove(name)
}

// Rename implements FS.
func (f *Faults) Rename(from, to string) error {
	if err := f.before(Op{Kind: OpRename, Name: to}); err != nil {
		return err
	}
	return f.fs.Rename(from, to)
}

// List implements FS.
func (f *Faults) List(dir string) ([]string, error) {
	if err := f.before(Op{Kind: OpList, Name: dir}); err != nil {
		return nil, err
	}
	return f.fs.List(dir)
}

// MkdirAll implements FS.
func (f *Faults) MkdirAll(dir string) error {
	if err := f.before(Op{Kind: OpMkdir, Name: dir}); err != nil {
		return err
	}
	return f.fs.MkdirAll(dir)
}

// SyncDir implements FS.
func (f *Faults) SyncDir(dir string) error {
	if err := f.before(Op{Kind: OpSyncDir, Name: dir}); err != nil {
		return err
	}
	return f.fs.SyncDir(dir)
}

// Lock implements FS.
func (f *Faults) Lock(name string) (io.Closer, error) {
	if err := f.before(Op{Kind: OpLock, Name: name}); err != nil {
		return nil, err
	}
	return f.fs.Lock(name)
}

// Free implements FS.
func (f *Faults) Free(dir string) (int64, error) {
	if err := f.before(Op{Kind: OpFree, Name: dir}); err != nil {
		return 0, err
	}
	return f.fs.Free(dir)
}
