package metrics_test

import (
	"flag"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/quorate/quorate/internal/golden"
	"github.com/quorate/quorate/server/eventtest"
	"github.com/quorate/quorate/store/snap"
)

var rewrite = flag.Bool("rewrite", false, "write docs/metrics.md")

// zookeepers are all names of ZooKeeper's metrics.
const zookeepers = `
snapshot_error_count snapshot_rate_limited_count restore_error_count restore_rate_limited_count looking_count diff_count snap_count commit_count proposal_count
learner_proposal_received_count learner_commit_received_count revalidate_count connection_drop_count connection_revalidate_count connection_request_count
connection_rejected sessionless_connections_expired stale_sessions_expired bytes_received_count response_bytes watch_bytes unrecoverable_error_count
quit_leading_due_to_disloyal_voter request_commit_queued prep_processor_request_queued outstanding_changes_queued outstanding_changes_removed
sync_processor_request_queued throttled_ops stale_requests stale_requests_dropped stale_replies request_throttle_wait_count large_requests_rejected
digest_mismatches_count unsuccessful_handshake insecure_admin_count tls_handshake_exceeded cnxn_closed_without_zk_server_running
skip_learner_request_to_next_processor_count requests_not_forwarded_to_commit_processor response_packet_cache_hits response_packet_cache_misses
response_packet_get_children_cache_hits response_packet_get_children_cache_misses ensemble_auth_success ensemble_auth_fail ensemble_auth_skip
add_dead_watcher_stall_time dead_watchers_queued dead_watchers_cleared ttl_node_created_count ttl_node_deleted_count
op_count_total op_count_add_watch op_count_check op_count_check_watches op_count_close_session op_count_create op_count_create_session op_count_delete
op_count_exists op_count_get_acl op_count_get_all_children_number op_count_get_children op_count_get_data op_count_get_ephemerals op_count_multi
op_count_multi_read op_count_ping op_count_reconfig op_count_remove_watches op_count_set_acl op_count_set_data op_count_set_watches op_count_sync op_count_who_am_i
quota_exceeded_error_per_namespace observer_master_id
fsynctime snapshottime restore_time dbinittime follower_sync_time observer_sync_time election_time connection_token_deficit inflight_snap_count
inflight_diff_count node_created_watch_count node_deleted_watch_count node_changed_watch_count node_children_watch_count prep_processor_queue_size
prep_process_time proposal_process_time unavailable_time leader_unavailable_time requests_in_session_queue pending_session_queue_size
reads_after_write_in_session_queue reads_issued_from_session_queue session_queues_drained time_waiting_empty_pool_in_commit_processor_read_ms
write_batch_time_in_commit_processor concurrent_request_processing_in_commit_processor read_commit_proc_req_queued write_commit_proc_req_queued
commit_commit_proc_req_queued read_commit_proc_issued write_commit_proc_issued commit_process_time startup_txns_loaded startup_txns_load_time
startup_snap_load_time sync_processor_queue_size sync_process_time sync_processor_batch_size netty_queued_buffer_capacity
learner_request_processor_queue_size socket_closing_time write_per_namespace read_per_namespace learner_handler_qp_size
readlatency updatelatency propagation_latency prep_processor_queue_time_ms close_session_prep_time dead_watchers_cleaner_latency read_commitproc_time_ms
write_commitproc_time_ms local_write_committed_time_ms server_write_committed_time_ms om_proposal_process_time_ms om_commit_process_time_ms
read_final_proc_time_ms write_final_proc_time_ms proposal_latency proposal_ack_creation_latency commit_propagation_latency
sync_processor_queue_and_flush_time_ms sync_processor_queue_time_ms sync_processor_queue_flush_time_ms quorum_ack_latency request_throttle_queue_time_ms
jvm_pause_time_ms learner_handler_qp_time_ms ack_latency
avg_latency max_latency min_latency packets_received packets_sent num_alive_connections outstanding_requests uptime znode_count watch_count ephemerals_count
approximate_data_size global_sessions local_sessions open_file_descriptor_count max_file_descriptor_count connection_drop_probability
last_client_response_size max_client_response_size min_client_response_size outstanding_tls_handshake auth_failed_count non_mtls_remote_conn_count
non_mtls_local_conn_count quorum_size learners synced_followers synced_non_voting_followers synced_observers pending_syncs leader_uptime
last_proposal_size max_proposal_size min_proposal_size
quota_count_limit_per_namespace quota_bytes_limit_per_namespace quota_count_usage_per_namespace quota_bytes_usage_per_namespace`

