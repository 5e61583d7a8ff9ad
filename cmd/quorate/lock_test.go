package main

import (
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/quorate/quorate/client/clienttest"
	"github.com/quorate/quorate/cmd/quorate/internal/outcome"
)

func TestLock(t *testing.T) { onBoth(t, testLock) }

func testLock(t *testing.T, sh shell) {
	first := token(t, sh.ok("lock", "/l", "--", "sh", "-c", "echo $QUORATE_LOCK_TOKEN"))
	second := token(t, sh.with("typed").ok("lock", "/l", "--", "sh", "-c", "read word; test $word = typed && echo $QUORATE_LOCK_TOKEN"))
	if first == 0 || second <= first {
		t.Errorf("tokens %d and %d do not grow", first, second)
	}
	if r := sh.run("lock", "/l", "--", "sh", "-c", "echo said; echo wrong >&2; exit 77"); r.code != 77 || r.out != "said\n" || r.err != "wrong\n" {
		t.Errorf("the command's end: %+v", r)
	}
	if r := sh.run("lock", "/l", "--", "sh", "-c", "kill -KILL $$"); r.code != 137 || r.err != "" {
		t.Errorf("the command was killed: %+v", r)
	}
	equal(t, sh.ok("ls", "/l"), "")
}

func token(t *testing.T, text string) uint64 {
	t.Helper()
	n, err := strconv.ParseUint(strings.TrimSpace(text), 10, 64)
	if err != nil {
		t.Errorf("token: %v", err)
	}
	return n
}

func TestLockWaits(t *testing.T) { onBoth(t, testLockWaits) }

func testLockWaits(t *testing.T, sh shell) {
	gate := filepath.Join(t.TempDir(), "gate")
	holder := sh.start("lock", "/l", "--", "sh", "-c", "echo held; until test -e "+gate+"; do sleep 0.01; done; echo done")
	holder.out.await(t, "held")
	contains(t, sh.fails(outcome.Unavailable, "lock", "/l", "--wait", "0", "--", "echo", "hers"), "/l: the lock was not to be had within 0s")
	contains(t, sh.fails(outcome.Unavailable, "lock", "/l", "--wait", "50ms", "--", "echo", "hers"), "within 50ms")
	line := sh.start("watch", "-R", "/l")
	line.out.await(t, "snapshot")
	never := sh.start("lock", "/l", "--", "echo", "never")
	line.out.await(t, "created")
	next := sh.start("lock", "/l", "--", "echo", "next")
	never.stop()
	never.ends(outcome.Failed)
	contains(t, never.err.String(), "interrupted while waiting for the lock")
	equal(t, next.out.String(), "")
	write(t, gate, "")
	holder.ends(outcome.OK)
	next.ends(outcome.OK)
	equal(t, holder.out.String()+next.out.String()+never.out.String(), "held\ndone\nnext\n")
}

// TestLockIsLostWithItsSession: the command is told to stop, and the exit code says why.
func TestLockIsLostWithItsSession(t *testing.T) {
	t.Parallel()
	sh, fake := newShell(t)
	l := sh.start("lock", "/l", "--", "sh", "-c", "trap 'echo stopped; exit 3' TERM; echo held; while :; do sleep 0.01; done")
	l.out.await(t, "held")
	for _, id := range fake.Sessions() {
		fake.Expire(id)
	}
	l.ends(outcome.Lost)
	equal(t, l.out.String(), "held\nstopped\n")
	contains(t, l.err.String(), "the session has expired", "sh was told to stop")
}

func TestElect(t *testing.T) { onBoth(t, testElect) }

func testElect(t *testing.T, sh shell) {
	leader := sh.start("elect", "/e", "--value", "ann", "--", "sh", "-c", "echo $QUORATE_ELECTION_TOKEN; read word")
	if n := token(t, sh.ok("elect", "/e", "--", "sh", "-c", "echo $QUORATE_ELECTION_TOKEN")); n == 0 {
		t.Error("no token")
	}
	leader.ends(outcome.Failed) // read found no input
	sh.fails(outcome.Usage, "elect", "/e", "--wait", "0", "--", "true")
}

func TestCreateEphemeral(t *testing.T) { onBoth(t, testCreateEphemeral) }

func testCreateEphemeral(t *testing.T, sh shell) {
	held := sh.start("create", "-e", "-s", "--hold", "-p", "/members/m-", "ann")
	held.out.await(t, "/members/m-0000000000\n")
	contains(t, sh.ok("stat", "/members/m-0000000000"), "kind          ephemeral", "owner         0x")
	held.stop()
	held.ends(outcome.OK)
	equal(t, sh.ok("ls", "/members"), "")
	contains(t, sh.fails(outcome.Usage, "create", "-e", "/x"), "--hold", "quorate shell")
	contains(t, sh.fails(outcome.Usage, "create", "--hold", "/x"), "--ephemeral")
	sh.fails(outcome.Usage, "create", "--ephemeral", "--hold", "--container", "/x")
	sh.fails(outcome.Usage, "create", "--ephemeral", "--hold", "--session-timeout", "0", "/x")
}

func TestCreateEphemeralIsLost(t *testing.T) {
	t.Parallel()
	fake := clienttest.New()
	sh := shell{t: t, server: fake.Start(t)}
	held := sh.start("create", "-e", "--hold", "/x")
	held.out.await(t, "/x")
	for _, id := range fake.Sessions() {
		fake.Expire(id)
	}
	held.ends(outcome.Lost)
	contains(t, held.err.String(), "the session", "ephemeral nodes are gone")
}

func TestLockBadInput(t *testing.T) { onBoth(t, testLockBadInput) }

func testLockBadInput(t *testing.T, sh shell) {
	contains(t, sh.fails(outcome.Usage, "lock", "/l"), "no command given")
	contains(t, sh.fails(outcome.Usage, "lock", "/l", "--", "no-such-program"), "no-such-program")
	contains(t, sh.fails(outcome.Usage, "lock", "/l", "/m", "--", "true"), `"/m"`)
	sh.fails(outcome.Usage, "lock", "/l", "--wait", "-1s", "--", "true")
	contains(t, sh.fails(outcome.Usage, "lock", "l", "--", "true"), "starts with /")
	sh.fails(outcome.Unavailable, "lock", "/l", "--timeout", "2s", "--server", nobody(t), "--", "true")
}
