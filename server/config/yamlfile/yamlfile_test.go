package yamlfile_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/quorate/quorate/server/config"
	"github.com/quorate/quorate/server/config/source"
	"github.com/quorate/quorate/server/config/yamlfile"
)

const whole = `# all forms
id: 2
data-dir: "/var/lib/q"
client-addr: :2181
peers:
  1: zoo1:2888
  2: "[::1]:2888"
  3: zoo3:2888:observer
weights: {1: 2, 2: 0}
groups: [[1, 2]]
words: [srvr, "*"]
tick: 500ms
max-value: 2MiB
bootstrap: true
slow-call: 0s
snapshot-txns: 2_000
metrics-addr:
super-digest: ~
`

func TestParse(t *testing.T) {
	r, err := yamlfile.Parse("q.yaml", []byte(whole))
	if err != nil {
		t.Fatal(err)
	}
	want := config.Default()
	want.ID, want.DataDir, want.ClientAddr, want.Tick, want.MaxValue, want.Bootstrap = 2, "/var/lib/q", ":2181", 500*time.Millisecond, 2<<20, true
	want.Peers, _ = config.ParsePeers("1=zoo1:2888,2=[::1]:2888,3=zoo3:2888:observer")
	want.Weights, want.Groups, want.Words = config.Weights{1: 2, 2: 0}, config.Groups{{1, 2}}, config.Words{"srvr", "*"}
	want.SlowCall, want.SnapshotTxns = 0, 2000
	if diff := cmp.Diff(want, r.Config); diff != "" {
		t.Error(diff)
	}
	if place, ok := r.Places["groups"]; !ok || place.String() != "q.yaml:10: groups" {
		t.Errorf("groups stand at %v", place)
	}
	if _, ok := r.Places["metrics-addr"]; ok {
		t.Error("a key without a value has a place")
	}
}

// TestOtherForms: what a flag takes, a list and an alias are taken, too.
func TestOtherForms(t *testing.T) {
	for in, want := range map[string]string{
		"peers: 1=a:1,2=b:2":                 "1=a:1,2=b:2",
		"peers: [1=a:1, 2=b:2]":              "1=a:1,2=b:2",
		"peers: {1: &x a:1, 2: b:2}":         "1=a:1,2=b:2",
		"peers: {}":                          "",
		"groups: 1,2;3":                      "1,2;3",
		"groups:\n- [1, 2]\n- '3'":           "1,2;3",
		"weights: 1=2":                       "1=2",
		"words: srvr,stat":                   "srvr,stat",
		"words: []":                          "",
		"words: &w [srvr]":                   "srvr",
		"client-addr: &a h:1\npeer-addr: *a": "h:1",
	} {
		r, err := yamlfile.Parse("f", []byte(in))
		if err != nil {
			t.Errorf("%q: %v", in, err)
			continue
		}
		values := map[string]string{}
		for _, s := range r.Config.Settings() {
			values[s.Name] = s.Value
		}
		name, _, _ := strings.Cut(in, ":")
		if values[name] != want {
			t.Errorf("%q: %s is %q, want %q", in, name, values[name], want)
		}
	}
	for _, in := range []string{"", "# nothing\n", "---\n", "null", "~"} {
		if r, err := yamlfile.Parse("f", []byte(in)); err != nil || !cmp.Equal(r.Config, config.Default()) {
			t.Errorf("%q: %v", in, err)
		}
	}
}

func TestParseNamesEveryProblem(t *testing.T) {
	for in, want := range map[string]string{
		"id: one\nmax-value: big\ntick: 2000\nbootstrap: yes\n": `f:1: id: "one" is no whole number` + "\n" +
			`f:2: max-value: "big" is no size: want a number of bytes, or one with a unit, e.g. 64MiB` + "\n" +
			`f:3: tick: "2000" is no duration: want a number with a unit, e.g. 500ms, 10s or 1h30m` + "\n" +
			`f:4: bootstrap: "yes" is neither true nor false`,
		"data_dir: /x":         "f:1: data_dir: there is no such setting: is data-dir meant?",
		"\nfrobnicate: 1":      "f:2: frobnicate: there is no such setting",
		"tickTime: 2":          "f:1: tickTime: there is no such setting",
		"id: 1\nid: 2":         "f:2: id: it is given in line 1 already",
		"id: [1]":              "f:1: id: want one value",
		"id: {1: 2}":           "f:1: id: want one value",
		"words: {a: b}":        "f:1: words: want one value",
		"peers:\n  1: [a]":     "f:2: peers: line 2: want one value for each server",
		"peers:\n  1: a":       `f:2: peers: "1=a": want id=host:port, optionally with :observer`,
		"peers:\n  - [a]":      "f:2: peers: line 2: want a list of single values",
		"groups: [{1: 2}]":     "f:1: groups: line 1: want a list of servers",
		"groups: [[[1]]]":      "f:1: groups: line 1: want a list of single values",
		"groups: [[0]]":        `f:1: groups: "0": the id of a server must be 1 to 253`,
		"- id":                 "f:1: want settings, as in id: 1",
		"id: 1\n---\nid: 2":    "f:2: the file goes on after its first document",
		"id: 1\n\tdata-dir: x": "f:2: this is no YAML: found a tab character that violates indentation",
		"? [a]\n: 1":           "f:1: there is no such setting",
		"<<: {id: 2}":          "f:1: <<: there is no such setting",
		"id: \"1":              "f:1: this is no YAML: found unexpected end of stream",
	} {
		_, err := yamlfile.Parse("f", []byte(in))
		if err == nil || err.Error() != want {
			t.Errorf("%q: got\n%v\nwant\n%s", in, err, want)
		}
	}
}

