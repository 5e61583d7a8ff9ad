package lint

import (
	"go/ast"
	"path"
	"slices"
	"strings"
)

// layer says which other parts of the module the code under one folder may import.
type layer struct {
	dir   string   // the folder; the longest that fits decides
	code  []string // what its code may import, beside itself
	tests []string // what its tests may import in addition
}

// layers is the drawing of the house: imports point downwards only,
// cmd → client and cmd → server → peer → store.
var layers = []layer{
	{dir: "cmd", code: []string{"client", "server", "peer", "store", "gen", "internal/version", "internal/sim"}, tests: []string{"internal/loopback"}},
	{dir: "client", code: []string{"gen", "internal/version"}, tests: []string{"server", "internal/loopback"}},
	{dir: "server", code: []string{"peer", "store", "gen", "internal/version"}, tests: []string{"client", "internal/sim", "internal/golden", "internal/loopback", "internal/compat/wire"}},
	{dir: "peer", code: []string{"store", "gen"}, tests: []string{"internal/sim", "internal/golden", "internal/loopback"}},
	{dir: "store", code: []string{"gen"}},
	{dir: "gen", code: nil},
	{dir: "examples", code: nil},
	{dir: "internal/sim", code: []string{"client", "server", "peer", "store", "gen"}, tests: []string{"internal/golden"}},
	{dir: "internal/apidoc", code: nil},
	{dir: "internal/compat", code: []string{"internal/process", "internal/loopback"}, tests: []string{"client", "server", "store", "internal/golden"}},
	{dir: "internal/configdoc", code: []string{"server"}},
	{dir: "internal/golden", code: nil},
	{dir: "internal/lint", code: nil},
	{dir: "internal/loopback", code: nil},
	{dir: "internal/process", code: []string{"client", "gen", "internal/loopback"}, tests: []string{"internal/compat/wire"}},
	{dir: "internal/version", code: nil},
}

// checkLayers holds every import of our own packages against the drawing.
func checkLayers(t *Tree) []Finding {
	var out []Finding
	for _, p := range t.Packages {
		l, ok := layerOf(p.Dir)
		if !ok {
			out = append(out, Finding{Path: p.Dir, Text: "this folder has no place among the layers: move it, or give it one in internal/lint/imports.go"})
			continue
		}
		for _, f := range p.Files {
			f.imports(func(spec *ast.ImportSpec, imp string) {
				own, ok := within(imp, t.Module)
				if ok && !l.may(own, f.Test) {
					out = append(out, f.at(spec.Pos(), "%s must not import %s: imports point downwards only (cmd → client, server → peer → store)", l.dir, own))
				}
			})
		}
	}
	return out
}

// layerOf finds the layer of a folder: the most special one that holds it.
func layerOf(dir string) (layer, bool) {
	var best layer
	for _, l := range layers {
		if _, ok := within(dir, l.dir); ok && len(l.dir) > len(best.dir) {
			best = l
		}
	}
	return best, best.dir != ""
}

// may says whether code of this layer, or a test, may import the folder own.
func (l layer) may(own string, test bool) bool {
	allowed := append([]string{l.dir}, l.code...)
	if test {
		allowed = append(allowed, l.tests...)
	}
	return slices.ContainsFunc(allowed, func(dir string) bool {
		_, ok := within(own, dir)
		return ok
	})
}

// within says whether p is the path dir or lies below it, and where below it.
func within(p, dir string) (rest string, ok bool) {
	if p == dir {
		return ".", true
	}
	return strings.CutPrefix(p, dir+"/")
}

// checkGRPC keeps gRPC at the edges, so that everything else runs over any stream.
func checkGRPC(t *Tree) []Finding {
	return confined(t, "google.golang.org/grpc", "peer/grpc.go, server, client and cmd", func(f *File) bool {
		if f.dir == "peer" { // and grpc.go's tests
			base := path.Base(f.Path)
			return base == "grpc.go" || f.Test && strings.HasPrefix(base, "grpc_")
		}
		return below(f, "server", "client", "cmd")
	})
}

// checkZap keeps the logger to the one package that turns events into lines, and the command.
func checkZap(t *Tree) []Finding {
	return confined(t, "go.uber.org/zap", "server/zaplog and cmd", func(f *File) bool {
		return below(f, "server/zaplog", "cmd")
	})
}

// checkQuiet keeps loggers out of protocol and storage code, which emits typed events instead.
func checkQuiet(t *Tree) []Finding {
	var out []Finding
	for f := range t.code {
		if !below(f, "store", "peer") {
			continue
		}
		f.imports(func(spec *ast.ImportSpec, imp string) {
			if _, ok := within(imp, "log"); ok {
				out = append(out, f.at(spec.Pos(), "store and peer log nothing: emit a typed event and let a listener log it"))
			}
		})
	}
	return out
}

// confined reports the imports of a module outside the files that may have it.
func confined(t *Tree, module, where string, may func(*File) bool) []Finding {
	var out []Finding
	for f := range t.files {
		if may(f) {
			continue
		}
		f.imports(func(spec *ast.ImportSpec, imp string) {
			if _, ok := within(imp, module); ok {
				out = append(out, f.at(spec.Pos(), "%s is imported by %s alone", module, where))
			}
		})
	}
	return out
}

// below says whether the file lies in one of the folders or below it.
func below(f *File, dirs ...string) bool {
	return slices.ContainsFunc(dirs, func(dir string) bool {
		_, ok := within(f.dir, dir)
		return ok
	})
}
