package metrics

import (
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/quorate/quorate/peer"
	"github.com/quorate/quorate/store"
	"github.com/quorate/quorate/store/tree"
	"github.com/quorate/quorate/store/txn"
)

// Source is where a scrape looks. All of its functions may be called by anybody.
type Source struct {
	// Version is what reads see.
	Version func() *tree.Version
	// Store and Peer tell how they are.
	Store func() store.Stats
	Peer  func() peer.Status
	// Connections and Calls are how many are open.
	Connections, Calls func() int64
	// Sessions tells how many sessions have a stream here, and how many only this server knows; nil: none.
	Sessions func() (attached, local int)
	// Resumed is how often somebody wanted to take up a session here; nil: never.
	Resumed func() uint64
	// Build is the version of the program, Started when it began to serve.
	Build   string
	Started time.Time
}

// Watch adds the gauges that are read from s at each scrape. To be called once.
func (m *Metrics) Watch(s Source) {
	if s.Sessions == nil {
		s.Sessions = func() (int, int) { return 0, 0 }
	}
	if s.Resumed == nil {
		s.Resumed = func() uint64 { return 0 }
	}
	m.registry.MustRegister(newLags(s.Peer))
	m.counting(figure{"connection_revalidate_count", "Clients that came to take up the session that they had.", func() float64 { return float64(s.Resumed()) }})
	for _, g := range slices.Concat(s.zookeeper(), s.own(), s.ensemble()) {
		m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: g.name, Help: g.help, ConstLabels: g.labels,
		}, g.read))
	}
}

// gauge is one number to read.
type gauge struct {
	name, help string
	labels     prometheus.Labels
	read       func() float64
}

// zookeeper are the gauges that ZooKeeper has too.
func (s Source) zookeeper() []gauge {
	return []gauge{
		{"znode_count", "Nodes in the tree.", nil, func() float64 { return float64(s.Version().Len()) }},
		{"ephemerals_count", "Ephemeral nodes in the tree.", nil, func() float64 { return float64(s.Version().EphemeralCount()) }},
		{"approximate_data_size", "Bytes of all nodes, with their paths and numbers.", nil, func() float64 { return float64(s.Version().Size()) }},
		{"open_file_descriptor_count", "Files and connections that this process has open; -1 if the system does not tell.", nil, openFiles},
		{"max_file_descriptor_count", "Files and connections that this process may have open; -1 if the system does not tell.", nil, maxFiles},
		{"global_sessions", "Open sessions.", nil, func() float64 { return float64(s.Version().Sessions()) }},
		{"local_sessions", "Open sessions that only this server knows.", nil, func() float64 { return float64(s.local()) }},
		{"num_alive_connections", "Open client connections.", nil, func() float64 { return float64(s.Connections()) }},
		{"outstanding_requests", "Calls in progress.", nil, func() float64 { return float64(s.Calls()) }},
		{"uptime", "Time since the server was started, in milliseconds.", nil, func() float64 { return millis(time.Since(s.Started)) }},
	}
}

func (s Source) attached() int {
	attached, _ := s.Sessions()
	return attached
}

func (s Source) local() int {
	_, local := s.Sessions()
	return local
}

// own are the gauges that only Quorate has.
func (s Source) own() []gauge {
	stage := func(name string, read func() txn.Zxid) gauge {
		return gauge{
			"quorate_zxid", "How far the transactions have come; epoch times 2^32 plus counter.",
			prometheus.Labels{"stage": name},
			func() float64 { return float64(read()) },
		}
	}
	return []gauge{
		stage("logged", func() txn.Zxid { return s.Store().Last }),
		stage("durable", func() txn.Zxid { return s.Store().Durable }),
		stage("committed", func() txn.Zxid { return s.Peer().Committed }),
		stage("applied", func() txn.Zxid { return s.Store().Applied }),
		stage("snapshot", func() txn.Zxid { return s.Store().Snapshot }),
		{"quorate_session_streams", "Sessions that have a stream on this server.", nil, func() float64 { return float64(s.attached()) }},
		{"quorate_epoch", "Current epoch.", nil, func() float64 { return float64(s.Peer().Epoch) }},
		{"quorate_leader", "1 while this server leads.", nil, func() float64 { return one(s.Peer().Role == peer.Leading) }},
		{"quorate_log_bytes", "Bytes of the log on disk.", nil, func() float64 { return float64(s.Store().LogBytes) }},
		{"quorate_build_info", "The build of the program, as its label.", prometheus.Labels{"version": s.Build}, func() float64 { return 1 }},
	}
}

func one(yes bool) float64 {
	if yes {
		return 1
	}
	return 0
}
