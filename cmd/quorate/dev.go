package main

import (
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/quorate/quorate/cmd/quorate/internal/local"
	"github.com/quorate/quorate/cmd/quorate/internal/outcome"
)

// devCommand returns the verb that runs a whole ensemble on this machine.
func devCommand() *cobra.Command {
	e := local.Ensemble{}
	var level string
	cmd := &cobra.Command{
		Use:   "dev",
		Short: "Run an ensemble on this machine, for trying things",
		Long: `Run an ensemble of real servers on this machine, for trying things.

Each server is a process of its own: kill one with its pid and see what the others do.
Their addresses are printed, their logs follow, each line behind the server's id. The data
is in a temporary directory that goes when they stop, or in --dir, which stays.
Ctrl-C (or SIGTERM) stops all of them within 5 seconds.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			e.Args = []string{"--log-level", level}
			if err := e.Check(); err != nil {
				return outcome.With(outcome.Usage, err)
			}
			ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM)
			defer stop()
			remove, err := prepare(&e)
			if err != nil {
				return err
			}
			defer remove()
			return e.Run(ctx, cmd.OutOrStdout())
		},
	}
	f := cmd.Flags()
	f.IntVar(&e.Voters, "servers", 3, "servers that vote; an odd number makes sense")
	f.IntVar(&e.Observers, "observers", 0, "servers that do not vote")
	f.IntVar(&e.Port, "port", 2181, "client port of server 1; the others follow, ports between servers lie 1000 above")
	f.StringVar(&e.Dir, "dir", "", "directory of the data, kept; none: a temporary one")
	f.StringVar(&level, "log-level", "info", "debug, info, warn or error")
	return cmd
}

// prepare finds the program and the directory. remove is called at the end.
func prepare(e *local.Ensemble) (remove func(), err error) {
	if e.Program, err = os.Executable(); err != nil {
		return nil, fmt.Errorf("finding this program: %w", err)
	}
	if e.Dir != "" {
		e.Dir, err = filepath.Abs(e.Dir)
		return func() {}, err
	}
	if e.Dir, err = os.MkdirTemp("", "quorate-dev-"); err != nil {
		return nil, err
	}
	return func() { _ = os.RemoveAll(e.Dir) }, nil
}
