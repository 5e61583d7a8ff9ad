package transfer

import (
	"context"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/quorate/quorate/cmd/quorate/internal/parents"
	"github.com/quorate/quorate/cmd/quorate/internal/sweep"
	apiv1 "github.com/quorate/quorate/gen/quorate/api/v1"
)

const (
	// batchOps and batchBytes bound one Multi: enough to share the cost of a commit, and little
	// enough for the server's request limit and for other clients to get a word in.
	batchOps   = 64
	batchBytes = 512 << 10
)

// Importer makes a subtree like a directory. Nodes are created where they are missing and
// set where they differ; others, below the root but not in the directory, stay unless Delete is set.
type Importer struct {
	Endpoint
	// MaxValue is the size in bytes above which a file is passed over.
	MaxValue int64
	// Follow takes what a symbolic link points to; otherwise links are passed over.
	Follow bool

	tally *tally
	have  *existing
}

// Run imports. The report is valid also with an error: it then says how far it came.
func (im *Importer) Run(ctx context.Context) (Report, error) {
	start := time.Now()
	im.tally = newTally(im.Events)
	err := im.run(ctx)
	return im.tally.result(start), err
}

func (im *Importer) run(ctx context.Context) error {
	p := &plan{known: map[string]bool{}}
	w := &walker{ctx: ctx, plan: p, tally: im.tally, maxValue: im.MaxValue, follow: im.Follow, atRoot: im.Root == "/"}
	if err := w.walk(im.Dir); err != nil {
		return err
	}
	if im.Events.Planned != nil {
		items := len(p.files)
		for _, level := range p.levels {
			items += len(level)
		}
		im.Events.Planned(int64(items), p.bytes)
	}
	var err error
	if im.have, err = im.look(ctx); err != nil {
		return err
	}
	if im.have.nodes == nil {
		if err := im.makeParents(ctx); err != nil {
			return err
		}
	}
	for _, level := range append(p.levels, p.files) {
		if err := im.writeAll(ctx, level); err != nil {
			return err
		}
	}
	if im.Delete {
		return im.deleteOthers(ctx, p)
	}
	return nil
}

// makeParents creates the nodes above the root that are missing.
func (im *Importer) makeParents(ctx context.Context) error {
	return parents.Create(ctx, im.Root, func(ctx context.Context, r *apiv1.CreateRequest) error {
		return im.each(ctx, func(ctx context.Context) error {
			_, err := im.Keeper.Create(ctx, r)
			return err
		})
	})
}

// writeAll brings items about that do not depend on each other, in parallel.
func (im *Importer) writeAll(ctx context.Context, items []item) error {
	g, working := errgroup.WithContext(ctx)
	g.SetLimit(max(1, im.Parallel))
	for len(items) > 0 && working.Err() == nil {
		n := batchLength(items)
		part := items[:n]
		items = items[n:]
		g.Go(func() error { return im.writeSome(working, part) })
	}
	if err := g.Wait(); err != nil {
		return err
	}
	return ctx.Err()
}

// batchLength returns how many of the items go into one Multi; at least one.
func batchLength(items []item) int {
	bytes := int64(0)
	for i, it := range items {
		bytes += it.size + int64(len(it.rel))
		if i > 0 && (i == batchOps || bytes > batchBytes) {
			return i
		}
	}
	return len(items)
}

// deleteOthers deletes the nodes that the directory does not have, but for what was passed over.
func (im *Importer) deleteOthers(ctx context.Context, p *plan) error {
	var paths []string
	for _, rel := range im.have.order {
		if !p.known[rel] && !im.tally.below(rel) {
			paths = append(paths, im.path(rel))
		}
	}
	s := sweep.Sweeper{Keeper: im.Keeper, Timeout: im.Timeout, Retry: im.Retry, Deleted: im.tally.deleted}
	return s.Paths(ctx, paths)
}
