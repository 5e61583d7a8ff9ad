package metrics

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/quorate/quorate/peer"
	"github.com/quorate/quorate/peer/resync"
	"github.com/quorate/quorate/store/txn"
)

// ensemble are the gauges of the ensemble as this server knows it, and of those who follow it.
func (s Source) ensemble() []gauge {
	learners := func(which func(*peer.LearnerStatus) bool) func() float64 {
		return func() float64 { return count(s.Peer().Learners, which) }
	}
	return []gauge{
		{"pending_syncs", "Syncs that wait for a quorum to prove that this server still leads.", nil, func() float64 { return float64(s.Peer().PendingSyncs) }},
		{"quorum_size", "Voters of the ensemble.", nil, func() float64 {
			return count(s.Peer().Members, func(m *peer.MemberStatus) bool { return m.Role != txn.Observer })
		}},
		{"learners", "Servers that follow this one.", nil, learners(func(*peer.LearnerStatus) bool { return true })},
		{"synced_followers", "Voters that follow this server and are up to date.", nil, learners(func(l *peer.LearnerStatus) bool { return serves(l) && l.Counts })},
		{"synced_non_voting_followers", "Servers listed as voters that follow this one, are up to date and do not count yet.", nil, learners(func(l *peer.LearnerStatus) bool { return serves(l) && l.Votes && !l.Counts })},
		{"synced_observers", "Observers that follow this server and are up to date.", nil, learners(func(l *peer.LearnerStatus) bool { return serves(l) && !l.Votes })},
		{"inflight_snap_count", "Servers that are being brought up to date by a snapshot.", nil, learners(func(l *peer.LearnerStatus) bool { return syncs(l) && l.Sync.Kind == resync.Snap })},
		{"inflight_diff_count", "Servers that are being brought up to date by the log.", nil, learners(func(l *peer.LearnerStatus) bool { return syncs(l) && l.Sync.Kind != resync.Snap })},
	}
}

func serves(l *peer.LearnerStatus) bool { return l.State == "serving" }
func syncs(l *peer.LearnerStatus) bool  { return l.State == "synchronizing" }

func count[T any](all []T, which func(*T) bool) float64 {
	n := 0
	for i := range all {
		if which(&all[i]) {
			n++
		}
	}
	return float64(n)
}

// lags are the gauges with a value for each learner, as they come and go.
type lags struct {
	peer        func() peer.Status
	txns, bytes *prometheus.Desc
	owed        *prometheus.Desc
}

func newLags(status func() peer.Status) *lags {
	desc := func(name, help string) *prometheus.Desc { return prometheus.NewDesc(name, help, []string{"key"}, nil) }
	return &lags{
		status,
		desc("quorate_learner_lag_txns", "Transactions that a learner has not acknowledged."),
		desc("quorate_learner_lag_bytes", "Bytes sent to a learner that it has not acknowledged."),
		desc("quorate_learner_owed", "Requests of a learner that it has no answer to yet."),
	}
}

// Describe implements prometheus.Collector.
func (l *lags) Describe(to chan<- *prometheus.Desc) {
	to <- l.txns
	to <- l.bytes
	to <- l.owed
}

// Collect implements prometheus.Collector.
func (l *lags) Collect(to chan<- prometheus.Metric) {
	told := map[txn.ServerID]bool{} // of one that comes back there are two for a moment
	for _, learner := range l.peer().Learners {
		if told[learner.ID] {
			continue
		}
		told[learner.ID] = true
		to <- prometheus.MustNewConstMetric(l.txns, prometheus.GaugeValue, float64(learner.LagTxns), key(learner.ID))
		to <- prometheus.MustNewConstMetric(l.bytes, prometheus.GaugeValue, float64(learner.LagBytes), key(learner.ID))
		to <- prometheus.MustNewConstMetric(l.owed, prometheus.GaugeValue, float64(learner.Owed), key(learner.ID))
	}
}
