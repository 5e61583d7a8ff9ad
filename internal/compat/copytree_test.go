package compat_test

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-zookeeper/zk"
)

// copied is how many nodes plant makes, with that above them and without the ephemeral one.
const copied = 1 + 3*(1+50) + 1

// plant makes a tree below /tree: with ACLs, data of all bytes and of none, and an ephemeral node.
func plant(t *testing.T, addr string) {
	t.Helper()
	c := connect(t, addr)
	must(t, c.AddAuth("digest", []byte("ann:secret")))
	node := func(path string, data []byte, flags int32, acl []zk.ACL) {
		t.Helper()
		_, err := c.Create(path, data, flags, acl)
		must(t, err)
	}
	all := make([]byte, 256)
	for i := range all {
		all[i] = byte(i)
	}
	own := append(zk.AuthACL(zk.PermAll), zk.WorldACL(zk.PermRead)...)
	node("/tree", []byte("top"), 0, open)
	for i, acl := range [][]zk.ACL{open, own, zk.DigestACL(zk.PermAll, "ann", "secret")} {
		dir := fmt.Sprintf("/tree/%d", i)
		node(dir, nil, 0, acl)
		for j := range 50 {
			node(fmt.Sprintf("%s/é%d", dir, j), all[:5*j], 0, acl)
		}
	}
	node("/tree/empty", []byte{}, 0, open)
	node("/tree/gone", nil, zk.FlagEphemeral, open)
}

// copyTree runs the program, and returns the last line of what it says.
func copyTree(t *testing.T, program string, args ...string) (string, error) {
	t.Helper()
	out, err := exec.CommandContext(within(t), program, append([]string{"-auth", "ann:secret"}, args...)...).CombinedOutput()
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	for _, line := range lines {
		if strings.HasSuffix(line, "faults") {
			return line, err
		}
	}
	return string(out), err
}

// TestTreesAreCopied: with examples/copy-tree, as docs/zookeeper.md says.
func TestTreesAreCopied(t *testing.T) {
	program := filepath.Join(t.TempDir(), "copy-tree")
	if out, err := exec.CommandContext(within(t), "go", "build", "-o", program, "../../examples/copy-tree").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	quorate := startQuorate(t, settings{})
	t.Run("within Quorate", func(t *testing.T) { copyThereAndBack(t, program, quorate, startQuorate(t, settings{})) })
	t.Run("from ZooKeeper and back", func(t *testing.T) { copyThereAndBack(t, program, startZooKeeper(t, settings{}), quorate) })
}

// copyThereAndBack plants a tree at one server, copies it to another one below /there, and back below /back.
func copyThereAndBack(t *testing.T, program, from, to string) {
	plant(t, from)
	if said, err := copyTree(t, program, "-compare", from+"/tree", to+"/there"); err == nil {
		t.Errorf("the same before it was copied: %s", said)
	}
	want := func(ephemeral int, args ...string) {
		t.Helper()
		want := fmt.Sprintf("%d nodes, %d ephemeral ones left out, 0 faults", copied, ephemeral)
		if said, err := copyTree(t, program, args...); err != nil || said != want {
			t.Errorf("copy-tree %v: %v: %s; want %s", args, err, said, want)
		}
	}
	want(1, from+"/tree", to+"/there")
	want(1, from+"/tree", to+"/there") // again: all are overwritten
	want(1, "-compare", from+"/tree", to+"/there")
	want(0, to+"/there", from+"/back")
	want(0, "-compare", to+"/there", from+"/back")
}
