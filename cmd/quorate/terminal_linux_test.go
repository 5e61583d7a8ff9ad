package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/quorate/quorate/client/clienttest"
	"github.com/quorate/quorate/cmd/quorate/internal/cli"
	"github.com/quorate/quorate/cmd/quorate/internal/outcome"
)

// terminal is a terminal with somebody at it.
type terminal struct {
	*testing.T
	keys   *os.File
	tty    *os.File
	screen *stream
}

func newTerminal(t *testing.T) *terminal {
	t.Helper()
	keys, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	number, err := unix.IoctlGetInt(int(keys.Fd()), unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(int(keys.Fd()), unix.TIOCSPTLCK, 0)
	}
	if err != nil {
		t.Fatal(err)
	}
	tty, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	term := &terminal{T: t, keys: keys, tty: tty, screen: newStream()}
	seen := make(chan struct{})
	go func() {
		defer close(seen)
		_, _ = io.Copy(term.screen, keys) // ends with an error when the terminal is gone
	}()
	t.Cleanup(func() {
		_ = tty.Close()
		<-seen
		_ = keys.Close()
	})
	return term
}

// types types keys and waits for what they bring about. What is typed before there is a prompt is the system's to edit.
func (t *terminal) types(keys string, shows ...string) {
	t.Helper()
	before := len(t.screen.String())
	if _, err := t.keys.WriteString(keys); err != nil {
		t.Fatal(err)
	}
	for _, text := range shows {
		t.screen.awaitAfter(t.T, before, text)
	}
}

// TestShellAtATerminal: lines are edited and completed, what happens is told above them, Ctrl-C does not end it and Ctrl-D does.
func TestShellAtATerminal(t *testing.T) {
	t.Parallel()
	fake := newOutage()
	server, state := fake.Start(t), t.TempDir()
	term := newTerminal(t)
	env := map[string]string{"QUORATE_SERVER": server, "XDG_STATE_HOME": state}
	console := &cli.Console{In: term.tty, Out: term.tty, Err: term.tty, Getenv: func(k string) string { return env[k] }}
	ended := make(chan outcome.Code, 1)
	go func() { ended <- execute(t.Context(), console, []string{"shell"}) }()

	term.screen.await(t, "at "+server)
	term.screen.await(t, "\n/> ")
	term.types("create -e /here x\r", "\n/here", "\n/> ")
	term.types("watch -R /app\r", "\n/> ")
	term.types("create /app y\r", "\n/app", "created   /app", "\n/> ")
	term.types("create /app/config z\r", "created   /app/config", "\n/> ")
	term.types("cd /ap\t\r", "\n/app> ")
	term.types("get con\t\r", "config ", "\nz", "\n/app> ")
	term.types("unfinish")
	shell{t: t, server: server}.ok("set", "/app", "two")
	term.screen.await(t, "changed   /app")
	term.types("ed\x03", "\n/app> ")
	term.types("get /none\r", "quorate: /none: ", "\n/app> ")
	fake.during(func() { term.screen.await(t, "is suspended") })
	term.screen.await(t, "is connected")
	for _, id := range fake.Sessions() {
		fake.Expire(id)
	}
	term.screen.await(t, "is expired")
	term.types("exists /here\r", " is new", "/here does not exist", "\n/app> ")
	term.types("\x04")
	if code := <-ended; code != outcome.OK {
		t.Errorf("exit code %d", code)
	}
	text, err := os.ReadFile(state + "/quorate/history")
	if err != nil || !strings.HasPrefix(string(text), "create -e /here x\nwatch -R /app\n") || strings.Contains(string(text), "unfinish") {
		t.Errorf("history %q, %v", text, err)
	}
}

// TestExitAtATerminal ends with the code that was asked for.
func TestExitAtATerminal(t *testing.T) {
	t.Parallel()
	term := newTerminal(t)
	env := map[string]string{"QUORATE_SERVER": clienttest.New().Start(t)}
	console := &cli.Console{In: term.tty, Out: term.tty, Err: term.tty, Getenv: func(k string) string { return env[k] }}
	ended := make(chan outcome.Code, 1)
	go func() { ended <- execute(t.Context(), console, []string{"shell"}) }()
	term.screen.await(t, "/> ")
	term.types("exit 9\r")
	if code := <-ended; code != 9 {
		t.Errorf("exit code %d", code)
	}
}
