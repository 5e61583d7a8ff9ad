package main

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/quorate/quorate/client/clienttest"
	"github.com/quorate/quorate/cmd/quorate/internal/outcome"
)

func TestCreateGetSet(t *testing.T) { onBoth(t, testCreateGetSet) }

func testCreateGetSet(t *testing.T, sh shell) {
	equal(t, sh.ok("create", "/a", "hello"), "/a\n")
	equal(t, sh.ok("get", "/a"), "hello")
	equal(t, sh.ok("set", "/a", "bye", "--version", "0"), "/a\n")
	sh.fails(outcome.Conflict, "set", "/a", "x", "--version", "0")
	equal(t, sh.ok("get", "/a"), "bye")
	contains(t, sh.ok("get", "/a", "--stat"), "bye\n", "version       1\n", "data_length   3\n")
	sh.with("\x00\xff").ok("set", "/a", "-")
	equal(t, sh.ok("get", "/a"), "\x00\xff")
	if o := sh.json("get", "/a"); o["data_base64"] != "AP8=" {
		t.Errorf("binary data in JSON: %v", o)
	}
	sh.ok("set", "/a", "--file", write(t, filepath.Join(t.TempDir(), "f"), "from a file"))
	if o := sh.json("get", "/a"); o["data"] != "from a file" || o["zxid"] == nil {
		t.Errorf("JSON: %v", o)
	}
}

func TestNullAndEmptyAreToldApart(t *testing.T) { onBoth(t, testNullAndEmptyAreToldApart) }

func testNullAndEmptyAreToldApart(t *testing.T, sh shell) {
	sh.ok("create", "/null")
	sh.ok("create", "/empty", "")
	if o := sh.json("get", "/null"); o["data"] != nil {
		t.Errorf("null: %v", o)
	}
	if o := sh.json("get", "/empty"); o["data"] != "" {
		t.Errorf("empty: %v", o)
	}
}

func TestCreateKinds(t *testing.T) { onBoth(t, testCreateKinds) }

func testCreateKinds(t *testing.T, sh shell) {
	equal(t, sh.ok("create", "-p", "--sequential", "/q/jobs/job-", "x"), "/q/jobs/job-0000000000\n")
	equal(t, sh.ok("create", "-p", "--sequential", "/q/jobs/job-", "x"), "/q/jobs/job-0000000001\n")
	sh.ok("create", "--container", "/c")
	contains(t, sh.ok("stat", "/c"), "kind          container")
	sh.ok("create", "--ttl", "1h", "/t")
	contains(t, sh.ok("stat", "/t"), "ttl           1h0m0s")
	sh.ok("create", "/r", "--acl", "world:anyone:r")
	equal(t, sh.ok("acl", "get", "/r"), "world:anyone:r\n")
	contains(t, sh.fails(outcome.Denied, "set", "/r", "x"), "/r", "--auth")
}

func TestListExistsStat(t *testing.T) { onBoth(t, testListExistsStat) }

func testListExistsStat(t *testing.T, sh shell) {
	sh.ok("create", "-p", "/a/b/c", "x")
	sh.ok("create", "/a/a")
	equal(t, sh.ok("ls"), "a\nzookeeper\n")
	equal(t, sh.ok("ls", "/a"), "a\nb\n")
	equal(t, sh.ok("ls", "-R", "/a"), "/a/a\n/a/b\n/a/b/c\n")
	long := sh.ok("ls", "-lR", "/a")
	if lines := strings.Split(long, "\n"); len(lines) != 5 || !strings.HasSuffix(lines[3], "/a/b/c") {
		t.Errorf("long:\n%s", long)
	}
	equal(t, sh.ok("ls", "-R", "/a", "-o", "json"), `{"path":"/a/a"}`+"\n"+`{"path":"/a/b"}`+"\n"+`{"path":"/a/b/c"}`+"\n")
	equal(t, sh.ok("exists", "/a"), "/a exists\n")
	if r := sh.run("exists", "/z"); r.code != outcome.NotFound || r.out != "/z does not exist\n" || r.err != "" {
		t.Errorf("exists: %+v", r)
	}
	contains(t, sh.fails(outcome.NotFound, "stat", "/z"), "/z: the node does not exist")
	contains(t, sh.ok("stat", "/a"), "num_children  2", "czxid         1.")
}

func TestDelete(t *testing.T) { onBoth(t, testDelete) }

