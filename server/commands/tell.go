package commands

import (
	"encoding/json"
	"math"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/quorate/quorate/server/facts"
	"github.com/quorate/quorate/server/lease"
	"github.com/quorate/quorate/server/metrics"
	"github.com/quorate/quorate/server/traffic"
	"github.com/quorate/quorate/store/txn"
)

func nothing(*call) error { return nil }

func configuration(c *call) error {
	for _, s := range c.facts.Settings() {
		if s.Command != "" {
			c.tell(s.Command, s.Value)
		}
	}
	if m := c.facts.Membership(); m != "" {
		c.tell("membership", m)
	}
	return nil
}

func initial(c *call) error {
	var text strings.Builder
	for _, s := range c.facts.Config.Settings() {
		text.WriteString(s.Name + "=" + s.Value + "\n")
	}
	c.tell("initial_configuration", text.String())
	return nil
}

func properties(c *call) error {
	for _, s := range c.facts.Config.Settings() {
		c.tell(s.Name, s.Value)
	}
	return nil
}

func environment(c *call) error {
	for _, v := range c.facts.Environment() {
		c.tell(v.Name, v.Value)
	}
	return nil
}

func dirs(c *call) error {
	d := c.facts.Dirs()
	c.tell("datadir_size", d.Data)
	c.tell("logdir_size", d.Log)
	return nil
}

func hash(c *call) error {
	d := c.facts.Digest()
	c.tell("digests", []object{{{"zxid", d.Zxid}, {"digest", int64(d.Value)}, {"digest_version", 0}}})
	return nil
}

func readOnly(c *call) error {
	c.tell("read_only", c.facts.State() == facts.ReadOnly)
	return nil
}

func lastSnapshot(c *call) error {
	z, at, there := c.facts.LastSnapshot()
	if !there {
		c.tell("zxid", strconv.FormatUint(math.MaxUint64, 16))
		c.tell("timestamp", -1)
		return nil
	}
	c.tell("zxid", strconv.FormatUint(uint64(z), 16))
	c.tell("timestamp", at.Unix())
	return nil
}

func connections(c *call) error {
	c.tellConnections(detail)
	return nil
}

// tellConnections tells of the connections of ZooKeeper's clients. Those that came by TLS are not told apart.
func (c *call) tellConnections(of func(traffic.Info) object) {
	all := []object{}
	for _, i := range c.facts.Connections() {
		all = append(all, of(i))
	}
	c.tell("connections", all)
	c.tell("secure_connections", []object{})
}

// brief is a connection as stats has it.
func brief(i traffic.Info) object {
	waits := 0
	if i.Session != 0 {
		waits = 1
	}
	return object{
		{"remote_socket_address", i.Remote.String()},
		{"interest_ops", waits},
		{"outstanding_requests", i.Outstanding},
		{"packets_received", i.Received},
		{"packets_sent", i.Sent},
	}
}

func detail(i traffic.Info) object {
	o := brief(i)
	if i.Session == 0 {
		return o
	}
	operation, cxid, zxid, answered := "NA", int64(-1), int64(-1), int64(0)
	if !i.At.IsZero() {
		operation, cxid, zxid, answered = traffic.Name(i.Op), int64(i.Xid), int64(i.Zxid), i.At.UnixMilli()
	}
	return append(o,
		field{"session_id", int64(i.Session)},
		field{"last_operation", operation},
		field{"established", i.Came.UnixMilli()},
		field{"session_timeout", i.Timeout.Milliseconds()},
		field{"last_cxid", cxid},
		field{"last_zxid", zxid},
		field{"last_response_time", answered},
		field{"last_latency", i.Last.Milliseconds()},
		field{"min_latency", i.Min.Milliseconds()},
		field{"avg_latency", i.Avg().Milliseconds()},
		field{"max_latency", i.Max.Milliseconds()},
	)
}

func dump(c *call) error {
	s := c.facts.Sessions()
	expiry := object{}
	for _, d := range append(s.Deadlines, s.Locals...) {
		expiry = append(expiry, field{millis(d), signed(d.Sessions)})
	}
	owned := object{}
	for _, e := range s.Ephemerals {
		owned = append(owned, field{sessionID(e.Session), e.Paths})
	}
	c.tell("expiry_time_to_session_ids", expiry)
	c.tell("session_id_to_ephemeral_paths", owned)
	return nil
}

func millis(d lease.Deadline) string { return strconv.FormatInt(d.At.UnixMilli(), 10) }

// signed are ids as ZooKeeper's signed numbers.
func signed(ids []txn.SessionID) []int64 {
	all := make([]int64, len(ids))
	for i, id := range ids {
		all[i] = int64(id)
	}
	return all
}

func sessionID(id txn.SessionID) string { return strconv.FormatInt(int64(id), 10) }

func watches(c *call) error {
	all := object{}
	for _, w := range c.facts.Watched() {
		all = append(all, field{sessionID(w.Session), w.Paths})
	}
	c.tell("session_id_to_watched_paths", all)
	return nil
}

func watchesByPath(c *call) error {
	all := object{}
	for _, w := range c.facts.Watchers() {
		all = append(all, field{w.Path, signed(w.Sessions)})
	}
	c.tell("path_to_session_ids", all)
	return nil
}

func watchSummary(c *call) error {
	s := c.facts.WatchSummary()
	c.tell("num_connections", s.Connections)
	c.tell("num_paths", s.Paths)
	c.tell("num_total_watches", s.Total)
	return nil
}

