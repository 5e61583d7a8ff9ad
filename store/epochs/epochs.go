package epochs

import (
	"errors"
	"fmt"
	"path"
	"sync"
	"sync/atomic"

	"github.com/quorate/quorate/store/txn"
	"github.com/quorate/quorate/store/vfs"
)

// Record is what a server has promised. The zero Record has promised nothing.
type Record struct {
	// Accepted is the greatest epoch the server has agreed to take part in.
	Accepted txn.Epoch
	// From is the leader for whom it was accepted; 0 if unknown.
	From txn.ServerID
	// Incarnation is the random number that leader drew when it began to lead.
	// A repeat for the same leader and incarnation is the same vote.
	Incarnation uint64
	// Current is the epoch whose history the log holds; never above Accepted.
	Current txn.Epoch
}

// validate returns what makes r impossible.
func (r Record) validate() error {
	switch {
	case r.Current > r.Accepted:
		return fmt.Errorf("the current epoch %d is above the accepted epoch %d", r.Current, r.Accepted)
	case r.Accepted > txn.MaxEpoch:
		return fmt.Errorf("the accepted epoch %d is above the greatest there is, %d", r.Accepted, txn.MaxEpoch)
	case r.From != 0 && !r.From.Valid():
		return fmt.Errorf("server %d cannot exist", r.From)
	}
	return nil
}

// fileSize is the file's size: slot 0 at 0, slot 1 at slotStride.
const (
	slotStride = 4096
	fileSize   = slotStride + slotSize
)

// ErrPoisoned is in the chain of every error of [File.Set] and [File.Lower] after a write or
// a sync has failed: nobody knows what is on disk. The file must be opened again.
var ErrPoisoned = errors.New("an earlier write of the epochs failed; open the data directory again")

// File is an open epochs file. It is safe for concurrent use.
type File struct {
	path   string
	record atomic.Pointer[Record] // as it stands on disk; stored with mu held

	// mu is held while the disk works: only who writes may wait for it.
	mu struct {
		sync.Mutex
		file     vfs.File
		sequence uint64
		failed   error
	}
}

// Create makes the file with a record that has promised nothing, durably and
// at its full size. It replaces a file of that path.
func Create(fs vfs.FS, name string) error {
	b := make([]byte, fileSize)
	copy(b[slotStride:], encodeSlot(Record{}, 1))
	copy(b, encodeSlot(Record{}, 2))
	if err := vfs.WriteFile(fs, name, b); err != nil {
		return fmt.Errorf("creating %s: %w", name, err)
	}
	return nil
}

// Open opens the file and makes durable what it finds, so that nothing is
// reported that a power cut could take back. It writes the record again for that: after a failed
// sync the system may show bytes that it neither has on the disk nor
// will write. An error that is not the file system's says what is wrong and what to do.
func Open(fs vfs.FS, name string) (*File, error) {
	file, err := fs.OpenReadWrite(name)
	if err != nil {
		return nil, fmt.Errorf("opening %s: %w", name, err)
	}
	f := &File{path: name}
	f.mu.file = file
	if err := f.load(); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	if err := errors.Join(f.put(f.Get(), f.mu.sequence), fs.SyncDir(path.Dir(name))); err != nil {
		return nil, errors.Join(fmt.Errorf("syncing %s: %w", name, err), file.Close())
	}
	return f, nil
}

