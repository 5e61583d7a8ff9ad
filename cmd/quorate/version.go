package main

import (
	"runtime"

	"github.com/spf13/cobra"

	"github.com/quorate/quorate/cmd/quorate/internal/cli"
	"github.com/quorate/quorate/cmd/quorate/internal/outcome"
	"github.com/quorate/quorate/cmd/quorate/internal/render"
	"github.com/quorate/quorate/internal/version"
)

func versionCommand(console *cli.Console) *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use:   "version",
		Short: "Print the version of this program",
		Long:  "Print the version of this program; that of a server stands in `quorate status`.",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			format, err := render.ParseFormat(output)
			if err != nil {
				return outcome.With(outcome.Usage, err)
			}
			platform := runtime.GOOS + "/" + runtime.GOARCH
			object := map[string]any{"version": version.String(), "go": version.Go(), "platform": platform}
			return render.Printer{Out: console.Out, Format: format}.Line(object, "quorate %s, %s, %s", version.String(), version.Go(), platform)
		},
	}
	cmd.Flags().StringVarP(&output, "output", "o", "table", "output `format`, table or json")
	return cmd
}
