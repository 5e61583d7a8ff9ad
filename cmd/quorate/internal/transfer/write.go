package transfer

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/quorate/quorate/client"
	"github.com/quorate/quorate/cmd/quorate/internal/retry"
	apiv1 "github.com/quorate/quorate/gen/quorate/api/v1"
)

// pending is an item that differs from what is there.
type pending struct {
	item
	path   string
	data   []byte // nil: null
	exists bool
}

// writeSome brings some items about: what differs goes in one Multi, or one by one if that is refused.
func (im *Importer) writeSome(ctx context.Context, items []item) error {
	var todo []pending
	for _, it := range items {
		p, differs, err := im.compare(it)
		if err != nil {
			return err
		}
		if differs {
			todo = append(todo, p)
		}
	}
	if len(todo) > 1 {
		err := im.multi(ctx, todo)
		if err == nil {
			for _, p := range todo {
				im.tally.done(p.effect(), len(p.data))
			}
			return nil
		}
		if ctx.Err() != nil || retry.Temporary(err) {
			return err
		}
	}
	for _, p := range todo {
		if err := im.one(ctx, p); err != nil {
			return err
		}
	}
	return nil
}

func (p *pending) effect() effect {
	if p.exists {
		return updated
	}
	return created
}

// compare reads an item's data and tells whether there is something to do for it.
func (im *Importer) compare(it item) (pending, bool, error) {
	p := pending{item: it, path: im.path(it.rel)}
	if im.tally.below(it.rel) {
		return p, false, nil // a parent was refused, and named
	}
	have, exists := im.have.nodes[it.rel]
	p.exists = exists
	if exists && it.leave {
		im.tally.done(unchanged, 0)
		return p, false, nil
	}
	if it.file != "" {
		data, why := im.read(it.file)
		if why != "" {
			im.tally.skip(it.rel, it.file, why)
			return p, false, nil
		}
		p.data = data
	}
	if exists && have == fingerprint(p.data) {
		im.tally.done(unchanged, len(p.data))
		return p, false, nil
	}
	return p, true, nil
}

// read returns a file's content, never nil, or why it is to be passed over: the file may have changed since the walk.
func (im *Importer) read(file string) ([]byte, string) {
	f, err := os.Open(file)
	if err != nil {
		return nil, "it cannot be read: " + err.Error()
	}
	defer func() { _ = f.Close() }()
	data, err := io.ReadAll(io.LimitReader(f, im.MaxValue+1))
	switch {
	case err != nil:
		return nil, "it cannot be read: " + err.Error()
	case int64(len(data)) > im.MaxValue:
		return nil, tooLarge(int64(len(data)), im.MaxValue)
	case data == nil:
		data = []byte{}
	}
	return data, ""
}

// multi writes several items as one. An unknown outcome is tried again like a lost request: if the
// first had been done, the second is refused, and one by one finds everything in place.
func (im *Importer) multi(ctx context.Context, todo []pending) error {
	r := &apiv1.MultiRequest{}
	for _, p := range todo {
		op := &apiv1.MultiOp{Op: &apiv1.MultiOp_Create{Create: &apiv1.CreateRequest{Path: p.path, Data: p.data}}}
		if p.exists {
			op = &apiv1.MultiOp{Op: &apiv1.MultiOp_Set{Set: &apiv1.SetRequest{Path: p.path, Data: p.data}}}
		}
		r.Ops = append(r.Ops, op)
	}
	return im.each(ctx, func(ctx context.Context) error {
		_, err := im.Keeper.Multi(ctx, r)
		return err
	})
}

// one writes one item and passes it over if it is the item that is refused.
func (im *Importer) one(ctx context.Context, p pending) error {
	var did effect
	err := im.each(ctx, func(ctx context.Context) (err error) {
		did, err = im.ensure(ctx, p)
		return err
	})
	switch {
	case err == nil:
		im.tally.done(did, len(p.data))
		return nil
	case p.rel != "" && (errors.Is(err, client.ErrTooLarge) || errors.Is(err, client.ErrInvalidPath)):
		im.tally.skip(p.rel, p.shown(im.Dir), "the server refuses it: "+err.Error())
		return nil
	}
	return fmt.Errorf("%s: %w", p.shown(im.Dir), err)
}

func (p *pending) shown(dir string) string {
	if p.file != "" {
		return p.file
	}
	return dir + "/" + p.rel
}

// ensure makes one node exist with its data, whatever is there now.
func (im *Importer) ensure(ctx context.Context, p pending) (effect, error) {
	_, err := im.Keeper.Create(ctx, &apiv1.CreateRequest{Path: p.path, Data: p.data})
	if !errors.Is(err, client.ErrNodeExists) {
		return created, err
	}
	now, err := im.Keeper.Get(ctx, &apiv1.GetRequest{Path: p.path})
	if err == nil && (p.leave || (now.Data == nil) == (p.data == nil) && bytes.Equal(now.Data, p.data)) {
		return unchanged, nil
	}
	if err != nil && !errors.Is(err, client.ErrNoAuth) { // who may not read may still write
		return unchanged, err
	}
	_, err = im.Keeper.Set(ctx, &apiv1.SetRequest{Path: p.path, Data: p.data})
	return updated, err
}
