package main

import (
	"context"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/pflag"

	"github.com/quorate/quorate/cmd/quorate/internal/outcome"
	"github.com/quorate/quorate/server/config"
)

// zooCfg writes a zoo.cfg with a data directory of its own and returns its name.
func zooCfg(t *testing.T, text string) string {
	t.Helper()
	dir := t.TempDir()
	write(t, filepath.Join(dir, "myid"), "2\n")
	return write(t, filepath.Join(dir, "zoo.cfg"), "dataDir="+dir+"\n"+text)
}

const three = "tickTime=2000\nclientPort=2181\nserver.1=a:1:2\nserver.2=b:1:2\nserver.3=c:1:2\nDigestAuthenticationProvider.superDigest=super:hash\n"

func TestConfigCheck(t *testing.T) {
	t.Parallel()
	file := zooCfg(t, three+"dataLogDir=/log\nsynclimit=5\n")
	r := shell{t: t}.run("config", "check", file)
	if r.code != outcome.OK {
		t.Fatal(r.code, r.err)
	}
	contains(t, r.out, "id: 2 # "+filepath.Dir(file)+"/myid:1\n", "tick: 2s # "+file+":2: tickTime\n", "super-digest: (set) ", "\nread-only-mode: false # as ZooKeeper has it\n", "\nlog-level: info\n", "  2: b:1\n")
	contains(t, r.err, "warning: "+file+":8: dataLogDir: nothing is stored in /log", "warning: "+file+":9: synclimit: ", "is syncLimit meant?", "note: "+file+":4: server.1: the election port")
	if out := (shell{t: t}).ok("config", "check", "--id", "3", file); !strings.HasPrefix(out, "id: 3 # --id\n") {
		t.Errorf("with another id:\n%s", out)
	}
}

// TestConfigRefuses with all that is wrong, its line, and code 2.
func TestConfigRefuses(t *testing.T) {
	t.Parallel()
	zoo := zooCfg(t, "clientPort=many\nsslQuorum=true\nskipACL=yes\ntickTime=1\nserver.1=a:1:2\nserver.2=b:1:2\n")
	yaml := write(t, filepath.Join(t.TempDir(), "q.YML"), "id: 0\ndata_dir: /x\nmax-value: 1\n")
	for _, verb := range []string{"check", "convert"} {
		said := shell{t: t}.fails(outcome.Usage, "config", verb, zoo)
		contains(t, said, `zoo.cfg:2: clientPort: "many" is no whole number`, "zoo.cfg:3: sslQuorum: there is no TLS", "warning: ", "zoo.cfg:4: skipACL",
			"zoo.cfg:5: tickTime: --tick is 1ms: it must be 2ms to 1m0s")
		said = shell{t: t}.fails(outcome.Usage, "config", verb, yaml)
		contains(t, said, "q.YML:1: id: --id is 0: it must be 1 to 253", "q.YML:2: data_dir: there is no such setting: is data-dir meant?", "q.YML:3: max-value: --max-value is 1")
		contains(t, shell{t: t}.fails(outcome.Usage, "config", verb, filepath.Join(t.TempDir(), "zoo.cfg")), "cannot be read: no such file")
		contains(t, shell{t: t}.fails(outcome.Usage, "config", verb, "--id", "x", zoo), `--id: "x" is no number`)
		contains(t, shell{t: t}.fails(outcome.Usage, "config", verb), "accepts 1 arg")
	}
	contains(t, shell{t: t}.fails(outcome.Usage, "config", "chek"), `did you mean "check"?`)
	contains(t, shell{t: t}.fails(outcome.Usage, "serve", "--config", zoo), "zoo.cfg:3: sslQuorum: there is no TLS", "warning: ")
}

// TestConfigConvert: what is converted says the same, and what was not carried over.
func TestConfigConvert(t *testing.T) {
	t.Parallel()
	file := zooCfg(t, three+"forceSync=no\n")
	yaml := shell{t: t}.ok("config", "convert", file)
	contains(t, yaml, "# Converted from "+file, "# warning: "+file+":8: forceSync: it is not done", "super-digest: super:hash #")
	converted := write(t, filepath.Join(t.TempDir(), "quorate.yaml"), yaml)
	if diff := cmp.Diff(loaded(t, file), loaded(t, converted)); diff != "" {
		t.Errorf("%s\n%s", diff, yaml)
	}
	if again := (shell{t: t}).ok("config", "check", converted); !strings.Contains(again, "\n  3: c:1\n") {
		t.Error(again)
	}
}

