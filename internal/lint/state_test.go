package lint

import "testing"

func TestInit(t *testing.T) {
	run(t, checkInit, []example{
		{"none", map[string]string{"store/a.go": src("func (t T) init() {}", "func initialize() {}")}, nil},
		{"some", map[string]string{"store/a.go": src("func init() {}"), "cmd/a_test.go": src("func init() {}")}, []string{"cmd/a_test.go:2", "store/a.go:2"}},
	})
}

func TestState(t *testing.T) {
	run(t, checkState, []example{
		{"constants in all but name", map[string]string{
			"store/a.go": src(
				`import ("errors"; "hash/crc32"; "regexp"; "embed")`,
				`var ErrClosed = errors.New("closed")`,
				`var errInner = &Error{}`,
				`var _ Interface = (*T)(nil)`,
				`var names = [...]string{"a", "b"}`,
				`var byName = map[string]int{"a": 1}`,
				`var castagnoli = crc32.MakeTable(crc32.Castagnoli)`,
				`var word = regexp.MustCompile("x")`,
				`var magic = []byte("QLOG")`,
				`var zeros [512]byte`,
				"//go:embed x.html\nvar page []byte",
				`func f() { names := f(); names[0] = ""; magic := 1; magic++; x := byName["a"]; x = 2 }`,
			),
			"store/a_test.go":             src(`var rewrite = flag.Bool("rewrite", false, "")`),
			"internal/version/version.go": src(`var stamped string`),
		}, nil},
		{"state", map[string]string{"store/a.go": src(
			`import ("sync"; "sync/atomic"; "os")`,
			`var count int`,
			`var pool = sync.Pool{}`,
			`var flag = &atomic.Bool{}`,
			`var home = os.Getenv("HOME")`,
			`var hook = func() {}`,
			`var slice []byte`,
			`var Table = []string{"exported"}`,
			`var errors = map[string]int{}`+"\nfunc f() { errors[``] = 1 }",
			`var stamped string`,
		)}, []string{
			"store/a.go:10", "store/a.go:12", "store/a.go:3", "store/a.go:4", "store/a.go:5",
			"store/a.go:6", "store/a.go:7", "store/a.go:8", "store/a.go:9",
		}},
		{"tables that are written to", map[string]string{
			"store/a.go": src(
				`var a = []int{1}`, `var b = []int{1}`, `var c = []int{1}`, `var d = []T{{}}`, `var e = map[int]int{}`,
				`var g = []byte("x")`, `var h = 1`, `var ErrX = T{}`, `var ok = []int{1}`,
			),
			"store/b.go": src(`func f() {`, `a = nil`, `b[0]++`, `for c[0] = range ok {}`, `d[0].x.y = 1`, `delete(e, 1)`, `copy(g[:], "y")`, `use(&h)`, `ErrX.y = 1`, `}`),
		}, []string{
			"store/a.go:2", "store/a.go:3", "store/a.go:4", "store/a.go:5",
			"store/a.go:6", "store/a.go:7", "store/a.go:8", "store/a.go:9",
		}},
	})
}

func TestMutexes(t *testing.T) {
	run(t, checkMutexes, []example{
		{"said", map[string]string{"peer/a.go": src(
			`import "sync"`,
			`type A struct {`, `mu sync.Mutex`, `n int // guarded by mu`, `}`,
			`type B struct {`, `mu sync.RWMutex // guards n`, `n int`, `}`,
			`type C struct {`, `mu struct { sync.Mutex; n int }`, `}`,
		)}, nil},
		{"not said", map[string]string{
			"peer/a.go":      src(`import "sync"`, `type A struct {`, `n int // the mutex knows`, `mu sync.Mutex`, `}`, `var _ = struct{ mu sync.RWMutex; n int }{}`),
			"peer/b_test.go": src(`import "sync"`, `type A struct { mu sync.Mutex }`),
		}, []string{"peer/a.go:5", "peer/a.go:7"}},
	})
}
