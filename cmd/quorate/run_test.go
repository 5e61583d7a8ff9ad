package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/quorate/quorate/client"
	"github.com/quorate/quorate/client/clienttest"
	"github.com/quorate/quorate/cmd/quorate/internal/cli"
	"github.com/quorate/quorate/cmd/quorate/internal/outcome"
	"github.com/quorate/quorate/cmd/quorate/internal/retry"
	apiv1 "github.com/quorate/quorate/gen/quorate/api/v1"
	"github.com/quorate/quorate/internal/loopback"
	"github.com/quorate/quorate/server"
	"github.com/quorate/quorate/server/config"
	"github.com/quorate/quorate/store/vfs"
)

// result is what a command left behind.
type result struct {
	out, err string
	code     outcome.Code
}

// shell runs commands against one server.
type shell struct {
	t      *testing.T
	server string
	stdin  string
}

func newShell(t *testing.T) (shell, *clienttest.Fake) {
	f := clienttest.New()
	return shell{t: t, server: f.Start(t)}, f
}

// onBoth runs a test against the fake and against a real server in memory.
func onBoth(t *testing.T, test func(*testing.T, shell)) {
	t.Parallel()
	t.Run("fake", func(t *testing.T) {
		t.Parallel()
		sh, _ := newShell(t)
		test(t, sh)
	})
	t.Run("real", func(t *testing.T) {
		t.Parallel()
		test(t, shell{t: t, server: startServer(t)})
	})
}

// startServer runs a real server on a disk in memory until the test ends.
func startServer(t *testing.T) string {
	t.Helper()
	address := startServerWith(t, func(*config.Config) {})
	leads(t, address)
	return address
}

// startServerWith is startServer with other settings; the server may not lead yet.
func startServerWith(t *testing.T, change func(*config.Config)) string {
	t.Helper()
	cfg := config.Default()
	cfg.DataDir, cfg.ClientAddr, cfg.SegmentSize = "/data", "127.0.0.1:0", 8<<20
	change(&cfg)
	node, err := server.New(t.Context(), cfg, server.Options{FS: vfs.NewMem(), Build: "test"})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- node.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("the server ended with %v", err)
		}
	})
	return node.Addr()
}

// leads waits until a server, which listens before it leads, takes writes.
func leads(t *testing.T, address string) {
	t.Helper()
	c, err := client.Dial([]string{address})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	err = retry.Policy{For: time.Minute}.Do(t.Context(), func(ctx context.Context) error {
		_, err := c.Keeper().Sync(ctx, &apiv1.SyncRequest{})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// run runs a command and returns what it left behind.
func (sh shell) run(args ...string) result {
	sh.t.Helper()
	return sh.runContext(sh.t.Context(), args...)
}

func (sh shell) runContext(ctx context.Context, args ...string) result {
	var out, err bytes.Buffer
	env := map[string]string{"QUORATE_SERVER": sh.server}
	console := &cli.Console{In: strings.NewReader(sh.stdin), Out: &out, Err: &err, Getenv: func(k string) string { return env[k] }}
	code := execute(ctx, console, args)
	return result{out.String(), err.String(), code}
}

// ok runs a command that must succeed and returns its output.
func (sh shell) ok(args ...string) string {
	sh.t.Helper()
	r := sh.run(args...)
	if r.code != outcome.OK {
		sh.t.Fatalf("%v: exit code %d\n%s%s", args, r.code, r.out, r.err)
	}
	return r.out
}

// fails runs a command that must end with a code.
func (sh shell) fails(want outcome.Code, args ...string) string {
	sh.t.Helper()
	r := sh.run(args...)
	if r.code != want {
		sh.t.Errorf("%v: exit code %d, want %d\n%s%s", args, r.code, want, r.out, r.err)
	}
	return r.err
}

// with returns the shell with something on standard input.
func (sh shell) with(stdin string) shell {
	sh.stdin = stdin
	return sh
}

func (sh shell) json(args ...string) map[string]any {
	sh.t.Helper()
	var object map[string]any
	out := sh.ok(append(args, "-o", "json")...)
	if err := json.Unmarshal([]byte(out), &object); err != nil {
		sh.t.Fatalf("%v: %v\n%s", args, err, out)
	}
	return object
}

func equal(t *testing.T, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
}

// contains tells what of a message is missing.
func contains(t *testing.T, text string, parts ...string) {
	t.Helper()
	for _, p := range parts {
		if !strings.Contains(text, p) {
			t.Errorf("%q is missing in:\n%s", p, text)
		}
	}
}

// write writes a file, with its directories.
func write(t *testing.T, path, content string) string {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o666); err != nil {
		t.Fatal(err)
	}
	return path
}

// nobody returns an address at which nobody listens, and the system lets nobody listen who takes what port there is.
func nobody(t *testing.T) string {
	t.Helper()
	address, err := loopback.Free()
	if err != nil {
		t.Fatal(err)
	}
	return address
}

// outage is a Fake that can be without its sessions for a while.
type outage struct {
	*clienttest.Fake
	away atomic.Bool
}

func newOutage() *outage {
	o := &outage{Fake: clienttest.New()}
	o.Hook = func(method string, _ any) error {
		if method == apiv1.Keeper_Session_FullMethodName && o.away.Load() {
			return clienttest.Refusal{Reason: "UNAVAILABLE", Detail: "away"}.Err()
		}
		return nil
	}
	return o
}

// during cuts all sessions off, and lets them come back when f has returned: who is slow to look misses what lasts for a moment.
func (o *outage) during(f func()) {
	o.away.Store(true)
	o.Cut()
	f()
	o.away.Store(false)
}
