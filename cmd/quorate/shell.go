package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/quorate/quorate/cmd/quorate/internal/cli"
	"github.com/quorate/quorate/cmd/quorate/internal/outcome"
	"github.com/quorate/quorate/cmd/quorate/internal/prompt"
	"github.com/quorate/quorate/cmd/quorate/internal/vigil"
)

// maxLine bounds a line of a script, in bytes.
const maxLine = 4 << 20

func shellCommand(console *cli.Console) *cobra.Command {
	var keepGoing bool
	cmd := &cobra.Command{
		Use:   "shell",
		Short: "Type commands on one session",
		Long: `Type commands one after the other. All are those of this program, and are carried out in order on one session: an
ephemeral node lives as long as the shell. Words are quoted as in "quorate multi".

A path may be relative to the shell's place, which "cd" changes. "watch PATH" prints what happens while you go on. A tab completes
verbs, flags and paths, Ctrl-C ends the running command, Ctrl-D the shell. A command with its own --server, --auth or --tls
has its own connection. If the session expires that is said, and the next command opens another.

If standard input is no terminal it is a script, a command a line, and the shell ends at the first that fails, with its exit code;
with --keep-going at the end, with that of the last that failed.`,
		Example:     "  quorate shell\n  quorate shell -o json < commands.txt",
		Args:        cobra.NoArgs,
		Annotations: map[string]string{ownSignals: "yes"},
	}
	flags := cli.Bind(console, cmd.Flags())
	timeout := cli.BindSession(cmd.Flags())
	cmd.Flags().BoolVar(&keepGoing, "keep-going", false, "go on after a command of a script that fails")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		return flags.Run(func(s *cli.Session) error {
			x := &sitting{
				world: console, shared: cli.Shell{Client: s.Client, Flags: flags, Dir: "/"}, link: s, timeout: *timeout,
				keepGoing: keepGoing, complaints: console.Err, watches: vigil.New(), history: prompt.OpenHistory(""),
			}
			return x.run(cmd.Context())
		})
	}
	return cmd
}

// sitting is what goes on between somebody and the shell.
type sitting struct {
	world     *cli.Console // outside of the shell
	shared    cli.Shell
	link      *cli.Session
	timeout   time.Duration
	keepGoing bool

	background sync.WaitGroup // tells of changes of the session's state
	watches    *vigil.Vigil
	history    *prompt.History
	complaints io.Writer // for what no command says
	events     io.Writer // for what watches tell
	in         io.Reader // of commands
	left       bool      // the shell was told to end
	leftWith   outcome.Code
}

// run opens the session and takes lines until their end.
func (x *sitting) run(ctx context.Context) error {
	x.in, x.events = cli.Occupied{}, x.world.Out
	editor := x.editor()
	if err := x.attach(ctx); err != nil {
		return err
	}
	defer func() {
		x.watches.Close()
		x.link.CloseSession(ctx, x.shared.Session)
		x.background.Wait()
	}()
	if editor != nil {
		return x.talk(ctx, editor)
	}
	return x.script(ctx)
}

// editor returns the editor of lines, if somebody sits at a terminal, else nil. What no command prints appears above the line that is typed.
func (x *sitting) editor() *prompt.Editor {
	in, typed := x.world.In.(*os.File)
	out, seen := x.world.Out.(*os.File)
	if !typed || !seen || !cli.OnTerminal(in) || !cli.OnTerminal(out) {
		return nil
	}
	x.history = prompt.OpenHistory(prompt.HistoryFile(x.world.Getenv))
	editor := prompt.New(in, out, x.history, x.complete)
	x.in, x.events, x.complaints = in, editor, editor
	return editor
}

// attach opens a session, and has its changes of state told.
func (x *sitting) attach(ctx context.Context) error {
	own, err := x.link.OpenSession(ctx, x.timeout)
	if err != nil {
		return err
	}
	x.shared.Session = own
	x.tell(own)
	return nil
}

// talk takes lines from a terminal. Signals that a user sends with keys end the running command, which listens for them itself.
func (x *sitting) talk(ctx context.Context, editor *prompt.Editor) error {
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	interrupts := make(chan os.Signal, 1)
	signal.Notify(interrupts, os.Interrupt, syscall.SIGQUIT)
	defer signal.Stop(interrupts)

	_, _ = fmt.Fprintf(editor, "session %s at %s; \"help\" lists the commands, Ctrl-D leaves\n", x.shared.Session.ID(), strings.Join(x.link.Client.Servers(), ","))
	for !x.left {
		text, err := x.next(ctx, func() (string, error) { return editor.ReadLine(x.shared.Dir + "> ") })
		switch {
		case errors.Is(err, io.EOF):
			_, err := fmt.Fprintln(x.world.Out)
			return err
		case err != nil:
			return err
		}
		err = x.carryOut(ctx, text)
		select {
		case <-interrupts:
			_, _ = fmt.Fprintln(x.world.Out) // the cursor stands behind a ^C
		default:
		}
		if err != nil {
			x.complain(err)
		}
	}
	return leaving(x.leftWith)
}

// script takes lines from a file, or from another program.
func (x *sitting) script(ctx context.Context) error {
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	lines := bufio.NewScanner(x.world.In)
	lines.Buffer(nil, maxLine)
	last := outcome.OK
	for number := 1; !x.left; number++ {
		text, err := x.next(ctx, func() (string, error) { return scan(lines) })
		if errors.Is(err, io.EOF) {
			break
		}
		if err == nil {
			err = x.carryOut(ctx, text)
		} else if x.keepGoing = false; errors.Is(err, bufio.ErrTooLong) {
			err = outcome.Usagef("more than %d bytes", maxLine)
		}
		switch {
		case err == nil || x.left:
		case x.keepGoing:
			last = outcome.Of(err)
			x.complain(located(number, err))
		default:
			return located(number, err)
		}
	}
	if x.left {
		last = x.leftWith
	}
	return leaving(last)
}

// next waits for a line, or for the end of ctx.
func (x *sitting) next(ctx context.Context, read func() (string, error)) (string, error) {
	type typed struct {
		line string
		err  error
	}
	got := make(chan typed, 1)
	go func() {
		line, err := read()
		got <- typed{line, err}
	}()
	select {
	case t := <-got:
		return t.line, t.err
	case <-ctx.Done():
		return "", fmt.Errorf("interrupted: %w", ctx.Err())
	}
}

// complain says what went wrong.
func (x *sitting) complain(err error) {
	if text := outcome.Explain(err); text != "" {
		_, _ = fmt.Fprintln(x.complaints, "quorate: "+text) // where else to complain?
	}
}

// scan returns a script's next line.
func scan(lines *bufio.Scanner) (string, error) {
	if lines.Scan() {
		return lines.Text(), nil
	}
	if err := lines.Err(); err != nil {
		return "", err
	}
	return "", io.EOF
}

// located says in which line of a script an error was; one that says nothing stays silent.
func located(number int, err error) error {
	if outcome.Explain(err) == "" {
		return err
	}
	return fmt.Errorf("line %d: %w", number, err)
}

// leaving is the error of a shell that ends with a code; nil for 0.
func leaving(code outcome.Code) error {
	if code == outcome.OK {
		return nil
	}
	return outcome.Silently(code)
}
