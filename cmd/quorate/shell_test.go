package main

import (
	"strings"
	"testing"

	"github.com/quorate/quorate/client/clienttest"
	"github.com/quorate/quorate/cmd/quorate/internal/outcome"
)

// script runs commands in a shell that are no terminal's.
func (sh shell) script(want outcome.Code, lines ...string) result {
	sh.t.Helper()
	r := sh.with(strings.Join(lines, "\n")).start("shell")
	r.ends(want)
	return result{out: r.out.String(), err: r.err.String(), code: want}
}

func TestShell(t *testing.T) { onBoth(t, testShell) }

func testShell(t *testing.T, sh shell) {
	r := sh.script(
		outcome.OK,
		`# every verb works as outside, on one session`,
		`create /app "some data"`,
		``,
		`cd app`,
		`pwd`,
		`create -e me 'here I am'`,
		`quorate get me`,
		`create -s jobs/ -p`,
		`ls`,
		`multi "set me there" "create -s jobs/"`,
		`get ../app/me`,
		`stat me -o json`,
		`cd`,
		`pwd`,
	)
	got := strings.SplitAfter(r.out, "\n")
	equal(t, strings.Join(got[:2], ""), "/app\n/app\n")
	contains(t, r.out, "/app/me\nhere I am", "/app/jobs/0000000000\njobs\nme\n/app/me\n/app/jobs/0000000001\nthere", `"kind":"ephemeral"`)
	equal(t, got[len(got)-2], "/\n")
	equal(t, r.err, "")
	equal(t, sh.ok("ls", "-R", "/app"), "/app/jobs\n/app/jobs/0000000000\n/app/jobs/0000000001\n")
}

func TestShellIsOneSession(t *testing.T) { onBoth(t, testShellIsOneSession) }

func testShellIsOneSession(t *testing.T, sh shell) {
	r := sh.script(outcome.OK, "session -o json", "create -e /a", `multi "create -e /b"`, "stat /a", "stat /b", "lock /l -- echo locked", "session")
	id, _, _ := strings.Cut(strings.SplitAfter(r.out, `"id":"`)[1], `"`)
	if n := strings.Count(r.out, id); n != 4 {
		t.Errorf("%d times session %s in:\n%s", n, id, r.out)
	}
	contains(t, r.out, `"state":"connected"`, `"timeout":"10s"`, "locked\n", "timeout  10s\n")
}

func TestShellWatches(t *testing.T) { onBoth(t, testShellWatches) }

func testShellWatches(t *testing.T, sh shell) {
	r := sh.script(
		outcome.OK,
		"watch -R /a", "watch /b", "watch", "create /a 1", "create /a/x", "create /b", "set /b 1", "create /b/c", "unwatch /b", "delete /b/c", "delete /b", "set /a 2",
	)
	var events []string
	for line := range strings.Lines(r.out) {
		if words := strings.Fields(line); len(words) == 3 {
			events = append(events, strings.Join(words[1:], " "))
		}
	}
	// Each watch tells in its order; between two of them there is none.
	equal(t, strings.Join(only(events, "/a"), ","), "created /a,created /a/x,changed /a")
	equal(t, strings.Join(only(events, "/b"), ","), "created /b,changed /b,children /b")
	contains(t, r.out, "/a\n/b\n")
	contains(t, sh.script(outcome.Usage, "watch /a", "watch -R /a").err, "line 2", "/a is watched already")
	contains(t, sh.script(outcome.NotFound, "unwatch /a").err, "line 1", "/a: there is no such watch")
	contains(t, sh.script(outcome.OK, "watch -o json /c", "create /c").out, `{"path":"/c","type":"created","zxid":"`)
}

func only(events []string, path string) []string {
	var found []string
	for _, e := range events {
		if strings.Contains(e, path) {
			found = append(found, e)
		}
	}
	return found
}

func TestShellEndsAtTheFirstFailure(t *testing.T) { onBoth(t, testShellEndsAtTheFirstFailure) }

