package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/quorate/quorate/client"
	"github.com/quorate/quorate/cmd/quorate/internal/cli"
	apiv1 "github.com/quorate/quorate/gen/quorate/api/v1"
)

func statCommand(console *cli.Console) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "stat PATH",
		Short: "Print a node's Stat: versions, times, sizes",
		Long:  "Print a node's Stat. Zxids are epoch.counter, times are UTC.",
		Args:  cobra.ExactArgs(1),
	}
	flags := cli.Bind(console, cmd.Flags())
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return flags.Run(func(s *cli.Session) error {
			reply, err := cli.Call(cmd.Context(), s, s.Keeper.Exists, &apiv1.ExistsRequest{Path: args[0]})
			if err != nil {
				return err
			}
			if reply.GetStat() == nil {
				return fmt.Errorf("%s: %w", args[0], client.ErrNoNode)
			}
			return s.Print.Stat(args[0], reply.GetZxid(), reply.GetStat())
		})
	}
	takesPath(console, cmd, flags, 0)
	return cmd
}
