package main

import (
	"github.com/spf13/cobra"

	"github.com/quorate/quorate/cmd/quorate/internal/cli"
	"github.com/quorate/quorate/cmd/quorate/internal/progress"
	"github.com/quorate/quorate/cmd/quorate/internal/transfer"
)

func exportCommand(console *cli.Console) *cobra.Command {
	var ex transfer.Exporter
	cmd := &cobra.Command{
		Use:   "export PATH DIR",
		Short: "Make a directory of files like a subtree",
		Long: `Make the directory DIR like the subtree at PATH, from one version of the tree.

A node with content becomes a file, a node with null content a directory; a node with content
and children becomes a directory with its content in the file .quorate-data. Files are
written where missing or different, each at once. Others stay, unless --delete is given, which
also replaces what is in the way. The server's own nodes below /zookeeper are left out of /.

Nodes that cannot be files, or may not be read, are named and passed over; the exit
code is then 7. An interrupted export goes on when it is started again.`,
		Example: "  quorate export /app/conf ./conf",
		Args:    cobra.ExactArgs(2),
	}
	flags := cli.Bind(console, cmd.Flags())
	bindTransfer(cmd, &ex.Endpoint, "delete the files that the subtree does not have, and replace what is in the way")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := checkTransfer(&ex.Endpoint); err != nil {
			return err
		}
		return flags.Run(func(s *cli.Session) error {
			ex.Root, ex.Dir = args[0], args[1]
			ex.Keeper, ex.Timeout = s.Keeper, s.Timeout
			return progress.Transfer(cmd.Context(), s, "exporting", &ex.Endpoint, ex.Run)
		})
	}
	takesPath(console, cmd, flags, 0)
	return cmd
}
