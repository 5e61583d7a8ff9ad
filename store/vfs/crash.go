package vfs

import (
	"maps"
	"math/rand/v2"
	"path"
	"slices"
)

// CrashMode says what a power cut leaves of what was not synced.
type CrashMode uint8

// The modes of CrashClone.
const (
	// KeepSynced loses everything that was not synced.
	KeepSynced CrashMode = iota
	// KeepAll loses nothing, as when only the process dies.
	KeepAll
	// KeepSome keeps a random prefix of the operations on directories, and each
	// sector written since its file's last Sync with probability one half.
	KeepSome
)

// CrashClone returns the file system as it would be found after a power cut now.
// m itself is unchanged and may be in use. The clone has m's limit, no locks, and
// everything in it is synced. rng is used by KeepSome alone; the same state and
// the same random numbers give the same clone.
func (m *Mem) CrashClone(rng *rand.Rand, mode CrashMode) *Mem {
	m.mu.Lock()
	defer m.mu.Unlock()
	files, dirs := maps.Clone(m.mu.durableFiles), maps.Clone(m.mu.durableDirs)
	for _, op := range m.mu.pending[:m.survivingLocked(rng, mode)] {
		op.replay(files, dirs)
	}
	c := NewMem()
	c.mu.limit = m.mu.limit
	c.mu.dirs = dirs
	dropOrphanDirs(dirs)
	c.mu.durableDirs = maps.Clone(dirs)
	for _, name := range slices.Sorted(maps.Keys(files)) { // sorted: rng must be used in a fixed order
		data := files[name].afterCrash(rng, mode)
		if !dirs[path.Dir(name)] {
			continue
		}
		c.mu.used += int64(len(data))
		node := &inode{data: data, durable: slices.Clone(data), linked: true}
		c.mu.files[name], c.mu.durableFiles[name] = node, node
	}
	return c
}

// survivingLocked returns how many of the pending operations survive. m.mu must be held.
func (m *Mem) survivingLocked(rng *rand.Rand, mode CrashMode) int {
	switch mode {
	case KeepAll:
		return len(m.mu.pending)
	case KeepSome:
		return rng.IntN(len(m.mu.pending) + 1)
	default:
		return 0
	}
}

// dropOrphanDirs removes directories whose parents were lost.
func dropOrphanDirs(dirs map[string]bool) {
	for _, d := range slices.Sorted(maps.Keys(dirs)) { // parents sort before their children
		if !dirs[path.Dir(d)] {
			delete(dirs, d)
		}
	}
}

// afterCrash returns the content the file has after a power cut.
func (n *inode) afterCrash(rng *rand.Rand, mode CrashMode) []byte {
	switch mode {
	case KeepAll:
		return slices.Clone(n.data)
	case KeepSynced:
		return slices.Clone(n.durable)
	}
	data := slices.Clone(n.durable)
	if n.resized && rng.IntN(2) == 0 {
		data = resized(data, len(n.data))
	}
	for _, s := range slices.Sorted(maps.Keys(n.dirty)) {
		if rng.IntN(2) == 0 {
			continue
		}
		if end := min(int(s+1)*SectorSize, len(n.data)); end > len(data) {
			data = resized(data, end)
		}
		copySector(data, n.data, s)
	}
	return data
}
