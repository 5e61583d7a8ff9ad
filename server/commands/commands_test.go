package commands_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/quorate/quorate/server/commands"
	"github.com/quorate/quorate/server/facts"
	"github.com/quorate/quorate/server/facts/factstest"
	"github.com/quorate/quorate/server/identity"
	"github.com/quorate/quorate/store"
	"github.com/quorate/quorate/store/tree"
	"github.com/quorate/quorate/store/txn"
)

// handler answers for a server.
func handler(f *facts.Source) http.Handler {
	return commands.New(commands.Config{
		Facts: f, Path: "/commands", Prover: identity.NewProver(identity.Digest("super", "pw")),
		Snapshot: func(context.Context) (io.ReadCloser, txn.Zxid, int64, error) {
			return io.NopCloser(strings.NewReader("snapshot")), 0x100000002, 8, nil
		},
	})
}

// do sends a request, with the headers as name, value, ….
func do(h http.Handler, method, path, body string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// recorded are the folders of testdata: answers of ZooKeeper 3.8.0.
var recorded = map[string]facts.State{
	"standalone": facts.Standalone, "leader": facts.Leader, "follower": facts.Follower, "observer": facts.Observer,
	"readonly": facts.ReadOnly, "noquorum": facts.Silent,
}

// absent are fields of ZooKeeper's that are not there: nothing here counts them.
var absent = []string{
	"server_stats.fsync_threshold_exceed_count", "server_stats.non_mtlsremote_conn_count",
	"server_stats.non_mtlslocal_conn_count", "observers[].packets_received", "observers[].packets_sent",
}

var number = regexp.MustCompile(`^\d+$`)

// shape adds the names of all fields below a value, with the kind of what they hold.
func shape(at string, v any, to map[string]string) {
	switch v := v.(type) {
	case map[string]any:
		to[at] = "object"
		for name, value := range v {
			switch {
			case number.MatchString(name): // a session, a time or a server
				name = "#"
			case strings.HasPrefix(name, "/"):
				name = "/path"
			}
			shape(strings.TrimPrefix(at+"."+name, "."), value, to)
		}
	case []any:
		to[at] = "list"
		for _, value := range v {
			shape(at+"[]", value, to)
		}
	case string:
		to[at] = "text"
	case float64:
		to[at] = "number"
	case bool:
		to[at] = "bool"
	default:
		to[at] = "null"
	}
}

func shapeOf(t *testing.T, b []byte) map[string]string {
	t.Helper()
	var v any
	if err := json.Unmarshal(b, &v); err != nil {
		t.Fatalf("%v in %s", err, b)
	}
	all := map[string]string{}
	shape("", v, all)
	return all
}

// TestFields holds the fields of our answers against those of ZooKeeper's: we have all of them, and of the same kind.
func TestFields(t *testing.T) {
	for folder, state := range recorded {
		h := handler(factstest.Source(t, state))
		files, err := filepath.Glob(filepath.Join("testdata", folder, "*.json"))
		if err != nil || len(files) < 5 {
			t.Fatalf("%d answers, %v", len(files), err)
		}
		for _, file := range files {
			name := strings.TrimSuffix(filepath.Base(file), ".json")
			if name == "monitor" {
				continue // docs/metrics.md says which are there
			}
			b, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			w := do(h, "GET", "/commands/"+strings.Replace(name, "mask_0", "mask?traceMask=0", 1), "")
			if w.Code != 200 || w.Header().Get("Content-Type") != "application/json" {
				t.Errorf("%s: %s: status %d, %v", folder, name, w.Code, w.Header())
			}
			ours := shapeOf(t, w.Body.Bytes())
			for field, kind := range shapeOf(t, b) {
				if got := ours[field]; got != kind && kind != "null" && !slices.Contains(absent, field) && !(name == "environment" && strings.HasPrefix(field, "java.")) {
					t.Errorf("%s: %s: %s is %q, want %q", folder, name, field, got, kind)
				}
			}
		}
	}
}

func TestAliases(t *testing.T) {
	h := handler(factstest.Source(t, facts.Leader))
	for alias, name := range map[string]string{"mntr": "monitor", "srvr": "server_stats", "cons": "connections", "lsnp": "last_snapshot", "config": "configuration"} {
		if got := do(h, "GET", "/commands/"+alias, "").Body.String(); !strings.Contains(got, `"command": "`+name+`"`) {
			t.Errorf("%s: %s", alias, got)
		}
	}
}

// TestDocumented: docs/monitoring.md has every command.
func TestDocumented(t *testing.T) {
	page, err := os.ReadFile("../../docs/monitoring.md")
	if err != nil {
		t.Fatal(err)
	}
	index := do(handler(factstest.Source(t, facts.Leader)), "GET", "/commands", "").Body.String()
	names := regexp.MustCompile(`>(\w+)</a>`).FindAllStringSubmatch(index, -1)
	if len(names) < 29 {
		t.Errorf("%d commands", len(names))
	}
	for _, n := range names {
		if !strings.Contains(string(page), "`"+n[1]+"`") {
			t.Errorf("%s is not there", n[1])
		}
	}
}

func TestIndex(t *testing.T) {
	h := handler(factstest.Source(t, facts.Leader))
	theirs, err := os.ReadFile("testdata/leader/index_commands.html")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/commands", "/commands/"} {
		ours := do(h, "GET", path, "").Body.String()
		for line := range strings.Lines(string(theirs)) {
			if !strings.Contains(ours, line) {
				t.Errorf("%s: %q is missing", path, line)
			}
		}
	}
	if w := do(h, "GET", "/else", ""); w.Code != 404 {
		t.Errorf("status %d", w.Code)
	}
}

