package metrics

import (
	"time"

	"github.com/quorate/quorate/server/pipeline"
	"github.com/quorate/quorate/store"
	"github.com/quorate/quorate/store/snap"
	"github.com/quorate/quorate/store/txn"
	"github.com/quorate/quorate/store/wal"
)

// Store listens to the store and its log.
func (m *Metrics) Store() store.Events {
	return store.Events{
		Log:       m.wal(),
		Recovered: func(r store.Recovery) { m.dbInitTime.Observe(millis(r.Took)) },
		SnapshotWritten: func(_ snap.Info, took time.Duration) {
			m.snapshots.Inc()
			m.snapshotTime.Observe(millis(took))
		},
		SnapshotFailed: func(error, time.Duration) { m.snapshotError.Inc() },
	}
}

// wal listens to the transaction log.
func (m *Metrics) wal() wal.Events {
	return wal.Events{
		Synced: func(s wal.Synced) {
			m.fsyncTime.Observe(millis(s.Took))
			m.batchSize.Observe(float64(s.Records))
			m.walRecords.Add(float64(s.Records))
			m.walBytes.Add(float64(s.Bytes))
		},
		TornTail: func(wal.TornTail) { m.tornTails.Inc() },
		Full:     func(error) { m.walFull.Set(1) },
		Room:     func() { m.walFull.Set(0) },
	}
}

// Pipeline listens to requests on their way.
func (m *Metrics) Pipeline() pipeline.Events {
	return pipeline.Events{
		Proposed: func(requests, txns, _ int) {
			m.requests.Add(float64(requests))
			m.proposals.Add(float64(txns))
		},
		Applied:   func(took time.Duration) { m.quorumAck.Observe(millis(took)) },
		Forwarded: func() { m.forwarded.Inc() },
		SoftQuota: func(string) { m.softQuota.Inc() },

		Expired:      func(txn.SessionID) { m.expired.Inc() },
		ExpiryPaused: func() { m.expiryPauses.Inc() },
	}
}

// ConnectionRefused counts a connection that was turned away.
func (m *Metrics) ConnectionRefused() { m.connRejected.Inc() }

// Panicked counts a call that panicked.
func (m *Metrics) Panicked() { m.panics.Inc() }
