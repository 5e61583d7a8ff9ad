package clients

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/quorate/quorate/internal/process"
)

// patience bounds how long the servers may take for one order.
const patience = 30 * time.Second

// run runs three servers until the test ends.
func run(t *testing.T, args ...string) *process.Ensemble {
	t.Helper()
	binary, err := process.Build(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	e, err := process.NewEnsemble(binary, t.TempDir(), process.Shape{Voters: 3, Args: append(args, "--sync-limit", "5s")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(e.Log(60))
		}
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	ctx, stop := context.WithTimeout(t.Context(), patience)
	defer stop()
	if err := e.Start(ctx); err != nil {
		t.Fatal(err)
	}
	return e
}

// hosts is the connect string of all servers, in the order of their ids.
func hosts(e *process.Ensemble) string { return strings.Join(e.Servers(0), ",") }

// obey runs a client that gives orders for the servers, a line each, and carries them out. Lines that begin with # are for the log.
func obey(t *testing.T, e *process.Ensemble, cmd *exec.Cmd) {
	t.Helper()
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var said bytes.Buffer
	cmd.Stderr = &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if line := lines.Text(); strings.HasPrefix(line, "#") {
			t.Log(line)
		} else if err := order(t, e, line, in); err != nil {
			t.Errorf("%s: %v", line, err)
		}
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("%v\n%s", err, said.Bytes())
	}
}

// order carries out one order and answers it.
func order(t *testing.T, e *process.Ensemble, line string, answer io.Writer) error {
	ctx, stop := context.WithTimeout(t.Context(), patience)
	defer stop()
	verb, rest, _ := strings.Cut(line, " ")
	if verb == "leader" {
		leader, err := leaderOf(ctx, e)
		fmt.Fprintln(answer, leader)
		return err
	}
	defer fmt.Fprintln(answer, "done")
	var id uint32
	if _, err := fmt.Sscan(rest, &id); err != nil {
		return err
	}
	m := e.Member(id)
	switch verb {
	case "kill":
		m.Kill()
		return nil
	case "start":
		return m.Start(ctx)
	case "pause":
		return m.Pause()
	case "resume":
		return m.Resume()
	}
	return fmt.Errorf("what is %q?", verb)
}

// leaderOf returns the id of the leader when all servers follow it.
func leaderOf(ctx context.Context, e *process.Ensemble) (uint32, error) {
	v, err := e.Await(ctx, "all follow a leader", func(v process.View) bool {
		for _, s := range v {
			if s == nil || v.Leader() == nil || s.GetEpoch() != v.Leader().GetEpoch() {
				return false
			}
		}
		return true
	})
	return v.Leader().GetId(), err
}
