package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const page = "../../docs/configuration.md"

// TestPageIsAsGenerated: whoever changes a setting, or a row of zoo.cfg's table, runs make generate.
func TestPageIsAsGenerated(t *testing.T) {
	b, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	text, err := fill(string(b))
	if err != nil {
		t.Fatal(err)
	}
	if text != string(b) {
		t.Error("docs/configuration.md is not what the settings make it: run make generate, or go run ./internal/configdoc docs/configuration.md")
	}
	for _, want := range []string{
		"| `--tick` | `tick` | `tickTime` | `200ms` |", "| `dataDir` |  | `--data-dir`, `--id` |", "| `forceSync` | too |", "| `ssl.*` | too |",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q", want)
		}
	}
}

func TestRun(t *testing.T) {
	file := filepath.Join(t.TempDir(), "page.md")
	if err := run(file); err == nil {
		t.Error("a file that is not there is filled")
	}
	if err := os.WriteFile(file, []byte("# Nothing\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := run(file); err == nil || !strings.Contains(err.Error(), "no place for the table settings") {
		t.Error(err)
	}
	empty := ""
	for _, name := range []string{"settings", "keys", "nothing", "refused"} {
		empty += "<!-- table " + name + ": made by `make generate` -->\nzzz\n" + endMark
	}
	if err := os.WriteFile(file, []byte(empty), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := run(file); err != nil {
		t.Fatal(err)
	}
	if b, err := os.ReadFile(file); err != nil || strings.Contains(string(b), "zzz") || !strings.Contains(string(b), "`--id`") {
		t.Errorf("%s %v", b, err)
	}
}
