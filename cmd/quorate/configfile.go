package main

import (
	"errors"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/quorate/quorate/server/config"
	"github.com/quorate/quorate/server/config/source"
	"github.com/quorate/quorate/server/config/yamlfile"
	"github.com/quorate/quorate/server/config/zoocfg"
)

// settings are a server's, from a file, the environment and flags; each overrides those before it.
type settings struct {
	config.Config
	file string
}

// flags adds one for each setting, and one for the file.
func (s *settings) flags(fs *pflag.FlagSet) {
	fs.StringVar(&s.file, "config", "", "`file` of settings: YAML if its name ends with .yaml or .yml, otherwise ZooKeeper's zoo.cfg")
	s.Config.Flags(fs)
}

// load brings the file and the environment in and validates all. fs has the flags as they were given; lookup
// is [os.LookupEnv].
func (s *settings) load(fs *pflag.FlagSet, lookup func(string) (string, bool)) ([]source.Note, error) {
	given := givenSettings(fs, lookup)
	reading := source.Reading{Config: s.Config}
	var bad error
	if file, ok := given["config"]; ok && file != "" {
		reading, bad = readSettings(file, given)
		s.Config = reading.Config
		bad = errors.Join(bad, override(fs, given))
	}
	bad = errors.Join(bad, config.Env(fs, lookup))
	overridden := func(flag string) bool { _, ok := given[flag]; return ok }
	return reading.Notes, errors.Join(bad, reading.Explain(s.Validate(), overridden))
}

// givenSettings are those of flags and environment, by flag.
func givenSettings(fs *pflag.FlagSet, lookup func(string) (string, bool)) map[string]string {
	given := map[string]string{}
	fs.VisitAll(func(f *pflag.Flag) {
		if f.Changed {
			given[f.Name] = f.Value.String()
		} else if value, ok := lookup(config.EnvName(f.Name)); ok {
			given[f.Name] = value
		}
	})
	return given
}

// override sets the flags that were given once more, after the file has been read.
func override(fs *pflag.FlagSet, given map[string]string) error {
	var all []error
	fs.Visit(func(f *pflag.Flag) { all = append(all, f.Value.Set(given[f.Name])) })
	return errors.Join(all...)
}

// readSettings reads a file by its name.
func readSettings(file string, given map[string]string) (source.Reading, error) {
	switch strings.ToLower(filepath.Ext(file)) {
	case ".yaml", ".yml":
		return yamlfile.Read(file)
	}
	return zoocfg.Read(zoocfg.Input{File: file, Given: given})
}

// sectionedUsage shows the flags of a server by subject.
func sectionedUsage(cmd *cobra.Command) error {
	cmd.Printf("Usage:\n  %s\n", cmd.UseLine())
	rest := pflag.NewFlagSet("", pflag.ContinueOnError)
	shown := map[string]bool{}
	var sections strings.Builder
	for _, section := range config.Sections() {
		var c config.Config
		names, own := pflag.NewFlagSet("", pflag.ContinueOnError), pflag.NewFlagSet("", pflag.ContinueOnError)
		names.SortFlags, own.SortFlags = false, false
		section.Flags(&c, names)
		names.VisitAll(func(f *pflag.Flag) {
			shown[f.Name] = true
			own.AddFlag(cmd.Flags().Lookup(f.Name))
		})
		sections.WriteString("\n" + section.Title + ":\n" + own.FlagUsages())
	}
	cmd.LocalFlags().VisitAll(func(f *pflag.Flag) {
		if !shown[f.Name] {
			rest.AddFlag(f)
		}
	})
	cmd.Printf("\nFlags:\n%s%s", rest.FlagUsages(), sections.String())
	return nil
}