func TestWhatIsRefused(t *testing.T) {
	const super, someone = "digest super:pw", "digest someone:pw"
	closed := factstest.Source(t, facts.Leader)
	tip := closed.Version().Edit()
	tip.Apply(&txn.Txn{Header: txn.Header{Zxid: tip.Zxid() + 1}, Op: &txn.SetACL{Path: "/", ACL: []txn.ACE{{Perms: txn.MayRead | txn.MayWrite, Scheme: "world", ID: "anyone"}}}})
	v := tip.Publish()
	closed.Version = func() *tree.Version { return v }
	sources := map[string]*facts.Source{"closed": closed, "open": factstest.Source(t, facts.Leader), "silent": factstest.Source(t, facts.Silent)}
	for _, c := range []struct {
		name, source, method, command, auth string
		status                              int
		text                                string
	}{
		{"no such command", "open", "GET", "nosuch", "", 200, `"error": "Unknown command: nosuch"`},
		{"without credentials", "closed", "GET", "snapshot", "", 401, "Authorization"},
		{"another scheme", "closed", "GET", "snapshot", "Basic c3VwZXI6cHc=", 401, "digest"},
		{"not a password", "closed", "GET", "snapshot", "digest super", 401, "digest"},
		{"not enough permissions", "closed", "GET", "snapshot", someone, 403, "permissions"},
		{"super", "closed", "GET", "snapshot", super, 200, "snapshot"},
		{"the root is open to all", "open", "GET", "snapshot", someone, 200, "snapshot"},
		{"connections without credentials", "closed", "POST", "shed_connections", "", 401, "Authorization"},
		{"restore", "closed", "POST", "restore", super, 501, "restore is not there"},
		{"restore without credentials", "closed", "POST", "restore", "", 401, ""},
		{"shed by GET", "closed", "GET", "shed", super, 405, "POST"},
		{"stats by POST", "closed", "POST", "stats", "", 405, "GET"},
		{"shed nothing", "closed", "POST", "shed", super, 400, "percentage"},
		{"a look at the head", "open", "HEAD", "stats", "", 200, ""},
		{"a mask that is none", "open", "GET", "stmk?traceMask=x", "", 200, "got x"},
		{"without a leader", "silent", "GET", "stats", "", 200, "not currently serving"},
		{"without a leader, and it does not matter", "silent", "GET", "zabstate", "", 200, `"voting": false`},
	} {
		var headers []string
		if c.auth != "" {
			headers = []string{"Authorization", c.auth}
		}
		w := do(handler(sources[c.source]), c.method, "/commands/"+c.command, "", headers...)
		if w.Code != c.status || !strings.Contains(w.Body.String(), c.text) {
			t.Errorf("%s: status %d, %s", c.name, w.Code, w.Body)
		}
	}
}

