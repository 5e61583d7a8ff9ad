package metrics

import (
	"time"

	"github.com/quorate/quorate/server/pipeline"
	"github.com/quorate/quorate/server/summary"
	"github.com/quorate/quorate/store"
	"github.com/quorate/quorate/store/snap"
	"github.com/quorate/quorate/store/txn"
	"github.com/quorate/quorate/store/wal"
)

// Store listens to the store and its log.
func (m *Metrics) Store() store.Events {
	return store.Events{
		Log: m.wal(),
		Recovered: func(r store.Recovery) {
			m.dbInitTime.Observe(millis(r.Took))
			m.startupTxns.Observe(float64(r.Txns))
		},
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
		Proposed: func(requests, txns, bytes int) {
			m.requests.Add(float64(requests))
			m.proposals.Add(float64(txns))
			if txns > 0 {
				m.sizes.Observe(float64(bytes))
				m.lastSize.Store(int64(bytes))
			}
		},
		Applied: func(txns int, took time.Duration) {
			m.commits.Add(float64(txns))
			m.quorumAck.Observe(millis(took))
		},
		Forwarded: func() { m.forwarded.Inc() },
		SoftQuota: func(string) { m.softQuota.Inc() },

		Expired:      func(txn.SessionID) { m.expired.Inc() },
		ExpiryPaused: func() { m.expiryPauses.Inc() },
	}
}

// ConnectionRefused counts a connection that was turned away.
func (m *Metrics) ConnectionRefused() { m.connRejected.Inc() }

// Proposals returns the size of the last batch that was proposed in bytes, -1 before the first, and those of all.
func (m *Metrics) Proposals() (last int64, all summary.Reading) {
	return m.lastSize.Load(), m.sizes.Read()
}

// ResetProposals forgets the sizes.
func (m *Metrics) ResetProposals() {
	m.sizes.Reset()
	m.lastSize.Store(-1)
}

// Panicked counts a call that panicked.
func (m *Metrics) Panicked() { m.panics.Inc() }
