package process_test

import (
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/quorate/quorate/client"
	apiv1 "github.com/quorate/quorate/gen/quorate/api/v1"
	"github.com/quorate/quorate/internal/process"
)

// stalled starts a server with a call in progress that will not end by itself: a
// long List that nobody reads.
func stalled(t *testing.T) *process.Server {
	t.Helper()
	addr := address(t)
	s := start(t, addr, "--data-dir", t.TempDir())
	c, err := client.Dial([]string{addr})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	for range 8 {
		var ops []*apiv1.MultiOp
		for range 1000 {
			create := &apiv1.CreateRequest{Path: "/" + strings.Repeat("n", 200) + "-", Sequential: true}
			ops = append(ops, &apiv1.MultiOp{Op: &apiv1.MultiOp_Create{Create: create}})
		}
		if _, err := c.Keeper().Multi(t.Context(), &apiv1.MultiRequest{Ops: ops}); err != nil {
			t.Fatal(err)
		}
	}
	list, err := c.Keeper().List(t.Context(), &apiv1.ListRequest{Path: "/"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := list.Recv(); err != nil {
		t.Fatal(err)
	}
	return s
}

func TestSigtermCutsOffWhatDoesNotEnd(t *testing.T) {
	s := stalled(t)
	began := time.Now()
	if code := s.Stop(); code != 0 { // 1 if it had to be given up after its own limit
		t.Errorf("exit code %d\n%s", code, s.Output())
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("stopping took %v, more than 5 s", took)
	}
}

func TestSecondSignalExitsAtOnce(t *testing.T) {
	s := stalled(t)
	if err := s.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := s.Await(t.Context(), "draining"); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	if code := s.Stop(); code != 128+int(syscall.SIGTERM) {
		t.Errorf("exit code %d after the second signal\n%s", code, s.Output())
	}
	if took := time.Since(began); took > 3*time.Second { // the list is cut off after 4 s
		t.Errorf("exiting at once took %v", took)
	}
}

// TestRefusals starts servers that cannot be and reads what they say.
func TestRefusals(t *testing.T) {
	addr, dir := address(t), t.TempDir()
	start(t, addr, "--data-dir", dir)
	for _, c := range []struct {
		name, says string
		code       int
		args       []string
	}{
		{"port in use", "another process has this port", 1, []string{"--client-addr", addr, "--data-dir", t.TempDir()}},
		{"directory in use", "is in use by another process", 1, []string{"--client-addr", "127.0.0.1:0", "--data-dir", dir}},
		{"unwritable directory", "cannot be used", 1, []string{"--client-addr", "127.0.0.1:0", "--data-dir", "/proc/quorate"}},
		{"no such flag", "unknown flag: --data-dri", 2, []string{"--data-dri", dir}},
		{"no such id", "--id is 300", 2, []string{"--id", "300"}},
	} {
		cmd := quorate(append([]string{"serve"}, c.args...)...)
		out, err := cmd.CombinedOutput()
		if err == nil || cmd.ProcessState.ExitCode() != c.code || !strings.Contains(string(out), c.says) {
			t.Errorf("%s: exit code %d, want %d and %q:\n%s", c.name, cmd.ProcessState.ExitCode(), c.code, c.says, out)
		}
		if strings.Contains(string(out), "goroutine ") {
			t.Errorf("%s: a stack instead of a sentence", c.name)
		}
	}
}

// TestWrongIDIsRefused: a data directory belongs to the server that made it.
func TestWrongIDIsRefused(t *testing.T) {
	dir := t.TempDir()
	if code := start(t, address(t), "--data-dir", dir).Stop(); code != 0 {
		t.Fatalf("exit code %d", code)
	}
	out, err := quorate("serve", "--id", "2", "--client-addr", "127.0.0.1:0", "--data-dir", dir).CombinedOutput()
	want := fmt.Sprintf("the data directory %s belongs to server 1, not 2", dir)
	if err == nil || !strings.Contains(string(out), want) {
		t.Errorf("want %q:\n%s", want, out)
	}
}
