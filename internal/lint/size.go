package lint

import (
	"fmt"
	"go/ast"
)

// The most lines a function of store and peer may have, and any file.
const (
	maxFunction = 70
	maxFile     = 500
)

// checkFunctions bounds the functions of store and peer, without their tests.
func checkFunctions(t *Tree) []Finding {
	var out []Finding
	for f := range t.code {
		if !below(f, "store", "peer") {
			continue
		}
		for _, d := range f.ast.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok {
				continue
			}
			if n := f.line(fn.End()) - f.line(fn.Pos()) + 1; n > maxFunction {
				out = append(out, f.at(fn.Pos(), "%s has %d lines, at most %d are allowed: one thought a function", fn.Name.Name, n, maxFunction))
			}
		}
	}
	return out
}

// checkFiles bounds every file, tests too.
func checkFiles(t *Tree) []Finding {
	var out []Finding
	for f := range t.files {
		if f.Lines > maxFile {
			out = append(out, Finding{Path: f.Path, Text: fmt.Sprintf("%d lines, at most %d are allowed: split it by subject", f.Lines, maxFile)})
		}
	}
	return out
}
