package main

import (
	"bytes"
	"context"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/quorate/quorate/client/clienttest"
	"github.com/quorate/quorate/cmd/quorate/internal/cli"
	"github.com/quorate/quorate/cmd/quorate/internal/outcome"
	apiv1 "github.com/quorate/quorate/gen/quorate/api/v1"
)

// stream is output that can be waited for. It is safe for concurrent use.
type stream struct {
	mu    sync.Mutex // guards all
	all   bytes.Buffer
	grown chan struct{} // holds something if more was written since it was last looked at
}

func newStream() *stream { return &stream{grown: make(chan struct{}, 1)} }

func (s *stream) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	defer func() {
		select {
		case s.grown <- struct{}{}:
		default:
		}
	}()
	return s.all.Write(p)
}

func (s *stream) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.all.String()
}

// await waits until the output contains a text.
func (s *stream) await(t *testing.T, text string) {
	t.Helper()
	s.awaitAfter(t, 0, text)
}

// awaitAfter waits until the output contains a text behind its first bytes.
func (s *stream) awaitAfter(t *testing.T, first int, text string) {
	t.Helper()
	late := time.After(time.Minute)
	for !strings.Contains(s.String()[first:], text) {
		select {
		case <-s.grown:
		case <-late:
			t.Fatalf("%q never came:\n%s", text, s.String())
		}
	}
}

// running is a command that goes on while the test does something else.
type running struct {
	t        *testing.T
	out, err *stream
	stop     context.CancelFunc
	ended    chan outcome.Code
}

// start runs a command in the background. It is stopped at the end of the test at the latest.
func (sh shell) start(args ...string) *running {
	sh.t.Helper()
	ctx, stop := context.WithCancel(sh.t.Context())
	r := &running{t: sh.t, out: newStream(), err: newStream(), stop: stop, ended: make(chan outcome.Code, 1)}
	env := map[string]string{"QUORATE_SERVER": sh.server}
	console := &cli.Console{In: strings.NewReader(sh.stdin), Out: r.out, Err: r.err, Getenv: func(k string) string { return env[k] }}
	go func() { r.ended <- execute(ctx, console, args) }()
	sh.t.Cleanup(stop)
	return r
}

// ends waits for the command's end.
func (r *running) ends(want outcome.Code) {
	r.t.Helper()
	select {
	case got := <-r.ended:
		if got != want {
			r.t.Errorf("exit code %d, want %d\n%s%s", got, want, r.out.String(), r.err.String())
		}
	case <-time.After(time.Minute):
		r.t.Fatalf("it does not end\n%s%s", r.out.String(), r.err.String())
	}
}

// columns returns the lines of a text, with one blank between their words and without their first word, a zxid.
func columns(text string) string {
	var out strings.Builder
	for line := range strings.Lines(text) {
		out.WriteString(strings.Join(strings.Fields(line)[1:], " ") + "\n")
	}
	return out.String()
}

func TestWatch(t *testing.T) { onBoth(t, testWatch) }

func testWatch(t *testing.T, sh shell) {
	sh.ok("create", "/a", "one")
	sh.ok("create", "/a/b")
	w := sh.start("watch", "-R", "--data", "/a")
	w.out.await(t, "/a/b")
	sh.ok("set", "/a", "two\nlines")
	sh.ok("create", "/a/c", "")
	sh.ok("create", "/elsewhere")
	sh.ok("delete", "/a/b")
	w.out.await(t, "deleted")
	w.stop()
	w.ends(outcome.OK)
	equal(t, columns(w.out.String()), "snapshot /a \"one\"\nsnapshot /a/b null\nchanged /a \"two\\nlines\"\ncreated /a/c \"\"\ndeleted /a/b\n")
	equal(t, w.err.String(), "")
}

func TestWatchForScripts(t *testing.T) { onBoth(t, testWatchForScripts) }

func testWatchForScripts(t *testing.T, sh shell) {
	sh.ok("create", "/a", "one")
	begun := sh.json("stat", "/a")["zxid"].(string)
	sh.ok("set", "/a", "two")
	sh.ok("create", "/a/b")
	sh.ok("delete", "/a/b")
	sh.ok("delete", "/a")
	equal(t, columns(sh.ok("watch", "/a", "--after", begun, "--count", "2")), "changed /a\ndeleted /a\n")
	equal(t, columns(sh.ok("watch", "-R", "/", "--after", begun, "--types", "created,deleted", "--count", "3")), "created /a/b\ndeleted /a/b\ndeleted /a\n")
	line := sh.ok("watch", "/a", "--after", begun, "--once", "--data", "-o", "json")
	contains(t, line, `"data":"two"`, `"path":"/a"`, `"type":"changed"`, `"zxid":"`)
	if strings.Count(line, "\n") != 1 {
		t.Errorf("not one line:\n%s", line)
	}

	w := sh.start("watch", "--once", "--types", "deleted", "/b", "-R")
	sh.ok("create", "/b")
	select {
	case code := <-w.ended:
		t.Fatalf("it ended with %d before anything was deleted\n%s%s", code, w.out.String(), w.err.String())
	default:
	}
	w.stop()
	w.ends(outcome.OK)
	equal(t, w.out.String(), "")
}

func TestWatchBadInput(t *testing.T) { onBoth(t, testWatchBadInput) }

func testWatchBadInput(t *testing.T, sh shell) {
	contains(t, sh.fails(outcome.Usage, "watch", "a"), "starts with /")
	contains(t, sh.fails(outcome.Usage, "watch", "/a", "--after", "7"), "--after", "epoch.counter")
	contains(t, sh.fails(outcome.Usage, "watch", "/a", "--types", "created,gone"), `"gone"`)
	sh.fails(outcome.Usage, "watch", "/a", "--count", "0")
	sh.fails(outcome.Usage, "watch", "/a", "--count", "1", "--once")
	sh.fails(outcome.Usage, "watch")
	sh.fails(outcome.Unavailable, "watch", "/a", "--server", nobody(t), "--timeout", "2s")
}

// TestWatchSaysWhatItMissed: who was away for too long begins anew, unless it was to begin after a zxid.
func TestWatchSaysWhatItMissed(t *testing.T) {
	t.Parallel()
	fake := clienttest.New()
	sh := shell{t: t, server: nobody(t)} // yet; and nobody takes it while the server is away
	lis, err := net.Listen("tcp", sh.server)
	if err != nil {
		t.Fatal(err)
	}
	stop := fake.Serve(lis)
	sh.ok("create", "/a", "one")
	w, after := sh.start("watch", "/a", "--data"), sh.start("watch", "/a", "--after", "1.0")
	w.out.await(t, "snapshot")
	after.out.await(t, "created")
	stop()
	if _, err := fake.Set(t.Context(), &apiv1.SetRequest{Path: "/a", Data: []byte("two")}); err != nil {
		t.Fatal(err)
	}
	fake.Compact()
	if lis, err = net.Listen("tcp", sh.server); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(fake.Serve(lis))
	w.out.await(t, "two")
	equal(t, columns(w.out.String()), "snapshot /a \"one\"\nsnapshot /a \"two\"\n")
	equal(t, w.err.String(), "quorate: the servers have forgotten what happened meanwhile: beginning anew with a snapshot\n")
	after.ends(outcome.Failed)
	contains(t, after.err.String(), "without --after")
}
