package config_test

import (
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"

	"github.com/quorate/quorate/server/config"
)

func TestDefaultIsValid(t *testing.T) {
	c := config.Default()
	if err := c.Validate(); err != nil {
		t.Fatal(err)
	}
}

func TestValidateNamesEveryProblem(t *testing.T) {
	for _, tc := range []struct {
		name string
		edit func(*config.Config)
		want []string // one part of each sentence; as many sentences as parts
	}{
		{"id 0", func(c *config.Config) { c.ID = 0 }, []string{"--id is 0: it must be 1 to 253"}},
		{"id 254", func(c *config.Config) { c.ID = 254 }, []string{"--id is 254"}},
		{"no directory", func(c *config.Config) { c.DataDir = "" }, []string{"--data-dir is empty"}},
		{"no port", func(c *config.Config) { c.ClientAddr = "localhost" }, []string{`--client-addr is "localhost": it must be host:port`}},
		{"bad port", func(c *config.Config) { c.ClientAddr = "localhost:70000" }, []string{`"70000" is no port`}},
		{"metrics", func(c *config.Config) { c.MetricsAddr = "x" }, []string{"--metrics-addr"}},
		{"log level", func(c *config.Config) { c.LogLevel = "loud" }, []string{`--log-level is "loud"`}},
		{"log format", func(c *config.Config) { c.LogFormat = "xml" }, []string{`--log-format is "xml"`}},
		{"slow call", func(c *config.Config) { c.SlowCall = 1 }, []string{"--slow-call is 1ns"}},
		{"value and request", func(c *config.Config) { c.MaxValue = 1 }, []string{"--max-value is 1: it must be 1KiB to 64MiB"}},
		{"request below value", func(c *config.Config) { c.MaxRequest = c.MaxValue }, []string{"--max-request is 1MiB: it must be 1088KiB to 128MiB"}},
		{"segment below request", func(c *config.Config) { c.SegmentSize = 1 << 20 }, []string{"--segment-size is 1MiB: it must be 4160KiB to 1GiB"}},
		{"outstanding", func(c *config.Config) { c.MaxOutstanding = 1 }, []string{"--max-outstanding is 1"}},
		{
			"watches", func(c *config.Config) {
				c.WatchHistory, c.MaxWatchStreams, c.MaxSessionWatches, c.MaxWatches = 1, 0, 0, -1
			},
			[]string{"--watch-history is 1: it must be 1MiB to 64GiB", "--max-session-watches is 0", "--max-watches is -1", "--max-watch-streams is 0"},
		},
		{
			"containers", func(c *config.Config) { c.ContainerInterval, c.ContainerRate, c.ContainerUnused = 1, 0, 1 },
			[]string{"--container-interval is 1ns: it must be 100ms to 24h0m0s, or 0 for never", "--container-rate is 0", "--container-unused is 1ns"},
		},
		{"no containers", func(c *config.Config) { c.ContainerInterval, c.ContainerUnused = 0, 0 }, nil},
		{
			"sessions", func(c *config.Config) {
				c.MinSessionTimeout, c.MaxSessionTimeout, c.MaxSessions, c.MaxSessionRequests = 1, 25*time.Hour, 0, 0
			},
			[]string{
				"--min-session-timeout is 1ns: it must be 10ms to 24h0m0s", "--max-session-timeout is 25h0m0s: it must be 1ns to 24h0m0s",
				"--max-sessions is 0", "--max-session-requests is 0",
			},
		},
		{"timeouts the wrong way round", func(c *config.Config) { c.MaxSessionTimeout = time.Millisecond }, []string{"--max-session-timeout is 1ms: it must be 1s to 24h0m0s"}},
		{
			"rates", func(c *config.Config) { c.MaxOutstandingBytes, c.MaxRate = 1, -1 },
			[]string{"--max-outstanding-bytes is 1: it must be 8MiB to 64GiB", "--max-rate is -1"},
		},
		{"super", func(c *config.Config) { c.SuperDigest = "root" }, []string{"--super-digest must be user:"}},
		{
			"zookeeper", func(c *config.Config) {
				c.MaxPacket, c.MaxPerAddress, c.Words, c.AdminAddr, c.AdminPath = 1, -1, config.Words{"ruok", "rook", "*"}, "x", "/commands/"
			},
			[]string{
				"--max-packet is 1: it must be 1KiB to 128MiB", "--max-connections-per-address is -1", `--words has "rook": it must be * or among conf,`,
				`--admin-addr is "x"`, `--admin-path is "/commands/": it must begin with a slash`,
			},
		},
		{"no admin path", func(c *config.Config) { c.AdminPath = "/" }, []string{`--admin-path is "/"`}},
		{"no words", func(c *config.Config) { c.Words = nil }, nil},
		{"gc", func(c *config.Config) { c.GCPercent = 5 }, []string{"--gc-percent is 5"}},
		{"retain", func(c *config.Config) { c.SnapshotRetain = 1 }, []string{"--snapshot-retain is 1: it must be 2 to 1000"}},
		{"three servers", peers(1, "1=a:1,2=b:1,3=c:1"), nil},
		{"itself alone", peers(1, "1=a:1"), nil},
		{"somebody else", peers(2, "1=a:1"), []string{"--peers does not list this server: --id is 2"}},
		{"observer alone", peers(1, "1=a:1:observer"), []string{"--peers lists observers only"}},
		{"peer address", func(c *config.Config) { c.PeerAddr = "host" }, []string{`--peer-addr is "host"`}},
		{"peer address alone", func(c *config.Config) { c.PeerAddr = ":2888" }, nil},
		{"tick", func(c *config.Config) { c.Tick = 1 }, []string{"--tick is 1ns: it must be 2ms to 1m0s"}},
		{"slow tick", func(c *config.Config) { c.Tick = 2 * time.Second }, []string{"--sync-limit is 2s: it must be more than --tick, which is 2s"}},
		{"init limit", func(c *config.Config) { c.InitLimit = 0 }, []string{"--init-limit is 0s: it must be more than --tick, which is 200ms, and at most 1h0m0s"}},
		{"sync limit", func(c *config.Config) { c.SyncLimit = time.Hour }, []string{"--sync-limit is 1h0m0s: it must be more than --tick, which is 200ms, and at most 10m0s"}},
		{"stall limit", func(c *config.Config) { c.StallLimit = -1 }, []string{"--stall-limit is -1ns"}},
		{"no stall limit", func(c *config.Config) { c.StallLimit = 0 }, nil},
		{"syncs", func(c *config.Config) { c.MaxSnapshotSyncs, c.MaxDiffSyncs = 0, -1 }, []string{"--max-snapshot-syncs is 0: it must be 1 to 1000", "--max-diff-syncs is -1"}},
		{"rate", func(c *config.Config) { c.SnapshotRate = 1 }, []string{"--snapshot-rate is 1: it must be 64KiB a second or more"}},
		{"groups", ensemble("1=a:1,2=b:1,3=c:1", "1,2;3", ""), nil},
		{"groups and observer", ensemble("1=a:1,2=b:1:observer", "1", ""), nil},
		{"observer in a group", ensemble("1=a:1,2=b:1:observer", "1;2", ""), []string{"--groups and --weights do not fit --peers: server 2 is in group 2 and is not a voter"}},
		{"left out of groups", ensemble("1=a:1,2=b:1", "1", ""), []string{"server 2 is in no group"}},
		{"weights", ensemble("1=a:1,2=b:1", "", "1=2"), nil},
		{"weight of nobody", ensemble("1=a:1,2=b:1", "", "3=2"), []string{"there is a weight for server 3, which is not a voter"}},
		{"weight below 0", ensemble("1=a:1", "", "1=-1"), []string{"the weight of server 1 is -1"}},
		{"no weight", ensemble("1=a:1", "", "1=0"), []string{"no server has a weight above 0"}},
		{"groups of nobody", ensemble("", "1", ""), []string{"--groups and --weights are for the servers in --peers"}},
		{"several", func(c *config.Config) { c.ID, c.DataDir, c.LogLevel = 0, "", "" }, []string{"--data-dir", "--id", "--log-level"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := config.Default()
			tc.edit(&c)
			check(t, c.Validate(), tc.want)
		})
	}
}