// load reads both slots and takes the newer record. The caller has f to itself.
func (f *File) load() error {
	size, err := f.mu.file.Size()
	if err != nil {
		return fmt.Errorf("reading %s: %w", f.path, err)
	}
	if size != fileSize {
		return f.damage("it has %d bytes instead of %d", size, int64(fileSize))
	}
	var records [2]Record
	var sequences [2]uint64
	for i := range records {
		b := make([]byte, slotSize)
		if _, err := f.mu.file.ReadAt(b, int64(i)*slotStride); err != nil {
			return fmt.Errorf("reading %s: %w", f.path, err)
		}
		records[i], sequences[i], err = decodeSlot(b)
		if errors.Is(err, errNewer) {
			return fmt.Errorf("%s: %w", f.path, err)
		}
		if err != nil {
			return f.damage("slot %d is damaged: %w", i, err)
		}
		if sequences[i]%2 != uint64(i) {
			return f.damage("slot %d holds the other slot's record", i)
		}
	}
	newest := 0
	if sequences[1] > sequences[0] {
		newest = 1
	}
	if sequences[newest]-sequences[1-newest] != 1 {
		return f.damage("slots hold the writes %d and %d, which do not follow each other", sequences[0], sequences[1])
	}
	f.record.Store(&records[newest])
	f.mu.sequence = sequences[newest]
	return nil
}

// ErrDamaged is in the chain of the errors of [Open] for a file that is no longer whole.
var ErrDamaged = errors.New("the epochs file is damaged, and with it what this server promised to the ensemble")

func (f *File) damage(format string, args ...any) error {
	return fmt.Errorf("%s: %w (%w). Restore the data directory as a whole, or start with an empty one: "+
		"the server then comes back as a new member and takes everything from the leader",
		f.path, ErrDamaged, fmt.Errorf(format, args...))
}

// Get returns the durable record. It does not wait for one that is being written.
func (f *File) Get() Record { return *f.record.Load() }

// Set makes r the record; when it returns nil, r is durable. It refuses a record
// that lowers either epoch, that has a current epoch above the accepted one, or
// that gives an accepted epoch to another leader or incarnation than before. After a failed
// write or sync every further call fails: see [ErrPoisoned].
func (f *File) Set(r Record) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	old := f.Get()
	switch {
	case r.Accepted < old.Accepted:
		return fmt.Errorf("the accepted epoch cannot go back from %d to %d", old.Accepted, r.Accepted)
	case r.Current < old.Current:
		return fmt.Errorf("the current epoch cannot go back from %d to %d", old.Current, r.Current)
	case r.Accepted == old.Accepted && (r.From != old.From || r.Incarnation != old.Incarnation):
		return fmt.Errorf("epoch %d was accepted from server %d (incarnation %016x) and cannot be given to server %d (incarnation %016x)",
			r.Accepted, old.From, old.Incarnation, r.From, r.Incarnation)
	}
	return f.write(r)
}

// Lower makes r the record even where it goes back. Only an observer may do
// this, when the leader tells it that it is ahead (DESIGN P5): it counts in
// nothing, so that nobody relies on its promises.
func (f *File) Lower(r Record) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.write(r)
}

// write makes r durable, then the record in memory: an error leaves memory as
// it was (ZOOKEEPER-2307). The caller holds mu.
func (f *File) write(r Record) error {
	if f.mu.failed != nil {
		return f.mu.failed
	}
	if err := r.validate(); err != nil {
		return err
	}
	if r == f.Get() {
		return nil
	}
	sequence := f.mu.sequence + 1
	if err := f.put(r, sequence); err != nil {
		f.mu.failed = fmt.Errorf("%s: %w (%w)", f.path, ErrPoisoned, err)
		return fmt.Errorf("writing %s: %w", f.path, err)
	}
	f.record.Store(&r)
	f.mu.sequence = sequence
	return nil
}

// put writes r to its slot and syncs it. The caller holds mu, or has f to itself.
func (f *File) put(r Record, sequence uint64) error {
	if _, err := f.mu.file.WriteAt(encodeSlot(r, sequence), int64(sequence%2)*slotStride); err != nil {
		return err
	}
	return f.mu.file.Sync()
}

// Close closes the file; the record stays readable.
func (f *File) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.mu.failed == nil {
		f.mu.failed = fmt.Errorf("%s is closed", f.path)
	}
	return f.mu.file.Close()
}
