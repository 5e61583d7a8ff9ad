package sim

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/quorate/quorate/internal/golden"
)

var rewrite = flag.Bool("rewrite", false, "write what happens into the scripts of testdata")

// TestScripts runs the stories of testdata and compares what happens with what happened.
func TestScripts(t *testing.T) {
	eachScript(t, func(t *testing.T, file string) {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		synctest.Test(t, func(t *testing.T) {
			out, err := RunScript(string(text))
			if err != nil {
				t.Error(err)
			}
			golden.Check(t, *rewrite, file, out)
		})
	})
}

// eachScript does something with each story of testdata.
func eachScript(t *testing.T, do func(t *testing.T, file string)) {
	t.Helper()
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal("no scripts", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) { do(t, file) })
	}
}
