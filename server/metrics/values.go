package metrics

import (
	"cmp"
	"math"
	"slices"
	"strconv"
	"strings"
)

// Value is one number of a metric, as ZooKeeper's word mntr and its HTTP command monitor tell it.
type Value struct {
	// Name is the metric's; of a summary with what it is of the summary in front, as in avg_fsynctime, and before the metric's
	// own name the value of its label.
	Name string
	// Number is in JSON's notation: whole but for means, and for what is ours alone and not whole.
	Number string
}

// Values returns all metrics in the order of their names, but for those of the process, of Go and of gRPC.
func (m *Metrics) Values() []Value {
	all := m.plain()
	for _, s := range m.summaries {
		for _, r := range s.read() {
			all = append(all, r.values(s.name)...)
		}
	}
	slices.SortStableFunc(all, func(a, b Value) int { return cmp.Compare(a.Name, b.Name) })
	return all
}

// plain returns counters and gauges.
func (m *Metrics) plain() []Value {
	families, _ := m.registry.Gather() // what can be gathered is
	var all []Value
	for _, f := range families {
		if others(f.GetName()) {
			continue
		}
		for _, one := range f.GetMetric() {
			name := f.GetName()
			for _, l := range one.GetLabel() {
				name = l.GetValue() + "_" + name
			}
			switch {
			case one.GetCounter() != nil:
				all = append(all, Value{name, number(one.GetCounter().GetValue())})
			case one.GetGauge() != nil && f.GetName() == "avg_latency":
				all = append(all, Value{name, Mean(one.GetGauge().GetValue())})
			case one.GetGauge() != nil:
				all = append(all, Value{name, numberOf(name, one.GetGauge().GetValue())})
			}
		}
	}
	return all
}

// others tells whether a metric is not about what ZooKeeper's clients are interested in.
func others(name string) bool {
	for _, p := range []string{"go_", "process_", "grpc_", "promhttp_", "quorate_build_info"} {
		if strings.HasPrefix(name, p) {
			return true
		}
	}
	return false
}

// values are those of a summary.
func (r reading) values(name string) []Value {
	if r.key != "" {
		name = r.key + "_" + name
	}
	return []Value{
		{"avg_" + name, Mean(r.Avg())},
		{"min_" + name, number(r.Min)},
		{"max_" + name, number(r.Max)},
		{"cnt_" + name, number(float64(r.Count))},
		{"sum_" + name, number(r.Sum)},
		{"p50_" + name, number(r.P50)},
		{"p95_" + name, number(r.P95)},
		{"p99_" + name, number(r.P99)},
		{"p999_" + name, number(r.P999)},
	}
}

// numberOf is whole for what ZooKeeper has too.
func numberOf(name string, v float64) string {
	if strings.Contains(name, "quorate_") && v != math.Trunc(v) {
		return strconv.FormatFloat(v, 'g', -1, 64)
	}
	return number(v)
}

// number is whole, as programs that read ZooKeeper's expect it.
func number(v float64) string { return strconv.FormatFloat(math.Round(v), 'f', 0, 64) }

// Mean returns a mean as ZooKeeper writes it: with at most four places, and at least one.
func Mean(v float64) string {
	s := strconv.FormatFloat(math.Round(v*10_000)/10_000, 'f', -1, 64)
	if !strings.Contains(s, ".") {
		s += ".0"
	}
	return s
}
