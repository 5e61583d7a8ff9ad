package lint

import "testing"

func TestDocumented(t *testing.T) {
	run(t, checkDocumented, []example{
		{"all said", map[string]string{"store/a.go": src(
			`// T is.`, `type T struct{ Field int }`,
			`// M does.`, `func (t *T) M() {}`,
			`// F does.`, `func F() {}`,
			`// Group.`, `const (`, `A = 1`, `B = 2`, `)`,
			`const (`, `// C is.`, `C = 1`, `D = 2 // D is.`, `)`,
			`// ErrX is.`, `var ErrX = f()`,
			`type (`, `// U is.`, `U int`, `)`,
			`// I is.`, `type I interface {`, `// M does.`, `M()`, `N() // N does.`, `isOp()`, `error`, `}`,
		)}, nil},
		{"nothing to say", map[string]string{
			"store/a.go":      src(`type t int`, `func (t) M() {}`, `func (t *u[K]) M() {}`, `func f() {}`, `const a = 1`, `var _ = 1`),
			"store/a_test.go": src(`func TestX() {}`, `type X int`),
		}, nil},
		{"nothing said", map[string]string{"store/a.go": src(
			`type T struct{}`,
			`func (t *T) M() {}`,
			`func (t G[K, V]) M() {}`,
			`func (t (*G[K])) N() {}`,
			`func F() {}`,
			`const A = 1`,
			`var X, y, Z int`,
			`// A group comment is not enough for types.`,
			`type (`,
			`U int`,
			`)`,
			`//nolint:a directive is no comment`,
			`func H() {}`,
			`// I is.`, `type I interface {`, `M()`, `}`,
		)}, []string{
			"store/a.go:11", "store/a.go:14", "store/a.go:17", "store/a.go:2", "store/a.go:3", "store/a.go:4",
			"store/a.go:5", "store/a.go:6", "store/a.go:7", "store/a.go:8", "store/a.go:8",
		}},
	})
}

func TestPackageDocs(t *testing.T) {
	const doc = "// Package p is an example.\npackage p\n"
	run(t, checkPackageDocs, []example{
		{"in doc.go", map[string]string{"store/doc.go": doc, "store/a.go": src(), "store/a_test.go": doc}, nil},
		{
			"no doc.go",
			map[string]string{"store/wal/wal.go": src(), "cmd/x/main.go": "package main\n", "internal/x/x_test.go": src()},
			[]string{"cmd/x/doc.go:0", "internal/x/doc.go:0", "store/wal/doc.go:0"},
		},
		{"doc.go says nothing", map[string]string{"store/doc.go": src()}, []string{"store/doc.go:1"}},
		{"the comment stands elsewhere", map[string]string{"store/a.go": doc}, []string{"store/a.go:2", "store/doc.go:0"}},
	})
}

func TestDesigns(t *testing.T) {
	run(t, checkDesigns, []example{
		{"there", map[string]string{"store/doc.go": src(), "store/DESIGN.md": "# Store"}, nil},
		{"not asked of packages below and beside", map[string]string{"store/wal/doc.go": src(), "client/doc.go": src()}, nil},
		{"missing", map[string]string{"store/doc.go": src()}, []string{"store/DESIGN.md:0"}},
	})
}
