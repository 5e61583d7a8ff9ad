package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/quorate/quorate/cmd/quorate/internal/cli"
	"github.com/quorate/quorate/cmd/quorate/internal/outcome"
	"github.com/quorate/quorate/internal/version"
	"github.com/quorate/quorate/server"
	"github.com/quorate/quorate/server/config"
	"github.com/quorate/quorate/server/config/source"
	"github.com/quorate/quorate/server/zaplog"
)

// stopLimit is how long a server may take to stop after the first signal. It
// drains for less; what takes longer is a disk that hangs.
const stopLimit = 5 * time.Second

// serveCommand returns the verb that runs a server.
func serveCommand() *cobra.Command {
	s := settings{Config: config.Default()}
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Run a server",
		Long: `Run a server until it is told to stop.

Without flags: server 1 of an ensemble of its own, its data in ./quorate-data, clients
on 127.0.0.1:2181. The memory limit is GOMEMLIMIT.

--config takes the settings from a file: YAML, whose keys are the flags without dashes in
front, or the zoo.cfg of a ZooKeeper as it is. "quorate config check FILE" says what a file
means. Every flag can be given in the environment, too: --data-dir is QUORATE_DATA_DIR. A
flag overrides the environment, and that the file.

SIGTERM or SIGINT lets calls in progress end and exits 0 within 5 seconds; a second
one exits at once.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			notes, err := s.load(cmd.LocalNonPersistentFlags(), os.LookupEnv)
			if err != nil {
				sayNotes(cmd, notes)
				return outcome.With(outcome.Usage, err)
			}
			return serve(cmd.Context(), s.Config, notes, cmd.ErrOrStderr())
		},
	}
	s.flags(cmd.Flags())
	cmd.SetUsageFunc(sectionedUsage)
	return cmd
}

// serve runs a server until ctx ends or a signal comes. The notes on its file of settings are logged first.
func serve(ctx context.Context, cfg config.Config, notes []source.Note, stderr io.Writer) error {
	log, err := zaplog.New(zaplog.Options{Level: cfg.LogLevel, Console: console(cfg.LogFormat, stderr), Out: stderr})
	if err != nil {
		return outcome.With(outcome.Usage, err)
	}
	for _, n := range notes {
		log.Configured(n.Place.String(), n.Text, n.Warning)
	}
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM)
	defer signal.Stop(signals)
	go obey(ctx, signals, stop, func(code int, why string) {
		fmt.Fprintln(stderr, "quorate:", why)
		os.Exit(code)
	})

	collectGarbage(cfg.GCPercent)
	node, err := server.New(ctx, cfg, server.Options{Log: log, Build: version.String()})
	if err != nil && ctx.Err() != nil {
		return nil // told to stop during recovery
	}
	if err != nil {
		return err
	}
	debug.FreeOSMemory() // what recovery needed beyond the tree goes back to the system
	return node.Run(ctx)
}

// console tells whether the log is for the eye.
func console(format string, out io.Writer) bool {
	return format == config.FormatConsole || format == config.FormatAuto && cli.OnTerminal(out)
}

// collectGarbage sets the growth of the heap at which garbage is collected,
// unless the environment does.
func collectGarbage(percent int) {
	if _, set := os.LookupEnv("GOGC"); percent > 0 && !set {
		debug.SetGCPercent(percent)
	}
}

// obey stops the server at the first signal, and exits at the second or when
// stopping takes too long.
func obey(ctx context.Context, signals <-chan os.Signal, stop context.CancelCauseFunc, exit func(code int, why string)) {
	select {
	case s := <-signals:
		stop(fmt.Errorf("signal: %v", s))
	case <-ctx.Done():
		return
	}
	select {
	case s := <-signals:
		exit(signalCode(s), fmt.Sprintf("second signal (%v): exiting at once", s))
	case <-time.After(stopLimit):
		exit(int(outcome.Failed), fmt.Sprintf("not stopped after %v: exiting; what was acknowledged is on disk", stopLimit))
	}
}

// signalCode is the exit code of a process ended by a signal.
func signalCode(s os.Signal) int {
	if n, ok := s.(syscall.Signal); ok {
		return 128 + int(n)
	}
	return int(outcome.Failed)
}
