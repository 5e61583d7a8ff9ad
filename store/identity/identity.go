package identity

import (
	"errors"
	"fmt"
	"path"

	"github.com/quorate/quorate/store/txn"
	"github.com/quorate/quorate/store/vfs"
)

// Record is the identity of a data directory.
type Record struct {
	// Server is the server it belongs to.
	Server txn.ServerID
	// Storage is the random number drawn when the directory was created, or when
	// it could no longer vouch for what it had acknowledged; never 0.
	Storage txn.StorageID
	// Ensemble is the ensemble it belongs to; 0 before it has joined one.
	Ensemble txn.EnsembleID
}

func (r Record) validate() error {
	switch {
	case !r.Server.Valid():
		return fmt.Errorf("server id %d is not between %d and %d", r.Server, txn.MinServerID, txn.MaxServerID)
	case r.Storage == 0:
		return errors.New("it has no storage identity")
	}
	return nil
}

// ErrMissing is returned by [Read] if there is no identity file.
var ErrMissing = errors.New("there is no identity file")

// ErrDamaged is in the chain of the error of [Read] for a file that cannot be read as an identity.
var ErrDamaged = errors.New("the identity file cannot be used")

// Read returns the record in the file and makes it durable, so that nothing is
// reported that a power cut could take back. The errors besides the file system's
// are [ErrMissing] and [ErrDamaged].
func Read(fs vfs.FS, name string) (Record, error) {
	b, err := vfs.ReadFile(fs, name, maxSize+1)
	if errors.Is(err, vfs.ErrNotExist) {
		return Record{}, fmt.Errorf("%s: %w", name, ErrMissing)
	}
	if err != nil {
		return Record{}, fmt.Errorf("reading %s: %w", name, err)
	}
	r, err := decode(b)
	if err != nil {
		return Record{}, fmt.Errorf("%s: %w: %w. Restore the file, or start with an empty data directory: "+
			"the server then comes back as a new member and takes everything from the leader", name, ErrDamaged, err)
	}
	if err := fs.SyncDir(path.Dir(name)); err != nil {
		return Record{}, fmt.Errorf("syncing the directory of %s: %w", name, err)
	}
	return r, nil
}

// Write replaces the file with r, durably: after a crash it holds the old
// record or r, and after a return without error r. A record without a valid server or without a storage
// identity is refused.
func Write(fs vfs.FS, name string, r Record) error {
	if err := r.validate(); err != nil {
		return err
	}
	if err := vfs.WriteFile(fs, name, encode(r)); err != nil {
		return fmt.Errorf("writing %s: %w", name, err)
	}
	return nil
}

// Check returns nil if a directory with this record may be used by a server of an
// ensemble, or a sentence that says why not. An ensemble of 0 is not compared.
func (r Record) Check(dir string, server txn.ServerID, ensemble txn.EnsembleID) error {
	if r.Server != server {
		return fmt.Errorf("the data directory %s belongs to server %d, not %d: "+
			"give this server its own directory, or start it with id %d", dir, r.Server, server, r.Server)
	}
	if r.Ensemble != 0 && ensemble != 0 && r.Ensemble != ensemble {
		return fmt.Errorf("the data directory %s belongs to ensemble %s, not %s: "+
			"give this server a directory of its own ensemble, or an empty one", dir, r.Ensemble, ensemble)
	}
	return nil
}

// Draw returns a number from random that is not 0 and not old: a new storage
// identity or ensemble id must be told from the one before.
func Draw(random func() uint64, old uint64) uint64 {
	for {
		if n := random(); n != 0 && n != old {
			return n
		}
	}
}
