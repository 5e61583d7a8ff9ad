package words_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/quorate/quorate/server/config"
	"github.com/quorate/quorate/server/facts"
	"github.com/quorate/quorate/server/facts/factstest"
	"github.com/quorate/quorate/server/words"
)

// recorded are the folders of testdata: answers of ZooKeeper 3.8.0.
var recorded = map[string]facts.State{
	"standalone": facts.Standalone, "leader": facts.Leader, "follower": facts.Follower, "observer": facts.Observer,
	"readonly": facts.ReadOnly, "noquorum": facts.Silent,
}

// ask returns what a server in a state answers.
func ask(t *testing.T, state facts.State, enabled config.Words, all ...string) string {
	t.Helper()
	w := words.New(words.Config{Facts: factstest.Source(t, state), Enabled: enabled})
	var out strings.Builder
	for _, word := range all {
		out.Reset()
		w.Answer(&out, word)
	}
	return out.String()
}

// ofZooKeeper is what ZooKeeper has answered.
func ofZooKeeper(t *testing.T, state, word string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", state, word+".txt"))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// patterns are values, which may differ between two answers of the same layout.
var patterns = []struct {
	what *regexp.Regexp
	as   string
}{
	{regexp.MustCompile(`version: .*`), "version: V"},
	{regexp.MustCompile(`\w{3} \w{3} \d\d \d\d:\d\d:\d\d UTC \d{4}`), "DATE"},
	{regexp.MustCompile(`/app\d*`), "/app"},
	{regexp.MustCompile(`/e\d`), "/e"},
	{regexp.MustCompile(`lop=\w+`), "lop=OP"},
	{regexp.MustCompile(`0x[0-9a-f]+`), "0xN"},
	{regexp.MustCompile(`127\.0\.0\.1:\d+`), "ADDR"},
	{regexp.MustCompile(`^[0-9a-f]+: \d+$`), "N: N"},
	{regexp.MustCompile(`-?\d+(\.\d+)?`), "N"},
}

// own is the connection on which ZooKeeper was asked: here it counts as none.
var own = regexp.MustCompile(`^ /ADDR\[N\]\(queued=N,recved=N,sent=N\)$|ip: /ADDR sessionId: 0x0$`)

// layout returns the lines of an answer without their values, each once.
func layout(answer string) []string {
	var all []string
	for line := range strings.Lines(answer) {
		line = strings.TrimSuffix(line, "\n")
		if strings.HasSuffix(line, "sessionId: 0x0") {
			continue
		}
		for _, p := range patterns {
			line = p.what.ReplaceAllString(line, p.as)
		}
		all = append(all, line)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// TestLayout holds our answers against ZooKeeper's: the same lines, values apart.
func TestLayout(t *testing.T) {
	for folder, state := range recorded {
		if state == facts.ReadOnly { // ZooKeeper's had no clients and had forgotten its sessions
			continue
		}
		for _, word := range []string{"cons", "crst", "dirs", "dump", "hash", "isro", "ruok", "srst", "srvr", "stat", "stmk", "wchc", "wchp", "wchs"} {
			theirs := layout(ofZooKeeper(t, folder, word))
			theirs = slices.DeleteFunc(theirs, func(l string) bool { return word == "cons" && own.MatchString(l) })
			if word == "hash" && state != facts.Silent { // it tells a digest for each 128 txns, and most had not so many
				theirs = []string{"N: N"}
			}
			if got := layout(ask(t, state, config.Words{"*"}, word)); !slices.Equal(got, theirs) {
				t.Errorf("%s: %s is\n%s\nwant\n%s", folder, word, strings.Join(got, "\n"), strings.Join(theirs, "\n"))
			}
		}
	}
}

// TestEnds: scripts compare whole answers of these.
func TestEnds(t *testing.T) {
	for folder, state := range recorded {
		for _, word := range []string{"crst", "isro", "ruok", "srst", "stmk"} {
			if got, want := ask(t, state, config.Words{"*"}, word), ofZooKeeper(t, folder, word); got != want {
				t.Errorf("%s: %s is %q, want %q", folder, word, got, want)
			}
		}
	}
}

// keys returns what stands before a separator in each line.
func keys(answer, separator string) []string {
	var all []string
	for line := range strings.Lines(answer) {
		if k, _, ok := strings.Cut(line, separator); ok {
			all = append(all, k)
		}
	}
	return all
}

func TestConf(t *testing.T) {
	for folder, state := range recorded {
		theirs, ours := keys(ofZooKeeper(t, folder, "conf"), "="), keys(ask(t, state, config.Words{"*"}, "conf"), "=")
		member := func(k string) bool { return strings.HasPrefix(k, "server.") || k == "version" }
		theirs, ours = slices.DeleteFunc(theirs, member), slices.DeleteFunc(ours, member)
		if !slices.Equal(theirs, ours) {
			t.Errorf("%s: %q, want %q", folder, ours, theirs)
		}
	}
	if got := ask(t, facts.Leader, config.Words{"*"}, "conf"); !strings.Contains(got, "\npeerType=0\nmembership: \n") {
		t.Errorf("told %s", got)
	}
}

// TestEnvi: what ZooKeeper tells of Java is told of Go.
func TestEnvi(t *testing.T) {
	ours := keys(ask(t, facts.Silent, config.Words{"*"}, "envi"), "=")
	for _, k := range keys(ofZooKeeper(t, "leader", "envi"), "=") {
		if !strings.HasPrefix(k, "java.") && !slices.Contains(ours, k) {
			t.Errorf("%s is missing", k)
		}
	}
}

// TestMntr: who leads has lines that nobody else has.
func TestMntr(t *testing.T) {
	for folder, state := range recorded {
		got := keys(ask(t, state, config.Words{"*"}, "mntr"), "\t")
		theirs := keys(ofZooKeeper(t, folder, "mntr"), "\t")
		for _, k := range []string{
			"zk_version", "zk_server_state", "zk_peer_state", "zk_synced_followers", "zk_learners", "zk_pending_syncs", "zk_leader_uptime",
			"zk_last_proposal_size", "zk_quorum_size", "zk_avg_latency", "zk_znode_count", "zk_watch_count", "zk_p99_updatelatency", "zk_avg_fsynctime",
		} {
			if slices.Contains(got, k) != slices.Contains(theirs, k) {
				t.Errorf("%s: %s is there: %v", folder, k, slices.Contains(got, k))
			}
		}
	}
}

func TestVersion(t *testing.T) {
	form := regexp.MustCompile(`^Zookeeper version: 3\.9\.\d+-quorate-v1\.2\.3, built on \d{4}-\d\d-\d\d \d\d:\d\d UTC\n`)
	for _, word := range []string{"srvr", "stat"} {
		if got := ask(t, facts.Leader, config.Words{"*"}, word); !form.MatchString(got) {
			t.Errorf("%s begins %.80q", word, got)
		}
	}
}

func TestReset(t *testing.T) {
	if got := ask(t, facts.Leader, config.Words{"*"}, "srst", "srvr"); !strings.Contains(got, "Received: 0\n") || !strings.Contains(got, "Proposal sizes last/min/max: -1/-1/-1\n") {
		t.Errorf("after srst: %s", got)
	}
	theirs := slices.DeleteFunc(layout(ofZooKeeper(t, "leader", "cons-after-crst")), own.MatchString)
	if got := layout(ask(t, facts.Leader, config.Words{"*"}, "crst", "cons")); !slices.Equal(got, theirs) {
		t.Errorf("after crst: %q, want %q", got, theirs)
	}
}

func TestWordsThatAreNotEnabled(t *testing.T) {
	const refused = "mntr is not executed because it is not in the whitelist.\n"
	if got := ask(t, facts.Leader, config.Words{"srvr", "ruok"}, "mntr"); got != refused {
		t.Errorf("answered %q", got)
	}
	if got := ask(t, facts.ReadOnly, nil, "isro"); got != "ro" { // clients look for a server that takes writes
		t.Errorf("isro in read-only mode: %q", got)
	}
	if got := ask(t, facts.Leader, nil, "isro"); !strings.Contains(got, "whitelist") {
		t.Errorf("isro without: %q", got)
	}
}

// TestDocumented: docs/monitoring.md has every word.
func TestDocumented(t *testing.T) {
	page, err := os.ReadFile("../../docs/monitoring.md")
	if err != nil {
		t.Fatal(err)
	}
	for w := range strings.FieldsSeq("conf cons crst dirs dump envi gtmk hash isro mntr ruok srst srvr stat stmk wchc wchp wchs") {
		if !words.Is(w) || !strings.Contains(string(page), "`"+w+"`") {
			t.Errorf("%s is not there", w)
		}
	}
}

func TestIs(t *testing.T) {
	for _, w := range []string{"srvr", "stmk", "\xff\xf4\xff\xfd"} {
		if !words.Is(w) {
			t.Errorf("%q is none", w)
		}
	}
	for _, w := range []string{"PRI ", "\x00\x00\x00\x2c", "SRVR", ""} {
		if words.Is(w) {
			t.Errorf("%q is one", w)
		}
	}
	if got := ask(t, facts.Leader, nil, "\xff\xf4\xff\xfd") + ask(t, facts.Leader, config.Words{"*"}, "none"); got != "" {
		t.Errorf("answered %q", got)
	}
}
