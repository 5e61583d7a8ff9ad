package snap

import (
	"errors"
	"fmt"

	"github.com/quorate/quorate/store/tree"
	"github.com/quorate/quorate/store/txn"
	"github.com/quorate/quorate/store/vfs"
)

// Installer takes a snapshot that another server sends, chunk by chunk as it
// comes: each is put into a tree and written to a file. It holds one chunk in memory besides the tree. It is not
// safe for concurrent use, and there must be at most one per directory. It ends with
// [Installer.Commit] or [Installer.Abort].
type Installer struct {
	w    *writer
	tree *tree.Loader
	done bool
}

// NewInstaller begins to install the snapshot at a zxid into a directory.
func NewInstaller(fs vfs.FS, dir string, z txn.Zxid) (*Installer, error) {
	if z == 0 {
		return nil, errors.New("a snapshot at zxid 0.0 holds nothing and is not installed")
	}
	o := Options{}
	o.fill()
	w, err := newWriter(fs, dir, header{zxid: z, network: true}, ".net"+suffix, o.SyncEvery)
	if err != nil {
		return nil, err
	}
	return &Installer{w: w, tree: tree.NewLoader()}, nil
}

// Add takes the next chunk, not compressed, as tree.Version.Chunks makes them.
// The chunk is not kept. After an error only Abort is of use; one with [ErrInvalid] in its chain is the
// snapshot's fault.
func (i *Installer) Add(chunk []byte) error {
	if err := i.w.add(chunk); err != nil {
		return err
	}
	if err := i.tree.Add(chunk); err != nil {
		return invalid("%w", err)
	}
	return nil
}

// Commit closes the file, checks the tree that came out as [Load] does, and
// makes the file durable under its final name. It does not read it back: what it would read is the system's
// memory, not the disk. After an error the directory is as it
// was before, save for an error of the last step, the sync of the directory.
func (i *Installer) Commit() (*tree.Version, Info, error) {
	if i.done {
		return nil, Info{}, errors.New("the installation has ended already")
	}
	i.done = true
	v, err := i.verify()
	if err != nil {
		return nil, Info{}, errors.Join(err, i.w.abort())
	}
	info, err := i.w.publish()
	if err != nil {
		return nil, Info{}, err
	}
	return v, info, nil
}

func (i *Installer) verify() (*tree.Version, error) {
	if err := i.w.finish(); err != nil {
		return nil, err
	}
	v, _, err := finish(i.tree, i.w.counts.info(i.w.tmp, i.w.header, i.w.size))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", i.w.tmp, err)
	}
	return v, nil
}

// Abort removes what was written. After Commit it does nothing.
func (i *Installer) Abort() error {
	if i.done {
		return nil
	}
	i.done = true
	return i.w.abort()
}
