package sweep

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/quorate/quorate/client"
	"github.com/quorate/quorate/cmd/quorate/internal/listing"
	"github.com/quorate/quorate/cmd/quorate/internal/retry"
	apiv1 "github.com/quorate/quorate/gen/quorate/api/v1"
)

const (
	// batch is how many nodes one Multi deletes.
	batch = 64
	// rounds is how often a subtree is listed anew because others created nodes in it meanwhile.
	rounds = 10
)

// Sweeper deletes nodes.
type Sweeper struct {
	Keeper apiv1.KeeperClient
	// Timeout bounds one request; above 0.
	Timeout time.Duration
	// Retry says how long to try again while the servers are away.
	Retry time.Duration
	// Deleted, if set, is told how many nodes went.
	Deleted func(n int)
}

// Subtree deletes a node and all nodes below it. That it does not exist is
// [client.ErrNoNode]; that it goes away meanwhile is not an error. Where others keep creating nodes below it, it
// gives up with [client.ErrNotEmpty] after some rounds.
func (s *Sweeper) Subtree(ctx context.Context, root string) error {
	var err error
	for range rounds {
		paths, listErr := s.below(ctx, root)
		if listErr != nil {
			if err != nil && errors.Is(listErr, client.ErrNoNode) {
				return nil // somebody else finished it
			}
			return listErr
		}
		if err = s.Paths(ctx, append([]string{root}, paths...)); !errors.Is(err, client.ErrNotEmpty) {
			return err
		}
	}
	return err
}

// Paths deletes nodes given parents first, in reverse. Those that are gone already are passed over.
func (s *Sweeper) Paths(ctx context.Context, paths []string) error {
	paths = slices.Clone(paths)
	slices.Reverse(paths)
	for part := range slices.Chunk(paths, batch) {
		if err := s.batch(ctx, part); err != nil {
			return err
		}
	}
	return nil
}

func (s *Sweeper) policy() retry.Policy { return retry.Policy{For: s.Retry, Each: s.Timeout} }

func (s *Sweeper) below(ctx context.Context, root string) ([]string, error) {
	var paths []string
	err := retry.Policy{For: s.Retry}.Do(ctx, func(ctx context.Context) error {
		paths = nil
		r := &apiv1.ListRequest{Path: root, Recursive: true}
		return listing.Each(ctx, s.Keeper, r, s.Timeout, func(piece *apiv1.ListResponse) error {
			for _, e := range piece.GetEntries() {
				paths = append(paths, listing.Join(root, e.GetName()))
			}
			return nil
		})
	})
	return paths, err
}

// batch deletes some nodes at once; if that is refused, one by one.
func (s *Sweeper) batch(ctx context.Context, paths []string) error {
	r := &apiv1.MultiRequest{}
	for _, p := range paths {
		r.Ops = append(r.Ops, &apiv1.MultiOp{Op: &apiv1.MultiOp_Delete{Delete: &apiv1.DeleteRequest{Path: p}}})
	}
	err := s.policy().Do(ctx, func(ctx context.Context) error {
		_, err := s.Keeper.Multi(ctx, r)
		return err
	})
	if err == nil {
		s.deleted(len(paths))
		return nil
	}
	if ctx.Err() != nil || retry.Temporary(err) {
		return err
	}
	return s.oneByOne(ctx, paths)
}

func (s *Sweeper) oneByOne(ctx context.Context, paths []string) error {
	for _, p := range paths {
		err := s.policy().Do(ctx, func(ctx context.Context) error {
			_, err := s.Keeper.Delete(ctx, &apiv1.DeleteRequest{Path: p})
			return err
		})
		switch {
		case err == nil:
			s.deleted(1)
		case !errors.Is(err, client.ErrNoNode):
			return err
		}
	}
	return nil
}

func (s *Sweeper) deleted(n int) {
	if s.Deleted != nil {
		s.Deleted(n)
	}
}
