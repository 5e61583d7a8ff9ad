package process_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/quorate/quorate/internal/process"
)

// unavailable is the exit code that says that trying again may help: `quorate exit-codes`.
const unavailable = 5

// TestImportThroughLeaderKill imports some 1,500 files into three servers and kills the leader in the
// middle. The import goes on by itself: it tries again what was not answered, which it may since what is
// there already is left alone. Then all three have the same, byte for byte.
func TestImportThroughLeaderKill(t *testing.T) {
	source := filepath.Join(goroot(t), "src", "cmd", "go")
	c := startCluster(t, process.Shape{Voters: 3})
	lead := c.leader()
	whole := count(t, source)

	// It begins with the leader, which it reaches by a wire that is cut in the middle: it is to notice.
	w := wireTo(t, lead.Addr)
	half := w.CutAfter(size(t, source) / 2)
	servers := strings.Join(append([]string{w.Addr()}, c.Servers(int(lead.ID))[:2]...), ",")
	importing := quorate("import", "--server", servers, "--parallel", "1", source, "/src")
	var said strings.Builder
	importing.Stdout, importing.Stderr = &said, &said
	if err := importing.Start(); err != nil {
		t.Fatal(err)
	}
	awaitCut(t, half)
	v := c.await("some nodes are there", func(v process.View) bool { return v.Leader().GetNodes() > 20 })
	lead.Kill()
	w.Mend()
	if n := int(v.Leader().GetNodes()); n > whole {
		t.Fatalf("the import was done, with %d nodes, before the leader was killed: the test shows nothing", n)
	}
	finish(t, importing, &said, quorate("import", "--server", servers, source, "/src"))

	c.startAll()
	c.await("all servers are equal", process.View.Equal)
	for _, m := range c.Members {
		out := filepath.Join(t.TempDir(), "out")
		run(t, quorate("export", "--server", m.Addr, "/src", out))
		run(t, exec.Command("diff", "-r", source, out))
	}
}

// finish waits for an import, and does it again as long as its exit code says that this may help.
func finish(t *testing.T, importing *exec.Cmd, said fmt.Stringer, again *exec.Cmd) {
	t.Helper()
	err := importing.Wait()
	t.Logf("the import said (exit code %d):\n%s", importing.ProcessState.ExitCode(), said)
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.ExitCode() == unavailable {
		run(t, again)
	} else if err != nil {
		t.Fatalf("import: %v", err)
	}
}

// count returns how many files and folders there are.
func count(t *testing.T, dir string) (n int) {
	t.Helper()
	err := filepath.WalkDir(dir, func(string, fs.DirEntry, error) error {
		n++
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}
