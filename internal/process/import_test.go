package process_test

import (
	"io/fs"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/quorate/quorate/client"
	adminv1 "github.com/quorate/quorate/gen/quorate/admin/v1"
	"github.com/quorate/quorate/internal/process"
)

// TestImportSurvivesKill imports a real directory by a wire that is cut in the middle, kills the server then,
// imports again and gets back what went in, byte for byte.
func TestImportSurvivesKill(t *testing.T) {
	source := filepath.Join(goroot(t), "src", "encoding")
	addr, dir, out := address(t), t.TempDir(), filepath.Join(t.TempDir(), "out")
	s := start(t, addr, "--data-dir", dir)

	w := wireTo(t, addr)
	half := w.CutAfter(size(t, source) / 2)
	importing := quorate("import", "--server", w.Addr(), "--retry", "0s", "--parallel", "1", source, "/src")
	if err := importing.Start(); err != nil {
		t.Fatal(err)
	}
	awaitCut(t, half)
	waitForNodes(t, addr, 20)
	s.Kill()
	w.Mend()
	if err := importing.Wait(); err == nil {
		t.Fatal("the import was done before the server was killed: the test shows nothing")
	}

	s = start(t, addr, "--data-dir", dir)
	run(t, quorate("import", "--server", addr, source, "/src"))
	run(t, quorate("export", "--server", addr, "/src", out))
	run(t, exec.Command("diff", "-r", source, out))
	if code := s.Stop(); code != 0 {
		t.Errorf("exit code %d after SIGTERM\n%s", code, s.Output())
	}
}

// wireTo returns a wire to an address. It is taken up at the test's end.
func wireTo(t *testing.T, addr string) *process.Wire {
	t.Helper()
	w, err := process.NewWire(addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.Close() })
	return w
}

// awaitCut returns when a wire is cut.
func awaitCut(t *testing.T, cut <-chan struct{}) {
	t.Helper()
	select {
	case <-cut:
	case <-time.After(patience):
		t.Fatal("the import does not come to the middle")
	}
}

// size is how many bytes the files of a directory have.
func size(t *testing.T, dir string) (n int64) {
	t.Helper()
	err := filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err == nil {
			n += info.Size()
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func goroot(t *testing.T) string {
	t.Helper()
	out, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}

func quorate(args ...string) *exec.Cmd { return exec.Command(binary(), args...) }

// run runs a command that must succeed.
func run(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %v\n%s", cmd.Args, err, out)
	}
}

// waitForNodes returns when the server's tree has more than n nodes.
func waitForNodes(t *testing.T, addr string, n uint64) {
	t.Helper()
	c, err := client.Dial([]string{addr})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	for {
		status, err := c.Admin().Status(t.Context(), &adminv1.StatusRequest{})
		if err != nil {
			t.Fatal(err)
		}
		if status.GetNodes() > n {
			return
		}
	}
}
