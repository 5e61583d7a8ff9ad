package main

import (
	"github.com/spf13/cobra"

	"github.com/quorate/quorate/cmd/quorate/internal/cli"
	"github.com/quorate/quorate/cmd/quorate/internal/doctor"
	"github.com/quorate/quorate/cmd/quorate/internal/outcome"
	"github.com/quorate/quorate/cmd/quorate/internal/survey"
)

func doctorCommand(console *cli.Console) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Say what is wrong with an ensemble",
		Long: `Ask the servers named by --server how they are, and say in plain sentences what is wrong: why
there is no leader, who is late, which server's disk does not count yet, what one more failure would do.

One server that answers is enough: the leader, which knows most, is asked too, where that one says that it
is. The more are named, the more is found. What is grave has a "!" in front. The exit code is 0 if nothing grave was found, 5
if there is no leader, and otherwise 1.`,
		Example: "  quorate doctor --server a:2181,b:2181,c:2181",
		Args:    cobra.NoArgs,
	}
	flags := cli.Bind(console, cmd.Flags())
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		return flags.Run(func(s *cli.Session) error {
			answers := survey.Ask(cmd.Context(), s.Client.Servers(), s.Timeout, flags.Dial)
			answers = survey.Complete(cmd.Context(), answers, s.Timeout, flags.Dial)
			r := doctor.Examine(answers, outcome.Text)
			if err := doctor.Print(s.Print, r); err != nil {
				return err
			}
			switch {
			case r.Healthy():
				return nil
			case r.Leader == 0:
				return outcome.Silently(outcome.Unavailable)
			default:
				return outcome.Silently(outcome.Failed)
			}
		})
	}
	return cmd
}
