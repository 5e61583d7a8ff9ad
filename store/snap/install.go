package snap

import (
	"errors"
	"fmt"

	"github.com/quorate/quorate/store/tree"
	"github.com/quorate/quorate/store/txn"
	"github.com/quorate/quorate/store/vfs"
)

// Installer writes a snapshot that another server sends, chunk by chunk as it
// comes. It holds one chunk in memory. It is not safe for concurrent use, and
// there must be at most one per directory. It ends with [Installer.Commit] or [Installer.Abort].
type Installer struct {
	w    *writer
	done bool
	read func(bytes int)
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
	return &Installer{w: w, read: func(int) {}}, nil
}

// OnRead has read called by Commit as it reads the file back, with the size of each chunk as it
// was added: a large snapshot takes a while, and somebody may want to know that it comes forward.
func (i *Installer) OnRead(read func(bytes int)) { i.read = read }

// Add writes the next chunk, not compressed, as tree.Version.Chunks makes them.
// The chunk is not kept. After an error only Abort is of use.
func (i *Installer) Add(chunk []byte) error { return i.w.add(chunk) }

// Commit closes the file, reads all of it back, checks it as [Load] does, and
// makes it durable under its final name. After an error the directory is as it
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
	v, _, err := load(i.w.fs, i.w.tmp, i.read)
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