// TestWriteIsReadAgain: what is written is read as it was, all of it or what is not usual, and comments say where it came from.
func TestWriteIsReadAgain(t *testing.T) {
	r, err := yamlfile.Parse("q.yaml", []byte(strings.Replace(whole, "~", "super:secret", 1)+"admin-path: '#x: \"y'\nlog-level: 'true'\n"))
	if err != nil {
		t.Fatal(err)
	}
	r.Places["id"] = source.Place{File: "/d/myid", Line: 1}
	r.Places["peers"] = source.Place{File: "zoo.cfg", Line: 7, Key: "server.1"}
	r.Places["groups"] = source.Place{File: "zoo.cfg", Line: 8, Key: "group.1"}
	r.Places["words"] = source.Place{File: "zoo.cfg", Line: 9, Key: "4lw.commands.whitelist"}
	r.Places["weights"] = source.Place{File: "zoo.cfg", Line: 10, Key: "weight.2"}
	r.Config.TTLNodes = false
	for _, all := range []bool{false, true} {
		var out strings.Builder
		if err := yamlfile.Write(&out, r, yamlfile.Options{Title: "Settings.\n\nSecond line.", All: all, Otherwise: "usual"}); err != nil {
			t.Fatal(err)
		}
		again, err := yamlfile.Parse("again", []byte(out.String()))
		if diff := cmp.Diff(r.Config, again.Config); diff != "" || err != nil {
			t.Errorf("%v\n%s\n%s", err, diff, out.String())
		}
		for _, want := range []string{
			"# Settings.\n#\n# Second line.\n", "id: 2 # /d/myid:1\n", "peers: # zoo.cfg:7: server.1\n", "groups: [[1, 2]] # zoo.cfg:8: group.1\n",
			"words: [srvr, '*'] # zoo.cfg:9: 4lw.commands.whitelist\n", "weights: {1: 2, 2: 0} # zoo.cfg:10: weight.2\n", "ttl-nodes: false # usual\n",
			"  3: zoo3:2888:observer\n",
		} {
			if !strings.Contains(out.String(), want) {
				t.Errorf("no %q in\n%s", want, out.String())
			}
		}
	}
	var out strings.Builder
	if err := yamlfile.Write(&out, r, yamlfile.Options{Hide: true}); err != nil || strings.Contains(out.String(), "secret") {
		t.Errorf("%v\n%s", err, out.String())
	}
}

func TestWriteNothing(t *testing.T) {
	var out strings.Builder
	if err := yamlfile.Write(&out, source.Reading{Config: config.Default()}, yamlfile.Options{Title: "t"}); err != nil || out.String() != "# t\n" {
		t.Errorf("%v %q", err, out.String())
	}
}

func TestRead(t *testing.T) {
	file := filepath.Join(t.TempDir(), "q.yaml")
	if _, err := yamlfile.Read(file); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
	if err := os.WriteFile(file, []byte("id: 3"), 0o600); err != nil {
		t.Fatal(err)
	}
	if r, err := yamlfile.Read(file); err != nil || r.Config.ID != 3 {
		t.Error(r.Config.ID, err)
	}
	if err := os.WriteFile(file, make([]byte, 1<<20+1), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := yamlfile.Read(file); err == nil || !strings.Contains(err.Error(), "more than") {
		t.Error(err)
	}
}

// FuzzParse: no panic, an error has a line, and what is read can be written and read again.
func FuzzParse(f *testing.F) {
	f.Add([]byte(whole))
	f.Add([]byte("id: &a 1\npeers: *a"))
	f.Fuzz(func(t *testing.T, text []byte) {
		r, err := yamlfile.Parse("f", text)
		if err != nil {
			for _, e := range err.(interface{ Unwrap() []error }).Unwrap() {
				var p *source.Problem
				if !errors.As(e, &p) || p.Line < 1 {
					t.Fatalf("no line: %v", e)
				}
			}
			return
		}
		var out strings.Builder
		if err := yamlfile.Write(&out, r, yamlfile.Options{}); err != nil {
			t.Fatal(err)
		}
		again, err := yamlfile.Parse("again", []byte(out.String()))
		if err != nil {
			t.Fatalf("%v\n%s", err, out.String())
		}
		if got, want := again.Config.Settings(), r.Config.Settings(); !cmp.Equal(got, want) {
			t.Fatalf("%s\n%s", cmp.Diff(want, got), out.String())
		}
	})
}
