package compat_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/quorate/quorate/internal/compat/zookeeper"
	"github.com/quorate/quorate/internal/golden"
)

// cliClass is ZooKeeper's command line client.
const cliClass = "org.apache.zookeeper.ZooKeeperMain"

// runCLI lets zkCli do the lines of an input with some servers, and returns what it says.
func runCLI(t *testing.T, addrs []string, input string) string {
	t.Helper()
	silent := []string{"org.slf4j.simpleLogger.defaultLogLevel=off"} // its log tells of the race between its close and the server's
	cmd := needJava(t).Command(cliClass, silent, []string{"-server", strings.Join(addrs, ","), "-waitforconnection"})
	cmd.Stdin = strings.NewReader(strings.ReplaceAll(input, "FIRST", addrs[0]))
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil {
		t.Logf("zkCli: %v", err)
	}
	return out.String()
}

// masks are what no two ensembles have in common.
var masks = []struct {
	what *regexp.Regexp
	with string
}{
	{regexp.MustCompile(`(?m)^(ctime|mtime) = (Mon|Tue|Wed|Thu|Fri|Sat|Sun) .*$`), "$1 = now"},
	{regexp.MustCompile(`(ephemeralOwner = 0x)[0-9a-f]{8,}`), "${1}session"},
	{regexp.MustCompile(`127\.0\.0\.1:\d+`), "127.0.0.1:port"},
	{regexp.MustCompile(`:\d+:participant`), ":port:participant"},
	{regexp.MustCompile(`(?m)^version=[0-9a-f]+$`), "version=v"},
	{regexp.MustCompile(`(?m)^[0-9a-f]+ (,*)$`), "v $1"},
	{regexp.MustCompile(`KeeperErrorCode = AuthFailed for /c/a`), "Not connected"}, // as the client has noticed
	{regexp.MustCompile(`ZooKeeper CLI version: .*`), "ZooKeeper CLI version: v"},
	{regexp.MustCompile(`sessionid = 0x[0-9a-f]+`), "sessionid = 0xsession"},
	{regexp.MustCompile(`session id: 0x[0-9a-f]+`), "session id: 0xsession"},
	{regexp.MustCompile(`0x[0-9a-f]{14,16}\b`), "0xsession"},
}

// zxidLine is a zxid in a Stat.
var zxidLine = regexp.MustCompile(`(?m)^([cmp]Zxid) = (0x[0-9a-f]+)$`)

// identity is a line of whoami.
var identity = regexp.MustCompile(`^(ip|digest): `)

// masked leaves of what zkCli says what two ensembles have in common: of a zxid its place in the order of all those shown; and the events, which
// come when they come, at the end, in order.
func masked(out string) string {
	for _, m := range masks {
		out = m.what.ReplaceAllString(out, m.with)
	}
	var zxids []uint64
	for _, m := range zxidLine.FindAllStringSubmatch(out, -1) {
		zxids = append(zxids, hex(m[2]))
	}
	slices.Sort(zxids)
	zxids = slices.Compact(zxids)
	out = zxidLine.ReplaceAllStringFunc(out, func(line string) string {
		m := zxidLine.FindStringSubmatch(line)
		return fmt.Sprintf("%s = z%d", m[1], slices.Index(zxids, hex(m[2])))
	})
	var lines, events []string
	for _, line := range strings.Split(out, "\n") {
		switch {
		case strings.HasPrefix(line, "WatchedEvent"):
			events = append(events, line)
		case line == "WATCHER::" || strings.TrimSpace(line) == "":
		default:
			lines = append(lines, line)
		}
	}
	for i := range lines { // whoami shows a set
		if i > 0 && identity.MatchString(lines[i]) && identity.MatchString(lines[i-1]) && lines[i] < lines[i-1] {
			lines[i], lines[i-1] = lines[i-1], lines[i]
		}
	}
	slices.Sort(events)
	return strings.Join(append(lines, events...), "\n") + "\n"
}

func hex(text string) uint64 {
	n, err := strconv.ParseUint(text[2:], 16, 64)
	if err != nil {
		return 0
	}
	return n
}

// TestZkCli lets ZooKeeper's own command line client do every command that it has with three servers of each kind: it says
// the same. With -rewrite what it says with ZooKeeper is recorded, for people to read.
func TestZkCli(t *testing.T) {
	input, err := os.ReadFile(filepath.Join("testdata", "zkcli", "commands"))
	if err != nil {
		t.Fatal(err)
	}
	theirs, err := zookeeper.New(needJava(t), t.TempDir(), withThree(zookeeperConfig(settings{})))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(theirs.Close)
	if err := theirs.Start(within(t)); err != nil {
		t.Fatal(err)
	}
	want := masked(runCLI(t, theirs.Addrs(), string(input)))
	golden.Check(t, *rewrite, filepath.Join("testdata", "zkcli", "said"), want)
	ours := startEnsemble(t)
	if diff := cmp.Diff(want, masked(runCLI(t, ours.Servers(0), string(input)))); diff != "" {
		t.Errorf("-ZooKeeper +Quorate:\n%s", diff)
	}
}

func withThree(c zookeeper.Config) zookeeper.Config {
	c.Servers = 3
	return c
}
