package vfs

import (
	"fmt"
	"io"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"sync"
)

// Mem is a file system in memory that knows what a power cut would leave of it;
// see [Mem.CrashClone]. The zero value is of no use; take [NewMem].
type Mem struct {
	mu struct {
		sync.Mutex
		files map[string]*inode
		dirs  map[string]bool
		// The state a power cut falls back to: files and dirs as of the last SyncDir,
		// and the operations since, in order.
		durableFiles map[string]*inode
		durableDirs  map[string]bool
		pending      []dirOp

		locks map[string]bool
		// limit bounds the sum of the sizes of all files; < 0: no bound.
		limit, used int64
	}
}

// dirOp is an operation on a directory that is not durable yet. Replaying it on
// the durable state makes it so.
type dirOp struct {
	// from is the name that goes away, to the name that comes; either may be empty.
	from, to string
	node     *inode // what is at to from now on
	mkdir    bool   // to is a directory
}

// NewMem returns an empty file system in memory without a limit. It has the
// directories "/" and ".".
func NewMem() *Mem {
	m := &Mem{}
	m.mu.files = map[string]*inode{}
	m.mu.durableFiles = map[string]*inode{}
	m.mu.dirs = map[string]bool{"/": true, ".": true}
	m.mu.durableDirs = map[string]bool{"/": true, ".": true}
	m.mu.locks = map[string]bool{}
	m.mu.limit = -1
	return m
}

// SetLimit bounds the sum of the sizes of all files, in bytes; what is there
// already stays. A negative limit is none.
func (m *Mem) SetLimit(bytes int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.mu.limit = bytes
}

// Used returns the sum of the sizes of all files that have a name, in bytes.
func (m *Mem) Used() int64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.mu.used
}

func clean(name string) string { return path.Clean(filepath.ToSlash(name)) }

func pathError(op, name string, err error) error {
	return &fs.PathError{Op: op, Path: name, Err: err}
}

// Create implements FS.
func (m *Mem) Create(name string) (File, error) {
	name = clean(name)
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.mu.dirs[path.Dir(name)] {
		return nil, pathError("create", name, ErrNotExist)
	}
	if m.mu.dirs[name] {
		return nil, pathError("create", name, fs.ErrExist)
	}
	node := m.mu.files[name]
	if node == nil {
		node = &inode{linked: true}
		m.mu.files[name] = node
		m.mu.pending = append(m.mu.pending, dirOp{to: name, node: node})
	}
	m.mu.used -= node.resize(0)
	return &memFile{fs: m, node: node, name: name, writable: true}, nil
}

// Open implements FS.
func (m *Mem) Open(name string) (File, error) { return m.open(name, false) }

// OpenReadWrite implements FS.
func (m *Mem) OpenReadWrite(name string) (File, error) { return m.open(name, true) }

func (m *Mem) open(name string, writable bool) (File, error) {
	name = clean(name)
	m.mu.Lock()
	defer m.mu.Unlock()
	node := m.mu.files[name]
	if node == nil {
		return nil, pathError("open", name, ErrNotExist)
	}
	return &memFile{fs: m, node: node, name: name, writable: writable}, nil
}

// Remove implements FS.
func (m *Mem) Remove(name string) error {
	name = clean(name)
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.mu.files[name] == nil {
		return pathError("remove", name, ErrNotExist)
	}
	m.unlinkLocked(name)
	m.mu.pending = append(m.mu.pending, dirOp{from: name})
	return nil
}

// unlinkLocked takes a name from its file, if it has one. m.mu must be held.
func (m *Mem) unlinkLocked(name string) {
	if node := m.mu.files[name]; node != nil {
		node.linked = false
		m.mu.used -= int64(len(node.data))
		delete(m.mu.files, name)
	}
}

