package main

import (
	"github.com/spf13/cobra"

	"github.com/quorate/quorate/cmd/quorate/internal/cli"
	"github.com/quorate/quorate/cmd/quorate/internal/outcome"
	apiv1 "github.com/quorate/quorate/gen/quorate/api/v1"
)

func setCommand(console *cli.Console) *cobra.Command {
	var (
		file    string
		version int32
	)
	cmd := &cobra.Command{
		Use:     "set PATH DATA|-",
		Short:   "Replace a node's content",
		Long:    "Replace a node's content, given as DATA, on standard input (-), or in a file.",
		Example: "  quorate set /app/config --file app.yaml\n  quorate set /app/counter 8 --version 3",
		Args:    cobra.RangeArgs(1, 2),
	}
	flags := cli.Bind(console, cmd.Flags())
	cmd.Flags().StringVar(&file, "file", "", "read the content from a `file`")
	cmd.Flags().Int32Var(&version, "version", 0, "change it only if this is its version")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if len(args) == 1 && file == "" {
			return outcome.Usagef("no content given: want DATA, - for standard input, or --file")
		}
		data, err := console.ReadValue(args[1:], file)
		if err != nil {
			return err
		}
		r := &apiv1.SetRequest{Path: args[0], Data: data, Version: given(cmd, "version", version)}
		return flags.Run(func(s *cli.Session) error {
			reply, err := cli.Call(cmd.Context(), s, s.Keeper.Set, r)
			if err != nil {
				return err
			}
			return s.Print.Changed(args[0], reply.GetZxid(), reply.GetStat())
		})
	}
	takesPath(console, cmd, flags, 0)
	return cmd
}

// given returns a flag's value, nil if the flag was not given.
func given(cmd *cobra.Command, flag string, value int32) *int32 {
	if !cmd.Flags().Changed(flag) {
		return nil
	}
	return &value
}
