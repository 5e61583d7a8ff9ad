package parents

import (
	"context"
	"errors"

	"github.com/quorate/quorate/client"
	apiv1 "github.com/quorate/quorate/gen/quorate/api/v1"
)

// Of returns the paths above path, the highest first, the tree's root left out.
func Of(path string) []string {
	var above []string
	for i := 1; i < len(path); i++ {
		if path[i] == '/' {
			above = append(above, path[:i])
		}
	}
	return above
}

// Create creates the missing nodes above path, with null data. It goes upwards first, and only as far as
// it must: whoever may not create at the top can still create below what exists.
func Create(ctx context.Context, path string, create func(context.Context, *apiv1.CreateRequest) error) error {
	above := Of(path)
	first := len(above)
	for first > 0 {
		err := create(ctx, &apiv1.CreateRequest{Path: above[first-1]})
		if err == nil || errors.Is(err, client.ErrNodeExists) {
			break
		}
		if !errors.Is(err, client.ErrNoParent) {
			return err
		}
		first--
	}
	for _, p := range above[min(first, len(above)):] {
		if err := create(ctx, &apiv1.CreateRequest{Path: p}); err != nil && !errors.Is(err, client.ErrNodeExists) {
			return err
		}
	}
	return nil
}
