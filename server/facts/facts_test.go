package facts_test

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/quorate/quorate/peer"
	"github.com/quorate/quorate/server/config"
	"github.com/quorate/quorate/server/facts"
	"github.com/quorate/quorate/server/facts/factstest"
	"github.com/quorate/quorate/store"
	"github.com/quorate/quorate/store/snap"
	"github.com/quorate/quorate/store/txn"
)

// TestState: what a server is follows from its role, from whether there are others, and from whether it may serve readers.
func TestState(t *testing.T) {
	three := []peer.MemberStatus{{}, {}, {}}
	for _, c := range []struct {
		name     string
		status   peer.Status
		peers    int
		readOnly bool
		want     facts.State
	}{
		{"alone", peer.Status{Role: peer.Leading}, 0, true, facts.Standalone},
		{"alone, by its own records", peer.Status{Role: peer.Leading, Members: three[:1]}, 0, true, facts.Standalone},
		{"alone in a list", peer.Status{Role: peer.Leading, Members: three[:1]}, 1, true, facts.Standalone},
		{"leading", peer.Status{Role: peer.Leading, Members: three}, 3, true, facts.Leader},
		{"leading the first of several", peer.Status{Role: peer.Leading}, 3, true, facts.Leader},
		{"following", peer.Status{Role: peer.Following, Members: three}, 3, true, facts.Follower},
		{"observing", peer.Status{Role: peer.Observing, Members: three}, 3, true, facts.Observer},
		{"looking", peer.Status{Members: three}, 3, true, facts.ReadOnly},
		{"looking, and nobody is served", peer.Status{Members: three}, 3, false, facts.Silent},
	} {
		cfg := config.Default()
		cfg.ReadOnlyMode, cfg.Peers = c.readOnly, make(config.Peers, c.peers)
		s := &facts.Source{Config: &cfg, Peer: func() peer.Status { return c.status }}
		if got := s.State(); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

// TestLeadersAlone: some tools know a leader by metrics that nobody else has.
func TestLeadersAlone(t *testing.T) {
	for state, want := range map[facts.State][2]bool{
		facts.Leader: {true, true}, facts.Follower: {false, true}, facts.Standalone: {false, false}, facts.ReadOnly: {false, false},
	} {
		var got [2]bool
		for _, v := range factstest.Source(t, state).Monitor(state) {
			got[0] = got[0] || v.Name == "synced_followers"
			got[1] = got[1] || v.Name == "quorum_size"
		}
		if got != want {
			t.Errorf("%s: followers and quorum are told: %v, want %v", state, got, want)
		}
	}
}

func TestSessions(t *testing.T) {
	s := factstest.Source(t, facts.Follower)
	at := time.Unix(100, 0)
	s.Locals = func() map[txn.SessionID]time.Time {
		return map[txn.SessionID]time.Time{9: at.Add(300 * time.Millisecond), 8: at.Add(200 * time.Millisecond), 7: at.Add(5 * time.Second)}
	}
	got := s.Sessions()
	if got.Leads || got.Deadlines != nil || len(got.Open) != 2 || got.Open[0] != (facts.Session{ID: factstest.One, Timeout: 20 * time.Second}) {
		t.Errorf("told %+v", got)
	}
	if len(got.Locals) != 2 || !slices.Equal(got.Locals[0].Sessions, []txn.SessionID{8, 9}) || !got.Locals[0].At.Equal(at.Add(time.Second)) {
		t.Errorf("only this server knows %+v", got.Locals)
	}
	if len(got.Ephemerals) != 2 || !slices.Equal(got.Ephemerals[0].Paths, []string{"/app/e1", "/app/e2"}) || got.Ephemerals[1].Session != factstest.Two {
		t.Errorf("ephemeral nodes %+v", got.Ephemerals)
	}
}

func TestDisk(t *testing.T) {
	s := factstest.Source(t, facts.Leader)
	if got := s.Dirs(); got != (facts.Dirs{Log: 4096}) {
		t.Errorf("without snapshots: %+v", got)
	}
	if _, _, there := s.LastSnapshot(); there {
		t.Error("there is a snapshot")
	}
	dir := filepath.Join(s.Config.DataDir, "snap")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	for name, size := range map[string]int{snap.Name(1): 10, snap.Name(2): 20, "unfinished": 5} {
		if err := os.WriteFile(filepath.Join(dir, name), make([]byte, size), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	written := time.Unix(1_700_000_000, 0)
	for _, name := range []string{snap.Name(1), snap.Name(2)} {
		if err := os.Chtimes(filepath.Join(dir, name), written, written); err != nil {
			t.Fatal(err)
		}
		written = written.Add(time.Minute)
	}
	s.Store = func() store.Stats { return store.Stats{Snapshot: 2, LogBytes: 1} }
	if got := s.Dirs(); got != (facts.Dirs{Data: 35, Log: 1}) {
		t.Errorf("with snapshots: %+v", got)
	}
	if z, at, there := s.LastSnapshot(); z != 2 || !at.Equal(written.Add(-time.Minute)) || !there {
		t.Errorf("the last snapshot is %v of %v, %v", z, at, there)
	}
}

func TestSettings(t *testing.T) {
	s := factstest.Source(t, facts.Follower)
	s.Config.Tick, s.Config.InitLimit, s.Config.SyncLimit = 3*time.Second, 10*time.Second, 6*time.Second
	told := map[string]any{}
	for _, one := range s.Settings() {
		told[one.Word] = one.Value
	}
	for name, want := range map[string]any{
		"clientPort": int64(2181), "secureClientPort": int64(-1), "quorumPort": int64(2888), "tickTime": int64(3000), "initLimit": int64(4),
		"syncLimit": int64(2), "peerType": int64(0), "serverId": int64(1),
	} {
		if told[name] != want {
			t.Errorf("%s is %v, want %v", name, told[name], want)
		}
	}
}