// absent says of ZooKeeper's metrics that are not there why not: by name, or by the part of a name before a star.
var absent = map[string]string{
	"snapshot_rate_limited_count":        "asking for a snapshot is not limited: all who ask at a time get the same",
	"restore_*":                          "there is no restore from outside",
	"revalidate_count":                   "the leader is asked for sessions as for any change: quorate_requests_total",
	"connection_drop_*":                  "connections are not thrown away by chance; connection_rejected counts those beyond the bounds",
	"connection_token_deficit":           "there is no such throttle",
	"sessionless_connections_expired":    "connections that do not say what they are close by themselves and are not counted",
	"watch_bytes":                        "in response_bytes; quorate_watch_events_total counts events",
	"unrecoverable_error_count":          "such an error ends the process, and its log says why",
	"quit_leading_due_to_disloyal_voter": "looking_count counts all ends of a reign, the log has their reason",
	"request_commit_queued":              "no such queue", "prep_processor_*": "no such queue", "outstanding_changes_*": "no such queue", "sync_processor_request_queued": "no such queue: quorate_wal_records_total",
	"sync_processor_queue_*": "no such queue: fsynctime and sync_processor_batch_size tell of the log", "sync_process_time": "fsynctime",
	"throttled_ops": "there is no such throttle", "request_throttle_*": "there is no such throttle", "stale_re*": "requests of those who have gone are not carried along",
	"large_requests_rejected": "a packet that is too large ends its connection",
	"unsuccessful_handshake":  "TLS is Go's, which does not tell", "tls_handshake_exceeded": "TLS is Go's, which does not tell", "outstanding_tls_handshake": "TLS is Go's, which does not tell",
	"insecure_admin_count": "the HTTP commands have no TLS", "non_mtls_*": "all clients of a server come in the same way",
	"cnxn_closed_without_zk_server_running":        "a server is never without its parts",
	"skip_learner_request_to_next_processor_count": "no processors", "requests_not_forwarded_to_commit_processor": "no processors",
	"response_packet_*":     "there is no such cache: reading is a look at memory",
	"ensemble_auth_success": "who has the peer secret is in", "ensemble_auth_skip": "who has the peer secret is in",
	"add_dead_watcher_stall_time": "watches of who has gone are gone", "dead_watchers_*": "watches of who has gone are gone",
	"ttl_node_*": "not counted", "op_count_check": "a check stands within a multi",
	"quota_*":           "quorate_soft_quota_exceeded_total counts what goes beyond a quota; use and bounds stand in the tree, below /zookeeper/quota",
	"restore_time":      "there is no restore from outside",
	"prep_process_time": "no such step by itself: updatelatency", "proposal_process_time": "no such step by itself: updatelatency",
	"requests_in_session_queue": "no such queue", "pending_session_queue_size": "no such queue", "reads_after_write_in_session_queue": "no such queue",
	"reads_issued_from_session_queue": "no such queue", "session_queues_drained": "no such queue", "time_waiting_empty_pool_in_commit_processor_read_ms": "no such pool",
	"write_batch_time_in_commit_processor": "no processors", "concurrent_request_processing_in_commit_processor": "no processors",
	"read_commit_proc_*": "no processors", "write_commit_proc_*": "no processors", "commit_commit_proc_*": "no processors", "commit_process_time": "no processors",
	"read_commitproc_time_ms": "no processors", "write_commitproc_time_ms": "no processors", "read_final_proc_time_ms": "no processors", "write_final_proc_time_ms": "no processors",
	"startup_txns_load_time": "in dbinittime", "startup_snap_load_time": "in dbinittime", "netty_queued_buffer_capacity": "no Netty",
	"learner_request_processor_queue_size": "no processors", "socket_closing_time": "not measured",
	"write_per_namespace": "not counted by path", "read_per_namespace": "not counted by path",
	"learner_handler_*":   "there is no queue for each learner: quorate_learner_lag_txns and quorate_learner_lag_bytes tell what one lacks",
	"propagation_latency": "one clock for several servers would be needed", "commit_propagation_latency": "one clock for several servers would be needed",
	"proposal_latency": "quorum_ack_latency", "proposal_ack_creation_latency": "ack_latency",
	"close_session_prep_time": "no such step by itself", "local_write_committed_time_ms": "quorum_ack_latency", "server_write_committed_time_ms": "quorum_ack_latency",
	"observer_master_id": "learners follow the leader",
	"om_*":               "learners follow the leader", "jvm_pause_time_ms": "no JVM; go_gc_duration_seconds tells of pauses",
}

