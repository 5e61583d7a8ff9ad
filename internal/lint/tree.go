package lint

import (
	"bytes"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"slices"
	"strings"
)

// Tree is the parsed source of one module. It is not changed after [Load].
type Tree struct {
	// Module is the module's path.
	Module string
	// Packages are the folders with Go files, sorted by folder.
	Packages []*Package

	fset *token.FileSet
	fsys fs.FS
}

// Package is one folder with Go files, the tests of an external test package included.
type Package struct {
	// Dir is the folder relative to the module's root, with slashes; "." for the root.
	Dir string
	// Files are its Go files, sorted by name.
	Files []*File
}

// File is one Go file.
type File struct {
	// Path is relative to the module's root, with slashes.
	Path string
	// Test says that the name ends with _test.go.
	Test bool
	// Lines is the number of lines.
	Lines int

	dir  string
	ast  *ast.File
	fset *token.FileSet
}

// Load parses the module whose root is fsys. It fails if a file cannot be read or
// parsed, and without a go.mod.
func Load(fsys fs.FS) (*Tree, error) {
	mod, err := fs.ReadFile(fsys, "go.mod")
	if err != nil {
		return nil, fmt.Errorf("not the root of a module: %w", err)
	}
	t := &Tree{Module: modulePath(mod), fset: token.NewFileSet(), fsys: fsys}
	err = fs.WalkDir(fsys, ".", func(p string, d fs.DirEntry, err error) error {
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return nil // removed since its folder was read
		case err != nil:
			return err
		case d.IsDir() && skipped(fsys, p):
			return fs.SkipDir
		case d.Type().IsRegular() && strings.HasSuffix(p, ".go"):
			return t.parse(p)
		}
		return nil
	})
	return t, err
}

// skipped says whether a folder is none of the rules' business.
func skipped(fsys fs.FS, dir string) bool {
	if dir == "." {
		return false
	}
	base := path.Base(dir)
	if dir == "gen" || base == "testdata" || base == "node_modules" || base[0] == '.' || base[0] == '_' {
		return true
	}
	_, err := fs.Stat(fsys, path.Join(dir, "go.mod"))
	return err == nil
}

// modulePath reads the path off a go.mod.
func modulePath(mod []byte) string {
	for line := range strings.Lines(string(mod)) {
		if f := strings.Fields(line); len(f) >= 2 && f[0] == "module" {
			return f[1]
		}
	}
	return ""
}

// parse adds one file. Files come in the order of their paths, so a folder's
// files need not be consecutive (a folder of its may sort between them).
func (t *Tree) parse(p string) error {
	src, err := fs.ReadFile(t.fsys, p)
	if err != nil {
		return err
	}
	tree, err := parser.ParseFile(t.fset, p, src, parser.ParseComments)
	if err != nil {
		return err
	}
	f := &File{
		Path:  p,
		Test:  strings.HasSuffix(p, "_test.go"),
		Lines: bytes.Count(src, []byte("\n")),
		dir:   path.Dir(p),
		ast:   tree,
		fset:  t.fset,
	}
	pkg := t.folder(f.dir)
	pkg.Files = append(pkg.Files, f)
	return nil
}

// folder returns the package of a folder, adding it in its place if it is new.
func (t *Tree) folder(dir string) *Package {
	i, ok := slices.BinarySearchFunc(t.Packages, dir, func(p *Package, dir string) int {
		return strings.Compare(p.Dir, dir)
	})
	if !ok {
		t.Packages = slices.Insert(t.Packages, i, &Package{Dir: dir})
	}
	return t.Packages[i]
}

// files yields every file of the tree.
func (t *Tree) files(yield func(*File) bool) {
	for _, p := range t.Packages {
		for _, f := range p.Files {
			if !yield(f) {
				return
			}
		}
	}
}

// code yields the files that are not tests.
func (t *Tree) code(yield func(*File) bool) {
	t.files(func(f *File) bool { return f.Test || yield(f) })
}

// line returns the line of a position within the file.
func (f *File) line(p token.Pos) int { return f.fset.Position(p).Line }

// at makes a finding of a rule at a position.
func (f *File) at(p token.Pos, text string, args ...any) Finding {
	return Finding{Path: f.Path, Line: f.line(p), Text: fmt.Sprintf(text, args...)}
}

// imports calls visit with the path of every import.
func (f *File) imports(visit func(spec *ast.ImportSpec, path string)) {
	for _, spec := range f.ast.Imports {
		visit(spec, strings.Trim(spec.Path.Value, "`\""))
	}
}

// imported returns the path of the package that the expression names, "" if it
// names none. It takes a package's name to be its path's last part, as all that
// the rules ask for do.
func (f *File) imported(e ast.Expr) string {
	id, ok := e.(*ast.Ident)
	if !ok || id.Obj != nil { // resolved within the file: a variable, not a package
		return ""
	}
	found := ""
	f.imports(func(spec *ast.ImportSpec, p string) {
		if spec.Name != nil && spec.Name.Name == id.Name || spec.Name == nil && path.Base(p) == id.Name {
			found = p
		}
	})
	return found
}

// selector splits the use of another package's name, such as time.Sleep, in the
// package's path and the name; both are "" if e is something else.
func (f *File) selector(e ast.Expr) (pkg, name string) {
	sel, ok := e.(*ast.SelectorExpr)
	if !ok {
		return "", ""
	}
	if pkg = f.imported(sel.X); pkg == "" {
		return "", ""
	}
	return pkg, sel.Sel.Name
}
