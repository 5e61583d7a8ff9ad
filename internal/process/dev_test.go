package process_test

import (
	"bufio"
	"math/rand/v2"
	"net"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/quorate/quorate/internal/loopback"
)

// TestDev runs the local ensemble as somebody would who tries things: a write on one server, a read on
// another, and Ctrl-C.
func TestDev(t *testing.T) {
	port := freePorts(t, 3)
	cmd := quorate("dev", "--port", strconv.Itoa(port))
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Process.Kill() //nolint:errcheck // it has ended by then
	lines := bufio.NewScanner(out)
	dir := strings.Fields(strings.TrimPrefix(await(t, lines, "data in "), "data in "))[0]
	dir = strings.TrimSuffix(dir, ";")
	for range 3 {
		await(t, lines, "serving")
	}
	server := func(i int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port+i)) }
	if out, err := quorate("create", "--server", server(0), "/hello", "world").CombinedOutput(); err != nil {
		t.Fatalf("create: %v\n%s", err, out)
	}
	if out, err := quorate("sync", "--server", server(2)).CombinedOutput(); err != nil {
		t.Fatalf("sync: %v\n%s", err, out)
	}
	if out, err := quorate("get", "--server", server(2), "/hello").CombinedOutput(); err != nil || string(out) != "world" {
		t.Errorf("get: %v, %q", err, out)
	}
	for i := range 3 { // each knows where the leader is
		if out, err := quorate("doctor", "--server", server(i)).CombinedOutput(); err != nil || strings.Contains(string(out), "ask it too") {
			t.Errorf("doctor, asking the server at %s alone: %v\n%s", server(i), err, out)
		}
	}
	if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	for lines.Scan() { // to the end of all that any server says
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("after Ctrl-C: %v", err)
	}
	if _, err := os.Stat(dir); !os.IsNotExist(err) {
		t.Errorf("the temporary directory %s is still there: %v", dir, err)
	}
}

// freePorts returns a port from which on n, and n more 1000 above, are free. They are none that [loopback.Free] gives.
func freePorts(t *testing.T, n int) int {
	t.Helper()
	for range 100 {
		if first := 18_000 + rand.IntN(1000-n); reserved(first, n) && reserved(first+1000, n) {
			return first
		}
	}
	t.Fatal("no free ports")
	return 0
}

func reserved(first, n int) bool {
	for port := first; port < first+n; port++ {
		if _, err := loopback.Reserve(port); err != nil {
			return false
		}
	}
	return true
}