func peers(id uint, s string) func(*config.Config) {
	return func(c *config.Config) {
		c.ID = id
		c.Peers, _ = config.ParsePeers(s)
	}
}

func ensemble(peers, groups, weights string) func(*config.Config) {
	return func(c *config.Config) {
		c.Peers, _ = config.ParsePeers(peers)
		c.Groups, _ = config.ParseGroups(groups)
		c.Weights, _ = config.ParseWeights(weights)
	}
}

// check wants one line in err for each part.
func check(t *testing.T, err error, want []string) {
	t.Helper()
	if err == nil {
		if len(want) > 0 {
			t.Fatalf("no error, want %q", want)
		}
		return
	}
	lines := strings.Split(err.Error(), "\n")
	if len(lines) != len(want) {
		t.Fatalf("got %d problems, want %d: %q", len(lines), len(want), lines)
	}
	for i, part := range want {
		if !strings.Contains(lines[i], part) {
			t.Errorf("got %q, want it to contain %q", lines[i], part)
		}
	}
}

func TestFlagsAndEnvironment(t *testing.T) {
	env := map[string]string{
		"QUORATE_ID": "7", "QUORATE_DATA_DIR": "/from/env", "QUORATE_MAX_VALUE": "2MiB", "QUORATE_SLOW_CALL": "250ms",
	}
	env["QUORATE_WEIGHTS"], env["QUORATE_TICK"], env["QUORATE_BOOTSTRAP"] = "7=3", "1s", "true"
	c, err := parse([]string{"--data-dir", "/from/flag", "--peers=7=h:1", "--groups=7", "--snapshot-rate=8MiB"}, env)
	if err != nil {
		t.Fatal(err)
	}
	if c.Weights.String() != "7=3" || c.Groups.String() != "7" || c.Tick != time.Second || !c.Bootstrap || c.SnapshotRate != 8<<20 {
		t.Errorf("got %+v", c)
	}
	if c.ID != 7 || c.DataDir != "/from/flag" || c.MaxValue != 2<<20 || c.SlowCall != 250*time.Millisecond || c.Peers.String() != "7=h:1" {
		t.Errorf("got %+v", c)
	}
}

func TestEnvironmentIsRefusedByName(t *testing.T) {
	_, err := parse(nil, map[string]string{"QUORATE_MAX_VALUE": "big", "QUORATE_ID": "x", "QUORATE_GROUPS": "0"})
	check(t, err, []string{`QUORATE_GROUPS="0": "0": the id of a server`, `QUORATE_ID="x": `, `QUORATE_MAX_VALUE="big": "big" is no size`})
}

func parse(args []string, env map[string]string) (config.Config, error) {
	c := config.Default()
	fs := pflag.NewFlagSet("serve", pflag.ContinueOnError)
	c.Flags(fs)
	if err := fs.Parse(args); err != nil {
		return c, err
	}
	return c, config.Env(fs, func(name string) (string, bool) { v, ok := env[name]; return v, ok })
}

func TestSettingsHideTheSuperDigest(t *testing.T) {
	c := config.Default()
	c.SuperDigest = "root:secret"
	for _, s := range c.Settings() {
		if strings.Contains(s.Value, "secret") {
			t.Errorf("%s shows %q", s.Name, s.Value)
		}
	}
	if n := len(c.Settings()); n < 20 {
		t.Errorf("%d settings: some are missing", n)
	}
}
