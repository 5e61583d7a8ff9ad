package main

import (
	"github.com/spf13/cobra"

	"github.com/quorate/quorate/cmd/quorate/internal/cli"
	"github.com/quorate/quorate/cmd/quorate/internal/outcome"
	apiv1 "github.com/quorate/quorate/gen/quorate/api/v1"
)

func existsCommand(console *cli.Console) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "exists PATH",
		Short:   "Tell whether a node exists, by the exit code, too",
		Long:    "Tell whether a node exists: the exit code is 0 if it does and 3 if not.",
		Example: "  quorate exists /app/ready >/dev/null && start",
		Args:    cobra.ExactArgs(1),
	}
	flags := cli.Bind(console, cmd.Flags())
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return flags.Run(func(s *cli.Session) error {
			reply, err := cli.Call(cmd.Context(), s, s.Keeper.Exists, &apiv1.ExistsRequest{Path: args[0]})
			if err != nil {
				return err
			}
			if err := s.Print.Exists(args[0], reply.GetZxid(), reply.GetStat()); err != nil || reply.GetStat() != nil {
				return err
			}
			return outcome.Silently(outcome.NotFound)
		})
	}
	takesPath(console, cmd, flags, 0)
	return cmd
}
