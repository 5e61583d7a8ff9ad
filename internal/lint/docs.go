package lint

import (
	"go/ast"
	"go/token"
	"io/fs"
	"path"
	"slices"
)

// designs are the packages that explain in a DESIGN.md how they and those below them are built.
var designs = []string{"peer", "store"}

// checkDesigns asks for the DESIGN.md of the packages that must have one.
func checkDesigns(t *Tree) []Finding {
	var out []Finding
	for _, p := range t.Packages {
		if !slices.Contains(designs, p.Dir) {
			continue
		}
		design := path.Join(p.Dir, "DESIGN.md")
		if _, err := fs.Stat(t.fsys, design); err != nil {
			out = append(out, Finding{Path: design, Text: "missing: it says how the part is built, and why so"})
		}
	}
	return out
}

// checkPackageDocs asks every package for a doc.go that holds its package comment.
func checkPackageDocs(t *Tree) []Finding {
	var out []Finding
	for _, p := range t.Packages {
		doc := path.Join(p.Dir, "doc.go")
		found := false
		for _, f := range p.Files {
			switch {
			case f.Path == doc:
				found = true
				if f.ast.Doc.Text() == "" {
					out = append(out, f.at(f.ast.Package, "no package comment: say in a sentence what the package is for"))
				}
			case !f.Test && f.ast.Doc.Text() != "":
				out = append(out, f.at(f.ast.Package, "a second package comment: it belongs in doc.go"))
			}
		}
		if !found {
			out = append(out, Finding{Path: doc, Text: "missing: the package comment stands there"})
		}
	}
	return out
}

// checkDocumented asks for a comment on every exported name outside tests.
func checkDocumented(t *Tree) []Finding {
	var out []Finding
	for f := range t.code {
		missing := func(id *ast.Ident) {
			out = append(out, f.at(id.Pos(), "%s is exported and has no comment: say what it is, with units, range and errors", id.Name))
		}
		for _, d := range f.ast.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				if exported(d) && d.Doc.Text() == "" {
					missing(d.Name)
				}
			case *ast.GenDecl:
				undocumented(d, missing)
			}
		}
	}
	return out
}

// exported says whether a function can be seen from outside: an exported name and,
// of a method, an exported receiver. What String, Error and Unwrap are for is known: they
// need a comment only where they do something else.
func exported(d *ast.FuncDecl) bool {
	if !d.Name.IsExported() || d.Recv != nil && slices.Contains([]string{"String", "Error", "Unwrap"}, d.Name.Name) {
		return false
	}
	return d.Recv == nil || receiver(d).IsExported()
}

// receiver returns the name of a method's type, without star and type parameters.
func receiver(d *ast.FuncDecl) *ast.Ident {
	e := d.Recv.List[0].Type
	for {
		switch x := e.(type) {
		case *ast.StarExpr:
			e = x.X
		case *ast.ParenExpr:
			e = x.X
		case *ast.IndexExpr:
			e = x.X
		case *ast.IndexListExpr:
			e = x.X
		case *ast.Ident:
			return x
		default:
			return ast.NewIdent("_")
		}
	}
}

// undocumented calls missing for the exported names of a declaration that have no
// comment. For constants and variables the comment of their group will do.
func undocumented(d *ast.GenDecl, missing func(*ast.Ident)) {
	group := d.Doc.Text() != ""
	for _, s := range d.Specs {
		switch s := s.(type) {
		case *ast.TypeSpec:
			documented := s.Doc.Text() != "" || group && d.Lparen == token.NoPos
			if s.Name.IsExported() && !documented {
				missing(s.Name)
			}
			if it, ok := s.Type.(*ast.InterfaceType); ok && s.Name.IsExported() {
				undocumentedMethods(it, missing)
			}
		case *ast.ValueSpec:
			if group || s.Doc.Text() != "" || s.Comment.Text() != "" {
				continue
			}
			for _, id := range s.Names {
				if id.IsExported() {
					missing(id)
				}
			}
		}
	}
}

// undocumentedMethods calls missing for the exported methods of an interface that have no comment.
func undocumentedMethods(it *ast.InterfaceType, missing func(*ast.Ident)) {
	for _, m := range it.Methods.List {
		for _, id := range m.Names { // none: an embedded interface
			if id.IsExported() && m.Doc.Text() == "" && m.Comment.Text() == "" {
				missing(id)
			}
		}
	}
}
