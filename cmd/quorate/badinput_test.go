package main

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/quorate/quorate/client/clienttest"
	"github.com/quorate/quorate/cmd/quorate/internal/outcome"
)

// TestBadInput: every mistake gets a message that names what is wrong, and its exit code.
func TestBadInput(t *testing.T) { onBoth(t, testBadInput) }

func testBadInput(t *testing.T, sh shell) {
	sh.ok("create", "/a", "x")
	dir := t.TempDir()
	big := write(t, filepath.Join(dir, "big"), strings.Repeat("x", 2<<20))
	huge := write(t, filepath.Join(dir, "huge"), strings.Repeat("x", 5<<20))
	down := nobody(t)
	for _, c := range []struct {
		name string
		args []string
		code outcome.Code
		says []string
	}{
		{"relative path", []string{"create", "a/b", "x"}, 2, []string{"a/b", "starts with /"}},
		{"path with ..", []string{"create", "/a/../b"}, 2, []string{"/a/../b", `".."`}},
		{"path with an empty name", []string{"get", "/a//b"}, 2, []string{"/a//b"}},
		{"path that ends with /", []string{"get", "/a/"}, 2, []string{"/a/"}},
		{"path with a control character", []string{"create", "/a\x01b"}, 2, []string{"U+0001"}},
		{"path that is not UTF-8", []string{"create", "/a\xff"}, 2, []string{"UTF-8"}},
		{"list of a relative path", []string{"ls", "a"}, 2, []string{"starts with /"}},
		{"2 MB of data", []string{"create", "/big", "--file", big}, 2, []string{"2097152", "1048576"}},
		{"2 MB of data to set", []string{"set", "/a", "--file", big}, 2, []string{"/a", "2097152", "1048576"}},
		{"more than a message holds", []string{"set", "/a", "--file", huge}, 2, []string{"1 MiB"}},
		{"no such file", []string{"create", "/b", "--file", filepath.Join(dir, "none")}, 2, []string{"none", "no such file"}},
		{"data twice", []string{"create", "/b", "x", "--file", big}, 2, []string{"twice"}},
		{"no data", []string{"set", "/a"}, 2, []string{"no content"}},
		{"parent is missing", []string{"create", "/x/y"}, 3, []string{"/x", "--parents"}},
		{"node is missing", []string{"get", "/x"}, 3, []string{"/x", "quorate ls"}},
		{"node exists", []string{"create", "/a"}, 4, []string{"/a", "exists"}},
		{"bad version", []string{"set", "/a", "y", "--version", "3"}, 4, []string{"/a", "version is 0"}},
		{"version is no number", []string{"set", "/a", "y", "--version", "three"}, 2, []string{"three", "--version"}},
		{"ttl of nothing", []string{"create", "/b", "--ttl", "0"}, 2, []string{"--ttl"}},
		{"ttl and container", []string{"create", "/b", "--ttl", "1h", "--container"}, 2, []string{"ttl", "container"}},
		{"bad acl", []string{"create", "/b", "--acl", "world"}, 2, []string{"world:anyone:r"}},
		{"unknown flag", []string{"get", "/a", "--frob"}, 2, []string{"--frob", "get --help"}},
		{"unknown verb", []string{"frob", "/a"}, 2, []string{`"frob"`, "quorate --help"}},
		{"misspelt verb", []string{"creat", "/a"}, 2, []string{`"creat"`, `"create"`}},
		{"unknown verb of acl", []string{"acl", "frob", "/a"}, 2, []string{`"frob"`}},
		{"too few arguments", []string{"get"}, 2, []string{"quorate get", "usage: quorate get PATH"}},
		{"too many arguments", []string{"get", "/a", "/b"}, 2, []string{"quorate get"}},
		{"unknown format", []string{"get", "/a", "-o", "xml"}, 2, []string{"xml", "table or json"}},
		{"bad timeout", []string{"get", "/a", "--timeout", "0s"}, 2, []string{"--timeout"}},
		{"bad auth", []string{"get", "/a", "--auth", "ann"}, 2, []string{"scheme:credentials"}},
		{"server without a port", []string{"get", "/a", "--server", "localhost"}, 2, []string{`"localhost"`, "host:port"}},
		{"server with a bad port", []string{"get", "/a", "--server", "localhost:http:1"}, 2, []string{"localhost:http:1"}},
		{"port out of range", []string{"get", "/a", "--server", "localhost:70000"}, 2, []string{"65535"}},
		{"no server", []string{"get", "/a", "--server", ","}, 2, []string{"no server given"}},
		{"unreachable server", []string{"get", "/a", "--server", down}, 5, []string{down, "connection refused", "quorate serve", "--server"}},
		{"unreachable server for a list", []string{"ls", "--server", down}, 5, []string{down, "connection refused", "quorate serve"}},
		{"unknown host", []string{"get", "/a", "--server", "no-such-host.invalid:2181"}, 5, []string{"no-such-host.invalid"}},
		{"import of nothing", []string{"import", filepath.Join(dir, "none"), "/i"}, 2, []string{"none", "no such file"}},
		{"import of a file", []string{"import", big, "/i"}, 2, []string{"not a directory"}},
		{"import to a relative path", []string{"import", t.TempDir(), "i"}, 2, []string{"starts with /"}},
		{"import with no workers", []string{"import", dir, "/i", "--parallel", "0"}, 2, []string{"--parallel 0"}},
		{"import with the arguments swapped", []string{"import", "/src", dir}, 2, []string{"/src"}},
		{"export of nothing", []string{"export", "/x", filepath.Join(dir, "x")}, 3, []string{"/x"}},
		{"export into a file", []string{"export", "/a", big}, 1, []string{"big"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			sh := sh
			sh.t = t
			r := sh.run(c.args...)
			if r.code != c.code {
				t.Errorf("exit code %d, want %d", r.code, c.code)
			}
			if !strings.HasPrefix(r.err, "quorate: ") {
				t.Errorf("stderr: %q", r.err)
			}
			contains(t, r.err, c.says...)
		})
	}
	equal(t, sh.ok("ls"), "a\nzookeeper\n")
	equal(t, sh.ok("get", "/a"), "x")
}

// TestExitCodeOfEachReason: no reason of the server's is left without an exit code and a hint what to do.
func TestExitCodeOfEachReason(t *testing.T) {
	t.Parallel()
	for reason, want := range map[string]outcome.Code{
		"NO_NODE": 3, "NO_PARENT": 3, "NODE_EXISTS": 4, "BAD_VERSION": 4, "NOT_EMPTY": 4, "EPHEMERAL_PARENT": 4,
		"QUOTA_EXCEEDED": 4, "NO_AUTH": 6, "BAD_ARGUMENTS": 2, "INVALID_ACL": 2, "INVALID_PATH": 2, "TOO_LARGE": 2,
		"NO_SPACE": 5, "OVERLOADED": 5, "UNAVAILABLE": 5, "UNKNOWN_OUTCOME": 5, "INTERNAL": 1,
	} {
		t.Run(reason, func(t *testing.T) {
			t.Parallel()
			sh, f := newShell(t)
			f.Hook = func(string, any) error {
				return clienttest.Refusal{Reason: reason, Path: "/p", Detail: "so it is"}.Err()
			}
			message := sh.fails(want, "set", "/p", "x")
			contains(t, message, "quorate: /p: so it is")
			if plain := reason == "BAD_ARGUMENTS" || reason == "INTERNAL" || reason == "EPHEMERAL_PARENT"; strings.Contains(message, "\n  ") == plain {
				t.Errorf("hint: %q", message)
			}
		})
	}
}
