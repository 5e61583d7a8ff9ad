package lint

import (
	"strings"
	"testing"
)

// function makes a function of n lines.
func function(n int) string { return "func f() {" + strings.Repeat("\n", n-1) + "}" }

func TestFunctions(t *testing.T) {
	run(t, checkFunctions, []example{
		{"at the bound", map[string]string{"store/a.go": src(function(70)), "peer/x/a.go": src(function(1), function(70))}, nil},
		{"tests and other folders", map[string]string{"store/a_test.go": src(function(99)), "server/a.go": src(function(99))}, nil},
		{
			"beyond it",
			map[string]string{"store/wal/a.go": src(function(71)), "peer/a.go": src("", function(71))},
			[]string{"peer/a.go:3", "store/wal/a.go:2"},
		},
	})
}

func TestFiles(t *testing.T) {
	file := func(n int) string { return "package p" + strings.Repeat("\n", n) }
	run(t, checkFiles, []example{
		{"at the bound", map[string]string{"store/a.go": file(500), "gen/a.go": file(501)}, nil},
		{"beyond it", map[string]string{"store/a.go": file(501), "client/a_test.go": file(501)}, []string{"client/a_test.go:0", "store/a.go:0"}},
	})
}
