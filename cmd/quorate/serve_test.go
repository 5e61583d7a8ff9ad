package main

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/quorate/quorate/cmd/quorate/internal/outcome"
)

// TestServeRefusesBadInput: one clear sentence each, no stack, no half-started server.
func TestServeRefusesBadInput(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = taken.Close() })
	dir := t.TempDir()
	file := write(t, filepath.Join(dir, "file"), "x")
	for _, c := range []struct {
		name string
		args []string
		code outcome.Code
		says string
	}{
		{"unknown flag", []string{"--frob"}, outcome.Usage, "unknown flag: --frob"},
		{"an argument", []string{"here"}, outcome.Usage, "here"},
		{"id 0", []string{"--id", "0"}, outcome.Usage, "--id is 0: it must be 1 to 253"},
		{"id that is no number", []string{"--id", "one"}, outcome.Usage, `"one"`},
		{"size that is none", []string{"--max-value", "big"}, outcome.Usage, `"big" is no size`},
		{"peers that are none", []string{"--peers", "a:1"}, outcome.Usage, "want id=host:port"},
		{"peers without this server", []string{"--peers", "2=b:1,3=c:1"}, outcome.Usage, "--peers does not list this server"},
		{"groups that do not fit", []string{"--peers", "1=a:1,2=b:1", "--groups", "1"}, outcome.Usage, "server 2 is in no group"},
		{"address without a port", []string{"--client-addr", "localhost"}, outcome.Usage, "it must be host:port"},
		{"log level", []string{"--log-level", "loud"}, outcome.Usage, `--log-level is "loud"`},
		{"port in use", []string{"--client-addr", taken.Addr().String()}, outcome.Failed, "another process has this port"},
		{"file in place of the directory", []string{"--data-dir", file}, outcome.Failed, file},
		{"unwritable directory", []string{"--data-dir", "/proc/quorate"}, outcome.Failed, "/proc/quorate"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			own := filepath.Join(t.TempDir(), "data")
			args := append([]string{"serve", "--data-dir", own, "--client-addr", "127.0.0.1:0"}, c.args...)
			said := shell{t: t}.fails(c.code, args...)
			contains(t, said, c.says, "quorate: ")
			if strings.Contains(said, "goroutine") || strings.Contains(said, `"serving"`) {
				t.Errorf("said:\n%s", said)
			}
			if _, err := os.Stat(own); err == nil && c.code == outcome.Usage {
				t.Error("a data directory was created for a server that was never to run")
			}
		})
	}
}

// TestServeStopsWithItsContext, also when it was told so before it got going.
func TestServeStopsWithItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	r := shell{t: t}.runContext(ctx, "serve", "--data-dir", t.TempDir(), "--client-addr", "127.0.0.1:0")
	if r.code != outcome.OK {
		t.Errorf("exit code %d\n%s", r.code, r.err)
	}
}

func TestSettingsComeFromTheEnvironment(t *testing.T) {
	t.Setenv("QUORATE_ID", "700")
	said := shell{t: t}.fails(outcome.Usage, "serve", "--data-dir", filepath.Join(t.TempDir(), "d"))
	contains(t, said, "--id is 700")
	t.Setenv("QUORATE_ID", "x")
	said = shell{t: t}.fails(outcome.Usage, "serve", "--data-dir", filepath.Join(t.TempDir(), "d"))
	contains(t, said, `QUORATE_ID="x"`)
}

func TestSignals(t *testing.T) {
	t.Parallel()
	signals := make(chan os.Signal, 2)
	signals <- syscall.SIGTERM
	signals <- syscall.SIGINT
	ctx, stop := context.WithCancelCause(t.Context())
	var code int
	obey(ctx, signals, stop, func(c int, _ string) { code = c })
	if cause := context.Cause(ctx); cause == nil || cause.Error() != "signal: terminated" {
		t.Errorf("the first signal stops with %v", cause)
	}
	if code != 130 {
		t.Errorf("the second signal exits with %d, want 130", code)
	}
}

func TestNoSignalNoExit(t *testing.T) {
	t.Parallel()
	ctx, stop := context.WithCancelCause(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		obey(ctx, make(chan os.Signal), stop, func(int, string) { t.Error("exited") })
	}()
	stop(errors.New("done"))
	select {
	case <-ended:
	case <-time.After(10 * time.Second):
		t.Error("obey outlives its context")
	}
}