func testShellEndsAtTheFirstFailure(t *testing.T, sh shell) {
	r := sh.script(outcome.Conflict, "create /a", "", "create /a", "create /b")
	contains(t, r.err, "quorate: line 3: /a: ")
	equal(t, r.out, "/a\n")
	equal(t, sh.script(outcome.NotFound, "exists /none", "create /b").err, "")
	contains(t, sh.script(outcome.Usage, "frob").err, `line 1: unknown command "frob"`)
	contains(t, sh.script(outcome.Usage, "create 'b").err, "line 1: a ' is not closed")
	contains(t, sh.script(outcome.Usage, "set /a -").err, "the commands of this shell come from there")
	contains(t, sh.script(outcome.NotFound, "cd /none").err, "/none")
	contains(t, sh.script(outcome.Usage, "exit frob").err, `"frob"`)
	contains(t, sh.script(outcome.Usage, "serve").err, "unknown command")
	if r := sh.script(9, "create /c", "exit 9", "create /d"); r.out != "/c\n" || r.err != "" {
		t.Errorf("exit: %+v", r)
	}
	equal(t, sh.script(outcome.OK, "exit", "create /d").out, "")
	sh.stdin = "create /a\nfrob\nexists /none\ncreate /e\n"
	r = sh.run("shell", "--keep-going")
	equal(t, r.out, "/none does not exist\n/e\n")
	contains(t, r.err, "quorate: line 1: /a", "quorate: line 2: unknown")
	if r.code != outcome.NotFound {
		t.Errorf("exit code %d", r.code)
	}
}

// TestShellHasItsOwnDefaults: the flags of the shell are those of its commands, unless these have their own.
func TestShellHasItsOwnDefaults(t *testing.T) { onBoth(t, testShellHasItsOwnDefaults) }

func testShellHasItsOwnDefaults(t *testing.T, sh shell) {
	ann := "digest:" + clienttest.Digest("ann:secret") + ":rwcda"
	sh.stdin = "create /hers x --acl " + ann + "\nget /hers\nget /hers -o table --auth digest:bob:wrong"
	r := sh.run("shell", "--auth", "digest:ann:secret", "-o", "json")
	if r.code != outcome.Denied {
		t.Errorf("exit code %d\n%s%s", r.code, r.out, r.err)
	}
	contains(t, r.out, `"data":"x"`)
	contains(t, r.err, "line 3: /hers")
}

// TestShellTellsHowItsSessionIs and a script ends when that is lost.
func TestShellTellsHowItsSessionIs(t *testing.T) {
	t.Parallel()
	fake := newOutage()
	sh := shell{t: t, server: fake.Start(t)}
	gate := write(t, t.TempDir()+"/gate", "")
	sh.stdin = "create -e /a\nlock /l -- sh -c 'echo held; while test -e " + gate + "; do sleep 0.01; done'\ncreate /b\n"
	r := sh.start("shell")
	r.out.await(t, "held")
	fake.during(func() { r.err.await(t, "is suspended\n") })
	r.err.await(t, "is connected\n")
	for _, id := range fake.Sessions() {
		fake.Expire(id)
	}
	r.err.await(t, "is expired\n")
	r.ends(outcome.Lost)
	contains(t, r.err.String(), "quorate: line 2: the session has expired: sh was told to stop")
}

func TestShellHelp(t *testing.T) {
	t.Parallel()
	sh, _ := newShell(t)
	contains(t, sh.script(outcome.OK, "help").out, "Shell:", "unwatch", "Client:", "create", "exit-codes")
	contains(t, sh.script(outcome.OK, "create --help").out, "--ephemeral")
	if out := sh.script(outcome.OK, "create --help").out; strings.Contains(out, "--hold ") {
		t.Errorf("--hold makes no sense in a shell:\n%s", out)
	}
	sh.fails(outcome.Usage, "shell", "here")
	sh.fails(outcome.Usage, "shell", "--session-timeout", "0")
	sh.fails(outcome.Unavailable, "shell", "--timeout", "2s", "--server", nobody(t))
}
