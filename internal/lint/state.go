package lint

import (
	"go/ast"
	"go/token"
	"strings"
	"unicode"
)

// linked are the variables that the linker sets (-ldflags -X), and the code never.
var linked = map[string]bool{"internal/version.stamped": true}

// makers are the calls whose result never changes, so that a variable that
// holds it is a constant in all but name.
var makers = map[string]bool{
	"errors.New":              true,
	"fmt.Errorf":              true,
	"hash/crc32.MakeTable":    true,
	"hash/crc64.MakeTable":    true,
	"net/netip.MustParseAddr": true, "net/netip.MustParsePrefix": true,
	"regexp.MustCompile":  true,
	"strings.NewReplacer": true,
	"sync.OnceValue":      true,
	"sync.OnceValues":     true,
}

// checkInit reports every init: what runs before main cannot be tested, ordered or passed anything.
func checkInit(t *Tree) []Finding {
	var out []Finding
	for f := range t.files {
		for _, d := range f.ast.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil && fn.Name.Name == "init" {
				out = append(out, f.at(fn.Pos(), "no init(): do it where it is needed, or where main can see it"))
			}
		}
	}
	return out
}

// checkState reports package-level variables that are state. Allowed are error
// sentinels, interface checks, embedded files, tables that are never written to, and
// what the linker sets. Tests may have flags and the like.
func checkState(t *Tree) []Finding {
	var out []Finding
	for _, p := range t.Packages {
		written := written(p)
		for _, f := range p.Files {
			if f.Test {
				continue
			}
			for _, d := range f.ast.Decls {
				if g, ok := d.(*ast.GenDecl); ok && g.Tok == token.VAR {
					out = append(out, states(f, g, written)...)
				}
			}
		}
	}
	return out
}

// states reports the variables of one declaration that are state.
func states(f *File, g *ast.GenDecl, written map[string]bool) []Finding {
	var out []Finding
	for _, s := range g.Specs {
		s := s.(*ast.ValueSpec)
		for i, id := range s.Names {
			var value ast.Expr
			if i < len(s.Values) {
				value = s.Values[i]
			}
			switch {
			case id.Name == "_" || linked[f.dir+"."+id.Name] || embedded(g, s):
			case written[id.Name]:
				out = append(out, f.at(id.Pos(), "%s is a package-level variable that the package writes to, or takes the address of: put it in a struct that somebody owns", id.Name))
			case sentinel(id.Name) || constant(f, s.Type, value) && !id.IsExported():
			case constant(f, s.Type, value):
				out = append(out, f.at(id.Pos(), "%s is an exported table that anybody can write to: export a function that returns it", id.Name))
			default:
				out = append(out, f.at(id.Pos(), "%s is a package-level variable: put it in a struct that somebody owns (error sentinels named Err… and tables never written to may stay)", id.Name))
			}
		}
	}
	return out
}

// sentinel says whether a name is that of an error sentinel: ErrClosed, errClosed.
func sentinel(name string) bool {
	rest, ok := strings.CutPrefix(strings.ToLower(name[:1])+name[1:], "err")
	return ok && rest != "" && unicode.IsUpper(rune(rest[0]))
}

// embedded says whether the variable is filled by a go:embed directive.
func embedded(g *ast.GenDecl, s *ast.ValueSpec) bool {
	for _, doc := range []*ast.CommentGroup{g.Doc, s.Doc} {
		if doc == nil {
			continue
		}
		for _, c := range doc.List {
			if strings.HasPrefix(c.Text, "//go:embed ") {
				return true
			}
		}
	}
	return false
}

// constant says whether a variable is a constant in all but name: a literal table, a
// conversion of a literal, the result of one of the makers, or an array of zeros.
func constant(f *File, typ, value ast.Expr) bool {
	switch e := value.(type) {
	case nil:
		array, ok := typ.(*ast.ArrayType)
		return ok && array.Len != nil
	case *ast.BasicLit:
		return true
	case *ast.UnaryExpr:
		return constant(f, typ, e.X)
	case *ast.CompositeLit:
		pkg, _ := f.selector(e.Type)
		return pkg != "sync" && pkg != "sync/atomic"
	case *ast.CallExpr:
		if _, ok := e.Fun.(*ast.ArrayType); ok { // []byte("magic")
			return len(e.Args) == 1 && constant(f, e.Fun, e.Args[0])
		}
		pkg, name := f.selector(e.Fun)
		return makers[pkg+"."+name]
	}
	return false
}

// written returns the names of the package's variables that its code, tests
// included, assigns to, in whole or in part, or takes the address of. A local
// variable of the same name hides the package's: the parser tells them apart within
// a file, and a name it knows from no file but another of the package counts as the package's.
func written(p *Package) map[string]bool {
	names := map[string]bool{}
	for _, f := range p.Files {
		mark := func(e ast.Expr) {
			if id := root(e); id != nil && packageLevel(f, id) {
				names[id.Name] = true
			}
		}
		ast.Inspect(f.ast, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.AssignStmt:
				if n.Tok != token.DEFINE {
					for _, e := range n.Lhs {
						mark(e)
					}
				}
			case *ast.IncDecStmt:
				mark(n.X)
			case *ast.RangeStmt:
				if n.Tok == token.ASSIGN {
					mark(n.Key)
					mark(n.Value)
				}
			case *ast.UnaryExpr:
				if n.Op == token.AND {
					mark(n.X)
				}
			case *ast.CallExpr:
				if id, ok := n.Fun.(*ast.Ident); ok && len(n.Args) > 0 && (id.Name == "clear" || id.Name == "copy" || id.Name == "delete") {
					mark(n.Args[0])
				}
			}
			return true
		})
	}
	return names
}

// root returns the variable of an expression such as v, v[i], v.f[i] or *v; nil if it is none.
func root(e ast.Expr) *ast.Ident {
	for {
		switch x := e.(type) {
		case *ast.Ident:
			return x
		case *ast.IndexExpr:
			e = x.X
		case *ast.SelectorExpr:
			e = x.X
		case *ast.SliceExpr:
			e = x.X
		case *ast.StarExpr:
			e = x.X
		case *ast.ParenExpr:
			e = x.X
		default:
			return nil
		}
	}
}

// packageLevel says whether an identifier is declared at package level, here or in
// another file of the package.
func packageLevel(f *File, id *ast.Ident) bool {
	return id.Obj == nil || f.ast.Scope.Lookup(id.Name) == id.Obj
}

// checkMutexes asks each struct with a mutex to say what the mutex guards: the
// word "guard" in a comment of one of its fields, or the mutex embedded in a struct with what it guards.
func checkMutexes(t *Tree) []Finding {
	var out []Finding
	for f := range t.code {
		ast.Inspect(f.ast, func(n ast.Node) bool {
			s, ok := n.(*ast.StructType)
			if !ok || saysGuarded(s) {
				return true
			}
			for _, field := range s.Fields.List {
				pkg, name := f.selector(field.Type)
				if pkg == "sync" && (name == "Mutex" || name == "RWMutex") && len(field.Names) > 0 {
					out = append(out, f.at(field.Pos(), "say what %s guards: a comment \"guarded by %s\" at the fields, or mu struct { sync.Mutex; … } around them", field.Names[0], field.Names[0]))
				}
			}
			return true
		})
	}
	return out
}

// saysGuarded says whether a comment within the struct speaks of guarding.
func saysGuarded(s *ast.StructType) bool {
	for _, field := range s.Fields.List {
		if strings.Contains(strings.ToLower(field.Doc.Text()+field.Comment.Text()), "guard") {
			return true
		}
	}
	return false
}
