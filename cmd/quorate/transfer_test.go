package main

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/quorate/quorate/cmd/quorate/internal/outcome"
	apiv1 "github.com/quorate/quorate/gen/quorate/api/v1"
)

func TestImportAndExport(t *testing.T) {
	t.Parallel()
	sh, f := newShell(t)
	dir, out := t.TempDir(), filepath.Join(t.TempDir(), "out")
	write(t, filepath.Join(dir, "a"), "x")
	write(t, filepath.Join(dir, "d", "b"), "yy")
	contains(t, sh.ok("import", dir, "/p/q"), "created    4\n", "skipped    0\n", "bytes      3 B\n")
	o := sh.json("import", dir, "/p/q")
	if o["created"] != 0.0 || o["unchanged"] != 4.0 || o["seconds"] == nil {
		t.Errorf("second import: %v", o)
	}
	contains(t, sh.ok("export", "/p/q", out), "created    3\n")
	if b, err := os.ReadFile(filepath.Join(out, "d", "b")); err != nil || string(b) != "yy" {
		t.Errorf("exported: %q, %v", b, err)
	}
	if err := os.Remove(filepath.Join(dir, "a")); err != nil {
		t.Fatal(err)
	}
	contains(t, sh.ok("import", "--delete", dir, "/p/q"), "deleted    1\n")
	contains(t, sh.ok("export", "--delete", "/p/q", out), "deleted    1\n")
	if d := f.Dump(); d["/p/q/a"] != "" || d["/p/q/d/b"] != `"yy"` {
		t.Errorf("tree: %v", d)
	}
}

func TestImportThatSkipsSaysSo(t *testing.T) {
	t.Parallel()
	sh, _ := newShell(t)
	dir := t.TempDir()
	write(t, filepath.Join(dir, "small"), "x")
	big := write(t, filepath.Join(dir, "big"), strings.Repeat("x", 1<<20+1))
	r := sh.run("import", dir, "/p", "-o", "json")
	if r.code != outcome.Partial {
		t.Errorf("exit code %d, want 7", r.code)
	}
	contains(t, r.err, "skipped "+big+": it has 1048577 bytes, the limit is 1048576", "1 passed over")
	var o struct {
		Created int
		Skipped []struct{ Path, Why string }
	}
	if err := json.Unmarshal([]byte(r.out), &o); err != nil || o.Created != 2 || len(o.Skipped) != 1 || o.Skipped[0].Path != big {
		t.Errorf("summary: %v %+v", err, o)
	}
	equal(t, sh.ok("get", "/p/small"), "x")
	sh.ok("export", "/p", t.TempDir())
}

func TestInterruptedImportSaysHowToGoOn(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	sh, f := newShell(t)
	f.Hook = func(method string, _ any) error {
		if method == apiv1.Keeper_Create_FullMethodName {
			cancel()
		}
		return nil
	}
	dir := t.TempDir()
	write(t, filepath.Join(dir, "a"), "x")
	r := sh.runContext(ctx, "import", dir, "/p")
	if r.code != outcome.Failed {
		t.Errorf("exit code %d", r.code)
	}
	contains(t, r.err, "interrupted", "run the same command again")
}

func TestImportWithoutAServer(t *testing.T) {
	t.Parallel()
	sh := shell{t: t, server: nobody(t)}
	contains(t, sh.fails(outcome.Unavailable, "import", t.TempDir(), "/p", "--retry", "0s"), "no server answered", "again to go on")
}
