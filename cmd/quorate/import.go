package main

import (
	"time"

	"github.com/spf13/cobra"

	"github.com/quorate/quorate/cmd/quorate/internal/cli"
	"github.com/quorate/quorate/cmd/quorate/internal/outcome"
	"github.com/quorate/quorate/cmd/quorate/internal/progress"
	"github.com/quorate/quorate/cmd/quorate/internal/transfer"
)

func importCommand(console *cli.Console) *cobra.Command {
	var im transfer.Importer
	cmd := &cobra.Command{
		Use:   "import DIR PATH",
		Short: "Make a subtree like a directory of files",
		Long: `Make the subtree at PATH like the directory DIR.

A file becomes a node with its content, a directory a node with null content; the file
.quorate-data in a directory is the content of that directory's node. Nodes are created where missing
(parents of PATH, too) and set where they differ. Others stay, unless --delete is given.

Files too large, links and names no node can have are named and passed over; the exit
code is then 7. An interrupted import goes on when it is started again.`,
		Example: "  quorate import ./conf /app/conf",
		Args:    cobra.ExactArgs(2),
	}
	flags := cli.Bind(console, cmd.Flags())
	bindTransfer(cmd, &im.Endpoint, "delete the nodes that DIR does not have")
	cmd.Flags().Int64Var(&im.MaxValue, "max-value", 1<<20, "pass over files above this many `bytes`")
	cmd.Flags().BoolVar(&im.Follow, "follow", false, "follow symbolic links instead of passing over them")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := checkTransfer(&im.Endpoint); err != nil {
			return err
		}
		if im.MaxValue < 0 {
			return outcome.Usagef("--max-value %d: want 0 or more", im.MaxValue)
		}
		if err := transfer.CheckSource(args[0]); err != nil {
			return outcome.With(outcome.Usage, err)
		}
		return flags.Run(func(s *cli.Session) error {
			im.Dir, im.Root = args[0], args[1]
			im.Keeper, im.Timeout = s.Keeper, s.Timeout
			return progress.Transfer(cmd.Context(), s, "importing", &im.Endpoint, im.Run)
		})
	}
	takesPath(console, cmd, flags, 1)
	return cmd
}

// bindTransfer adds the flags that import and export share.
func bindTransfer(cmd *cobra.Command, e *transfer.Endpoint, deleteUsage string) {
	cmd.Flags().IntVar(&e.Parallel, "parallel", 16, "work on this many batches or files at a time")
	cmd.Flags().BoolVar(&e.Delete, "delete", false, deleteUsage)
	cmd.Flags().DurationVar(&e.Retry, "retry", 30*time.Second, "go on trying this long while no server answers; 0: not at all")
}

func checkTransfer(e *transfer.Endpoint) error {
	if e.Parallel < 1 || e.Parallel > 1024 {
		return outcome.Usagef("--parallel %d: want 1 to 1024", e.Parallel)
	}
	if e.Retry < 0 {
		return outcome.Usagef("--retry %s: want 0 or more", e.Retry)
	}
	return nil
}
