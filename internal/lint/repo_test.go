package lint

import (
	"os"
	"testing"
)

// TestRepository holds the module itself against the rules.
func TestRepository(t *testing.T) {
	tree, err := Load(os.DirFS("../.."))
	if err != nil {
		t.Fatal(err)
	}
	if tree.Module != "github.com/quorate/quorate" || len(tree.Packages) < 4 {
		t.Fatalf("loaded %d packages of module %q: not the whole repository", len(tree.Packages), tree.Module)
	}
	for _, f := range Check(tree) {
		t.Error(f)
	}
	all := goroutines(tree)
	t.Logf("%d go statements outside tests, of %d:", len(all), maxGoroutines)
	for _, g := range all {
		t.Logf("  %s:%d", g.Path, g.Line)
	}
}