func TestShed(t *testing.T) {
	for percent, want := range map[string]int{"0": 0, "30": 3, "50": 5, "100": 10} {
		f := factstest.Source(t, facts.Leader)
		for _, c := range f.Traffic.Conns() {
			c.Leave()
		}
		closed := 0
		for range 10 {
			f.Traffic.Enter(&net.TCPAddr{}).Closer(func() { closed++ })
		}
		w := do(handler(f), "POST", "/commands/shed_connections", `{"percentage": `+percent+`}`, "Authorization", "digest super:pw")
		var answer struct {
			Shed    int `json:"connections_shed"`
			Percent int `json:"percentage_requested"`
		}
		if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil || closed != want || answer.Shed != want {
			t.Errorf("%s%%: %d closed, %s, %v", percent, closed, w.Body, err)
		}
	}
	for _, body := range []string{`{"percentage": 101}`, `{"percentage": -1}`, `{}`, `[]`, `{"percentage": "` + strings.Repeat("9", 10_000) + `"}`} {
		if w := do(handler(factstest.Source(t, facts.Leader)), "POST", "/commands/shed", body, "Authorization", "digest super:pw"); w.Code != 400 {
			t.Errorf("%.30s: status %d", body, w.Code)
		}
	}
}

func TestSnapshot(t *testing.T) {
	h := handler(factstest.Source(t, facts.Leader))
	w := do(h, "GET", "/commands/snapshot", "", "Authorization", "digest super:pw")
	if w.Body.String() != "snapshot" || w.Header().Get("last_zxid") != "0x100000002" || w.Header().Get("snapshot_size") != "8" || w.Header().Get("Content-Type") != "application/octet-stream" {
		t.Errorf("answered %s with %v", w.Body, w.Header())
	}
	failing := commands.New(commands.Config{
		Facts: factstest.Source(t, facts.Leader), Path: "/c", Prover: identity.NewProver(""),
		Snapshot: func(context.Context) (io.ReadCloser, txn.Zxid, int64, error) {
			return nil, 0, 0, errors.New("disk full")
		},
	})
	if w := do(failing, "GET", "/c/snapshot", "", "Authorization", "digest a:b"); w.Code != 500 || !strings.Contains(w.Body.String(), "disk full") {
		t.Errorf("status %d, %s", w.Code, w.Body)
	}
}

func TestLastSnapshot(t *testing.T) {
	f := factstest.Source(t, facts.Leader)
	if got := do(handler(f), "GET", "/commands/last_snapshot", "").Body.String(); !strings.Contains(got, `"zxid": "ffffffffffffffff"`) || !strings.Contains(got, `"timestamp": -1`) {
		t.Errorf("without one: %s", got)
	}
	f.Store = func() store.Stats { return store.Stats{Snapshot: 0x2a} }
	if got := do(handler(f), "GET", "/commands/last_snapshot", "").Body.String(); !strings.Contains(got, `"zxid": "2a"`) {
		t.Errorf("with one: %s", got)
	}
}

func TestResets(t *testing.T) {
	f := factstest.Source(t, facts.Leader)
	h := handler(f)
	do(h, "GET", "/commands/stat_reset", "")
	do(h, "GET", "/commands/connection_stat_reset", "")
	if s := f.Traffic.Stats(); s.Received != 0 || s.Latency.Count != 0 {
		t.Errorf("the server still has %+v", s)
	}
	for _, c := range f.Connections() {
		if c.Received != 0 || !c.At.IsZero() {
			t.Errorf("a connection still has %+v", c)
		}
	}
}
