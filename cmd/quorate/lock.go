package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/quorate/quorate/client"
	"github.com/quorate/quorate/client/election"
	"github.com/quorate/quorate/client/lock"
	"github.com/quorate/quorate/cmd/quorate/internal/cli"
	"github.com/quorate/quorate/cmd/quorate/internal/outcome"
	"github.com/quorate/quorate/cmd/quorate/internal/tenure"
)

// ownSignals marks a verb that has its own way with signals.
const ownSignals = "own signals"

// holding is something that was taken.
type holding struct {
	token   client.Zxid
	lost    <-chan struct{}
	release func(context.Context) error
}

// taking is how a verb takes something and what it runs then.
type taking struct {
	what    string // for messages: "the lock"
	token   string // environment variable
	wait    time.Duration
	waits   bool // no longer than wait
	session *time.Duration
	// shortest is the least wait that makes sense.
	shortest time.Duration
	take     func(ctx context.Context, s *client.Session, path string) (holding, error)
}

func lockCommand(console *cli.Console) *cobra.Command {
	t := taking{what: "the lock", token: "QUORATE_LOCK_TOKEN"}
	t.take = func(ctx context.Context, s *client.Session, path string) (holding, error) {
		take := lock.New(s, path).Lock
		if t.waits && t.wait == 0 {
			take = lock.New(s, path).TryLock
		}
		held, err := take(ctx)
		if err != nil {
			return holding{}, err
		}
		return holding{held.Token(), held.Done(), held.Unlock}, nil
	}
	cmd := &cobra.Command{
		Use:   "lock PATH -- COMMAND [ARGUMENT...]",
		Short: "Run a command while holding a lock",
		Long: `Wait for the lock at PATH, run the command while holding it, and give it back. The exit code is the command's; signals
are passed on to it.

The lock lives by a session. If that is lost the command gets SIGTERM, after 10 seconds SIGKILL, and the exit code is 8.
No lock service can stop a program in time that was paused or cut off itself: what must not be harmed by a holder of the
past should refuse a fencing token smaller than one it has seen. The command has it in QUORATE_LOCK_TOKEN, a number
greater than that of all holders before.

Nothing else may stand below PATH. Where it or a node above it is missing it is made, as a container.`,
		Example: "  quorate lock /app/deploying -- make deploy\n  quorate lock --wait 0 /app/cron -- nightly || echo runs elsewhere",
	}
	return t.command(console, cmd, "give up with exit code 5 if it is not free within this long; 0: at once (default wait for ever)")
}

func electCommand(console *cli.Console) *cobra.Command {
	t := taking{what: "the office", token: "QUORATE_ELECTION_TOKEN", shortest: time.Millisecond}
	var value string
	t.take = func(ctx context.Context, s *client.Session, path string) (holding, error) {
		term, err := election.New(s, path).Campaign(ctx, []byte(value))
		if err != nil {
			return holding{}, err
		}
		return holding{term.Token(), term.Done(), term.Resign}, nil
	}
	cmd := &cobra.Command{
		Use:   "elect PATH -- COMMAND [ARGUMENT...]",
		Short: "Run a command while being the leader of an election",
		Long: `Be a candidate in the election at PATH, run the command when it is this one's turn to lead, and resign when the command
has ended. Signals, the exit code and the loss of the session are as with "quorate lock"; the token
is in QUORATE_ELECTION_TOKEN.

The candidates are the nodes below PATH, each with its --value: it tells others who leads.`,
		Example: "  quorate elect /app/leader --value $(hostname) -- app --active",
	}
	name, _ := os.Hostname() // without one the value is empty
	cmd.Flags().StringVar(&value, "value", name, "what others are to know of this candidate")
	return t.command(console, cmd, "give up with exit code 5 if it does not lead within this long (default wait for ever)")
}

// command completes a verb that takes something to run a command.
func (t *taking) command(console *cli.Console, cmd *cobra.Command, waitUsage string) *cobra.Command {
	cmd.Args = cobra.MinimumNArgs(1)
	cmd.Annotations = map[string]string{ownSignals: "yes"}
	flags := cli.Bind(console, cmd.Flags())
	cmd.Flags().DurationVar(&t.wait, "wait", 0, waitUsage)
	t.session = cli.BindSession(cmd.Flags())
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if t.waits = cmd.Flags().Changed("wait"); t.waits && t.wait < t.shortest {
			return outcome.Usagef("--wait %s: want at least %s", t.wait, t.shortest)
		}
		if cmd.ArgsLenAtDash() > 1 {
			return outcome.Usagef("%q stands before the --: want one PATH\n  usage: %s", args[1], cmd.UseLine())
		}
		program := tenure.Program{Console: console, Args: args[1:], TokenName: t.token}
		if err := program.Check(); err != nil {
			return err
		}
		return flags.Run(func(s *cli.Session) error { return t.run(cmd.Context(), s, args[0], program) })
	}
	takesPath(console, cmd, flags, 0)
	return cmd
}

// run takes it, runs the program and gives it back.
func (t *taking) run(ctx context.Context, s *cli.Session, path string, program tenure.Program) error {
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, endings()...)
	defer signal.Stop(signals)
	program.Signals = signals
	patient, stop := signal.NotifyContext(ctx, endings()...)
	defer stop()
	err := s.Within(patient, *t.session, func(s *cli.Session, own *client.Session) error {
		h, err := t.await(patient, own, path)
		if err != nil {
			return err
		}
		if patient.Err() == nil {
			stop() // from here on signals are the program's
			err = program.Run(ctx, h.token, h.lost)
		} else {
			err = errInterrupted
		}
		releasing, cancel := s.Context(context.WithoutCancel(ctx))
		defer cancel()
		_ = h.release(releasing) // at the latest it is free when the session ends
		return err
	})
	if errors.Is(err, context.Canceled) || errors.Is(err, errInterrupted) {
		return fmt.Errorf("%w while waiting for %s", errInterrupted, t.what)
	}
	return err
}

var errInterrupted = errors.New("interrupted")

// endings are the signals that end a program, and that are passed on.
func endings() []os.Signal {
	return []os.Signal{os.Interrupt, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT}
}

// await waits until it is taken, at most as long as was asked for.
func (t *taking) await(ctx context.Context, own *client.Session, path string) (holding, error) {
	cancel := func() {}
	if t.waits && t.wait > 0 {
		ctx, cancel = context.WithTimeout(ctx, t.wait)
	}
	defer cancel()
	h, err := t.take(ctx, own, path)
	if errors.Is(err, lock.ErrHeld) || err != nil && errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return h, outcome.With(outcome.Unavailable, fmt.Errorf("%s: %s was not to be had within %s", path, t.what, t.wait))
	}
	return h, err
}
