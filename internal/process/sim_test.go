package process_test

import (
	"bufio"
	"os/exec"
	"regexp"
	"syscall"
	"testing"
)

// TestSim runs the verb where there is no go test around it: a seed gives the same sum twice, and Ctrl-C ends a
// run in the middle.
func TestSim(t *testing.T) {
	sum := func() string {
		out, err := quorate("sim", "--seeds", "1", "--seconds", "5", "--servers", "3").CombinedOutput()
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		return regexp.MustCompile(`sum [0-9a-f]{16}`).FindString(string(out))
	}
	if a, b := sum(), sum(); a == "" || a != b {
		t.Errorf("the same run: %q and %q", a, b)
	}
	cmd := quorate("sim", "--seconds", "1000000000")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Process.Kill() //nolint:errcheck // it has ended by then
	said := bufio.NewReader(out)
	if begun, err := said.ReadString(':'); begun != "seed 1:" || err != nil {
		t.Fatalf("%q, %v", begun, err)
	}
	if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	if line, err := said.ReadString('\n'); line != " interrupted\n" || err != nil {
		t.Errorf("%q, %v", line, err)
	}
	if last, err := said.ReadString('\n'); !regexp.MustCompile(`^0 runs of .*: no rule was broken\n$`).MatchString(last) {
		t.Errorf("%q, %v", last, err)
	}
	exit, ok := cmd.Wait().(*exec.ExitError)
	if !ok || exit.ExitCode() != 1 {
		t.Errorf("it ended with %v", exit)
	}
}
