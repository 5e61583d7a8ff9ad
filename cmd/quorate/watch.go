package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/quorate/quorate/client"
	"github.com/quorate/quorate/cmd/quorate/internal/cli"
	"github.com/quorate/quorate/cmd/quorate/internal/outcome"
	"github.com/quorate/quorate/cmd/quorate/internal/render"
	apiv1 "github.com/quorate/quorate/gen/quorate/api/v1"
)

// watching is what the verb watch was asked for.
type watching struct {
	recursive, data, once bool
	after, types          string
	count                 int
}

func watchCommand(console *cli.Console) *cobra.Command {
	var w watching
	cmd := &cobra.Command{
		Use:   "watch PATH",
		Short: "Print what happens to a node, with -R to all below it, too",
		Long: `Print what there is, marked "snapshot", and then what happens as it happens: a line each with the zxid,
what happened (created, deleted, changed), the path, and with --data the content.

There need not be a node. Nothing is left out and nothing comes twice, also when a server goes and another is asked.
Only if contact was lost for so long that the servers have forgotten what happened meanwhile, that is said and
it begins anew with a snapshot; with --after it ends. Ctrl-C ends it, with exit code 0.`,
		Example: "  quorate watch -R /app\n  quorate watch --once --types deleted /app/lock && start\n  quorate watch -R /app --after 3.141 -o json",
		Args:    cobra.ExactArgs(1),
	}
	flags := cli.Bind(console, cmd.Flags())
	cmd.Flags().BoolVarP(&w.recursive, "recursive", "R", false, "watch all nodes below it, too")
	cmd.Flags().BoolVar(&w.data, "data", false, "print the content the node gets, too")
	cmd.Flags().StringVar(&w.after, "after", "", "begin after this `zxid` instead of with a snapshot")
	cmd.Flags().StringVar(&w.types, "types", "", "only these of created, deleted, changed, `type[,…]` (default all)")
	cmd.Flags().IntVar(&w.count, "count", 0, "end after this `number` of events, the snapshot not counted (default never)")
	cmd.Flags().BoolVar(&w.once, "once", false, "print no snapshot, and end after one event")
	cmd.MarkFlagsMutuallyExclusive("count", "once")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		options, err := w.options()
		if err != nil {
			return outcome.With(outcome.Usage, err)
		}
		if cmd.Flags().Changed("count") && w.count < 1 {
			return outcome.Usagef("--count %d: want 1 or more", w.count)
		}
		return flags.Run(func(s *cli.Session) error { return w.run(cmd.Context(), s, args[0], options) })
	}
	takesPath(console, cmd, flags, 0)
	return cmd
}

// options returns what to ask a server for. Its errors are of usage.
func (w *watching) options() ([]client.WatchOption, error) {
	types, err := render.ParseEventTypes(w.types)
	if err != nil {
		return nil, err
	}
	options := []client.WatchOption{client.Types(types...)}
	if w.recursive {
		options = append(options, client.Recursive())
	}
	if w.data {
		options = append(options, client.WithData())
	}
	if w.after != "" {
		zxid, err := render.ParseZxid(w.after)
		if err != nil {
			return nil, fmt.Errorf("--after: %w", err)
		}
		options = append(options, client.After(zxid))
	}
	if w.once {
		w.count = 1
	}
	return options, nil
}

// run watches until it is told to end, or all that was asked for has come.
func (w *watching) run(ctx context.Context, s *cli.Session, path string, options []client.WatchOption) error {
	// A watch waits for servers as long as it takes: that there are some, and that the path is one, is asked for first.
	if _, err := cli.Call(ctx, s, s.Keeper.Exists, &apiv1.ExistsRequest{Path: path}); err != nil && ctx.Err() == nil {
		return err
	}
	for ctx.Err() == nil {
		err := w.follow(ctx, s, path, options)
		if ctx.Err() != nil {
			return nil
		}
		if !errors.Is(err, client.ErrCompacted) || w.after != "" {
			return err
		}
		if _, err := fmt.Fprintln(s.Err, "quorate: the servers have forgotten what happened meanwhile: beginning anew with a snapshot"); err != nil {
			return err
		}
	}
	return nil
}

// follow prints events. It returns nil when as many have come as were asked for.
func (w *watching) follow(ctx context.Context, s *cli.Session, path string, options []client.WatchOption) error {
	for event, err := range s.Client.Watch(ctx, path, options...) {
		if err != nil {
			return err
		}
		snapshot := event.Type == client.EventSnapshot
		if snapshot && w.once {
			continue
		}
		if err := s.Print.Event(event, w.data); err != nil {
			return err
		}
		if snapshot {
			continue
		}
		if w.count--; w.count == 0 {
			return nil
		}
	}
	return nil
}
