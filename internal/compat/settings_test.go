package compat_test

import (
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/quorate/quorate/internal/compat/script"
	"github.com/quorate/quorate/internal/compat/zookeeper"
)

// The settings of the servers of both kinds that stand for each other. A session's timeout is 2 to 20 ticks with ZooKeeper.
const (
	tickMillis  = 500
	superDigest = "super:lK75jTNcA+U9vtVEw5vB51mj/w4=" // of the password "secret"
)

// compatEnv is how many scripts by chance are played; it is set where there is time to hold the recordings to ZooKeeper, too: `make compat`.
const compatEnv = "QUORATE_TEST_COMPAT"

// needTime skips what takes many starts of ZooKeeper.
func needTime(t *testing.T) {
	t.Helper()
	if os.Getenv(compatEnv) == "" && !*rewrite {
		t.Skip("make compat does this")
	}
}

// settings are how a script wants its server: its first lines name them.
type settings struct {
	noTTL      bool // no nodes with a time to live
	quota      bool // quotas are enforced
	alone      bool // one of three servers, which therefore can be read only
	containers bool // containers are looked for all the time
	three      bool // three servers, the first of which leads
	slow       bool // its disk takes a while for each change, if it is a Quorate
}

// settingsOf reads the comment "# with: …" of a script.
func settingsOf(t testing.TB, steps []script.Step) settings {
	t.Helper()
	var s settings
	words := map[string]*bool{"nottl": &s.noTTL, "quota": &s.quota, "alone": &s.alone, "containers": &s.containers, "three": &s.three, "slow": &s.slow}
	for _, step := range steps {
		list, ok := strings.CutPrefix(step.Line, "# with: ")
		if !ok {
			continue
		}
		for _, word := range strings.Fields(list) {
			if words[word] == nil {
				t.Fatalf("# with: %s: no such setting", word)
			}
			*words[word] = true
		}
	}
	return s
}

// awaitServing returns when a server lets a client in; one without a quorum only those that can do with it.
func awaitServing(t testing.TB, addr string, readOnly bool) {
	t.Helper()
	line := "a open"
	if readOnly {
		line += " ro=true"
	}
	line += "\na closeSession"
	var out []script.Step
	var err error
	if !soon(t, func() bool {
		out, err = script.Run(script.Parse(line), addr)
		return err == nil && strings.Contains(script.Text(out), "session=#1")
	}) {
		t.Fatalf("%s does not serve: %v\n%s", addr, err, script.Text(out))
	}
}

// soon waits until something holds, and returns whether it did in time.
func soon(t testing.TB, holds func() bool) bool {
	t.Helper()
	pause := time.NewTicker(20 * time.Millisecond)
	defer pause.Stop()
	for ctx := within(t); !holds(); {
		select {
		case <-pause.C:
		case <-ctx.Done():
			return false
		}
	}
	return true
}

// leaderFirst returns the addresses of servers, that of the leader first, once one leads.
func leaderFirst(t testing.TB, addrs []string) []string {
	t.Helper()
	leader := -1
	if !soon(t, func() bool {
		leader = slices.IndexFunc(addrs, func(addr string) bool {
			answer, err := zookeeper.Word(addr, "srvr")
			return err == nil && strings.Contains(answer, "Mode: leader")
		})
		return leader >= 0
	}) {
		t.Fatal("none of them leads")
	}
	return append([]string{addrs[leader]}, slices.Delete(slices.Clone(addrs), leader, leader+1)...)
}
