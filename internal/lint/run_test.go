package lint

import (
	"strings"
	"testing"
)

func TestGoroutines(t *testing.T) {
	gos := func(n int) string { return src("func f() {", strings.Repeat("go f();", n), "}") }
	many := make([]string, maxGoroutines+1)
	for i := range many {
		many[i] = "peer/a.go:3"
	}
	run(t, checkGoroutines, []example{
		{"at the bound", map[string]string{"peer/a.go": gos(maxGoroutines), "peer/a_test.go": gos(5)}, nil},
		{"beyond it", map[string]string{"peer/a.go": gos(maxGoroutines + 1)}, many},
	})
}

func TestConstructors(t *testing.T) {
	run(t, checkConstructors, []example{
		{"owners run", map[string]string{
			"store/a.go":      src("func Run() {", "go f()", "}", "func New() int", "func (t T) Open() {}"),
			"store/a_test.go": src("func New() {", "go f()", "}"),
		}, nil},
		{"constructors don't", map[string]string{
			"store/a.go": src("func New() {", "go f()", "}", "func OpenFile() {", "if x { func() {", "go f()", "}() }", "}"),
		}, []string{"store/a.go:3", "store/a.go:7"}},
	})
}

func TestSleeps(t *testing.T) {
	run(t, checkSleeps, []example{
		{"simulated time", map[string]string{"peer/a_test.go": src(
			`import ("time"; "testing"; "testing/synctest")`,
			`func TestA(t *testing.T) {`,
			`synctest.Test(t, func(t *testing.T) {`,
			`go func() { time.Sleep(1) }()`,
			`})`,
			`}`,
			`func waitInBubble() { time.Sleep(1) }`,
		)}, nil},
		{"not a test", map[string]string{"peer/a.go": src(`import "time"`, `func f() { time.Sleep(1) }`)}, nil},
		{"real time", map[string]string{"peer/a_test.go": src(
			`import ("time"; clock "time"; "testing"; "testing/synctest")`,
			`func TestA(t *testing.T) {`,
			`time.Sleep(1)`,
			`synctest.Test(t, func(t *testing.T) { time.Sleep(1) })`,
			`clock.Sleep(1)`,
			`t.Run("", func(t *testing.T) {`,
			`time.Sleep(1)`,
			`})`,
			`sleep := time.Sleep`,
			`}`,
		)}, []string{"peer/a_test.go:10", "peer/a_test.go:4", "peer/a_test.go:6", "peer/a_test.go:8"}},
	})
}

func TestTodos(t *testing.T) {
	note, fix := "TO"+"DO", "FIX"+"ME"
	run(t, checkTodos, []example{
		{"with an issue", map[string]string{"peer/a.go": src("// "+note+"(#12): do it.", "/* "+fix+"(#7) */", `var s = "`+note+`"`, "// s"+note+"x")}, nil},
		{
			"without",
			map[string]string{"peer/a_test.go": src("// "+note+": do it.", "func f() {", "f() // "+fix+"(me) and "+note+"(#)", "}")},
			[]string{"peer/a_test.go:2", "peer/a_test.go:4", "peer/a_test.go:4"},
		},
	})
}
