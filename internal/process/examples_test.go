package process_test

import (
	"bufio"
	"context"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/quorate/quorate/internal/process"
)

// The examples need node and what npm installs for them, which building and testing do
// not: `make examples` sees to that and sets the flag.
var examples = flag.Bool("examples", false, "run the examples in JavaScript; they must be installed")

// TestExamples runs the observer and the client of examples/observer-node against three servers.
func TestExamples(t *testing.T) {
	if !*examples {
		t.Skip("run by `make examples`, which installs what they need")
	}
	c := startCluster(t, process.Shape{Voters: 3})
	dir := filepath.Join("..", "..", "examples", "observer-node")
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()

	observer := exec.CommandContext(ctx, "node", filepath.Join(dir, "observer.js"), c.leader().PeerAddr)
	observer.Stderr = os.Stderr
	out, err := observer.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := observer.Start(); err != nil {
		t.Fatal(err)
	}
	defer observer.Wait() //nolint:errcheck // it is killed
	defer cancel()
	lines := bufio.NewScanner(out)
	await(t, lines, "snapshot at ")
	await(t, lines, "up to date: committed ")

	said, err := exec.CommandContext(ctx, "node", filepath.Join(dir, "client.js"), c.follower().Addr, "/from-node", "data").CombinedOutput()
	if err != nil || string(said) != "created /from-node\ngot data\n" {
		t.Fatalf("the client: %v\n%s", err, said)
	}
	if line := await(t, lines, " create "); !strings.HasSuffix(line, "/from-node") {
		t.Errorf("the observer saw %q", line)
	}
}

// await returns the next line that contains text.
func await(t *testing.T, lines *bufio.Scanner, text string) string {
	t.Helper()
	for lines.Scan() {
		if strings.Contains(lines.Text(), text) {
			return lines.Text()
		}
	}
	t.Fatalf("the output ended before %q: %v", text, lines.Err())
	return ""
}
