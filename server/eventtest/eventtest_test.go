package eventtest_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/quorate/quorate/server/eventtest"
)

// TestAllIsAll: each exported struct of package peer with a String method is an event.
func TestAllIsAll(t *testing.T) {
	has := map[string]bool{}
	for _, e := range eventtest.All() {
		v := reflect.ValueOf(e)
		has[v.Type().Name()] = true
		for i := range v.NumField() {
			if f := v.Field(i); f.IsZero() && v.Type().Field(i).Name != "Role" {
				t.Errorf("%T: no example of %s", e, v.Type().Field(i).Name)
			}
		}
	}
	declared := events(t)
	if len(declared) < 20 {
		t.Fatalf("only the events %v were found in the source", declared)
	}
	for _, name := range declared {
		if !has[name] {
			t.Errorf("there is no example of peer.%s", name)
		}
	}
}

// events returns the names of the events in the source of package peer.
func events(t *testing.T) (names []string) {
	t.Helper()
	files, err := filepath.Glob("../../peer/*.go")
	if err != nil {
		t.Fatal(err)
	}
	structs, printed := map[string]bool{}, []string{}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(f, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.TypeSpec:
				_, isStruct := n.Type.(*ast.StructType)
				structs[n.Name.Name] = isStruct && n.Name.IsExported()
			case *ast.FuncDecl:
				if n.Name.Name == "String" && n.Recv != nil {
					if on, ok := n.Recv.List[0].Type.(*ast.Ident); ok {
						printed = append(printed, on.Name)
					}
				}
			}
			return true
		})
	}
	for _, name := range printed {
		if structs[name] {
			names = append(names, name)
		}
	}
	return names
}
