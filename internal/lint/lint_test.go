package lint

import (
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

// example is a small module and the places where one rule must find it wanting.
type example struct {
	name  string
	files map[string]string
	want  []string // "path:line" of the findings; none: the module is clean
}

// run loads each example and holds what the rule finds against what it should.
func run(t *testing.T, check func(*Tree) []Finding, examples []example) {
	t.Helper()
	for _, e := range examples {
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			var got []string
			for _, f := range check(load(t, e.files)) {
				if len(f.Text) < 20 {
					t.Errorf("finding %v says too little", f)
				}
				got = append(got, fmt.Sprintf("%s:%d", f.Path, f.Line))
			}
			slices.Sort(got)
			if !slices.Equal(got, e.want) {
				t.Errorf("found %q, want %q", got, e.want)
			}
		})
	}
}

// load parses a module made of the files; a go.mod is added.
func load(t *testing.T, files map[string]string) *Tree {
	t.Helper()
	fsys := fstest.MapFS{"go.mod": {Data: []byte("module example.com/m\n\ngo 1.26\n")}}
	for p, src := range files {
		fsys[p] = &fstest.MapFile{Data: []byte(src)}
	}
	tree, err := Load(fsys)
	if err != nil {
		t.Fatal(err)
	}
	return tree
}

// src makes a file of package p from lines.
func src(lines ...string) string { return "package p\n" + strings.Join(lines, "\n") + "\n" }

func TestEveryRuleIsDistinct(t *testing.T) {
	seen := map[string]bool{}
	for _, r := range Rules() {
		if seen[r.Name] || r.Name == "" || r.Check == nil {
			t.Errorf("rule %q: without a check, or twice", r.Name)
		}
		seen[r.Name] = true
	}
}

// TestCheck shows that Check runs the rules, names them and sorts what they find.
func TestCheck(t *testing.T) {
	tree := load(t, map[string]string{
		"store/DESIGN.md": "x",
		"store/doc.go":    "// Package p is an example.\npackage p\n",
		"store/b.go":      src("func B() {}", "func init() {}"),
		"store/a.go":      src("var state int"),
	})
	var got []string
	for _, f := range Check(tree) {
		got = append(got, strings.Join(strings.SplitN(f.String(), ":", 4)[:3], ":"))
	}
	want := []string{"store/a.go:2: state", "store/b.go:2: documented", "store/b.go:3: init"}
	if !slices.Equal(got, want) {
		t.Errorf("Check found %q, want %q", got, want)
	}
}

func TestFindingString(t *testing.T) {
	for _, c := range []struct {
		f    Finding
		want string
	}{
		{Finding{Path: "a.go", Line: 3, Rule: "r", Text: "wrong"}, "a.go:3: r: wrong"},
		{Finding{Path: "a/doc.go", Rule: "r", Text: "missing"}, "a/doc.go: r: missing"},
	} {
		if got := c.f.String(); got != c.want {
			t.Errorf("String = %q, want %q", got, c.want)
		}
	}
}

func TestLoad(t *testing.T) {
	bad := "not Go at all"
	tree := load(t, map[string]string{
		"gen/x.go":                          bad,
		"tools/go.mod":                      "module other",
		"tools/x.go":                        bad,
		"store/testdata/x.go":               bad,
		"tools2/node_modules/a/x.go":        bad,
		".ci/x.go":                          bad,
		"_old/x.go":                         bad,
		"store/gen/x.go":                    src(),
		"store/wal/wal.go":                  src(),
		"store/a.go":                        src(),
		"store/z.go":                        src("", ""),
		"store/wal/internal/deep/x_test.go": src(),
	})
	var got []string
	for _, p := range tree.Packages {
		for _, f := range p.Files {
			got = append(got, fmt.Sprintf("%s %s %v %d", p.Dir, f.Path, f.Test, f.Lines))
		}
	}
	want := []string{
		"store store/a.go false 2",
		"store store/z.go false 3",
		"store/gen store/gen/x.go false 2",
		"store/wal store/wal/wal.go false 2",
		"store/wal/internal/deep store/wal/internal/deep/x_test.go true 2",
	}
	if tree.Module != "example.com/m" || !slices.Equal(got, want) {
		t.Errorf("module %q with\n%s\nwant\n%s", tree.Module, strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestLoadFails(t *testing.T) {
	for name, fsys := range map[string]fs.FS{
		"no go.mod": fstest.MapFS{"a.go": {Data: []byte(src())}},
		"no Go":     fstest.MapFS{"go.mod": {Data: []byte("module m")}, "a.go": {Data: []byte("nonsense")}},
	} {
		if _, err := Load(fsys); err == nil {
			t.Errorf("%s: Load found nothing wrong", name)
		}
	}
}