func testDelete(t *testing.T, sh shell) {
	sh.ok("create", "-p", "/a/b/c")
	contains(t, sh.fails(outcome.Conflict, "delete", "/a"), "/a", "delete -r")
	sh.fails(outcome.Conflict, "delete", "/a/b/c", "--version", "7")
	equal(t, sh.ok("delete", "/a/b/c", "--version", "0"), "/a/b/c\n")
	equal(t, sh.ok("delete", "-r", "/a"), "2 nodes deleted\n")
	equal(t, sh.ok("ls"), "zookeeper\n")
	sh.fails(outcome.NotFound, "delete", "/a")
	sh.fails(outcome.NotFound, "delete", "-r", "/a")
	contains(t, sh.fails(outcome.Usage, "delete", "-r", "/"), "everything")
}

func TestACL(t *testing.T) { onBoth(t, testACL) }

func testACL(t *testing.T, sh shell) {
	ann := "digest:" + clienttest.Digest("ann:secret") + ":rwcda"
	sh.ok("create", "/a", "x")
	equal(t, sh.ok("acl", "set", "/a", ann), "/a\n")
	contains(t, sh.fails(outcome.Denied, "get", "/a"), "/a", "--auth")
	sh.fails(outcome.Denied, "get", "/a", "--auth", "digest:ann:wrong")
	equal(t, sh.ok("get", "/a", "--auth", "digest:ann:secret"), "x")
	sh.ok("acl", "set", "/a", ann+",world:anyone:r", "--version", "1", "--auth", "digest:ann:secret")
	sh.fails(outcome.Conflict, "acl", "set", "/a", ann, "--version", "1", "--auth", "digest:ann:secret")
	equal(t, sh.ok("acl", "get", "/a", "--auth", "digest:ann:secret"), ann+"\nworld:anyone:r\n")
	contains(t, sh.ok("acl", "get", "/a", "-o", "json"), `{"id":"anyone","perms":"r","scheme":"world"}`)
	contains(t, sh.fails(outcome.Usage, "acl", "set", "/a", "world:anyone:x"), `'x'`)
	sh.fails(outcome.Usage, "acl", "set", "/a", "nosuchscheme:anyone:r", "--auth", "digest:ann:secret")
}

func TestMulti(t *testing.T) { onBoth(t, testMulti) }

func testMulti(t *testing.T, sh shell) {
	equal(t, sh.ok("multi", "create /a 'a b'", "create -s /a/n- x", "set /a c 0"), "/a\n/a/n-0000000000\n/a\n")
	message := sh.with("# first\ncreate /b\n\ndelete /a 9\n").fails(outcome.Conflict, "multi", "-")
	contains(t, message, "line 4", "/a")
	contains(t, sh.with("create /b\nfrob /a\n").fails(outcome.Usage, "multi", "-"), "line 2", `"frob"`)
	equal(t, sh.ok("ls"), "a\nzookeeper\n")
	equal(t, sh.ok("get", "/a"), "c")
	sh.ok("multi", "--file", write(t, filepath.Join(t.TempDir(), "f"), "check /a\r\ndelete /a/n-0000000000\r\ndelete /a\r\n"))
	equal(t, sh.ok("ls"), "zookeeper\n")
	sh.fails(outcome.Usage, "multi")
}

func TestSyncAndVersion(t *testing.T) {
	t.Parallel()
	sh, _ := newShell(t)
	equal(t, sh.ok("sync"), "1.0\n")
	contains(t, sh.ok("version"), "quorate ", "go1.")
	if o := sh.json("version"); o["version"] == "" {
		t.Errorf("JSON: %v", o)
	}
	contains(t, sh.ok("completion", "bash"), "quorate")
	contains(t, sh.ok("help", "exit-codes"), "7  partial")
	contains(t, sh.ok("help"), "Server:", "Client:", "import ")
}

func TestStatusNamesTheServerThatIsDown(t *testing.T) {
	t.Parallel()
	sh, _ := newShell(t)
	contains(t, sh.ok("status"), sh.server, "leader", "1.0")
	down := nobody(t)
	r := sh.run("status", "--server", sh.server+","+down)
	if r.code != outcome.Unavailable {
		t.Errorf("exit code %d", r.code)
	}
	contains(t, r.out, "leader", down, "does not answer")
	contains(t, r.err, down)
	contains(t, sh.run("status", "-o", "json", "--server", sh.server+","+down).out, `"digest":"000000000000feed"`, `"error":"no server answered`)
}
