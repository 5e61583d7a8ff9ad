package vfs

import (
	"errors"
	"io"
	"io/fs"
)

// inode is a file in memory: what programs see, and what the disk is sure to have.
// All fields are guarded by Mem.mu.
type inode struct {
	data []byte
	// durable is the content as of the last Sync. Sectors of data that differ from
	// it since then are in dirty; a Truncate since then sets resized.
	durable []byte
	dirty   map[int64]struct{}
	resized bool
	// linked: the file has a name, and its size counts.
	linked bool
}

// resize sets the size and returns the bytes that became free (negative: were taken).
func (n *inode) resize(size int64) int64 {
	old := int64(len(n.data))
	if size == old {
		return 0
	}
	n.resized = true
	if size < old {
		n.data = n.data[:size:size]
	} else {
		n.data = append(n.data, make([]byte, size-old)...)
	}
	for s := min(size, old) / SectorSize; s*SectorSize < max(size, old); s++ {
		n.touch(s)
	}
	if !n.linked {
		return 0
	}
	return old - size
}

func (n *inode) touch(sector int64) {
	if n.dirty == nil {
		n.dirty = map[int64]struct{}{}
	}
	n.dirty[sector] = struct{}{}
}

// sync makes the content durable.
func (n *inode) sync() {
	n.durable = resized(n.durable, len(n.data))
	for s := range n.dirty {
		copySector(n.durable, n.data, s)
	}
	n.forget()
}

// forget drops the knowledge of what is dirty, as a kernel does after a failed fsync.
func (n *inode) forget() {
	clear(n.dirty)
	n.resized = false
}

// resized returns b with the given length, zeros added.
func resized(b []byte, size int) []byte {
	if size <= len(b) {
		return b[:size]
	}
	return append(b, make([]byte, size-len(b))...)
}

// copySector copies a sector as far as both have it.
func copySector(dst, src []byte, sector int64) {
	from := sector * SectorSize
	if from >= int64(len(dst)) || from >= int64(len(src)) {
		return
	}
	copy(dst[from:min(from+SectorSize, int64(len(dst)))], src[from:])
}

// memFile is an open handle.
type memFile struct {
	fs       *Mem
	node     *inode
	name     string
	writable bool
	closed   bool // guarded by fs.mu
}

// usableLocked returns why the handle cannot be used, if so. fs.mu must be held.
func (f *memFile) usableLocked(op string, write bool) error {
	if f.closed {
		return pathError(op, f.name, fs.ErrClosed)
	}
	if write && !f.writable {
		return pathError(op, f.name, fs.ErrPermission)
	}
	return nil
}

// ReadAt implements File.
func (f *memFile) ReadAt(p []byte, off int64) (int, error) {
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	if err := f.usableLocked("read", false); err != nil {
		return 0, err
	}
	if off >= int64(len(f.node.data)) {
		return 0, io.EOF
	}
	n := copy(p, f.node.data[off:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// WriteAt implements File. A write that does not fit writes nothing.
func (f *memFile) WriteAt(p []byte, off int64) (int, error) {
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	if err := f.usableLocked("write", true); err != nil {
		return 0, err
	}
	if off < 0 {
		return 0, pathError("write", f.name, errors.New("negative offset"))
	}
	end := off + int64(len(p))
	if end > int64(len(f.node.data)) {
		if err := f.growLocked(end); err != nil {
			return 0, err
		}
	}
	copy(f.node.data[off:], p)
	for s := off / SectorSize; s*SectorSize < end; s++ {
		f.node.touch(s)
	}
	return len(p), nil
}

// growLocked takes the file to a greater size if the limit allows it.
func (f *memFile) growLocked(size int64) error {
	m := f.fs
	if need := size - int64(len(f.node.data)); m.mu.limit >= 0 && m.mu.used+need > m.mu.limit {
		return pathError("write", f.name, ErrNoSpace)
	}
	m.mu.used -= f.node.resize(size)
	return nil
}

// Sync implements File.
func (f *memFile) Sync() error {
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	if err := f.usableLocked("sync", false); err != nil {
		return err
	}
	f.node.sync()
	return nil
}

// forgetDirty is what a failed Sync does to the file; see Faults.
func (f *memFile) forgetDirty() {
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	f.node.forget()
}

// Truncate implements File.
func (f *memFile) Truncate(size int64) error {
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	if err := f.usableLocked("truncate", true); err != nil {
		return err
	}
	if size > int64(len(f.node.data)) {
		return f.growLocked(size)
	}
	f.fs.mu.used -= f.node.resize(size)
	return nil
}

// Size implements File.
func (f *memFile) Size() (int64, error) {
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	if err := f.usableLocked("stat", false); err != nil {
		return 0, err
	}
	return int64(len(f.node.data)), nil
}

// Close implements File.
func (f *memFile) Close() error {
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	if err := f.usableLocked("close", false); err != nil {
		return err
	}
	f.closed = true
	return nil
}
