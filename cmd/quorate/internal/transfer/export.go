package transfer

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/quorate/quorate/cmd/quorate/internal/listing"
	"github.com/quorate/quorate/cmd/quorate/internal/retry"
	apiv1 "github.com/quorate/quorate/gen/quorate/api/v1"
)

// Exporter makes a directory like a subtree. Files are written where they are missing or differ;
// others stay unless Delete is set.
type Exporter struct {
	Endpoint

	place place
}

// Run exports. The report is valid also with an error: it then says how far it came.
func (ex *Exporter) Run(ctx context.Context) (Report, error) {
	start := time.Now()
	if err := os.MkdirAll(ex.Dir, 0o777); err != nil {
		return Report{}, err
	}
	dir, err := os.OpenRoot(ex.Dir)
	if err != nil {
		return Report{}, err
	}
	defer func() { _ = dir.Close() }()
	ex.place = place{root: dir, replace: ex.Delete}
	if err := ex.place.prepare(); err != nil {
		return Report{}, err
	}
	defer ex.place.cleanUp()

	var p *pass
	err = retry.Policy{For: ex.Retry, Waiting: ex.Events.Waiting}.Do(ctx, func(ctx context.Context) error {
		p = ex.newPass() // what a pass before this one wrote is found unchanged
		return p.run(ctx)
	})
	if err == nil && ex.Delete {
		err = p.deleteOthers()
	}
	return p.tally.result(start), err
}

// pass is one reading of the whole subtree.
type pass struct {
	*Exporter
	tally *tally
	// seen are the relative paths of what belongs into the directory. Used by the reading goroutine only.
	seen map[string]bool
	// children counts the children of each node that did not come, while the list is read.
	children map[string]int32
	group    *errgroup.Group
}

func (ex *Exporter) newPass() *pass {
	return &pass{Exporter: ex, tally: newTally(ex.Events), seen: map[string]bool{}, children: map[string]int32{}}
}

func (p *pass) run(ctx context.Context) error {
	err := p.each(ctx, func(ctx context.Context) error { // what was written before must be seen
		_, err := p.Keeper.Sync(ctx, &apiv1.SyncRequest{})
		return err
	})
	if err != nil {
		return err
	}
	var root *apiv1.GetResponse
	err = p.each(ctx, func(ctx context.Context) (err error) {
		root, err = p.Keeper.Get(ctx, &apiv1.GetRequest{Path: p.Root})
		return err
	})
	if err != nil {
		return err
	}
	if err := p.rootData(root.Data); err != nil {
		return err
	}
	var limited context.Context
	p.group, limited = errgroup.WithContext(ctx)
	p.group.SetLimit(max(1, p.Parallel))
	err = listing.Each(limited, p.Keeper, p.listing(), p.Timeout, func(piece *apiv1.ListResponse) error {
		return p.piece(limited, piece)
	})
	if writing := p.group.Wait(); writing != nil {
		return writing // the cause, where the stream's own error is only that it was given up
	}
	if err == nil {
		p.reportHidden()
	}
	return err
}

func (p *pass) piece(ctx context.Context, piece *apiv1.ListResponse) error {
	if piece.GetStat() != nil {
		p.children[""] += piece.GetStat().GetNumChildren()
	}
	for _, e := range piece.GetEntries() {
		if err := ctx.Err(); err != nil {
			return err
		}
		p.children[parentOf(e.GetName())]--
		if e.GetStat().GetNumChildren() > 0 {
			p.children[e.GetName()] += e.GetStat().GetNumChildren()
		}
		if p.isReserved(e.GetName()) || p.tally.below(e.GetName()) {
			continue
		}
		if err := p.entry(e); err != nil {
			return err
		}
	}
	return nil
}

// entry puts one node in place: directories at once, since what is in them follows; files by the group.
func (p *pass) entry(e *apiv1.Entry) error {
	rel := e.GetName()
	if why := illegalFile(rel); why != "" {
		p.tally.skip(rel, p.path(rel), why)
		return nil
	}
	p.seen[rel] = true
	if e.Data != nil && e.GetStat().GetNumChildren() == 0 {
		p.file(rel, rel, e.Data)
		return nil
	}
	did, err := p.place.mkdir(rel)
	if err != nil {
		return p.failed(rel, err)
	}
	return p.dirData(rel, e.Data, did)
}

// dirData puts the data of a directory's node in place; null data has no file.
func (p *pass) dirData(rel string, data []byte, did effect) error {
	file := join(rel, DataFile)
	if data != nil {
		p.seen[file] = true
		p.file(rel, file, data)
		return nil
	}
	if err := p.place.remove(file); err != nil {
		return p.failed(rel, err)
	}
	p.tally.done(did, 0)
	return nil
}

func (p *pass) rootData(data []byte) error {
	if p.Root == "/" && len(data) == 0 {
		return nil // the tree's own root says nothing by being empty rather than null
	}
	if data == nil {
		return p.place.remove(DataFile)
	}
	p.seen[DataFile] = true
	did, err := p.place.write(DataFile, data)
	if err == nil {
		p.tally.done(did, len(data))
	}
	return err
}

func (p *pass) file(rel, file string, data []byte) {
	p.group.Go(func() error {
		did, err := p.place.write(file, data)
		if err != nil {
			return p.failed(rel, err)
		}
		p.tally.done(did, len(data))
		return nil
	})
}

// failed passes over what cannot be a file here, and returns every other error.
func (p *pass) failed(rel string, err error) error {
	if why := inTheWay(err); why != "" {
		p.tally.skip(rel, p.path(rel), why)
		return nil
	}
	return err
}

// reportHidden names the nodes whose children did not all come: those without READ permission.
func (p *pass) reportHidden() {
	for rel, missing := range p.children {
		if missing > 0 && !p.isReserved(rel) && !p.tally.below(rel) {
			p.tally.skip(join(rel, "*"), p.path(join(rel, "*")), fmt.Sprintf("%d of its nodes may not be read with this identity", missing))
		}
	}
}

// deleteOthers deletes the files that the subtree does not have, but for what was passed over.
func (p *pass) deleteOthers() error {
	var extra []string
	err := fs.WalkDir(p.place.root.FS(), ".", func(rel string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case rel == ".", p.seen[rel]:
			return nil
		case rel == tempDir:
			return fs.SkipDir
		case !p.tally.below(rel):
			extra = append(extra, rel)
		}
		if d.IsDir() {
			return fs.SkipDir
		}
		return nil
	})
	for _, rel := range extra {
		if err == nil {
			err = p.place.root.RemoveAll(rel)
			p.tally.deleted(1)
		}
	}
	return err
}

// parentOf returns the relative path of a node's parent.
func parentOf(rel string) string {
	if !strings.Contains(rel, "/") {
		return ""
	}
	return path.Dir(rel)
}
