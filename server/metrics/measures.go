package metrics

import (
	"cmp"
	"maps"
	"slices"
	"sync"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/quorate/quorate/server/summary"
)

// measures are summaries under one name: one without a key, or one for each key. It is a Prometheus collector; its quantiles are ZooKeeper's.
type measures struct {
	name string
	desc *prometheus.Desc
	mu   struct {
		sync.Mutex
		by map[string]*summary.Summary
	}
}

// measured registers measures with a label for their key, or with none.
func (m *Metrics) measured(name, help string, labels ...string) *measures {
	all := &measures{name: name, desc: prometheus.NewDesc(name, help, labels, nil)}
	all.mu.by = map[string]*summary.Summary{}
	m.registry.MustRegister(all)
	m.summaries = append(m.summaries, all)
	return all
}

// summary registers a summary of its own.
func (m *Metrics) summary(name, help string) *summary.Summary { return m.measured(name, help).of("") }

// keyed registers summaries with one for each server.
func (m *Metrics) keyed(name, help string) *measures { return m.measured(name, help, "key") }

// adopt registers a summary that somebody else observes.
func (m *Metrics) adopt(name, help string, s *summary.Summary) {
	all := m.measured(name, help)
	all.mu.Lock()
	defer all.mu.Unlock()
	all.mu.by[""] = s
}

// of returns the summary of a key, a new one if there is none.
func (m *measures) of(key string) *summary.Summary {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.mu.by[key] == nil {
		m.mu.by[key] = summary.New()
	}
	return m.mu.by[key]
}

// reading is what was measured under a key.
type reading struct {
	key string
	summary.Reading
}

// read returns all, in the order of their keys.
func (m *measures) read() []reading {
	m.mu.Lock()
	by := maps.Clone(m.mu.by)
	m.mu.Unlock()
	all := make([]reading, 0, len(by))
	for key, s := range by {
		all = append(all, reading{key, s.Read()})
	}
	slices.SortFunc(all, func(a, b reading) int { return cmp.Compare(a.key, b.key) })
	return all
}

// Describe implements prometheus.Collector.
func (m *measures) Describe(to chan<- *prometheus.Desc) { to <- m.desc }

// Collect implements prometheus.Collector.
func (m *measures) Collect(to chan<- prometheus.Metric) {
	for _, r := range m.read() {
		var labels []string
		if r.key != "" {
			labels = []string{r.key}
		}
		quantiles := map[float64]float64{0.5: r.P50, 0.95: r.P95, 0.99: r.P99}
		to <- prometheus.MustNewConstSummary(m.desc, r.Count, r.Sum, quantiles, labels...)
	}
}
