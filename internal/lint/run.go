package lint

import (
	"go/ast"
	"go/token"
	"regexp"
	"strings"
)

// maxGoroutines is the most `go` statements the code may have: each is one more
// thing that somebody must wait for.
const maxGoroutines = 20

// checkGoroutines counts the `go` statements outside tests; beyond the bound it
// reports every one of them, since any may be the one too many.
func checkGoroutines(t *Tree) []Finding {
	all := goroutines(t)
	if len(all) <= maxGoroutines {
		return nil
	}
	return all
}

// goroutines lists the `go` statements outside tests.
func goroutines(t *Tree) []Finding {
	var out []Finding
	for f := range t.code {
		ast.Inspect(f.ast, func(n ast.Node) bool {
			if _, ok := n.(*ast.GoStmt); ok {
				out = append(out, f.at(n.Pos(), "a go statement; the code may have %d of them in all: let an existing Run do the work", maxGoroutines))
			}
			return true
		})
	}
	return out
}

// checkConstructors reports `go` statements in functions named New… and Open…:
// owners run, constructors don't.
func checkConstructors(t *Tree) []Finding {
	var out []Finding
	for f := range t.code {
		for _, d := range f.ast.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok || fn.Body == nil || !strings.HasPrefix(fn.Name.Name, "New") && !strings.HasPrefix(fn.Name.Name, "Open") {
				continue
			}
			ast.Inspect(fn.Body, func(n ast.Node) bool {
				if _, ok := n.(*ast.GoStmt); ok {
					out = append(out, f.at(n.Pos(), "%s starts a goroutine: leave it to a Run(ctx) error that returns when the goroutine has ended", fn.Name.Name))
				}
				return true
			})
		}
	}
	return out
}

// checkSleeps reports time.Sleep in tests, unless it is simulated time: within a
// function literal given to synctest.Test, or a function whose name ends with InBubble.
func checkSleeps(t *Tree) []Finding {
	var out []Finding
	for f := range t.files {
		if !f.Test {
			continue
		}
		bubbles := bubbles(f)
		ast.Inspect(f.ast, func(n ast.Node) bool {
			if e, ok := n.(ast.Expr); ok {
				if pkg, name := f.selector(e); pkg == "time" && name == "Sleep" && !inside(bubbles, n.Pos()) {
					out = append(out, f.at(n.Pos(), "time.Sleep in a test: wait for the event itself, or run in a synctest bubble (a helper's name then ends with InBubble)"))
				}
			}
			return true
		})
	}
	return out
}

// span is a stretch of a file.
type span struct{ from, to token.Pos }

// inside says whether a position lies in one of the spans.
func inside(spans []span, p token.Pos) bool {
	for _, s := range spans {
		if s.from <= p && p < s.to {
			return true
		}
	}
	return false
}

// bubbles returns the parts of a test file that run in simulated time.
func bubbles(f *File) []span {
	var out []span
	ast.Inspect(f.ast, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncDecl:
			if strings.HasSuffix(n.Name.Name, "InBubble") {
				out = append(out, span{n.Pos(), n.End()})
			}
		case *ast.CallExpr:
			if pkg, name := f.selector(n.Fun); pkg == "testing/synctest" && name == "Test" {
				for _, arg := range n.Args {
					if lit, ok := arg.(*ast.FuncLit); ok {
						out = append(out, span{lit.Pos(), lit.End()})
					}
				}
			}
		}
		return true
	})
	return out
}

// checkTodos reports notes of work left over that name no issue.
func checkTodos(t *Tree) []Finding {
	note := regexp.MustCompile(`\b(TODO|FIXME)\b(\(#\d+\))?`)
	var out []Finding
	for f := range t.files {
		for _, group := range f.ast.Comments {
			for _, c := range group.List {
				for _, m := range note.FindAllStringSubmatch(c.Text, -1) {
					if m[2] == "" {
						out = append(out, f.at(c.Pos(), "%s without an issue: do it now, or file an issue and write %s(#12)", m[1], m[1]))
					}
				}
			}
		}
	}
	return out
}
