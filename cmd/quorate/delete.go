package main

import (
	"github.com/spf13/cobra"

	"github.com/quorate/quorate/cmd/quorate/internal/cli"
	"github.com/quorate/quorate/cmd/quorate/internal/outcome"
	"github.com/quorate/quorate/cmd/quorate/internal/sweep"
	apiv1 "github.com/quorate/quorate/gen/quorate/api/v1"
)

func deleteCommand(console *cli.Console) *cobra.Command {
	var (
		recursive bool
		version   int32
	)
	cmd := &cobra.Command{
		Use:   "delete PATH",
		Short: "Delete a node, with -r all below it, too",
		Long: `Delete a node.

With -r the nodes below it go first, from the bottom up and some at a time: it is not one
atomic change, and what others create or delete meanwhile does not stop it.`,
		Args: cobra.ExactArgs(1),
	}
	flags := cli.Bind(console, cmd.Flags())
	cmd.Flags().BoolVarP(&recursive, "recursive", "r", false, "delete all nodes below it, too")
	cmd.Flags().Int32Var(&version, "version", 0, "delete it only if this is its version")
	cmd.MarkFlagsMutuallyExclusive("recursive", "version")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if recursive && args[0] == "/" {
			return outcome.Usagef("delete -r /: this would delete everything: name the nodes (`quorate ls /`)")
		}
		return flags.Run(func(s *cli.Session) error {
			if recursive {
				deleted := 0
				sweeper := sweep.Sweeper{Keeper: s.Keeper, Timeout: s.Timeout, Deleted: func(n int) { deleted += n }}
				if err := sweeper.Subtree(cmd.Context(), args[0]); err != nil {
					return err
				}
				return s.Print.Line(map[string]any{"path": args[0], "deleted": deleted}, "%d nodes deleted", deleted)
			}
			r := &apiv1.DeleteRequest{Path: args[0], Version: given(cmd, "version", version)}
			reply, err := cli.Call(cmd.Context(), s, s.Keeper.Delete, r)
			if err != nil {
				return err
			}
			return s.Print.Changed(args[0], reply.GetZxid(), nil)
		})
	}
	takesPath(console, cmd, flags, 0)
	return cmd
}
