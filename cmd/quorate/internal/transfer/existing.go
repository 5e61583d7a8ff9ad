package transfer

import (
	"context"
	"crypto/sha256"
	"errors"
	"strings"

	"github.com/quorate/quorate/client"
	"github.com/quorate/quorate/cmd/quorate/internal/listing"
	"github.com/quorate/quorate/cmd/quorate/internal/retry"
	apiv1 "github.com/quorate/quorate/gen/quorate/api/v1"
)

// held is a fingerprint of a node's data: enough to tell whether a file differs without holding it.
type held struct {
	null bool
	sum  [sha256.Size]byte
}

func fingerprint(data []byte) held {
	if data == nil {
		return held{null: true}
	}
	return held{sum: sha256.Sum256(data)}
}

// existing is the subtree as it is.
type existing struct {
	// nodes are the fingerprints by relative path; the root's is under "".
	nodes map[string]held
	// order are the relative paths, parents first, the root left out.
	order []string
}

// each makes a request until it succeeds or the endpoint's patience ends.
func (p *Endpoint) each(ctx context.Context, try func(context.Context) error) error {
	return retry.Policy{For: p.Retry, Each: p.Timeout, Waiting: p.Events.Waiting}.Do(ctx, try)
}

// look reads the subtree at root; it is empty if there is none.
func (p *Endpoint) look(ctx context.Context) (*existing, error) {
	err := p.each(ctx, func(ctx context.Context) error { // what was written before must be seen
		_, err := p.Keeper.Sync(ctx, &apiv1.SyncRequest{})
		return err
	})
	if err != nil {
		return nil, err
	}
	var root *apiv1.GetResponse
	err = p.each(ctx, func(ctx context.Context) (err error) {
		root, err = p.Keeper.Get(ctx, &apiv1.GetRequest{Path: p.Root})
		return err
	})
	if errors.Is(err, client.ErrNoNode) {
		return &existing{}, nil
	}
	if err != nil {
		return nil, err
	}
	var found *existing
	err = retry.Policy{For: p.Retry, Waiting: p.Events.Waiting}.Do(ctx, func(ctx context.Context) error {
		found = &existing{nodes: map[string]held{"": fingerprint(root.Data)}}
		return listing.Each(ctx, p.Keeper, p.listing(), p.Timeout, func(piece *apiv1.ListResponse) error {
			for _, e := range piece.GetEntries() {
				p.note(found, e)
			}
			return nil
		})
	})
	return found, err
}

func (p *Endpoint) listing() *apiv1.ListRequest {
	return &apiv1.ListRequest{Path: p.Root, View: apiv1.ListView_LIST_VIEW_DATA, Recursive: true}
}

func (p *Endpoint) note(found *existing, e *apiv1.Entry) {
	if p.isReserved(e.GetName()) {
		return
	}
	found.nodes[e.GetName()] = fingerprint(e.Data)
	found.order = append(found.order, e.GetName())
}

// isReserved tells whether a relative path is one of the server's own nodes.
func (p *Endpoint) isReserved(rel string) bool {
	return p.Root == "/" && (rel == reserved || strings.HasPrefix(rel, reserved+"/"))
}

// path returns the path of the node for a relative path.
func (p *Endpoint) path(rel string) string {
	if rel == "" {
		return p.Root
	}
	return listing.Join(p.Root, rel)
}
