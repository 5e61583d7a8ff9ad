package peer

import (
	"fmt"
	"sync"

	quorumv1 "github.com/quorate/quorate/gen/quorate/quorum/v1"
	"github.com/quorate/quorate/store/txn"
)

// mouth holds what a learner says on one stream against the order of the conversation, and against what it
// has on its disk at that moment.
type mouth struct {
	f  *follower
	mu struct {
		sync.Mutex
		words       int       // said, pings left out
		epoch       txn.Epoch // in LeaderInfo
		plans       *quorumv1.AckEpoch
		synced      bool
		acked       txn.Zxid
		requests    uint64
		round       uint64 // the greatest that was told
		closing     bool   // NewLeader has been said
		closedEpoch uint32
		wrong       error
	}
}

func (m *mouth) says(w *quorumv1.SyncRequest) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.judge(w); err != nil && m.mu.wrong == nil {
		m.mu.wrong = fmt.Errorf("%s: %w", saidBy(w), err)
	}
	if w.GetPing() == nil {
		m.mu.words++
	}
}

// judge needs mu. It is called before the message is given to the stream.
func (m *mouth) judge(w *quorumv1.SyncRequest) error {
	now, st := m.f.store.Epochs(), m.f.store
	switch s := w.GetStep().(type) {
	case *quorumv1.SyncRequest_Info:
		return check(m.mu.words == 0 && s.Info.GetAcceptedEpoch() == uint32(now.Accepted), "the first message, and the disk has %+v", now)
	case *quorumv1.SyncRequest_AckEpoch:
		m.mu.plans = s.AckEpoch
		return check(m.mu.words == 1 && now.Accepted == m.mu.epoch && s.AckEpoch.GetCurrentEpoch() == uint32(now.Current) &&
			txn.Zxid(s.AckEpoch.GetLastZxid()) == st.Last() && st.Durable() == st.Last() && txn.Zxid(s.AckEpoch.GetFloor()) == st.Version().Zxid(),
			"epoch %d was offered, the disk has %+v, up to %v of %v", m.mu.epoch, now, st.Durable(), st.Last())
	case *quorumv1.SyncRequest_AckNewLeader:
		m.mu.synced = true
		return check(m.mu.words == 2 && m.mu.closing && s.AckNewLeader.GetEpoch() == m.mu.closedEpoch && now.Current == m.mu.epoch && uint32(now.Current) == m.mu.closedEpoch,
			"the disk has %+v", now)
	case *quorumv1.SyncRequest_Ack:
		old := m.mu.acked
		m.mu.acked = txn.Zxid(s.Ack.GetZxid())
		return check(m.mu.synced && old < m.mu.acked && m.mu.acked <= st.Durable(), "it had acknowledged %v, durable is %v", old, st.Durable())
	case *quorumv1.SyncRequest_Request:
		m.mu.requests++
		return check(m.mu.synced && s.Request.GetId() == m.mu.requests, "it comes after %d", m.mu.requests-1)
	case *quorumv1.SyncRequest_Sync:
		m.mu.requests++
		return check(m.mu.synced && s.Sync.GetId() == m.mu.requests, "it comes after %d", m.mu.requests-1)
	case *quorumv1.SyncRequest_Ping:
		return check(m.mu.plans != nil && s.Ping.GetRound() <= m.mu.round, "round %d was told", m.mu.round)
	}
	return check(false, "a learner has no such word here")
}

// hears notes what the leader is about to say.
func (m *mouth) hears(w *quorumv1.SyncResponse) {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch s := w.GetStep().(type) {
	case *quorumv1.SyncResponse_Info:
		if m.mu.words == 1 {
			m.mu.epoch = txn.Epoch(s.Info.GetEpoch())
		}
	case *quorumv1.SyncResponse_NewLeader:
		if !m.mu.closing {
			m.mu.closing, m.mu.closedEpoch = true, s.NewLeader.GetEpoch()
		}
	case *quorumv1.SyncResponse_Ping:
		m.mu.round = max(m.mu.round, s.Ping.GetRound())
	}
}

// offered is the leader's epoch.
func (m *mouth) offered() txn.Epoch {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.mu.epoch
}

func (m *mouth) heard() (plans *quorumv1.AckEpoch, synced bool, wrong error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.mu.plans, m.mu.synced, m.mu.wrong
}
