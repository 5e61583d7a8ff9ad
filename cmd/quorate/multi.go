package main

import (
	"github.com/spf13/cobra"

	"github.com/quorate/quorate/cmd/quorate/internal/cli"
	"github.com/quorate/quorate/cmd/quorate/internal/outcome"
	"github.com/quorate/quorate/cmd/quorate/internal/script"
	apiv1 "github.com/quorate/quorate/gen/quorate/api/v1"
)

func multiCommand(console *cli.Console) *cobra.Command {
	var file string
	cmd := &cobra.Command{
		Use:     "multi [OPERATION...|-]",
		Short:   "Make several changes as one, all or nothing",
		Long:    "Make several changes as one: all are made, under one zxid, or none.\n\n" + script.Help,
		Example: "  quorate multi 'check /app/lock 3' 'set /app/config \"a b\"' 'delete /app/old'\n  quorate multi --file changes.txt",
	}
	flags := cli.Bind(console, cmd.Flags())
	cmd.Flags().StringVar(&file, "file", "", "read the operations from a `file`")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		lines, err := multiLines(console, args, file)
		if err != nil {
			return err
		}
		parsed, err := script.Parse(lines)
		if err != nil {
			return outcome.With(outcome.Usage, err)
		}
		if len(parsed.Ops) == 0 {
			return outcome.Usagef("no operation given\n  see `quorate multi --help`")
		}
		parsed.Resolve(console.Path, console.Prefix)
		return flags.Run(func(s *cli.Session) error {
			reply, err := cli.Call(cmd.Context(), s, s.Keeper.Multi, &apiv1.MultiRequest{Ops: parsed.Ops})
			if err != nil {
				return parsed.Locate(err)
			}
			return s.Print.Multi(reply)
		})
	}
	return cmd
}

// multiLines takes each argument for a line, or reads the lines.
func multiLines(console *cli.Console, args []string, file string) ([]script.Line, error) {
	if file != "" || len(args) == 1 && args[0] == "-" {
		text, err := console.ReadValue(args, file)
		return script.Lines(string(text)), err
	}
	var lines []script.Line
	for i, a := range args {
		lines = append(lines, script.Line{Number: i + 1, Text: a})
	}
	return lines, nil
}
