package main

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/quorate/quorate/cmd/quorate/internal/cli"
	"github.com/quorate/quorate/cmd/quorate/internal/listing"
	apiv1 "github.com/quorate/quorate/gen/quorate/api/v1"
)

const (
	// completionTime is how long the completion of a path may take: somebody waits at the keyboard.
	completionTime = 2 * time.Second
	// maxCandidates is how many paths are offered at the most.
	maxCandidates = 1000
)

// takesPath makes the argument of that number, from 0, of a verb a path: in a shell it may be relative to the shell's place, and
// it is completed by the names of the nodes there are.
func takesPath(console *cli.Console, verb *cobra.Command, flags *cli.Flags, number int) {
	run := verb.RunE
	verb.RunE = func(cmd *cobra.Command, args []string) error {
		if number < len(args) {
			resolve := console.Path
			if f := cmd.Flags().Lookup("sequential"); f != nil && f.Value.String() == "true" {
				resolve = console.Prefix
			}
			args = slices.Clone(args)
			args[number] = resolve(args[number])
		}
		return run(cmd, args)
	}
	verb.ValidArgsFunction = func(cmd *cobra.Command, args []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
		if len(args) != number {
			return nil, cobra.ShellCompDirectiveDefault
		}
		var found []cobra.Completion
		err := flags.Run(func(s *cli.Session) (err error) {
			found, err = candidates(cmd.Context(), s, typed)
			return err
		})
		if err != nil {
			return nil, cobra.ShellCompDirectiveError | cobra.ShellCompDirectiveNoFileComp
		}
		return found, cobra.ShellCompDirectiveNoSpace | cobra.ShellCompDirectiveNoFileComp
	}
}

// candidates returns the paths that begin with what was typed, one level deep; a slash stands after those with children.
func candidates(ctx context.Context, s *cli.Session, typed string) ([]string, error) {
	ctx, cancel := context.WithTimeout(ctx, completionTime)
	defer cancel()
	above, name := typed[:strings.LastIndex(typed, "/")+1], typed[strings.LastIndex(typed, "/")+1:]
	if above == "" && s.Shell == nil {
		above = "/"
	}
	var found []string
	r := &apiv1.ListRequest{Path: s.Path(strings.TrimRight(above, "/") + slashIfRoot(above)), View: apiv1.ListView_LIST_VIEW_STATS}
	err := listing.Each(ctx, s.Keeper, r, completionTime, func(piece *apiv1.ListResponse) error {
		for _, e := range piece.GetEntries() {
			if len(found) < maxCandidates && strings.HasPrefix(e.GetName(), name) {
				found = append(found, above+e.GetName()+strings.Repeat("/", int(min(1, e.GetStat().GetNumChildren()))))
			}
		}
		return nil
	})
	return found, err
}

// slashIfRoot keeps the root a path.
func slashIfRoot(above string) string {
	if strings.Trim(above, "/") == "" && above != "" {
		return "/"
	}
	return ""
}