// Rename implements FS. Both names must be in the same directory.
func (m *Mem) Rename(from, to string) error {
	from, to = clean(from), clean(to)
	m.mu.Lock()
	defer m.mu.Unlock()
	node := m.mu.files[from]
	switch {
	case node == nil:
		return pathError("rename", from, ErrNotExist)
	case path.Dir(from) != path.Dir(to):
		return pathError("rename", to, fmt.Errorf("not in the directory of %s", from))
	case from == to:
		return nil
	}
	m.unlinkLocked(to)
	delete(m.mu.files, from)
	m.mu.files[to] = node
	m.mu.pending = append(m.mu.pending, dirOp{from: from, to: to, node: node})
	return nil
}

// List implements FS.
func (m *Mem) List(dir string) ([]string, error) {
	dir = clean(dir)
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.mu.dirs[dir] {
		return nil, pathError("list", dir, ErrNotExist)
	}
	var names []string
	for name := range m.mu.files {
		if path.Dir(name) == dir {
			names = append(names, path.Base(name))
		}
	}
	for name := range m.mu.dirs {
		if path.Dir(name) == dir && name != dir {
			names = append(names, path.Base(name))
		}
	}
	slices.Sort(names)
	return names, nil
}

// MkdirAll implements FS.
func (m *Mem) MkdirAll(dir string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.mkdirLocked(clean(dir))
}

func (m *Mem) mkdirLocked(dir string) error {
	if m.mu.dirs[dir] {
		return nil
	}
	if m.mu.files[dir] != nil {
		return pathError("mkdir", dir, fs.ErrExist)
	}
	if err := m.mkdirLocked(path.Dir(dir)); err != nil {
		return err
	}
	m.mu.dirs[dir] = true
	m.mu.pending = append(m.mu.pending, dirOp{to: dir, mkdir: true})
	return nil
}

// SyncDir implements FS.
func (m *Mem) SyncDir(dir string) error {
	dir = clean(dir)
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.mu.dirs[dir] {
		return pathError("syncdir", dir, ErrNotExist)
	}
	rest := m.mu.pending[:0:0]
	for _, op := range m.mu.pending {
		if op.dir() == dir {
			op.replay(m.mu.durableFiles, m.mu.durableDirs)
		} else {
			rest = append(rest, op)
		}
	}
	m.mu.pending = rest
	return nil
}

func (op dirOp) dir() string {
	if op.to != "" {
		return path.Dir(op.to)
	}
	return path.Dir(op.from)
}

// replay does op on a state.
func (op dirOp) replay(files map[string]*inode, dirs map[string]bool) {
	switch {
	case op.mkdir:
		dirs[op.to] = true
	case op.to == "":
		delete(files, op.from)
	default:
		delete(files, op.from)
		files[op.to] = op.node
	}
}

type memLock struct {
	fs   *Mem
	name string
	once sync.Once
}

// Lock implements FS. A clone has no locks.
func (m *Mem) Lock(name string) (io.Closer, error) {
	name = clean(name)
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.mu.dirs[path.Dir(name)] {
		return nil, pathError("lock", name, ErrNotExist)
	}
	if m.mu.locks[name] {
		return nil, pathError("lock", name, ErrLocked)
	}
	if m.mu.files[name] == nil {
		node := &inode{linked: true}
		m.mu.files[name] = node
		m.mu.pending = append(m.mu.pending, dirOp{to: name, node: node})
	}
	m.mu.locks[name] = true
	return &memLock{fs: m, name: name}, nil
}

// Close releases the lock; a second call does nothing.
func (l *memLock) Close() error {
	l.once.Do(func() {
		l.fs.mu.Lock()
		defer l.fs.mu.Unlock()
		delete(l.fs.mu.locks, l.name)
	})
	return nil
}

// Free implements FS. Without a limit it is 1 TiB.
func (m *Mem) Free(string) (int64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.mu.limit < 0 {
		return 1 << 40, nil
	}
	return max(0, m.mu.limit-m.mu.used), nil
}
