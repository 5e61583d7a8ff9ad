package main

import (
	"github.com/spf13/cobra"

	"github.com/quorate/quorate/cmd/quorate/internal/cli"
	"github.com/quorate/quorate/cmd/quorate/internal/outcome"
	"github.com/quorate/quorate/cmd/quorate/internal/survey"
)

func statusCommand(console *cli.Console) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Tell how the servers are",
		Long: `Ask every server named by --server how it is, and print one table for the ensemble.

Zxids are epoch.counter: the last one logged, durable, known to be committed, and applied, which is
what reads see. At equal zxids the digests are equal. State, lag and sync are what the leader says of each
server that follows it; one that was not named has a row with its peer address in brackets. JSON
has each server's answer whole. The exit code is 5 if one of them does not answer.`,
		Example: "  quorate status --server a:2181,b:2181,c:2181",
		Args:    cobra.NoArgs,
	}
	flags := cli.Bind(console, cmd.Flags())
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		return flags.Run(func(s *cli.Session) error {
			answers := survey.Ask(cmd.Context(), s.Client.Servers(), s.Timeout, flags.Dial)
			if err := survey.Print(s.Print, answers, outcome.Explain); err != nil {
				return err
			}
			return survey.Failed(answers)
		})
	}
	return cmd
}
