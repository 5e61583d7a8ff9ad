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
		n    newNode
		file string
		hold bool
	)
	cmd := &cobra.Command{
		Use:   "create PATH [DATA|-]",
		Short: "Create a node",
		Long: `Create a node and print its path.

DATA is its content, - reads it from standard input. Without any the content is null,
which is not the same as empty ("").

An ephemeral node lives as long as the session that creates it. This command has one only with --hold: it goes on
until Ctrl-C, and the node goes with it. In ` + "`quorate shell`" + ` it lives as long as the shell.`,
		Example: "  quorate create /app/leader host7\n  quorate create -p --sequential /app/jobs/job- 42\n  quorate create /app/lock --ttl 1h --acl world:anyone:r,digest:ann:HASH:rwcda",
		Args:    cobra.RangeArgs(1, 2),
	}
	flags := cli.Bind(console, cmd.Flags())
	cmd.Flags().StringVar(&file, "file", "", "read the content from a `file`")
	n.bind(cmd)
	timeout := cli.BindSession(cmd.Flags())
	if console.Shell == nil {
		cmd.Flags().BoolVar(&hold, "hold", false, "hold an ephemeral node until Ctrl-C")
	}
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		data, err := console.ReadValue(args[1:], file)
		if err != nil {
			return err
		}
		r, err := n.request(cmd, args[0], data)
		if err != nil {
			return err
		}
		switch {
		case hold && !n.ephemeral:
			return outcome.Usagef("--hold is for a node that is --ephemeral: this one stays by itself")
		case n.ephemeral && !hold && console.Shell == nil:
			return outcome.Usagef("--ephemeral: the node would go with this command's end\n  keep it until Ctrl-C with --hold, or create it in `quorate shell`")
		}
		return flags.Run(func(s *cli.Session) error {
			if !hold {
				return create(cmd.Context(), s, r, n.parents)
			}
			return createAndHold(cmd.Context(), s, *timeout, r, n.parents)
		})
	}
	takesPath(console, cmd, flags, 0)
	return cmd
}

// newNode is what kind of node the flags ask for.
type newNode struct {
	sequential, ephemeral, container, parents bool

	ttl  time.Duration
	aces string
}

func (n *newNode) bind(cmd *cobra.Command) {
	f := cmd.Flags()
	f.BoolVarP(&n.sequential, "sequential", "s", false, "add a number of ten digits, greater than all before")
	f.BoolVarP(&n.ephemeral, "ephemeral", "e", false, "delete the node when the session ends, see above")
	f.BoolVar(&n.container, "container", false, "delete the node some time after its last child went")
	f.DurationVar(&n.ttl, "ttl", 0, "delete the node when it has no children and was not changed for this long")
	f.BoolVarP(&n.parents, "parents", "p", false, "create the missing parents, too, with null content")
	f.StringVar(&n.aces, "acl", "", "who may do what, `scheme:id:perms[,…]`, perms of rwcda (default everybody everything)")
	cmd.MarkFlagsMutuallyExclusive("container", "ttl", "ephemeral")
}

// request returns what to ask a server for. Its errors are of usage.
func (n *newNode) request(cmd *cobra.Command, path string, data []byte) (*apiv1.CreateRequest, error) {
	list, err := acl.Parse(n.aces)
	if err != nil {
		return nil, outcome.With(outcome.Usage, err)
	}
	r := &apiv1.CreateRequest{Path: path, Data: data, Acl: list, Sequential: n.sequential}
	switch {
	case cmd.Flags().Changed("ttl") && n.ttl < time.Millisecond:
		return nil, outcome.Usagef("--ttl %s: want at least 1ms", n.ttl)
	case cmd.Flags().Changed("ttl"):
		r.Kind, r.TtlMs = apiv1.NodeKind_NODE_KIND_TTL, n.ttl.Milliseconds()
	case n.container:
		r.Kind = apiv1.NodeKind_NODE_KIND_CONTAINER
	case n.ephemeral:
		r.Kind = apiv1.NodeKind_NODE_KIND_EPHEMERAL
	}
	return r, nil
}

// createAndHold creates an ephemeral node and keeps it until ctx ends.
func createAndHold(ctx context.Context, s *cli.Session, timeout time.Duration, r *apiv1.CreateRequest, andParents bool) error {
	return s.Within(ctx, timeout, func(s *cli.Session, own *client.Session) error {
		if err := create(ctx, s, r, andParents); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-own.Done():
			return own.Err()
		}
	})
}

func create(ctx context.Context, s *cli.Session, r *apiv1.CreateRequest, andParents bool) error {
	reply, err := cli.Call(ctx, s, s.Keeper.Create, r)
	if andParents && errors.Is(err, client.ErrNoParent) {
		err = parents.Create(ctx, r.GetPath(), func(ctx context.Context, parent *apiv1.CreateRequest) error {
			_, err := cli.Call(ctx, s, s.Keeper.Create, parent)
			return err
		})
		if err == nil {
			reply, err = cli.Call(ctx, s, s.Keeper.Create, r)
		}
	}
	if err != nil {
		return err
	}
	return s.Print.Changed(reply.GetPath(), reply.GetZxid(), reply.GetStat())
}
