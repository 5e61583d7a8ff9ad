package transfer

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"sync/atomic"
	"syscall"
)

// place writes into one directory and nowhere else: os.Root refuses every path that leads
// out of it, through a symbolic link too.
type place struct {
	root *os.Root
	// replace removes what is in the way of another kind, a file for a directory and the reverse.
	replace bool
	next    atomic.Uint64
}

// errInTheWay: what is there is of another kind.
var errInTheWay = errors.New("in the way")

// prepare removes what an export that was killed left, and makes room for half-written files.
func (p *place) prepare() error {
	p.cleanUp()
	return p.root.Mkdir(tempDir, 0o700)
}

func (p *place) cleanUp() { _ = p.root.RemoveAll(tempDir) } // at worst it is found by the next export

// mkdir makes rel a directory.
func (p *place) mkdir(rel string) (effect, error) {
	err := p.root.Mkdir(rel, 0o777)
	if !errors.Is(err, fs.ErrExist) {
		return created, err
	}
	info, err := p.root.Lstat(rel)
	if err != nil || info.IsDir() {
		return unchanged, err
	}
	if !p.replace {
		return unchanged, fmt.Errorf("%w: a file is where a directory belongs", errInTheWay)
	}
	if err := p.root.Remove(rel); err != nil {
		return unchanged, err
	}
	return updated, p.root.Mkdir(rel, 0o777)
}

// write makes rel a file with the given content, by renaming a complete one into place.
func (p *place) write(rel string, data []byte) (effect, error) {
	did := created
	info, err := p.root.Lstat(rel)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return unchanged, err
	case info.Mode().IsRegular():
		if info.Size() == int64(len(data)) {
			if old, err := p.root.ReadFile(rel); err == nil && bytes.Equal(old, data) {
				return unchanged, nil
			}
		}
		did = updated
	case !p.replace:
		return unchanged, fmt.Errorf("%w: a directory or link is where a file belongs", errInTheWay)
	default:
		did = updated
		if err := p.root.RemoveAll(rel); err != nil {
			return unchanged, err
		}
	}
	temp := tempDir + "/" + strconv.FormatUint(p.next.Add(1), 10)
	if err := p.root.WriteFile(temp, data, 0o666); err != nil {
		return unchanged, err
	}
	if err := p.root.Rename(temp, rel); err != nil {
		return unchanged, errors.Join(err, p.root.Remove(temp))
	}
	return did, nil
}

// remove removes a file if it is there.
func (p *place) remove(rel string) error {
	if err := p.root.Remove(rel); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// inTheWay says why an error concerns one path only; empty if it concerns the whole export.
func inTheWay(err error) string {
	switch {
	case errors.Is(err, errInTheWay):
		return err.Error() + " (--delete replaces it)"
	case errors.Is(err, syscall.ENAMETOOLONG):
		return "its name is too long for a file"
	case errors.Is(err, syscall.EINVAL), errors.Is(err, syscall.EILSEQ):
		return "no file can have its name"
	}
	return ""
}
