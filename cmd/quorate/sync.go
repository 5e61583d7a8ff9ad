package main

import (
	"github.com/spf13/cobra"

	"github.com/quorate/quorate/cmd/quorate/internal/cli"
	apiv1 "github.com/quorate/quorate/gen/quorate/api/v1"
)

func syncCommand(console *cli.Console) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "sync",
		Short: "Wait until the server has caught up with the ensemble",
		Long:  "Wait until the server has applied all that was acknowledged before, and print its zxid.",
		Args:  cobra.NoArgs,
	}
	flags := cli.Bind(console, cmd.Flags())
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		return flags.Run(func(s *cli.Session) error {
			reply, err := cli.Call(cmd.Context(), s, s.Keeper.Sync, &apiv1.SyncRequest{})
			if err != nil {
				return err
			}
			return s.Print.Sync(reply.GetZxid())
		})
	}
	return cmd
}
