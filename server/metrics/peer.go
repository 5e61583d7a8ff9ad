package metrics

import (
	"errors"
	"strconv"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/quorate/quorate/peer"
	"github.com/quorate/quorate/peer/resync"
	"github.com/quorate/quorate/server/summary"
	"github.com/quorate/quorate/server/tracker"
	"github.com/quorate/quorate/store/tree"
	"github.com/quorate/quorate/store/txn"
)

// peers are the metrics of the protocol between servers.
type peers struct {
	// ZooKeeper's names, times in milliseconds.
	looking      prometheus.Counter
	electionTime *summary.Summary
	unavailable  *summary.Summary
	leaderless   *summary.Summary
	followerSync *summary.Summary
	observerSync *summary.Summary
	diffs, snaps prometheus.Counter
	mismatches   prometheus.Counter
	proposed     prometheus.Counter
	committed    prometheus.Counter
	authFail     prometheus.Counter
	ackLatency   *measures

	syncBytes *prometheus.CounterVec
	refused   prometheus.Counter
	panics    prometheus.Counter
	reached   *prometheus.GaugeVec
	roundTrip *prometheus.GaugeVec
}

func (m *Metrics) peers() peers {
	return peers{
		looking:      m.counter("looking_count", "Times this server was without a leader."),
		electionTime: m.summary("election_time", "Time to elect a leader, in milliseconds."),
		unavailable:  m.summary("unavailable_time", "Time this server was without a leader, in milliseconds."),
		leaderless:   m.summary("leader_unavailable_time", "Time this server was without a leader before it led, in milliseconds."),
		followerSync: m.summary("follower_sync_time", "Time this server took, as a follower, to take over the leader's history, in milliseconds."),
		observerSync: m.summary("observer_sync_time", "Time this server took, as an observer, to take over the leader's history, in milliseconds."),
		diffs:        m.counter("diff_count", "Servers that this one has brought up to date by its log."),
		snaps:        m.counter("snap_count", "Servers that this one has brought up to date by a snapshot."),
		mismatches:   m.counter("digest_mismatches_count", "Times this server's tree turned out to differ from the leader's; it then takes over the leader's."),
		proposed:     m.counter("learner_proposal_received_count", "Transactions that the leader has proposed to this server."),
		committed:    m.counter("learner_commit_received_count", "Commits that the leader has told this server, each of one transaction or many."),
		authFail:     m.counter("ensemble_auth_fail", "Calls on the peer port refused for the peer secret."),
		ackLatency:   m.keyed("ack_latency", "Time until a learner has acknowledged a batch, sampled, in milliseconds."),

		syncBytes: m.counters("quorate_sync_bytes_total", "Bytes sent to bring servers up to date.", "kind"),
		refused:   m.counter("quorate_notifications_refused_total", "Notifications of other servers that an election could not use."),
		panics:    m.counter("quorate_peer_panics_total", "Calls of other servers that panicked."),
		reached:   m.gauges("quorate_peer_reached", "1 while the other server answers in elections."),
		roundTrip: m.gauges("quorate_peer_round_trip_seconds", "Time the other server took to answer when it was last reached."),
	}
}

// key is the label of a server.
func key(id txn.ServerID) string { return strconv.Itoa(int(id)) }

// Peer listens to the protocol between servers. To be called once.
func (m *Metrics) Peer() func(peer.Event) {
	s := &spans{}
	m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "leader_uptime", Help: "Time for which this server has led, in milliseconds; 0 if it does not.",
	}, func() float64 { return s.since(&s.mu.leading) }))
	return func(e peer.Event) {
		m.timed(s, e)
		m.counted(e)
	}
}

// counted counts what happened.
func (m *Metrics) counted(e peer.Event) {
	switch e := e.(type) {
	case peer.RoleChanged:
		if e.Role == peer.Looking {
			m.peer.looking.Inc()
		}
	case peer.LearnerSynced:
		if e.Kind == resync.Snap {
			m.peer.snaps.Inc()
		} else {
			m.peer.diffs.Inc()
		}
		m.peer.syncBytes.WithLabelValues(e.Kind.String()).Add(float64(e.Bytes))
	case peer.LeaderLost:
		if errors.Is(e.Cause, tree.ErrMismatch) {
			m.peer.mismatches.Inc()
		}
	case peer.NotificationRefused:
		m.peer.refused.Inc()
	case peer.CallRefused:
		m.peer.authFail.Inc()
	case peer.CallPanicked:
		m.peer.panics.Inc()
	case peer.PeerReached:
		m.peer.reached.WithLabelValues(key(e.ID)).Set(1)
		m.peer.roundTrip.WithLabelValues(key(e.ID)).Set(e.RoundTrip.Seconds())
	case peer.PeerUnreachable:
		m.peer.reached.WithLabelValues(key(e.ID)).Set(0)
	}
}

// spans are what is under way, each from its first event to its last.
type spans struct {
	mu struct {
		sync.Mutex
		electing, looking, resyncing, leading time.Time // zero: not
	}
}

// begin notes a beginning, unless it has begun.
func (s *spans) begin(t *time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if t.IsZero() {
		*t = time.Now()
	}
}

// end observes how long it was, if it had begun.
func (s *spans) end(t *time.Time, took ...*summary.Summary) {
	s.mu.Lock()
	began := *t
	*t = time.Time{}
	s.mu.Unlock()
	if began.IsZero() {
		return
	}
	for _, summary := range took {
		summary.Observe(millis(time.Since(began)))
	}
}

// since returns for how many milliseconds it has been; 0 if it has not begun.
func (s *spans) since(t *time.Time) float64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	if t.IsZero() {
		return 0
	}
	return millis(time.Since(*t))
}

// timed observes the times from one event to another.
func (m *Metrics) timed(s *spans, e peer.Event) {
	switch e := e.(type) {
	case peer.Electing:
		s.begin(&s.mu.electing)
	case peer.Elected:
		s.end(&s.mu.electing, m.peer.electionTime)
	case peer.Resyncing:
		s.begin(&s.mu.resyncing)
	case peer.LeaderLost:
		s.end(&s.mu.resyncing)
	case peer.Established:
		s.begin(&s.mu.leading)
	case peer.Resigned:
		s.end(&s.mu.leading)
	case peer.RoleChanged:
		m.changed(s, e.Role)
	}
}

func (m *Metrics) changed(s *spans, now peer.Role) {
	if now == peer.Looking {
		s.begin(&s.mu.looking)
		return
	}
	unavailable := []*summary.Summary{m.peer.unavailable}
	if now == peer.Leading {
		unavailable = append(unavailable, m.peer.leaderless)
	}
	s.end(&s.mu.looking, unavailable...)
	switch now {
	case peer.Following:
		s.end(&s.mu.resyncing, m.peer.followerSync)
	case peer.Observing:
		s.end(&s.mu.resyncing, m.peer.observerSync)
	}
}

// Messages listens to the streams between servers.
func (m *Metrics) Messages() tracker.Events {
	return tracker.Events{
		Said: func(msg tracker.Message, leading bool) {
			switch {
			case leading || msg.Sent:
			case msg.Step == tracker.Proposal:
				m.peer.proposed.Add(float64(msg.Number))
			case msg.Step == tracker.Commit:
				m.peer.committed.Inc()
			}
		},
		Acked: func(learner txn.ServerID, took time.Duration) {
			m.peer.ackLatency.of(key(learner)).Observe(millis(took))
		},
	}
}
