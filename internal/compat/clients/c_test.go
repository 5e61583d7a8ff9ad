package clients

import (
	"os/exec"
	"path/filepath"
	"testing"
)

// TestC has ZooKeeper's own client in C do all that it can.
func TestC(t *testing.T) {
	program := filepath.Join(t.TempDir(), "client")
	if out, err := exec.CommandContext(t.Context(), "gcc", "-x", "c", "-fsyntax-only", "-include", "zookeeper/zookeeper.h", "/dev/null").CombinedOutput(); err != nil {
		t.Skipf("there is no client in C (Debian: gcc libzookeeper-mt-dev): %v %.80s", err, out)
	}
	build := exec.CommandContext(t.Context(), "gcc", "-Wall", "-DTHREADED", "-o", program, "testdata/client.c", "-lzookeeper_mt")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	e := run(t)
	obey(t, e, exec.CommandContext(t.Context(), program, hosts(e)))
}
