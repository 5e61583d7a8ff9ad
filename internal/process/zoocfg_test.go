package process_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/quorate/quorate/client"
	apiv1 "github.com/quorate/quorate/gen/quorate/api/v1"
	"github.com/quorate/quorate/internal/process"
)

// migrant is a server that runs by the configuration of the ZooKeeper that was there before.
type migrant struct {
	*process.Server
	dir, cfg, addr, peer string
}

// migrants are three machines with ZooKeeper's configuration, number and data; the data is not ZooKeeper's, but it is in its place.
func migrants(t *testing.T) []*migrant {
	t.Helper()
	var all []*migrant
	var servers strings.Builder
	for i := range 3 {
		m := &migrant{dir: t.TempDir(), addr: address(t), peer: address(t)}
		m.cfg = filepath.Join(m.dir, "zoo.cfg")
		fmt.Fprintf(&servers, "server.%d=%s:3888:participant;%s\n", i+1, m.peer, m.addr)
		put(t, filepath.Join(m.dir, "data", "myid"), fmt.Sprintln(i+1))
		put(t, filepath.Join(m.dir, "data", "version-2", "snapshot.0"), "ZKSN")
		all = append(all, m)
	}
	for _, m := range all {
		put(t, m.cfg, "tickTime=200\ninitLimit=50\nsyncLimit=10\ndataDir="+m.dir+"/data\nforceSync=yes\nmaxClientCnxns=0\nadmin.enableServer=false\n"+
			"4lw.commands.whitelist=*\n"+servers.String())
	}
	return all
}

func put(t *testing.T, file, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// launch runs the server by a file, and kills it at the test's end.
func (m *migrant) launch(t *testing.T, file string) {
	t.Helper()
	s, err := process.Launch(binary(), "", "--config", file, "--segment-size", "4160KiB")
	if err != nil {
		t.Fatal(err)
	}
	m.Server = s
	t.Cleanup(s.Kill)
}

func (m *migrant) awaitServing(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := m.Await(ctx, "serving"); err != nil {
		t.Fatal(err)
	}
}

// TestZooCfg: three servers are one ensemble by ZooKeeper's own files, say what becomes of its data, leave it alone, and go on by what
// those files are converted to.
func TestZooCfg(t *testing.T) {
	all := migrants(t)
	for _, m := range all {
		m.launch(t, m.cfg)
	}
	for _, m := range all {
		m.awaitServing(t)
	}
	all[0].creates(t, "/one")
	all[2].has(t, "/one")

	for _, m := range all {
		if got := word(t, m.addr, "ruok"); got != "imok" {
			t.Errorf("ruok, which is on the white list: %q", got)
		}
		if said := m.Output(); strings.Count(said, "is not taken over, and not touched") != 1 || !strings.Contains(said, "election port") {
			t.Errorf("what becomes of ZooKeeper's data, and of the election port, is said once each:\n%s", said)
		}
		if kept, err := os.ReadFile(filepath.Join(m.dir, "data", "version-2", "snapshot.0")); err != nil || string(kept) != "ZKSN" {
			t.Errorf("ZooKeeper's data: %q, %v", kept, err)
		}
		if _, err := os.Stat(filepath.Join(m.dir, "data", "quorate", "identity")); err != nil {
			t.Error(err)
		}
	}

	m := all[1]
	if code := m.Stop(); code != 0 {
		t.Fatalf("exit code %d\n%s", code, m.Output())
	}
	yaml, err := exec.Command(binary(), "config", "convert", m.cfg).Output()
	if err != nil {
		t.Fatal(err)
	}
	put(t, filepath.Join(m.dir, "quorate.yaml"), string(yaml))
	m.launch(t, filepath.Join(m.dir, "quorate.yaml"))
	m.awaitServing(t)
	m.has(t, "/one")
	m.creates(t, "/two")
	all[0].has(t, "/two")
}

// creates makes a node by this server.
func (m *migrant) creates(t *testing.T, path string) {
	t.Helper()
	m.do(t, func(ctx context.Context, c *client.Client) error {
		_, err := c.Keeper().Create(ctx, &apiv1.CreateRequest{Path: path})
		if errors.Is(err, client.ErrNodeExists) {
			return nil
		}
		return err
	})
}

// has fails the test if this server, brought up to date, has no such node.
func (m *migrant) has(t *testing.T, path string) {
	t.Helper()
	m.do(t, func(ctx context.Context, c *client.Client) error {
		if _, err := c.Keeper().Sync(ctx, &apiv1.SyncRequest{}); err != nil {
			return err
		}
		_, err := c.Keeper().Get(ctx, &apiv1.GetRequest{Path: path})
		return err
	})
}

// do calls the server until it has better to say than that it cannot at the moment.
func (m *migrant) do(t *testing.T, call func(context.Context, *client.Client) error) {
	t.Helper()
	c, err := client.Dial([]string{m.addr})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for err = call(ctx, c); passing(err) && ctx.Err() == nil; err = call(ctx, c) {
		pause(ctx, retryPause)
	}
	if err != nil {
		t.Fatalf("%v\n%s", err, m.Output())
	}
}

// word sends a four-letter word and returns what is answered until the server hangs up.
func word(t *testing.T, addr, word string) string {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	if _, err := io.WriteString(c, word); err != nil {
		t.Fatal(err)
	}
	said, err := io.ReadAll(c)
	if err != nil {
		t.Errorf("%s: %v", word, err)
	}
	return string(said)
}
