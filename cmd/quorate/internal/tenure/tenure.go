package tenure

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/quorate/quorate/client"
	"github.com/quorate/quorate/cmd/quorate/internal/cli"
	"github.com/quorate/quorate/cmd/quorate/internal/outcome"
)

// grace is how long a program may take to end after SIGTERM, when what it relied on was lost. Then it is killed.
const grace = 10 * time.Second

// Program is what to run.
type Program struct {
	*cli.Console
	// Args is the name of the program and its arguments.
	Args []string
	// TokenName is the environment variable that holds the fencing token, as a decimal number.
	TokenName string
	// Signals are passed on to the program.
	Signals <-chan os.Signal
}

// Check tells whether there is such a program, before anything is taken for it. Its error is one of usage.
func (p Program) Check() error {
	if len(p.Args) == 0 {
		return outcome.Usagef("no command given: want it after --, as in -- make deploy")
	}
	if _, err := exec.LookPath(p.Args[0]); err != nil {
		return outcome.With(outcome.Usage, err)
	}
	return nil
}

// Run runs the program until it ends, and returns an error with its exit code, or with 128 and the signal's number. When lost
// is closed, or ctx ends, it gets SIGTERM, and after 10 seconds SIGKILL; after a loss the code is [outcome.Lost].
func (p Program) Run(ctx context.Context, token client.Zxid, lost <-chan struct{}) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	cmd := exec.CommandContext(ctx, p.Args[0], p.Args[1:]...)
	cmd.Stdout, cmd.Stderr = p.Out, p.Err
	if p.In != (cli.Occupied{}) {
		cmd.Stdin = p.In
	}
	cmd.Env = append(os.Environ(), p.TokenName+"="+strconv.FormatUint(uint64(token), 10))
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = grace
	if err := cmd.Start(); err != nil {
		return outcome.With(outcome.Usage, err)
	}
	var attendant sync.WaitGroup
	ended, wasLost := make(chan struct{}), false
	attendant.Go(func() { wasLost = p.attend(cmd.Process, ended, lost, stop) })
	err := cmd.Wait()
	close(ended)
	attendant.Wait()
	if wasLost {
		return outcome.With(outcome.Lost, fmt.Errorf("%w: %s was told to stop", client.ErrSessionExpired, p.Args[0]))
	}
	return result(err)
}

// attend passes signals on until the program has ended, and stops it if what it relies on is lost before that.
func (p Program) attend(process *os.Process, ended, lost <-chan struct{}, stop func()) (wasLost bool) {
	for {
		select {
		case <-ended:
			return wasLost
		case <-lost:
			wasLost, lost = true, nil
			stop()
		case s := <-p.Signals:
			if !p.fromTerminal(s) {
				_ = process.Signal(s) // it has ended a moment ago
			}
		}
	}
}

// fromTerminal tells whether the terminal has sent a signal to the program, too.
func (p Program) fromTerminal(s os.Signal) bool {
	return (s == os.Interrupt || s == syscall.SIGQUIT) && cli.OnTerminal(p.In)
}

// result is the error with the exit code that the program has ended with; nil if that is 0.
func result(err error) error {
	var exit *exec.ExitError
	switch {
	case err == nil:
		return nil
	case !errors.As(err, &exit):
		return err
	}
	if status, ok := exit.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return outcome.Silently(outcome.Code(128 + int(status.Signal())))
	}
	return outcome.Silently(outcome.Code(exit.ExitCode()))
}
