package metrics

import (
	"maps"
	"slices"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/quorate/quorate/server/traffic"
)

// figure is a number that is read at each scrape.
type figure struct {
	name, help string
	read       func() float64
}

// counting adds counters that somebody else keeps.
func (m *Metrics) counting(all ...figure) {
	for _, f := range all {
		m.registry.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{Name: f.name, Help: f.help}, f.read))
	}
}

// gauging adds gauges.
func (m *Metrics) gauging(all ...figure) {
	for _, f := range all {
		m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: f.name, Help: f.help}, f.read))
	}
}

// WatchTraffic adds what ZooKeeper's clients send and are answered. To be called once.
func (m *Metrics) WatchTraffic(t *traffic.Traffic) {
	of := func(read func(*traffic.Stats) float64) func() float64 {
		return func() float64 {
			s := t.Stats()
			return read(&s)
		}
	}
	m.adopt("readlatency", "Time from reading a request of a ZooKeeper client that changes nothing to its answer, in milliseconds.", t.Reads())
	m.adopt("updatelatency", "Time from reading a request of a ZooKeeper client that changes something to its answer, in milliseconds.", t.Updates())
	m.gauging(
		figure{"avg_latency", "Mean latency of requests of ZooKeeper clients, in milliseconds.", of(func(s *traffic.Stats) float64 { return s.Latency.Avg() })},
		figure{"min_latency", "Least latency of requests of ZooKeeper clients, in milliseconds.", of(func(s *traffic.Stats) float64 { return s.Latency.Min })},
		figure{"max_latency", "Greatest latency of requests of ZooKeeper clients, in milliseconds.", of(func(s *traffic.Stats) float64 { return s.Latency.Max })},
		figure{"packets_received", "Packets of ZooKeeper clients since the start, or the word srst.", of(func(s *traffic.Stats) float64 { return float64(s.Received) })},
		figure{"packets_sent", "Packets to ZooKeeper clients since the start, or the word srst.", of(func(s *traffic.Stats) float64 { return float64(s.Sent) })},
		figure{"auth_failed_count", "Times that a ZooKeeper client did not prove who it is.", of(func(s *traffic.Stats) float64 { return float64(s.Refused) })},
		figure{"last_client_response_size", "Size of the last answer to a ZooKeeper client in bytes; -1 before the first.", of(func(s *traffic.Stats) float64 { return float64(s.LastSize) })},
		figure{"min_client_response_size", "Size of the smallest answer to a ZooKeeper client in bytes; -1 before the first.", of(func(s *traffic.Stats) float64 { return orNone(s.Sizes.Min, s.Sizes.Count) })},
		figure{"max_client_response_size", "Size of the largest answer to a ZooKeeper client in bytes; -1 before the first.", of(func(s *traffic.Stats) float64 { return orNone(s.Sizes.Max, s.Sizes.Count) })},
	)
	m.counting(
		figure{"connection_request_count", "Connections of ZooKeeper clients that got a session, a new one or their own.", of(func(s *traffic.Stats) float64 { return float64(s.Sessions) })},
		figure{"bytes_received_count", "Bytes that came from ZooKeeper clients.", of(func(s *traffic.Stats) float64 { return float64(s.BytesIn) })},
		figure{"response_bytes", "Bytes that went to ZooKeeper clients, events among them.", of(func(s *traffic.Stats) float64 { return float64(s.BytesOut) })},
	)
	m.operations(t)
}

// orNone is ZooKeeper's -1 for the size of what has not been there yet.
func orNone(size float64, count uint64) float64 {
	if count == 0 {
		return -1
	}
	return size
}

// operations adds a counter for each kind of request, and one for all.
func (m *Metrics) operations(t *traffic.Traffic) {
	sum := func(ops []int32) float64 {
		var n uint64
		for _, op := range ops {
			n += t.Count(op)
		}
		return float64(n)
	}
	all := traffic.Ops()
	for _, name := range slices.Sorted(maps.Keys(all)) {
		m.counting(figure{"op_count_" + name, "Requests of ZooKeeper clients of this kind.", func() float64 { return sum(all[name]) }})
	}
	m.counting(figure{"op_count_total", "Requests of ZooKeeper clients of all kinds.", func() float64 {
		return sum(slices.Concat(slices.Collect(maps.Values(all))...))
	}})
}
