package listing

import (
	"context"
	"time"

	"github.com/quorate/quorate/cmd/quorate/internal/render"
	apiv1 "github.com/quorate/quorate/gen/quorate/api/v1"
)

// Print makes a List and prints its nodes as they come: names of children, or with
// a recursive request absolute paths.
func Print(ctx context.Context, keeper apiv1.KeeperClient, r *apiv1.ListRequest, idle time.Duration, p render.Printer) error {
	long := r.GetView() == apiv1.ListView_LIST_VIEW_STATS
	return Each(ctx, keeper, r, idle, func(piece *apiv1.ListResponse) error {
		if long && piece.GetStat() != nil { // the first piece
			if err := p.EntryHeader(); err != nil {
				return err
			}
		}
		for _, e := range piece.GetEntries() {
			name := e.GetName()
			if r.GetRecursive() {
				name = Join(r.GetPath(), name)
			}
			if err := p.Entry(name, e.GetStat()); err != nil {
				return err
			}
		}
		return nil
	})
}
