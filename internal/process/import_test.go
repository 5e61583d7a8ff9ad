package process_test

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/quorate/quorate/client"
	adminv1 "github.com/quorate/quorate/gen/quorate/admin/v1"
)

// TestImportSurvivesKill imports a real directory, kills the server in the middle,
// imports again and gets back what went in, byte for byte.
func TestImportSurvivesKill(t *testing.T) {
	source := filepath.Join(goroot(t), "src", "encoding")
	addr, dir, out := address(t), t.TempDir(), filepath.Join(t.TempDir(), "out")
	s := start(t, addr, "--data-dir", dir)

	importing := quorate("import", "--server", addr, "--retry", "0s", "--parallel", "1", source, "/src")
	if err := importing.Start(); err != nil {
		t.Fatal(err)
	}
	waitForNodes(t, addr, 60)
	s.Kill()
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
