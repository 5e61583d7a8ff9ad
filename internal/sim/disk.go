package sim

import (
	"errors"
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
		took  Span              // an fdatasync takes
		syncs map[string]uint64 // of each file, so far
		fail  error             // what every fdatasync ends with from now on
		dead  bool
	}
}

// errDead is what a server gets from its disk that has ended in the eyes of the world.
var errDead = errors.New("the process is dead")

// newDisk puts a disk under a life.
func newDisk(id txn.ServerID, seed uint64, mem *vfs.Mem, took Span) *disk {
	d := &disk{id: id, seed: seed, mem: mem}
	d.mu.took, d.mu.syncs = took, map[string]uint64{}
	d.fs = vfs.NewFaults(mem, d.before)
	return d
}

// before is called before each operation.
func (d *disk) before(op vfs.Op) error {
	if op.Kind == vfs.OpSync && !untimed(op.Name) {
		time.Sleep(d.syncTime(op.Name))
	}
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

// syncTime draws how long the next fdatasync of a file takes. A file is one goroutine's at a
// time, so the number of its syncs says which draw it is.
func (d *disk) syncTime(name string) time.Duration {
	d.mu.Lock()
	defer d.mu.Unlock()
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

// kill lets the server do nothing more to the disk.
func (d *disk) kill() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.mu.dead = true
}

// crash returns what a power cut would leave of the disk now.
func (d *disk) crash(mode vfs.CrashMode) *vfs.Mem {
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
