package listing

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/quorate/quorate/client"
	apiv1 "github.com/quorate/quorate/gen/quorate/api/v1"
)

// Each makes a List and calls do for each piece, in order, until the end, an error, or an error of do.
// A server that sends nothing for longer than idle ends it with [client.ErrTimeout]; the time do takes
// does not count.
func Each(ctx context.Context, keeper apiv1.KeeperClient, r *apiv1.ListRequest, idle time.Duration, do func(*apiv1.ListResponse) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	silence := time.AfterFunc(idle, func() { cancel(client.ErrTimeout) })
	defer silence.Stop()

	stream, err := keeper.List(ctx, r)
	for err == nil {
		var piece *apiv1.ListResponse
		if piece, err = stream.Recv(); err != nil {
			break
		}
		silence.Stop()
		if err := do(piece); err != nil {
			return err
		}
		silence.Reset(idle)
	}
	if errors.Is(err, io.EOF) {
		return nil
	}
	if errors.Is(context.Cause(ctx), client.ErrTimeout) {
		return client.ErrTimeout
	}
	return err
}

// Join returns the path of a node with a name relative to root.
func Join(root, name string) string {
	if root == "/" {
		return "/" + name
	}
	return root + "/" + name
}
