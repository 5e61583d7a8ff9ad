package main

import (
	"github.com/spf13/cobra"

	"github.com/quorate/quorate/cmd/quorate/internal/cli"
	apiv1 "github.com/quorate/quorate/gen/quorate/api/v1"
)

func getCommand(console *cli.Console) *cobra.Command {
	var stat bool
	cmd := &cobra.Command{
		Use:   "get PATH",
		Short: "Print a node's content",
		Long: `Print a node's content, byte for byte; on a terminal with a line break after it.

With -o json the content is "data" if it is UTF-8, else "data_base64"; null content is null.`,
		Args: cobra.ExactArgs(1),
	}
	flags := cli.Bind(console, cmd.Flags())
	cmd.Flags().BoolVar(&stat, "stat", false, "print the node's Stat, too, on lines of their own")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return flags.Run(func(s *cli.Session) error {
			reply, err := cli.Call(cmd.Context(), s, s.Keeper.Get, &apiv1.GetRequest{Path: args[0]})
			if err != nil {
				return err
			}
			return s.Print.Content(args[0], reply, stat, cli.OnTerminal(console.Out))
		})
	}
	takesPath(console, cmd, flags, 0)
	return cmd
}
