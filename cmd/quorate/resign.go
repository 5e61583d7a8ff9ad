package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/quorate/quorate/client"
	"github.com/quorate/quorate/cmd/quorate/internal/cli"
	"github.com/quorate/quorate/cmd/quorate/internal/outcome"
	"github.com/quorate/quorate/cmd/quorate/internal/survey"
	adminv1 "github.com/quorate/quorate/gen/quorate/admin/v1"
)

func resignCommand(console *cli.Console) *cobra.Command {
	var to uint8
	cmd := &cobra.Command{
		Use:   "resign",
		Short: "Let the leader hand over to another server",
		Long: `Ask the leader, which has to be among the servers named by --server, to resign. What it has in flight
is finished first, and another server is elected within milliseconds: with --to that one, which has to be a
voter that follows, otherwise any, perhaps the same again.

The leader obeys its super identity; without one configured, whoever is on its own machine.`,
		Example: "  quorate resign --server a:2181,b:2181,c:2181 --to 2",
		Args:    cobra.NoArgs,
	}
	flags := cli.Bind(console, cmd.Flags())
	cmd.Flags().Uint8Var(&to, "to", 0, "`id` of the server that is to lead next")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		return flags.Run(func(s *cli.Session) error {
			answers := survey.Ask(cmd.Context(), s.Client.Servers(), s.Timeout, flags.Dial)
			leader, ok := survey.Leader(answers)
			if !ok {
				return nobodyLeads(answers)
			}
			if err := resign(cmd.Context(), s, flags, leader.Server, uint32(to)); err != nil {
				return err
			}
			id := leader.Status.GetId()
			return s.Print.Line(map[string]any{"resigned": id}, "server %d has resigned", id)
		})
	}
	return cmd
}

// resign asks one server alone.
func resign(ctx context.Context, s *cli.Session, flags *cli.Flags, server string, to uint32) error {
	c, err := flags.Dial([]string{server})
	if err != nil {
		return err
	}
	defer func() { _ = c.Close() }()
	_, err = cli.Call(ctx, s, c.Admin().Resign, &adminv1.ResignRequest{Successor: to})
	return err
}

// nobodyLeads says what the servers that were asked know of a leader.
func nobodyLeads(answers []survey.Answer) error {
	if err := survey.Failed(answers); err != nil {
		return err
	}
	for _, a := range answers {
		if id := a.Status.GetLeader(); id != 0 {
			return outcome.Usagef("server %d leads: name it too with --server", id)
		}
	}
	return fmt.Errorf("%w: none of the servers leads, see `quorate doctor`", client.ErrUnavailable)
}
