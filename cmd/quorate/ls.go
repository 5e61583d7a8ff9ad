package main

import (
	"github.com/spf13/cobra"

	"github.com/quorate/quorate/cmd/quorate/internal/cli"
	"github.com/quorate/quorate/cmd/quorate/internal/listing"
	apiv1 "github.com/quorate/quorate/gen/quorate/api/v1"
)

func lsCommand(console *cli.Console) *cobra.Command {
	var recursive, long bool
	cmd := &cobra.Command{
		Use:   "ls [PATH]",
		Short: "List a node's children, with -R all nodes below it",
		Long: `List the names of a node's children, or with -R the paths of all nodes below it,
parents first. PATH is / if not given, in a shell its place.

All of them are from one version of the tree. They are printed as they come, one a line; with
-o json each line is an object.`,
		Args: cobra.MaximumNArgs(1),
	}
	flags := cli.Bind(console, cmd.Flags())
	cmd.Flags().BoolVarP(&recursive, "recursive", "R", false, "list all nodes below it")
	cmd.Flags().BoolVarP(&long, "long", "l", false, "print kind, version, number of children, length and time, too")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		r := &apiv1.ListRequest{Path: console.Path(""), Recursive: recursive, View: apiv1.ListView_LIST_VIEW_NAMES}
		if len(args) == 1 {
			r.Path = args[0]
		}
		if long {
			r.View = apiv1.ListView_LIST_VIEW_STATS
		}
		return flags.Run(func(s *cli.Session) error {
			return listing.Print(cmd.Context(), s.Keeper, r, s.Timeout, s.Print)
		})
	}
	takesPath(console, cmd, flags, 0)
	return cmd
}