func monitor(c *call) error {
	state := c.facts.State()
	c.tell("version", c.facts.FullVersion())
	c.tell("server_state", state)
	if p := state.PeerState(); p != "" {
		c.tell("peer_state", p)
	}
	for _, v := range c.facts.Monitor(state) {
		c.tell(v.Name, json.Number(v.Number))
	}
	return nil
}

func serverStats(c *call) error {
	s := c.facts.Server()
	c.tell("version", s.Version)
	c.tell("read_only", s.State == facts.ReadOnly)
	c.tell("server_stats", object{
		{"packets_sent", s.Traffic.Sent},
		{"packets_received", s.Traffic.Received},
		{"client_response_stats", sizes(s.Answers)},
		{"provider_null", false},
		{"server_state", s.State},
		{"outstanding_requests", s.Traffic.Outstanding},
		{"min_latency", math.Round(s.Traffic.Latency.Min)},
		{"avg_latency", json.Number(metrics.Mean(s.Traffic.Latency.Avg()))},
		{"max_latency", math.Round(s.Traffic.Latency.Max)},
		{"data_dir_size", s.Data},
		{"log_dir_size", s.Log},
		{"last_processed_zxid", s.Zxid},
		{"num_alive_client_connections", s.Traffic.Connections},
		{"uptime", s.Uptime.Milliseconds()},
		{"auth_failed_count", s.Traffic.Refused},
	})
	c.tell("client_response", sizes(s.Answers))
	if s.Proposals != nil {
		c.tell("proposal_stats", sizes(*s.Proposals))
	}
	c.tell("node_count", s.Nodes)
	return nil
}

func sizes(s facts.Sizes) object {
	return object{{"last_buffer_size", s.Last}, {"min_buffer_size", s.Min}, {"max_buffer_size", s.Max}}
}

func stats(c *call) error {
	if err := serverStats(c); err != nil {
		return err
	}
	c.tellConnections(brief)
	return nil
}

// notInitialized is what ZooKeeper says of a server that is in no ensemble.
const notInitialized = "server is not initialized"

func leader(c *call) error {
	state := c.facts.State()
	if !state.Ensemble() {
		return &refusal{200, notInitialized}
	}
	e := c.facts.Ensemble()
	c.tell("is_leader", state == facts.Leader)
	c.tell("leader_id", e.Leader)
	c.tell("leader_ip", e.LeaderHost)
	return nil
}

func observers(c *call) error {
	all := []object{}
	e := c.facts.Ensemble()
	for _, l := range e.Learners {
		if l.Votes || l.State != "serving" {
			continue
		}
		all = append(all, object{
			{"remote_socket_address", "/" + addressOf(e, l.ID)},
			{"sid", l.ID},
			{"established", established(l.Sync.Began)},
			{"queued_packets", l.LagTxns},
			{"queued_packets_size", l.LagBytes},
			{"requests", l.Owed},
			{"last_zxid", l.Acked},
		})
	}
	c.tell("synced_observers", len(all))
	c.tell("observers", all)
	return nil
}

func established(t time.Time) int64 {
	if t.IsZero() {
		return -1
	}
	return t.UnixMilli()
}

func addressOf(e facts.Ensemble, id txn.ServerID) string {
	for _, m := range e.Members {
		if m.ID == id {
			return m.Address
		}
	}
	return ""
}

func votingView(c *call) error {
	view := object{}
	if c.facts.State().Ensemble() {
		e := c.facts.Ensemble()
		for _, m := range e.Members {
			if m.Role == txn.Observer {
				continue
			}
			client := ""
			if m.ID == e.ID {
				client = c.facts.ClientAddress
			}
			view = append(view, field{strconv.Itoa(int(m.ID)), object{
				{"server_addresses", []string{m.Address}},
				{"election_addresses", []string{m.Address}},
				{"client_address", client},
				{"learner_type", "participant"},
			}})
		}
	}
	c.tell("current_config", view)
	return nil
}

func zabState(c *call) error {
	state := c.facts.State()
	if !state.Ensemble() {
		c.tell("voting", false)
		c.tell("zabstate", "")
		return nil
	}
	e := c.facts.Ensemble()
	own := addressOf(e, e.ID)
	c.tell("myid", e.ID)
	c.tell("is_leader", state == facts.Leader)
	c.tell("quorum_address", multiAddress(own))
	c.tell("election_address", multiAddress(own))
	c.tell("client_address", c.facts.ClientAddress)
	c.tell("voting", e.Votes)
	c.tell("last_zxid", "0x"+strconv.FormatUint(uint64(e.Zxid), 16))
	c.tell("zab_epoch", e.Zxid.Epoch())
	c.tell("zab_counter", e.Zxid.Counter())
	c.tell("zabstate", "broadcast")
	return nil
}

// multiAddress is one address in the form in which ZooKeeper tells several.
func multiAddress(addr string) object {
	host, port, _ := net.SplitHostPort(addr)
	number, _ := strconv.Atoi(port)
	one := []string{addr}
	return object{
		{"empty", addr == ""},
		{"all_addresses", one},
		{"all_reachable_addresses", one},
		{"one", addr},
		{"reachable_address", addr},
		{"wildcard_addresses", []string{net.JoinHostPort("0.0.0.0", port)}},
		{"all_ports", []int{number}},
		{"all_host_strings", []string{host}},
		{"all_reachable_addresses_or_all", one},
		{"reachable_or_one", addr},
	}
}
