package vfs

import "errors"

// faultyFile is a file of a Faults.
type faultyFile struct {
	fs   *Faults
	file File
	name string
}

func (f *faultyFile) before(k OpKind, off int64, n int) error {
	return f.fs.before(Op{Kind: k, Name: f.name, Offset: off, Len: n})
}

// ReadAt implements File.
func (f *faultyFile) ReadAt(p []byte, off int64) (int, error) {
	if err := f.before(OpRead, off, len(p)); err != nil {
		return 0, err
	}
	return f.file.ReadAt(p, off)
}

// WriteAt implements File.
func (f *faultyFile) WriteAt(p []byte, off int64) (int, error) {
	err := f.before(OpWrite, off, len(p))
	if err == nil {
		return f.file.WriteAt(p, off)
	}
	var short *ShortWrite
	if !errors.As(err, &short) {
		return 0, err
	}
	n, werr := f.file.WriteAt(p[:min(short.N, len(p))], off)
	return n, errors.Join(err, werr)
}

// Sync implements File.
func (f *faultyFile) Sync() error {
	err := f.before(OpSync, 0, 0)
	if err == nil {
		return f.file.Sync()
	}
	if mem, ok := f.file.(*memFile); ok {
		mem.forgetDirty()
	}
	return err
}

// Truncate implements File.
func (f *faultyFile) Truncate(size int64) error {
	if err := f.before(OpTruncate, size, 0); err != nil {
		return err
	}
	return f.file.Truncate(size)
}

// Size implements File.
func (f *faultyFile) Size() (int64, error) {
	if err := f.before(OpSize, 0, 0); err != nil {
		return 0, err
	}
	return f.file.Size()
}

// Close implements File.
func (f *faultyFile) Close() error {
	return errors.Join(f.before(OpClose, 0, 0), f.file.Close())
}
