package transfer

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
)

// item is a node to be: a file or a directory on disk.
type item struct {
	// rel is its path relative to the root, with slashes; empty for the root itself.
	rel string
	// file holds its data; empty for null data.
	file string
	// size is the file's size when it was listed, in bytes.
	size int64
	// leave: if the node exists, its data stays as it is.
	leave bool
}

// plan is what an import has to bring about.
type plan struct {
	// levels are the directories by depth: a level's parents stand in the one before.
	levels [][]item
	// files are the files, in the order of the walk.
	files []item
	// known are the relative paths of all items, so that deletion knows what to leave.
	known map[string]bool
	bytes int64
}

// CheckSource tells whether dir is a directory that can be read.
func CheckSource(dir string) error {
	info, err := os.Stat(dir)
	if err != nil {
		return err
	}
	if !info.IsDir() {
		return fmt.Errorf("%s is not a directory", dir)
	}
	_, err = os.ReadDir(dir)
	return err
}

// walker lists a directory into a plan.
type walker struct {
	ctx      context.Context
	plan     *plan
	tally    *tally
	maxValue int64
	follow   bool
	// atRoot: the tree's own root is the target, where the server's nodes are.
	atRoot bool
}

func (w *walker) walk(dir string) error {
	info, err := os.Stat(dir)
	if err != nil {
		return err
	}
	return w.dir(dir, "", []fs.FileInfo{info})
}

// dir adds a directory and what is below it; ancestors are the directories above and itself.
func (w *walker) dir(dir, rel string, ancestors []fs.FileInfo) error {
	if err := w.ctx.Err(); err != nil {
		return err
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		w.tally.skip(rel, dir, "it cannot be read: "+err.Error())
		return nil
	}
	self := item{rel: rel, leave: rel == "" && w.atRoot}
	level := len(ancestors) - 1
	var deeper []func() error
	for _, e := range entries {
		file := filepath.Join(dir, e.Name())
		info, why := w.inspect(file, e, ancestors)
		switch name := join(rel, e.Name()); {
		case e.Name() == DataFile && why == "" && info.Mode().IsRegular():
			self.file, self.size, self.leave = file, info.Size(), false
		case rel == "" && e.Name() == tempDir:
			// left by an export that was killed: no part of the content
		case why != "":
			self.leave = self.leave || e.Name() == DataFile
			w.tally.skip(name, file, why)
			w.plan.known[name] = true
		case info.IsDir():
			deeper = append(deeper, func() error { return w.dir(file, name, append(slices.Clip(ancestors), info)) })
		default:
			w.add(item{rel: name, file: file, size: info.Size()})
		}
	}
	w.addDir(self, level)
	for _, descend := range deeper {
		if err := descend(); err != nil {
			return err
		}
	}
	return nil
}

func (w *walker) add(it item) {
	w.plan.files = append(w.plan.files, it)
	w.plan.known[it.rel] = true
	w.plan.bytes += it.size
}

func (w *walker) addDir(it item, level int) {
	for len(w.plan.levels) <= level {
		w.plan.levels = append(w.plan.levels, nil)
	}
	w.plan.levels[level] = append(w.plan.levels[level], it)
	w.plan.known[it.rel] = true
	w.plan.bytes += it.size
}

// inspect returns what a directory entry is, or why it is to be passed over.
func (w *walker) inspect(file string, e fs.DirEntry, ancestors []fs.FileInfo) (fs.FileInfo, string) {
	if why := illegalName(e.Name()); why != "" {
		return nil, why
	}
	info, err := e.Info()
	if err == nil && info.Mode()&fs.ModeSymlink != 0 {
		if !w.follow {
			return nil, "it is a symbolic link (--follow takes what it points to)"
		}
		info, err = os.Stat(file)
	}
	switch {
	case err != nil:
		return nil, "it cannot be read: " + err.Error()
	case info.IsDir():
		return info, w.inspectDir(e.Name(), info, ancestors)
	case !info.Mode().IsRegular():
		return nil, "it is neither a file nor a directory"
	case info.Size() > w.maxValue:
		return nil, tooLarge(info.Size(), w.maxValue)
	}
	return info, ""
}

func (w *walker) inspectDir(name string, info fs.FileInfo, ancestors []fs.FileInfo) string {
	if w.atRoot && len(ancestors) == 1 && name == reserved {
		return "/" + reserved + " is the server's own"
	}
	for _, a := range ancestors {
		if os.SameFile(a, info) {
			return "it is a link to a directory it lies in"
		}
	}
	return ""
}

func tooLarge(size, limit int64) string {
	return fmt.Sprintf("it has %d bytes, the limit is %d (--max-value)", size, limit)
}

// join returns the relative path of a child.
func join(rel, name string) string {
	if rel == "" {
		return name
	}
	return rel + "/" + name
}
