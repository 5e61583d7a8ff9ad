package metrics_test

import (
	"errors"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/quorate/quorate/peer"
	"github.com/quorate/quorate/server/metrics"
	"github.com/quorate/quorate/store"
	"github.com/quorate/quorate/store/snap"
	"github.com/quorate/quorate/store/tree"
	"github.com/quorate/quorate/store/txn"
	"github.com/quorate/quorate/store/wal"
)

// scrape returns what Prometheus would see.
func scrape(t *testing.T, m *metrics.Metrics) string {
	t.Helper()
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	if w.Code != 200 {
		t.Fatalf("status %d: %s", w.Code, w.Body)
	}
	return w.Body.String()
}

// has fails for every line that is not in body.
func has(t *testing.T, body string, lines ...string) {
	t.Helper()
	for _, l := range lines {
		if !strings.Contains(body, "\n"+l+"\n") {
			t.Errorf("%q is missing", l)
		}
	}
}

func TestEventsAreCounted(t *testing.T) {
	m := metrics.New()
	s, p, l := m.Store(), m.Peer(), m.Pipeline()
	s.Log.Synced(wal.Synced{Records: 3, Bytes: 1024, Took: 2 * time.Millisecond})
	s.Log.TornTail(wal.TornTail{})
	s.Log.Full(errors.New("full"))
	s.Recovered(store.Recovery{Took: time.Second})
	s.SnapshotWritten(snap.Info{}, 5*time.Millisecond)
	s.SnapshotFailed(errors.New("x"), 0)
	p(peer.RoleChanged{Role: peer.Leading})
	p(peer.RoleChanged{Role: peer.Looking, Reason: "why"})
	l.Proposed(4, 3, 100)
	l.Applied(3, 4*time.Millisecond)
	l.Forwarded()
	l.SoftQuota("/a")
	l.Expired(7)
	l.ExpiryPaused()
	m.ConnectionRefused()
	m.Panicked()
	has(t, scrape(t, m),
		"fsynctime_sum 2", "fsynctime_count 1", "sync_processor_batch_size_sum 3", "quorate_wal_records_total 3",
		"quorate_wal_written_bytes_total 1024", "quorate_wal_torn_tails_total 1", "quorate_wal_full 1", "dbinittime_sum 1000",
		"snapshottime_sum 5", "quorate_snapshots_total 1", "snapshot_error_count 1", "looking_count 1",
		"quorum_ack_latency_sum 4", "quorate_requests_forwarded_total 1",
		"quorate_requests_total 4", "proposal_count 3", "commit_count 3", "quorate_soft_quota_exceeded_total 1",
		"stale_sessions_expired 1", "quorate_session_expiry_pauses_total 1", "connection_rejected 1", "quorate_panics_total 1")
	s.Log.Room()
	has(t, scrape(t, m), "quorate_wal_full 0")
}

func TestGaugesAreReadAtEachScrape(t *testing.T) {
	m := metrics.New()
	connections := int64(7)
	m.Watch(metrics.Source{
		Version:     tree.New,
		Store:       func() store.Stats { return store.Stats{Last: 4, Durable: 3, Applied: 2, Snapshot: 1, LogBytes: 99} },
		Peer:        func() peer.Status { return peer.Status{Role: peer.Leading, Epoch: 5, Committed: txn.Zxid(6)} },
		Connections: func() int64 { return connections },
		Calls:       func() int64 { return 8 },
		Sessions:    func() (int, int) { return 31, 32 },
		Build:       "v1", Started: time.Now(),
	})
	has(t, scrape(t, m),
		"znode_count 4", "global_sessions 0", "local_sessions 32", "quorate_session_streams 31", "num_alive_connections 7", "outstanding_requests 8", "quorate_epoch 5", "quorate_leader 1",
		`quorate_zxid{stage="logged"} 4`, `quorate_zxid{stage="durable"} 3`, `quorate_zxid{stage="committed"} 6`,
		`quorate_zxid{stage="applied"} 2`, `quorate_zxid{stage="snapshot"} 1`, "quorate_log_bytes 99", `quorate_build_info{version="v1"} 1`)
	connections = 1
	has(t, scrape(t, m), "num_alive_connections 1")
}

func TestProfilesAreReadOnly(t *testing.T) {
	h := metrics.New().Handler()
	for request, want := range map[string]int{"GET /debug/pprof/": 200, "GET /debug/pprof/cmdline": 200, "POST /metrics": 405, "GET /": 404} {
		method, path, _ := strings.Cut(request, " ")
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(method, path, nil))
		if w.Code != want {
			t.Errorf("%s: status %d, want %d", request, w.Code, want)
		}
	}
}
