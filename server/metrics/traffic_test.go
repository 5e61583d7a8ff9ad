package metrics_test

import (
	"net"
	"strings"
	"testing"
	"time"

	"github.com/quorate/quorate/peer"
	"github.com/quorate/quorate/server/metrics"
	"github.com/quorate/quorate/server/summary"
	"github.com/quorate/quorate/server/traffic"
	"github.com/quorate/quorate/server/watch"
	"github.com/quorate/quorate/store"
	"github.com/quorate/quorate/store/tree"
)

// busy are metrics that have seen something of everything, and what listens to the peer.
func busy() (*metrics.Metrics, func(peer.Event)) {
	m, t := metrics.New(), traffic.New()
	c := t.Enter(&net.TCPAddr{})
	c.Opened(1, time.Second)
	c.In(10)
	c.Refused()
	for op, took := range map[int32]time.Duration{1: 4 * time.Millisecond, 4: 2 * time.Millisecond} {
		c.Came(op, 1)
		c.Went(op, 1, 5, took)
		c.Out(int(took / time.Microsecond))
	}
	told := summary.New()
	told.Observe(3)
	m.WatchTraffic(t)
	m.WatchHub(func() watch.Stats { return watch.Stats{Watches: 9} })
	m.WatchEvents(func(watch.EventType) *summary.Summary { return told })
	m.Watch(metrics.Source{
		Version: tree.New, Store: func() store.Stats { return store.Stats{} }, Peer: func() peer.Status { return peer.Status{Learners: []peer.LearnerStatus{{ID: 2}}} },
		Connections: func() int64 { return 1 }, Calls: func() int64 { return 0 }, Resumed: func() uint64 { return 8 }, Build: "v1", Started: time.Now(),
	})
	listen := m.Peer()
	listen(peer.RoleChanged{Role: peer.Looking})
	m.Pipeline().Proposed(2, 2, 100)
	m.Pipeline().Proposed(1, 1, 50)
	m.Pipeline().Proposed(1, 0, 0)
	m.Messages().Acked(2, time.Millisecond)
	m.Store().Recovered(store.Recovery{Txns: 70})
	return m, listen
}

func TestTrafficIsTold(t *testing.T) {
	m, _ := busy()
	has(t, scrape(t, m),
		"readlatency_sum 2", "updatelatency_sum 4", "avg_latency 3", "min_latency 2", "max_latency 4", "packets_received 3", "packets_sent 3",
		"op_count_create 1", "op_count_get_data 1", "op_count_create_session 1", "op_count_total 3", "connection_request_count 1", "bytes_received_count 10", "auth_failed_count 1",
		"response_bytes 6000", "min_client_response_size 2000", "max_client_response_size 4000", "last_proposal_size 50", "min_proposal_size 50",
		"max_proposal_size 100", "node_created_watch_count_sum 3", "connection_revalidate_count 8", "startup_txns_loaded_sum 70", "ephemerals_count 0")
}

// TestValues: names and numbers as the word mntr has them behind zk_.
func TestValues(t *testing.T) {
	values := map[string]string{}
	m, _ := busy()
	for _, v := range m.Values() {
		if _, twice := values[v.Name]; twice {
			t.Errorf("%s is there twice", v.Name)
		}
		values[v.Name] = v.Number
	}
	for name, want := range map[string]string{
		"avg_latency": "3.0", "min_latency": "2", "znode_count": "4", "looking_count": "1", "cnt_readlatency": "1", "sum_updatelatency": "4",
		"avg_updatelatency": "4.0", "p50_readlatency": "2", "p999_readlatency": "2", "avg_2_ack_latency": "1.0", "applied_quorate_zxid": "0", "watch_count": "9",
		"quorate_epoch": "0", "avg_fsynctime": "0.0",
	} {
		if values[name] != want {
			t.Errorf("%s is %q, want %q", name, values[name], want)
		}
	}
	for name := range values {
		if strings.HasPrefix(name, "go_") || strings.HasPrefix(name, "grpc_") || strings.HasPrefix(name, "process_") {
			t.Errorf("%s is told", name)
		}
	}
}

func TestMean(t *testing.T) {
	for v, want := range map[float64]string{0: "0.0", 2.25: "2.25", 1.0 / 3: "0.3333", 467: "467.0"} {
		if got := metrics.Mean(v); got != want {
			t.Errorf("%v: %s, want %s", v, got, want)
		}
	}
}
