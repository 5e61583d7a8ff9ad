package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/quorate/quorate/client"
	"github.com/quorate/quorate/cmd/quorate/internal/cli"
	"github.com/quorate/quorate/cmd/quorate/internal/outcome"
	"github.com/quorate/quorate/cmd/quorate/internal/script"
	apiv1 "github.com/quorate/quorate/gen/quorate/api/v1"
)

const groupShell = "shell"

// carryOut carries out a line. After the end of the session it does so on a new one if somebody is there to read that.
func (x *sitting) carryOut(ctx context.Context, line string) error {
	words, err := words(line)
	if err != nil || len(words) == 0 {
		return err
	}
	if x.shared.Session.Err() != nil && x.in != (cli.Occupied{}) {
		if err := x.attach(ctx); err != nil {
			return err
		}
		_, _ = fmt.Fprintf(x.complaints, "session %s is new\n", x.shared.Session.ID()) // where else to complain?
	}
	root := x.root(x.world.Out, x.world.Err)
	root.SetArgs(words)
	return root.ExecuteContext(ctx)
}

// words cuts a line into words. A command may begin with the name of this program, as in its advice.
func words(line string) ([]string, error) {
	words, err := script.Words(line)
	if err != nil {
		return nil, outcome.With(outcome.Usage, err)
	}
	if len(words) > 0 && words[0] == "quorate" {
		words = words[1:]
	}
	return words, nil
}

// root returns the commands of the shell: those of the program that talk to a server, with the shell's session, and its own.
func (x *sitting) root(out, err io.Writer) *cobra.Command {
	console := &cli.Console{In: x.in, Out: out, Err: err, Getenv: x.world.Getenv, Shell: &x.shared}
	root := bareRoot(console)
	root.CompletionOptions.DisableDefaultCmd = true
	root.Long = "The commands of the shell. `help COMMAND` says more of one, `help exit-codes` what its end means to a script."
	root.AddGroup(&cobra.Group{ID: groupClient, Title: "Client:"}, &cobra.Group{ID: groupShell, Title: "Shell:"})
	root.SetHelpCommandGroupID(groupShell)
	root.AddCommand(exitCodesTopic())
	for _, verb := range clientCommands(console) {
		if verb.Name() != "watch" { // the shell has its own, which lets one go on
			addVerbs(root, groupClient, verb)
		}
	}
	addVerbs(
		root, groupShell,
		x.watchCommand(console), x.unwatchCommand(console), x.cdCommand(console), x.pwdCommand(console),
		x.sessionCommand(console), x.historyCommand(console), x.exitCommand(),
	)
	return root
}

// tell has the changes of a session's state told until it ends.
func (x *sitting) tell(own *client.Session) {
	x.background.Go(func() {
		known := client.Connected
		for state := range own.States(context.Background()) {
			if state != known && state != client.Closed {
				_, _ = fmt.Fprintf(x.complaints, "session %s is %s\n", own.ID(), state) // where else to complain?
			}
			known = state
		}
	})
}

// complete is the shell's [prompt.Completer]: it asks the commands, as the shells of the system do.
func (x *sitting) complete(before string) (part string, candidates []string) {
	typed, err := words(before)
	if err != nil {
		return "", nil
	}
	if len(typed) > 0 && !strings.HasSuffix(before, " ") && !strings.HasSuffix(before, "\t") {
		part, typed = typed[len(typed)-1], typed[:len(typed)-1]
		if !strings.HasSuffix(before, part) {
			return "", nil // it is quoted
		}
	}
	var out bytes.Buffer
	root := x.root(&out, io.Discard)
	root.SetArgs(append(append([]string{"__complete"}, typed...), part))
	if err := root.ExecuteContext(context.Background()); err != nil {
		return part, nil
	}
	for line := range strings.Lines(out.String()) {
		if strings.HasPrefix(line, ":") {
			break // what a shell of the system should do with them
		}
		candidate, _, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
		candidates = append(candidates, candidate)
	}
	return part, candidates
}