// why tells why a metric is not there.
func why(name string) (string, bool) {
	if w, ok := absent[name]; ok {
		return w, true
	}
	for part, w := range absent {
		if front, ok := strings.CutSuffix(part, "*"); ok && strings.HasPrefix(name, front) {
			return w, true
		}
	}
	return "", false
}

// metric is what a scrape tells of one.
type metric struct{ kind, help string }

// all returns every metric that there is, but for those of gRPC, of Go and of the process.
func all(t *testing.T) map[string]metric {
	m, listen := busy()
	for _, e := range eventtest.All() {
		listen(e)
	}
	m.Store().SnapshotWritten(snap.Info{}, time.Second)
	found := map[string]metric{}
	for line := range strings.Lines(scrape(t, m)) {
		word := strings.Fields(line)
		switch {
		case len(word) < 4 || word[0] != "#" || strings.HasPrefix(word[2], "go_") || strings.HasPrefix(word[2], "process_") || strings.HasPrefix(word[2], "grpc_") || strings.HasPrefix(word[2], "promhttp_"):
		case word[1] == "HELP":
			found[word[2]] = metric{help: strings.Join(word[3:], " ")}
		case word[1] == "TYPE":
			found[word[2]] = metric{kind: word[3], help: found[word[2]].help}
		}
	}
	return found
}

// TestEveryMetricIsAccountedFor: each of ZooKeeper's is there, or it is said why not, in docs/metrics.md.
func TestEveryMetricIsAccountedFor(t *testing.T) {
	there := all(t)
	var b strings.Builder
	fmt.Fprint(&b, intro)
	table := func(title string, columns []string, rows [][]string) {
		fmt.Fprintf(&b, "\n## %s\n\n| %s |\n|%s\n", title, strings.Join(columns, " | "), strings.Repeat("---|", len(columns)))
		for _, r := range rows {
			fmt.Fprintf(&b, "| %s |\n", strings.Join(r, " | "))
		}
	}
	var theirs, missing, ours [][]string
	names := strings.Fields(zookeepers)
	slices.Sort(names)
	for _, name := range names {
		m, ok := there[name]
		reason, excused := why(name)
		switch {
		case ok && excused:
			t.Errorf("%s is there, and it is said why not", name)
		case ok:
			theirs = append(theirs, []string{"`" + name + "`", m.kind, m.help})
		case excused:
			missing = append(missing, []string{"`" + name + "`", reason})
		default:
			t.Errorf("%s is not there, and nothing says why", name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(there)) {
		if !slices.Contains(names, name) {
			if !strings.HasPrefix(name, "quorate_") {
				t.Errorf("%s is neither ZooKeeper's nor begins with quorate_", name)
			}
			ours = append(ours, []string{"`" + name + "`", there[name].kind, there[name].help})
		}
	}
	table("ZooKeeper's that are there", []string{"name", "kind", "what it tells"}, theirs)
	table("Quorate's own", []string{"name", "kind", "what it tells"}, ours)
	table("ZooKeeper's that are not there", []string{"name", "why not"}, missing)
	golden.Check(t, *rewrite, "../../docs/metrics.md", b.String())
}

const intro = `# Metrics

` + "`quorate serve --metrics-addr :7000`" + ` serves these at /metrics for Prometheus, with those of gRPC (grpc_server_…), of Go (go_…) and of the process
(process_…). What ZooKeeper has too has ZooKeeper's name and unit: times are in milliseconds, a label is called key. Quantiles are those of the last one or two minutes.

The word ` + "`mntr`" + ` and the HTTP command ` + "`monitor`" + ` tell the same, the word with zk_ in front: of a summary its avg_, min_, max_, cnt_ and sum_ since the start, and the
quantiles p50_, p95_, p99_ and p999_; of what has a label, the label's value in front of the name. What only a leader has is told by leaders alone there.
The word ` + "`srst`" + ` resets packets, latencies and sizes, and no counter: in ZooKeeper it resets all.

A test makes this page from the metrics that a server has; ` + "`go test ./server/metrics -rewrite`" + ` writes it anew.
`
