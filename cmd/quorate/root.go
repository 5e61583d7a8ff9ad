package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/quorate/quorate/cmd/quorate/internal/cli"
	"github.com/quorate/quorate/cmd/quorate/internal/outcome"
	"github.com/quorate/quorate/internal/version"
)

const (
	groupServer = "server"
	groupClient = "client"
)

// execute runs the program with its arguments, says on console.Err what went wrong, and
// returns the exit code.
func execute(ctx context.Context, console *cli.Console, args []string) outcome.Code {
	root := newRoot(console)
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	if text := outcome.Explain(err); text != "" {
		_, _ = fmt.Fprintln(console.Err, "quorate: "+text) // where else to complain?
	}
	return outcome.Of(err)
}

// newRoot returns the whole command tree. It holds no state outside itself, so that
// tests may run many at a time.
func newRoot(console *cli.Console) *cobra.Command {
	root := bareRoot(console)
	root.Long = `Quorate keeps a small, ordered, replicated tree of nodes for distributed programs.

"quorate serve" runs a server; the other verbs talk to one.
"quorate help exit-codes" lists the exit codes.`
	root.Version = version.String()
	root.AddGroup(&cobra.Group{ID: groupServer, Title: "Server:"}, &cobra.Group{ID: groupClient, Title: "Client:"})
	root.SetHelpCommandGroupID(groupClient)
	root.SetCompletionCommandGroupID(groupClient)
	root.AddCommand(exitCodesTopic())
	addVerbs(root, groupServer, serveCommand(), configCommand(), devCommand(), simCommand())
	addVerbs(root, groupClient, clientCommands(console)...)
	addVerbs(root, groupClient, shellCommand(console))
	return root
}

// bareRoot is a root without verbs.
func bareRoot(console *cli.Console) *cobra.Command {
	root := &cobra.Command{
		Use:           "quorate",
		Short:         "A coordination service with ZooKeeper's data model",
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          unknownVerb,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetIn(console.In)
	root.SetOut(console.Out)
	root.SetErr(console.Err)
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return outcome.Usagef("%w\n  see `%s --help`", err, cmd.CommandPath())
	})
	return root
}

// addVerbs adds verbs to a group of the help.
func addVerbs(root *cobra.Command, group string, verbs ...*cobra.Command) {
	for _, verb := range verbs {
		verb.GroupID = group
		checkArgs(verb)
		if group == groupClient {
			interruptible(verb)
		}
		root.AddCommand(verb)
	}
}

func clientCommands(console *cli.Console) []*cobra.Command {
	return []*cobra.Command{
		createCommand(console), getCommand(console), setCommand(console), deleteCommand(console),
		lsCommand(console), existsCommand(console), statCommand(console), aclCommand(console),
		multiCommand(console), syncCommand(console), importCommand(console), exportCommand(console),
		watchCommand(console), lockCommand(console), electCommand(console), statusCommand(console), doctorCommand(console), resignCommand(console), versionCommand(console),
	}
}

// checkArgs makes a wrong number of arguments, and flags that exclude each other, errors of
// usage, in a verb and its verbs.
func checkArgs(cmd *cobra.Command) {
	check := cmd.Args
	if check == nil {
		check = cobra.ArbitraryArgs
	}
	cmd.Args = func(cmd *cobra.Command, args []string) error {
		err := check(cmd, args)
		if err == nil {
			err = cmd.ValidateFlagGroups()
		}
		if err == nil || outcome.Of(err) != outcome.Failed {
			return err
		}
		return outcome.Usagef("%s: %w\n  usage: %s", cmd.CommandPath(), err, cmd.UseLine())
	}
	for _, sub := range cmd.Commands() {
		checkArgs(sub)
	}
}

// interruptible lets a verb end in good order at the first signal, and at once at
// the second. The server has its own way with signals, and so have the verbs that are marked.
func interruptible(cmd *cobra.Command) {
	if run := cmd.RunE; run != nil && cmd.Annotations[ownSignals] == "" {
		cmd.RunE = func(cmd *cobra.Command, args []string) error {
			ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM)
			defer stop()
			defer context.AfterFunc(ctx, stop)()
			cmd.SetContext(ctx)
			err := run(cmd, args)
			if errors.Is(err, context.Canceled) && outcome.Of(err) == outcome.Failed && ctx.Err() != nil {
				return fmt.Errorf("interrupted: %w", err)
			}
			return err
		}
	}
	for _, sub := range cmd.Commands() {
		interruptible(sub)
	}
}

// unknownVerb is reached by arguments of which the first is no verb.
func unknownVerb(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	text := fmt.Sprintf("unknown command %q for %q", args[0], cmd.CommandPath())
	for _, s := range cmd.SuggestionsFor(args[0]) {
		text += fmt.Sprintf("\n  did you mean %q?", s)
	}
	return outcome.Usagef("%s\n  see `%s --help`", text, cmd.CommandPath())
}

// exitCodesTopic is a page of help, not a verb.
func exitCodesTopic() *cobra.Command {
	return &cobra.Command{Use: "exit-codes", Short: "What the exit codes mean", Long: outcome.Help}
}
