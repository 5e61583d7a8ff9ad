package metrics

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/quorate/quorate/server/summary"
	"github.com/quorate/quorate/server/watch"
)

// hub is what a hub of watches says of itself at each scrape.
type hub struct {
	stats func() watch.Stats
	lines []hubLine
}

// hubLine is one number of it.
type hubLine struct {
	desc *prometheus.Desc
	kind prometheus.ValueType
	read func(*watch.Stats) float64
}

// WatchHub adds the numbers of a hub of watches. To be called once.
func (m *Metrics) WatchHub(stats func() watch.Stats) {
	line := func(name, help string, kind prometheus.ValueType, read func(*watch.Stats) float64) hubLine {
		return hubLine{prometheus.NewDesc(name, help, nil, nil), kind, read}
	}
	m.registry.MustRegister(&hub{stats, []hubLine{
		line("watch_count", "Watches: pairs of a client and a path.", prometheus.GaugeValue, func(s *watch.Stats) float64 { return float64(s.Watches) }),
		line("quorate_watched_paths", "Paths that are watched.", prometheus.GaugeValue, func(s *watch.Stats) float64 { return float64(s.Paths) }),
		line("quorate_watch_streams", "Watch calls in progress.", prometheus.GaugeValue, func(s *watch.Stats) float64 { return float64(s.Cursors) }),
		line("quorate_watch_events_total", "Events told to sessions.", prometheus.CounterValue, func(s *watch.Stats) float64 { return float64(s.Events) }),
		line("quorate_watch_history_changes", "Changes that a Watch may begin with.", prometheus.GaugeValue, func(s *watch.Stats) float64 { return float64(s.Changes) }),
		line("quorate_watch_history_bytes", "Memory that they take.", prometheus.GaugeValue, func(s *watch.Stats) float64 { return float64(s.Bytes) }),
		line("quorate_watch_history_zxid", "The zxid after which they begin.", prometheus.GaugeValue, func(s *watch.Stats) float64 { return float64(s.Base) }),
	}})
}

// WatchEvents adds how many watchers each event was told to. To be called once.
func (m *Metrics) WatchEvents(told func(watch.EventType) *summary.Summary) {
	for name, t := range map[string]watch.EventType{
		"node_created_watch_count": watch.Created, "node_deleted_watch_count": watch.Deleted,
		"node_changed_watch_count": watch.DataChanged, "node_children_watch_count": watch.ChildrenChanged,
	} {
		m.adopt(name, "Sessions that were told of such an event, of those that somebody was told of.", told(t))
	}
}

// Describe implements prometheus.Collector.
func (h *hub) Describe(to chan<- *prometheus.Desc) {
	for _, l := range h.lines {
		to <- l.desc
	}
}

// Collect implements prometheus.Collector.
func (h *hub) Collect(to chan<- prometheus.Metric) {
	s := h.stats()
	for _, l := range h.lines {
		to <- prometheus.MustNewConstMetric(l.desc, l.kind, l.read(&s))
	}
}
