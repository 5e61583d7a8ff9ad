package lint

import (
	"go/ast"
	"slices"
)

// pure are the packages without clock, disk, network, locks and randomness, and all
// packages below them: what they return depends on what they are given, and on
// nothing else. A folder that does not exist yet costs nothing.
var pure = []string{"store/txn", "store/fault", "store/tree", "peer/quorum", "peer/resync", "peer/election"}

// impure are the parts of the standard library that pure packages do without.
var impure = []string{
	"crypto/rand", "database", "embed", "expvar", "hash/maphash", "io/ioutil", "log", "math/rand",
	"net", "os", "plugin", "runtime", "sync", "syscall", "testing",
}

// harmless are exceptions to impure: values and parsing, nothing else.
var harmless = []string{"net/netip", "net/url"}

// alone are exceptions for one package each: trees of one line share leaves (store/tree/DESIGN.md), and what one
// returns depends on what it was given all the same.
var alone = map[string][]string{"store/tree": {"sync/atomic"}}

// third are the modules of others that pure packages may use.
var third = []string{"github.com/cespare/xxhash", "github.com/tidwall/btree", "google.golang.org/protobuf/encoding/protowire"}

// clock are the names of package time that read the clock or wait for it; its types
// (Duration, Time) and their arithmetic are free to use.
var clock = []string{"After", "AfterFunc", "Local", "NewTicker", "NewTimer", "Now", "Since", "Sleep", "Tick", "Until"}

// checkPure holds the pure packages, without their tests, to purity.
func checkPure(t *Tree) []Finding {
	var out []Finding
	for f := range t.code {
		if !below(f, pure...) {
			continue
		}
		f.imports(func(spec *ast.ImportSpec, imp string) {
			if why := unfit(imp, t.Module); why != "" && !slices.Contains(alone[f.dir], imp) {
				out = append(out, f.at(spec.Pos(), "%s is pure and must not import %s (%s): have the caller pass in what it gives", f.dir, imp, why))
			}
		})
		ast.Inspect(f.ast, func(n ast.Node) bool {
			if text := impurity(f, n); text != "" {
				out = append(out, f.at(n.Pos(), "%s is pure: %s", f.dir, text))
			}
			return true
		})
	}
	return out
}

// unfit says why a pure package must not import a path; "" if it may.
func unfit(imp, module string) string {
	covers := func(dir string) bool { _, ok := within(imp, dir); return ok }
	if own, ok := within(imp, module); ok {
		imp = own
		if slices.ContainsFunc(pure, covers) {
			return ""
		}
		return "it is not a pure package itself"
	}
	switch {
	case slices.ContainsFunc(third, covers) || slices.ContainsFunc(harmless, covers):
		return ""
	case !standard(imp):
		return "not among the modules listed in internal/lint/pure.go"
	case slices.ContainsFunc(impure, covers):
		return "clock, disk, network, locks or randomness"
	}
	return ""
}

// standard says whether an import path is of the standard library: no dot in its first part.
func standard(imp string) bool {
	for _, c := range imp {
		switch c {
		case '/':
			return true
		case '.':
			return false
		}
	}
	return true
}

// impurity says what a pure package must not do about the syntax n; "" if nothing.
func impurity(f *File, n ast.Node) string {
	switch n := n.(type) {
	case *ast.GoStmt:
		return "no goroutines: return a value and let the caller act on it"
	case *ast.SelectorExpr:
		if pkg, name := f.selector(n); pkg == "time" && slices.Contains(clock, name) {
			return "no time." + name + ": have the caller pass in the time"
		}
	}
	return ""
}