// loaded are the settings of a file, with flags and an environment.
func loaded(t *testing.T, file string, args ...string) config.Config {
	t.Helper()
	s, err := load(t, nil, append(args, "--config", file)...)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func load(t *testing.T, env map[string]string, args ...string) (config.Config, error) {
	t.Helper()
	s := settings{Config: config.Default()}
	fs := pflag.NewFlagSet("serve", pflag.ContinueOnError)
	s.flags(fs)
	if err := fs.Parse(args); err != nil {
		t.Fatal(err)
	}
	_, err := s.load(fs, func(name string) (string, bool) { v, ok := env[name]; return v, ok })
	return s.Config, err
}

// TestFlagsOverrideTheEnvironmentAndThatTheFile, also where a setting decides what others of the file mean.
func TestFlagsOverrideTheEnvironmentAndThatTheFile(t *testing.T) {
	t.Parallel()
	file := zooCfg(t, "tickTime=2000\nserver.1=a:1:2;2181\nserver.2=b:1:2;2182\nserver.3=c:1:2;2183\nmaxClientCnxns=7\n")
	env := map[string]string{"QUORATE_CONFIG": file, "QUORATE_ID": "1", "QUORATE_TICK": "1s", "QUORATE_MAX_LISTS": "11"}
	c, err := load(t, env, "--id", "3", "--words", "ruok", "--sync-limit", "3s")
	if err != nil {
		t.Fatal(err)
	}
	if c.ID != 3 || c.ClientAddr != ":2183" || c.Tick != time.Second || c.MaxLists != 11 || c.MaxPerAddress != 7 ||
		c.Words.String() != "ruok" || c.SyncLimit != 3*time.Second || c.InitLimit != 20*time.Second || len(c.Peers) != 3 {
		t.Errorf("%+v", c)
	}
	yaml := write(t, filepath.Join(t.TempDir(), "q.yaml"), "id: 4\nmax-lists: 5\npeers: {4: a:1, 5: b:1, 6: c:1}\n")
	if c := loaded(t, yaml, "--max-lists", "6"); c.ID != 4 || c.MaxLists != 6 || c.Peers.String() != "4=a:1,5=b:1,6=c:1" {
		t.Errorf("%+v", c)
	}
	if c := loaded(t, yaml, "--peers", ""); len(c.Peers) != 0 {
		t.Errorf("an empty list of servers does not override: %v", c.Peers)
	}
	// What is wrong with a setting of the command line does not stand in the file.
	if _, err := load(t, nil, "--config", yaml, "--max-lists", "0"); err == nil || !strings.HasPrefix(err.Error(), "--max-lists is 0") {
		t.Error(err)
	}
	if _, err := load(t, map[string]string{"QUORATE_TICK": "x"}, "--config", yaml, "--id", "9"); err == nil ||
		!strings.Contains(err.Error(), "QUORATE_TICK") || !strings.Contains(err.Error(), "q.yaml:3: peers: --peers does not list this server") {
		t.Error(err)
	}
}

// TestServeSaysWhatTheFileMeans in its log.
func TestServeSaysWhatTheFileMeans(t *testing.T) {
	t.Parallel()
	file := zooCfg(t, "clientPort=0\nclientPortAddress=127.0.0.1\nforceSync=no\n")
	ctx, cancel := context.WithCancel(t.Context())
	cancel() // before it begins
	r := shell{t: t}.runContext(ctx, "serve", "--config", file, "--log-format", "json")
	contains(t, r.err, `"configuration: it is not done: nothing is acknowledged before it is on disk"`, `zoo.cfg:4: forceSync"`)
	if r.code != outcome.OK {
		t.Error(r.code, r.err)
	}
}

func TestServeHelpIsBySubject(t *testing.T) {
	t.Parallel()
	help := shell{t: t}.ok("serve", "--help")
	at := 0
	for _, want := range []string{"quorate serve [flags]", "Flags:", "--config file", "The server:", "--id uint", "The ensemble:", "--peers", "ZooKeeper's clients:", "--words", "--gc-percent"} {
		next := strings.Index(help[at:], want)
		if next < 0 {
			t.Fatalf("no %q, or not in its place:\n%s", want, help)
		}
		at += next
	}
	for _, s := range config.Default().Settings() {
		if strings.Count(help, "--"+s.Name+" ") == 0 {
			t.Errorf("--%s is not in the help", s.Name)
		}
	}
}
