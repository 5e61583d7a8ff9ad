package metrics_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/quorate/quorate/peer"
	"github.com/quorate/quorate/peer/resync"
	"github.com/quorate/quorate/server/eventtest"
	"github.com/quorate/quorate/server/metrics"
	"github.com/quorate/quorate/server/tracker"
	"github.com/quorate/quorate/store"
	"github.com/quorate/quorate/store/tree"
	"github.com/quorate/quorate/store/txn"
)

// TestEventsBetweenServersAreCounted: each changes a metric, but for those that are left to the log.
func TestEventsBetweenServersAreCounted(t *testing.T) {
	uncounted := map[string]bool{
		"EpochAccepted": true, "EpochCurrent": true, "Founded": true, "Resigned": true, "LearnerCame": true, "LearnerPromised": true,
		"LearnerPlanned": true, "LearnerServes": true, "LearnerGone": true, "Readmitting": true, "LeaderMet": true,
		"SnapshotInstalled": true, "HistoryDurable": true, "UpToDate": true, "LeaderLost": true,
		// Of these the time until another one counts: TestTimesBetweenEvents.
		"Electing": true, "Elected": true, "Resyncing": true, "Established": true,
	}
	for _, e := range eventtest.All() {
		m := metrics.New()
		listen := m.Peer()
		before := own(scrape(t, m))
		listen(e)
		name := strings.TrimPrefix(fmt.Sprintf("%T", e), "peer.")
		if changed := own(scrape(t, m)) != before; changed == uncounted[name] {
			t.Errorf("%s: changed %v", name, changed)
		}
	}
}

// own leaves out what changes by itself: the metrics of the process and of Go.
func own(body string) string {
	var all []string
	for line := range strings.Lines(body) {
		if !strings.HasPrefix(line, "leader_uptime") && !strings.HasPrefix(line, "go_") && !strings.HasPrefix(line, "process_") && !strings.HasPrefix(line, "#") {
			all = append(all, line)
		}
	}
	return strings.Join(all, "")
}

// TestMismatchesAreCounted: of all that ends a stream to the leader, a tree that differs from the leader's has a counter.
func TestMismatchesAreCounted(t *testing.T) {
	m := metrics.New()
	listen := m.Peer()
	listen(peer.LeaderLost{Cause: errors.New("silent")})
	has(t, scrape(t, m), "digest_mismatches_count 0")
	listen(peer.LeaderLost{Cause: fmt.Errorf("at 1.7: %w", tree.ErrMismatch)})
	has(t, scrape(t, m), "digest_mismatches_count 1")
}

// TestTimesBetweenEvents: of an election, of being without a leader, of taking over its history.
func TestTimesBetweenEvents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := metrics.New()
		listen := m.Peer()
		after := func(d time.Duration, e peer.Event) { time.Sleep(d); listen(e) }
		after(0, peer.RoleChanged{Role: peer.Looking})
		after(0, peer.Electing{})
		after(time.Second, peer.Electing{}) // another round of the same
		after(time.Second, peer.Elected{})
		after(time.Second, peer.Resyncing{Kind: resync.Snap})
		after(time.Second, peer.LeaderLost{}) // in vain
		after(time.Second, peer.Resyncing{Kind: resync.Diff})
		after(3*time.Second, peer.RoleChanged{Role: peer.Following})
		after(time.Second, peer.RoleChanged{Role: peer.Looking})
		after(time.Second, peer.Resyncing{Kind: resync.Diff})
		after(time.Second, peer.RoleChanged{Role: peer.Observing})
		has(t, scrape(t, m),
			"election_time_sum 2000", "election_time_count 1", "unavailable_time_sum 10000", "unavailable_time_count 2",
			"follower_sync_time_sum 3000", "follower_sync_time_count 1", "observer_sync_time_sum 1000", "observer_sync_time_count 1",
			"looking_count 2", "leader_uptime 0")
		after(time.Second, peer.Established{})
		after(0, peer.RoleChanged{Role: peer.Leading})
		time.Sleep(time.Second)
		has(t, scrape(t, m), "leader_uptime 1000")
		after(0, peer.Resigned{})
		has(t, scrape(t, m), "leader_uptime 0", "follower_sync_time_count 1")
	})
}

// TestWhatALearnerReceives counts txns that were proposed and commits; what a leader sends is no part of it.
func TestWhatALearnerReceives(t *testing.T) {
	m := metrics.New()
	e := m.Messages()
	e.Said(tracker.Message{Step: tracker.Proposal, Number: 12}, false)
	e.Said(tracker.Message{Step: tracker.Commit, Zxid: 12}, false)
	e.Said(tracker.Message{Step: "Ping", Number: 12}, false)
	e.Said(tracker.Message{Step: "Ack", Zxid: 12, Sent: true}, false)
	e.Said(tracker.Message{Step: tracker.Proposal, Number: 99, Sent: true}, true)
	e.Said(tracker.Message{Step: tracker.Commit, Sent: true}, true)
	e.Acked(2, 3*time.Millisecond)
	e.Acked(3, 5*time.Millisecond)
	has(t, scrape(t, m), "learner_proposal_received_count 12", "learner_commit_received_count 1",
		`ack_latency_sum{key="2"} 3`, `ack_latency_sum{key="3"} 5`, `ack_latency_count{key="3"} 1`)
}

// TestLearnersAreCountedByWhatTheyAre when metrics are read, and are gone with the reign.
func TestLearnersAreCountedByWhatTheyAre(t *testing.T) {
	m := metrics.New()
	learner := func(id txn.ServerID, state string, votes, counts bool, kind resync.Kind) peer.LearnerStatus {
		return peer.LearnerStatus{ID: id, State: state, Votes: votes, Counts: counts, Sync: peer.SyncStatus{Kind: kind}, LagTxns: int64(id), LagBytes: 100 * int64(id), Owed: 10 * int(id)}
	}
	status := peer.Status{
		PendingSyncs: 7,
		Members:      []peer.MemberStatus{{Member: txn.Member{ID: 1}}, {Member: txn.Member{ID: 2, Role: txn.Voter}}, {Member: txn.Member{ID: 3, Role: txn.Observer}}},
		Learners: []peer.LearnerStatus{
			learner(2, "serving", true, true, resync.Diff), learner(3, "serving", false, false, resync.Snap), learner(4, "serving", true, false, resync.Diff),
			learner(5, "synchronizing", true, true, resync.Snap), learner(6, "synchronizing", true, true, resync.Trunc),
			learner(7, "synchronizing", false, false, resync.Diff), learner(8, "discovering", true, true, 0), learner(8, "serving", true, true, 0),
		},
	}
	m.Watch(metrics.Source{
		Version: tree.New, Store: func() store.Stats { return store.Stats{} }, Peer: func() peer.Status { return status },
		Connections: func() int64 { return 0 }, Calls: func() int64 { return 0 },
	})
	has(t, scrape(t, m), "quorum_size 2", "learners 8", "synced_followers 2", "synced_observers 1", "synced_non_voting_followers 1",
		"inflight_snap_count 1", "inflight_diff_count 2", `quorate_learner_lag_txns{key="2"} 2`, `quorate_learner_lag_bytes{key="3"} 300`,
		`quorate_learner_lag_txns{key="8"} 8`, `quorate_learner_owed{key="4"} 40`, "pending_syncs 7")
	status = peer.Status{}
	body := scrape(t, m)
	has(t, body, "learners 0", "quorum_size 0")
	if strings.Contains(body, "quorate_learner_lag_txns{") {
		t.Error("there is a lag of nobody")
	}
}
