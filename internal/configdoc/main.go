package main

import (
	"cmp"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"github.com/quorate/quorate/server/config"
	"github.com/quorate/quorate/server/config/zoocfg"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "configdoc: want the file")
		os.Exit(2)
	}
	if err := run(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "configdoc:", err)
		os.Exit(1)
	}
}

// run writes the tables into the file.
func run(file string) error {
	old, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	text, err := fill(string(old))
	if err != nil {
		return err
	}
	return os.WriteFile(file, []byte(text), 0o644)
}

// A table stands between two marks, of which the first names it.
const (
	beginMark = "<!-- table %s: made by `make generate` -->\n"
	endMark   = "<!-- end of table -->\n"
)

// fill puts each table between its marks.
func fill(text string) (string, error) {
	for _, t := range []struct{ name, table string }{
		{"settings", settings()},
		{"keys", keys(func(r zoocfg.Row) bool { return len(r.Settings) > 0 && !r.Refused })},
		{"nothing", keys(func(r zoocfg.Row) bool { return len(r.Settings) == 0 && !r.Refused })},
		{"refused", keys(func(r zoocfg.Row) bool { return r.Refused })},
	} {
		before, rest, ok := strings.Cut(text, fmt.Sprintf(beginMark, t.name))
		_, after, ended := strings.Cut(rest, endMark)
		if !ok || !ended {
			return "", fmt.Errorf("there is no place for the table %s", t.name)
		}
		text = before + fmt.Sprintf(beginMark, t.name) + "\n" + t.table + "\n" + endMark + after
	}
	return text, nil
}

// settings is a table for each section.
func settings() string {
	var out strings.Builder
	from := sources()
	for i, section := range config.Sections() {
		if i > 0 {
			out.WriteString("\n")
		}
		fmt.Fprintf(&out, "### %s\n\n| flag | YAML key | zoo.cfg key | default | |\n|---|---|---|---|---|\n", section.Title)
		c := config.Default()
		fs := pflag.NewFlagSet("", pflag.ContinueOnError)
		fs.SortFlags = false
		section.Flags(&c, fs)
		fs.VisitAll(func(f *pflag.Flag) {
			_, usage := pflag.UnquoteUsage(f)
			fmt.Fprintf(&out, "| `--%s` | `%s` | %s | %s | %s |\n", f.Name, f.Name, from[f.Name], code(f.DefValue), cell(usage))
		})
	}
	return out.String()
}

// sources are zoo.cfg's keys by the settings that they decide.
func sources() map[string]string {
	from := map[string]string{}
	for _, row := range zoocfg.Table() {
		for _, flag := range row.Settings {
			if from[flag] != "" {
				from[flag] += ", "
			}
			from[flag] += code(row.Key)
		}
	}
	return from
}

// keys is the table of those rows that are chosen, in the order of the keys.
func keys(chosen func(zoocfg.Row) bool) string {
	rows := slices.DeleteFunc(zoocfg.Table(), func(r zoocfg.Row) bool { return !chosen(r) })
	slices.SortFunc(rows, func(a, b zoocfg.Row) int { return cmp.Compare(strings.ToLower(a.Key), strings.ToLower(b.Key)) })
	var out strings.Builder
	if len(rows) > 0 && len(rows[0].Settings) > 0 {
		out.WriteString("| key | `zookeeper.` before it | decides | |\n|---|---|---|---|\n")
	} else {
		out.WriteString("| key | `zookeeper.` before it | |\n|---|---|---|\n")
	}
	for _, r := range rows {
		before := ""
		if r.System {
			before = "too"
		}
		fmt.Fprintf(&out, "| %s | %s |", code(r.Key), before)
		if len(r.Settings) > 0 {
			fmt.Fprintf(&out, " `--%s` |", strings.Join(r.Settings, "`, `--"))
		}
		fmt.Fprintf(&out, " %s |\n", cell(r.Why))
	}
	return out.String()
}

// code is a word as it is written; nothing for none.
func code(s string) string {
	if s == "" || s == "[]" {
		return ""
	}
	return "`" + s + "`"
}

// cell is text that may stand in a table.
func cell(s string) string { return strings.NewReplacer("|", `\|`, "*", `\*`, "<", `\<`).Replace(s) }
