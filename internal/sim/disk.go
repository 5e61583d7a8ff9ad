package sim

import (
	"errors"
	"io"
	"math/rand/v2"
	"path"
	"sync"
	"time"

	"github.com/quorate/quorate/store/txn"
	"github.com/quorate/quorate/store/vfs"
)

// dataDir is where a server's data lies on its disk.
const dataDir = "/data"

// disk is a server's disk during one life of the server: a file system in memory on
// which an fdatasync takes time.
type disk struct {
	id   txn.ServerID
	seed uint64 // of this life
	mem  *vfs.Mem
	fs   vfs.FS // mem as the server sees it

	mu struct {
		sync.Mutex
		took  Span               // an fdatasync takes
		files map[string]*string // those that were opened, by the name they have now, which is what is pointed to
		syncs map[string]uint64  // of files of a name, so far
		fail  error              // what every fdatasync ends with from now on
		dead  bool
	}
}

// errDead is what a server gets from its disk that has ended in the eyes of the world.
var errDead = errors.New("the process is dead")

// newDisk puts a disk under a life.
func newDisk(id txn.ServerID, seed uint64, mem *vfs.Mem, took Span) *disk {
	d := &disk{id: id, seed: seed, mem: mem}
	d.mu.took, d.mu.files, d.mu.syncs = took, map[string]*string{}, map[string]uint64{}
	d.fs = &timedFS{vfs.NewFaults(mem, d.before), d}
	return d
}

// before is called before each operation.
func (d *disk) before(op vfs.Op) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case d.mu.dead && op.Kind != vfs.OpClose:
		return errDead
	case d.mu.fail != nil && op.Kind == vfs.OpSync:
		return d.mu.fail
	}
	return nil
}

// timedFS is a file system on which an fdatasync takes time.
type timedFS struct {
	vfs.FS
	disk *disk
}

// Lock locks nothing: the system takes the lock from a process that dies.
func (t *timedFS) Lock(string) (io.Closer, error) { return unlocked{}, nil }

type unlocked struct{}

func (unlocked) Close() error { return nil }

func (t *timedFS) Create(name string) (vfs.File, error) { return t.open(name, t.FS.Create) }

func (t *timedFS) OpenReadWrite(name string) (vfs.File, error) {
	return t.open(name, t.FS.OpenReadWrite)
}

func (t *timedFS) open(name string, open func(string) (vfs.File, error)) (vfs.File, error) {
	f, err := open(name)
	if err != nil {
		return nil, err
	}
	d := t.disk
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.mu.files[name] == nil {
		d.mu.files[name] = &name
	}
	return &timedFile{f, d, d.mu.files[name]}, nil
}

// Rename gives the open files of that name another one, too: it says who syncs them from now on.
func (t *timedFS) Rename(from, to string) error {
	err := t.FS.Rename(from, to)
	d := t.disk
	d.mu.Lock()
	defer d.mu.Unlock()
	if name := d.mu.files[from]; name != nil && err == nil {
		*name = to
		d.mu.files[to] = name
		delete(d.mu.files, from)
	}
	return err
}

// timedFile is a file open for writing.
type timedFile struct {
	vfs.File
	disk *disk
	name *string // guarded by disk.mu
}

func (f *timedFile) Sync() error {
	time.Sleep(f.disk.syncTime(f.name))
	if f.disk.isDead() {
		return errDead // and the cache is another life's
	}
	return f.File.Sync()
}

// syncTime draws how long the next fdatasync of a file takes. Files of a name are one
// goroutine's, so the number of their syncs says which draw it is.
func (d *disk) syncTime(file *string) time.Duration {
	d.mu.Lock()
	defer d.mu.Unlock()
	name := *file
	if untimed(name) {
		return 0
	}
	d.mu.syncs[name]++
	return diskPlace(d.id, name).in(d.mu.took.draw(mix(mixText(d.seed, name), d.mu.syncs[name])))
}

// slow changes how long an fdatasync takes, from the next one on.
func (d *disk) slow(took Span) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.mu.took = took
}

// breakDown makes every fdatasync fail from now on.
func (d *disk) breakDown(err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.mu.fail = err
}

// faulty tells whether the disk has failed, or may be full: a server on it may end by itself.
func (d *disk) faulty() bool {
	free, err := d.mem.Free(dataDir)
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.mu.fail != nil || err != nil || free < 1<<20
}

func (d *disk) isDead() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.mu.dead
}

// kill lets the server do nothing more to the disk.
func (d *disk) kill() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.mu.dead = true
}

// Keep says what the end of a process leaves of what it has written and not synced.
type Keep uint8

// The ways in which a process ends.
const (
	// KeepSynced: a power cut, and nothing unsynced is left.
	KeepSynced Keep = iota
	// KeepAll: a power cut, and by chance all is left.
	KeepAll
	// KeepSome: a power cut, and any part is left.
	KeepSome
	// KeepCache: the process dies alone. All is left, and a power cut can still take it.
	KeepCache
)

// crash returns what is left of the disk now.
func (d *disk) crash(keep Keep) *vfs.Mem {
	if keep == KeepCache {
		return d.mem
	}
	mode := [...]vfs.CrashMode{vfs.KeepSynced, vfs.KeepAll, vfs.KeepSome}[keep]
	return d.mem.CrashClone(rand.New(rand.NewPCG(d.seed, uint64(time.Now().UnixNano()))), mode)
}

// The classes of files: those that different goroutines of a server sync.
const (
	logFile = iota
	nextLogFile
	snapshotFile
	epochsFile
	otherFile
	fileClasses
)

// diskPlace is the place of the ends of an fdatasync.
func diskPlace(id txn.ServerID, name string) place {
	return diskPlaces + place(int(id)-1)*fileClasses + place(classOf(name))
}

func classOf(name string) int {
	switch dir, base := path.Split(name); {
	case dir == dataDir+"/log/" && base == "next.tmp":
		return nextLogFile
	case dir == dataDir+"/log/":
		return logFile
	case dir == dataDir+"/snap/":
		return snapshotFile
	case base == "epochs":
		return epochsFile
	default:
		return otherFile
	}
}

// untimed tells whether syncs of a file take no time: those done under a lock that others
// wait for, since a goroutine that waits for a lock makes simulated time stand still.
func untimed(name string) bool { return classOf(name) == otherFile }
