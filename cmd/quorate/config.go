package main

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/quorate/quorate/cmd/quorate/internal/outcome"
	"github.com/quorate/quorate/server/config/source"
	"github.com/quorate/quorate/server/config/yamlfile"
)

// configCommand returns the verb about files of settings.
func configCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "config",
		Short: "Check and convert files of settings",
		Long: `Check and convert the files that "quorate serve --config FILE" takes: YAML if the name
ends with .yaml or .yml, otherwise ZooKeeper's zoo.cfg.`,
		Args: unknownVerb,

		SuggestionsMinimumDistance: 2,
		RunE:                       func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(configCheckCommand(), configConvertCommand())
	return cmd
}

func configCheckCommand() *cobra.Command {
	var id string
	cmd := &cobra.Command{
		Use:   "check FILE",
		Short: "Say what a file of settings makes a server do, and what is wrong with it",
		Long: `Read a file of settings as "quorate serve --config FILE" does, start nothing, and print
every setting, with where it stands. What there is to know about the file is printed on
standard error: warnings, where something will not be as the file has it, and notes. If
anything is wrong, all of it is said and the exit code is 2.

Flags and environment, which override a file, are left out.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			reading, err := checked(args[0], id)
			sayNotes(cmd, reading.Notes)
			if err != nil {
				return err
			}
			return yamlfile.Write(cmd.OutOrStdout(), reading, yamlfile.Options{All: true, Hide: true, Otherwise: asZooKeeper})
		},
	}
	addIDFlag(cmd, &id)
	return cmd
}

func configConvertCommand() *cobra.Command {
	var id string
	cmd := &cobra.Command{
		Use:   "convert FILE",
		Short: "Print a zoo.cfg as YAML",
		Long: `Print what a zoo.cfg says as YAML for "quorate serve --config", with where it stood.
Comments at the top say what was not carried over, and why. The number of the server and
the data directory are those of this machine.

The identity of the super user is printed as it is.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			reading, err := checked(args[0], id)
			if err != nil {
				sayNotes(cmd, reading.Notes)
				return err
			}
			return yamlfile.Write(cmd.OutOrStdout(), reading, yamlfile.Options{Title: title(args[0], reading.Notes), Otherwise: asZooKeeper})
		},
	}
	addIDFlag(cmd, &id)
	return cmd
}

// asZooKeeper is said of what follows from a zoo.cfg that does not say it.
const asZooKeeper = "as ZooKeeper has it"

// addIDFlag lets another server's settings be looked at than the one that myid names.
func addIDFlag(cmd *cobra.Command, id *string) {
	cmd.Flags().StringVar(id, "id", "", "`number` of the server, in place of myid or the file's")
}

// checked reads a file and validates it.
func checked(file, id string) (source.Reading, error) {
	given := map[string]string{}
	if id != "" {
		given["id"] = id
	}
	reading, bad := readSettings(file, given)
	if id != "" {
		n, err := strconv.ParseUint(id, 10, 8)
		if err != nil {
			return reading, outcome.Usagef("--id: %q is no number of a server", id)
		}
		reading.Config.ID = uint(n)
		reading.Places["id"] = source.Place{File: "--id"}
	}
	overridden := func(flag string) bool { return given[flag] != "" }
	return reading, outcome.With(outcome.Usage, errors.Join(bad, reading.Explain(reading.Config.Validate(), overridden)))
}

// sayNotes prints warnings and notes on standard error.
func sayNotes(cmd *cobra.Command, notes []source.Note) {
	for _, n := range notes {
		cmd.PrintErrln(described(n))
	}
}

// described is a note with how much it matters.
func described(n source.Note) string {
	if n.Warning {
		return "warning: " + n.String()
	}
	return "note: " + n.String()
}

// title is what a converted file begins with.
func title(file string, notes []source.Note) string {
	var out strings.Builder
	fmt.Fprintf(&out, "Converted from %s by quorate config convert.\n", file)
	for _, n := range notes {
		fmt.Fprintf(&out, "\n%s\n", described(n))
	}
	return out.String()
}
