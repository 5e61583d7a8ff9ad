package main

import (
	"context"
	"errors"
	"time"

	"github.com/spf13/cobra"

	"github.com/quorate/quorate/client"
	"github.com/quorate/quorate/cmd/quorate/internal/acl"
	"github.com/quorate/quorate/cmd/quorate/internal/cli"
	"github.com/quorate/quorate/cmd/quorate/internal/outcome"
	"github.com/quorate/quorate/cmd/quorate/internal/parents"
	apiv1 "github.com/quorate/quorate/gen/quorate/api/v1"
)

func createCommand(console *cli.Console) *cobra.Command {
	var (
		file, aces                        string
		sequential, container, andParents bool
		ttl                               time.Duration
	)
	cmd := &cobra.Command{
		Use:   "create PATH [DATA|-]",
		Short: "Create a node",
		Long: `Create a node and print its path.

DATA is its content, - reads it from standard input. Without any the content is null,
which is not the same as empty ("").`,
		Example: "  quorate create /app/leader host7\n  quorate create -p --sequential /app/jobs/job- 42\n  quorate create /app/lock --ttl 1h --acl world:anyone:r,digest:ann:HASH:rwcda",
		Args:    cobra.RangeArgs(1, 2),
	}
	flags := cli.Bind(console, cmd.Flags())
	cmd.Flags().StringVar(&file, "file", "", "read the content from a `file`")
	cmd.Flags().BoolVar(&sequential, "sequential", false, "add a number of ten digits, greater than all before")
	cmd.Flags().BoolVar(&container, "container", false, "delete the node some time after its last child went")
	cmd.Flags().DurationVar(&ttl, "ttl", 0, "delete the node when it has no children and was not changed for this long")
	cmd.Flags().BoolVarP(&andParents, "parents", "p", false, "create the missing parents, too, with null content")
	cmd.Flags().StringVar(&aces, "acl", "", "who may do what, `scheme:id:perms[,…]`, perms of rwcda (default everybody everything)")
	cmd.MarkFlagsMutuallyExclusive("container", "ttl")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		data, err := console.ReadValue(args[1:], file)
		if err != nil {
			return err
		}
		list, err := acl.Parse(aces)
		if err != nil {
			return outcome.With(outcome.Usage, err)
		}
		r := &apiv1.CreateRequest{Path: args[0], Data: data, Acl: list, Sequential: sequential}
		if cmd.Flags().Changed("ttl") {
			if ttl < time.Millisecond {
				return outcome.Usagef("--ttl %s: want at least 1ms", ttl)
			}
			r.Kind, r.TtlMs = apiv1.NodeKind_NODE_KIND_TTL, ttl.Milliseconds()
		}
		if container {
			r.Kind = apiv1.NodeKind_NODE_KIND_CONTAINER
		}
		return flags.Run(func(s *cli.Session) error { return create(cmd.Context(), s, r, andParents) })
	}
	return cmd
}

func create(ctx context.Context, s *cli.Session, r *apiv1.CreateRequest, andParents bool) error {
	reply, err := cli.Call(ctx, s, s.Client.Keeper().Create, r)
	if andParents && errors.Is(err, client.ErrNoParent) {
		err = parents.Create(ctx, r.GetPath(), func(ctx context.Context, parent *apiv1.CreateRequest) error {
			_, err := cli.Call(ctx, s, s.Client.Keeper().Create, parent)
			return err
		})
		if err == nil {
			reply, err = cli.Call(ctx, s, s.Client.Keeper().Create, r)
		}
	}
	if err != nil {
		return err
	}
	return s.Print.Changed(reply.GetPath(), reply.GetZxid(), reply.GetStat())
}