func (x *sitting) watchCommand(console *cli.Console) *cobra.Command {
	var recursive bool
	cmd := &cobra.Command{
		Use:   "watch [PATH]",
		Short: "Print what happens to a node, with -R to all below it, too, while you go on",
		Long: `Print what happens to a node, and that its children change, or with -R all that happens to it and below it: a line each with
the zxid, what happened and the path. There need not be a node. Without PATH it prints what is watched.

It goes on until "unwatch" or the session's end. What a command of the shell shows has been told before.`,
		Args: cobra.MaximumNArgs(1),
	}
	flags := cli.Bind(console, cmd.Flags())
	cmd.Flags().BoolVarP(&recursive, "recursive", "R", false, "watch all nodes below it, too")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return flags.Run(func(s *cli.Session) error {
			if len(args) == 0 {
				return x.printAll(s, x.watches.Paths())
			}
			ctx, cancel := s.Context(cmd.Context())
			defer cancel()
			printer := s.Print
			printer.Out = x.events
			return x.watches.Watch(ctx, x.shared.Session, args[0], recursive, printer, x.complaints)
		})
	}
	takesPath(console, cmd, flags, 0)
	return cmd
}

func (x *sitting) printAll(s *cli.Session, paths []string) error {
	for _, path := range paths {
		if err := s.Print.Line(map[string]any{"path": path}, "%s", path); err != nil {
			return err
		}
	}
	return nil
}

func (x *sitting) unwatchCommand(console *cli.Console) *cobra.Command {
	return &cobra.Command{
		Use:   "unwatch PATH",
		Short: "Let a watch end",
		Args:  cobra.ExactArgs(1),
		RunE:  func(_ *cobra.Command, args []string) error { return x.watches.Unwatch(console.Path(args[0])) },
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
			return x.watches.Paths(), cobra.ShellCompDirectiveNoFileComp
		},
	}
}

func (x *sitting) cdCommand(console *cli.Console) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "cd [PATH]",
		Short: "Change the shell's place, where relative paths begin",
		Long:  "Change the shell's place, where relative paths begin; to / without PATH. There has to be a node.",
		Args:  cobra.MaximumNArgs(1),
	}
	flags := cli.Bind(console, cmd.Flags())
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		place := "/"
		if len(args) == 1 {
			place = args[0]
		}
		return flags.Run(func(s *cli.Session) error {
			reply, err := cli.Call(cmd.Context(), s, s.Keeper.Exists, &apiv1.ExistsRequest{Path: place})
			switch {
			case err != nil:
				return err
			case reply.GetStat() == nil:
				return fmt.Errorf("%s: %w", place, client.ErrNoNode)
			}
			x.shared.Dir = place
			return nil
		})
	}
	takesPath(console, cmd, flags, 0)
	return cmd
}

func (x *sitting) pwdCommand(console *cli.Console) *cobra.Command {
	return &cobra.Command{
		Use:   "pwd",
		Short: "Print the shell's place",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			_, err := fmt.Fprintln(console.Out, x.shared.Dir)
			return err
		},
	}
}

func (x *sitting) sessionCommand(console *cli.Console) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "session",
		Short: "Print the session's id, state and timeout",
		Args:  cobra.NoArgs,
	}
	flags := cli.Bind(console, cmd.Flags())
	cmd.RunE = func(*cobra.Command, []string) error {
		return flags.Run(func(s *cli.Session) error {
			own := x.shared.Session
			id, state, timeout := own.ID().String(), own.State().String(), own.Timeout().String()
			return s.Print.Fields(map[string]any{"id": id, "state": state, "timeout": timeout}, "id", id, "state", state, "timeout", timeout)
		})
	}
	return cmd
}

func (x *sitting) historyCommand(console *cli.Console) *cobra.Command {
	return &cobra.Command{
		Use:   "history",
		Short: "Print the lines that were typed, also in shells before",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			for i := x.history.Len() - 1; i >= 0; i-- {
				if _, err := fmt.Fprintln(console.Out, x.history.At(i)); err != nil {
					return err
				}
			}
			return nil
		},
	}
}

func (x *sitting) exitCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "exit [CODE]",
		Aliases: []string{"quit"},
		Short:   "Leave the shell, with an exit code of 0 or CODE",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			code := 0
			if len(args) == 1 {
				n, err := strconv.ParseUint(args[0], 10, 8)
				if err != nil {
					return outcome.With(outcome.Usage, errors.New("the exit code "+strconv.Quote(args[0])+" is no number from 0 to 255"))
				}
				code = int(n)
			}
			x.left, x.leftWith = true, outcome.Code(code)
			return nil
		},
	}
}
