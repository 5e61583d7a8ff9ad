package metrics

import (
	"net/http"
	"net/http/pprof"
	"sync/atomic"
	"time"

	grpcprom "github.com/grpc-ecosystem/go-grpc-middleware/providers/prometheus"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/quorate/quorate/server/summary"
)

// Metrics are the metrics of one server. Listeners and the handler may be used
// by anybody at once.
type Metrics struct {
	registry *prometheus.Registry
	// Calls counts and times gRPC calls; its interceptors stand in the server's chain.
	Calls *grpcprom.ServerMetrics

	// ZooKeeper's names, times in milliseconds.
	fsyncTime     *summary.Summary
	snapshotTime  *summary.Summary
	snapshotError prometheus.Counter
	batchSize     *summary.Summary
	proposals     prometheus.Counter
	commits       prometheus.Counter
	quorumAck     *summary.Summary
	dbInitTime    *summary.Summary
	startupTxns   *summary.Summary
	sizes         *summary.Summary // of batches that were proposed
	lastSize      atomic.Int64     // of the last of them; -1 before the first

	peer peers

	summaries []*measures // all of them, see Values

	walRecords   prometheus.Counter
	walBytes     prometheus.Counter
	walFull      prometheus.Gauge
	snapshots    prometheus.Counter
	requests     prometheus.Counter
	forwarded    prometheus.Counter
	softQuota    prometheus.Counter
	tornTails    prometheus.Counter
	panics       prometheus.Counter
	connRejected prometheus.Counter
	expired      prometheus.Counter
	expiryPauses prometheus.Counter
}

// New returns metrics that stand at zero.
func New() *Metrics {
	m := &Metrics{
		registry: prometheus.NewRegistry(),
		Calls: grpcprom.NewServerMetrics(grpcprom.WithServerHandlingTimeHistogram(
			grpcprom.WithHistogramBuckets(prometheus.ExponentialBuckets(0.0001, 3, 12)))),
	}
	m.registry.MustRegister(m.Calls, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	m.zookeeper()
	m.own()
	m.peer = m.peers()
	return m
}

// zookeeper makes the metrics that ZooKeeper has too.
func (m *Metrics) zookeeper() {
	m.fsyncTime = m.summary("fsynctime", "Time to write and sync a group of transactions, in milliseconds.")
	m.snapshotTime = m.summary("snapshottime", "Time to write a snapshot, in milliseconds.")
	m.snapshotError = m.counter("snapshot_error_count", "Snapshots that could not be written.")
	m.batchSize = m.summary("sync_processor_batch_size", "Transactions in a group that was synced.")
	m.proposals = m.counter("proposal_count", "Transactions proposed by this server.")
	m.commits = m.counter("commit_count", "Transactions of this server, as a leader, that are committed and applied here.")
	m.quorumAck = m.summary("quorum_ack_latency", "Time from proposing a batch until a quorum has it and it is applied, in milliseconds.")
	m.dbInitTime = m.summary("dbinittime", "Time to recover from disk, in milliseconds.")
	m.startupTxns = m.summary("startup_txns_loaded", "Transactions replayed from the log at the start.")
	m.sizes = summary.New()
	m.lastSize.Store(-1)
	m.gauging(
		figure{"last_proposal_size", "Size of the last batch that this server proposed in bytes; -1 before the first.", func() float64 { return float64(m.lastSize.Load()) }},
		figure{"min_proposal_size", "Size of the smallest batch that this server proposed in bytes; -1 before the first.", func() float64 { r := m.sizes.Read(); return orNone(r.Min, r.Count) }},
		figure{"max_proposal_size", "Size of the largest batch that this server proposed in bytes; -1 before the first.", func() float64 { r := m.sizes.Read(); return orNone(r.Max, r.Count) }},
	)
	m.connRejected = m.counter("connection_rejected", "Connections refused because as many as may be were open.")
	m.expired = m.counter("stale_sessions_expired", "Sessions that this leader closed because nothing was heard of them.")
}

// own makes the metrics that only Quorate has.
func (m *Metrics) own() {
	m.walRecords = m.counter("quorate_wal_records_total", "Transactions made durable.")
	m.walBytes = m.counter("quorate_wal_written_bytes_total", "Bytes written to the log, padding included.")
	m.walFull = m.gauge("quorate_wal_full", "1 while there is no space for the next segment of the log.")
	m.snapshots = m.counter("quorate_snapshots_total", "Snapshots written.")
	m.requests = m.counter("quorate_requests_total", "Requests for changes that were carried out or refused by the tree.")
	m.forwarded = m.counter("quorate_requests_forwarded_total", "Requests for changes that went to the leader.")
	m.softQuota = m.counter("quorate_soft_quota_exceeded_total", "Changes beyond a soft quota.")
	m.tornTails = m.counter("quorate_wal_torn_tails_total", "Torn tails of crashes cut at start.")
	m.panics = m.counter("quorate_panics_total", "Calls that panicked.")
	m.expiryPauses = m.counter("quorate_session_expiry_pauses_total", "Times that this server began to lead, or stood still while it led: no session expired until all learners were heard.")
}

func (m *Metrics) counter(name, help string) prometheus.Counter {
	c := prometheus.NewCounter(prometheus.CounterOpts{Name: name, Help: help})
	m.registry.MustRegister(c)
	return c
}

func (m *Metrics) gauge(name, help string) prometheus.Gauge {
	g := prometheus.NewGauge(prometheus.GaugeOpts{Name: name, Help: help})
	m.registry.MustRegister(g)
	return g
}

// counters are told apart by a label.
func (m *Metrics) counters(name, help, label string) *prometheus.CounterVec {
	c := prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, []string{label})
	m.registry.MustRegister(c)
	return c
}

// gauges are one for each server.
func (m *Metrics) gauges(name, help string) *prometheus.GaugeVec {
	g := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: name, Help: help}, []string{"key"})
	m.registry.MustRegister(g)
	return g
}

// Handler serves /metrics and /debug/pprof.
func (m *Metrics) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{Registry: m.registry}))
	mux.HandleFunc("GET /debug/pprof/", pprof.Index)
	mux.HandleFunc("GET /debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	return mux
}

// millis is a time as ZooKeeper's metrics give it.
func millis(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
