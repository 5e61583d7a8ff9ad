package server

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"

	adminv1 "github.com/quorate/quorate/gen/quorate/admin/v1"
	apiv1 "github.com/quorate/quorate/gen/quorate/api/v1"
	"github.com/quorate/quorate/internal/loopback"
	"github.com/quorate/quorate/server/config"
	"github.com/quorate/quorate/store/txn"
	"github.com/quorate/quorate/store/vfs"
)

// peersOn is a list of so many voters and then observers on free ports of this machine.
func peersOn(t *testing.T, voters, observers int) config.Peers {
	t.Helper()
	var parts []string
	for i := range voters + observers {
		addr, err := loopback.Free()
		if err != nil {
			t.Fatal(err)
		}
		part := fmt.Sprintf("%d=%s", i+1, addr)
		if i >= voters {
			part += ":observer"
		}
		parts = append(parts, part)
	}
	peers, err := config.ParsePeers(strings.Join(parts, ","))
	if err != nil {
		t.Fatal(err)
	}
	return peers
}

// ensemble runs all servers of a list until the test ends; all serve when it returns.
func ensemble(t *testing.T, peers config.Peers, edit func(*config.Config)) []*world {
	t.Helper()
	nodes := make([]*Node, len(peers))
	for i := range peers {
		nodes[i] = member(t, peers, i+1, vfs.NewMem(), edit)
	}
	all := make([]*world, len(peers))
	var starting sync.WaitGroup
	for i, n := range nodes {
		all[i] = begin(t, n)
		starting.Go(func() { all[i].awaitHealth(t, "", healthv1.HealthCheckResponse_SERVING) })
	}
	starting.Wait()
	return all
}

// member is server id of an ensemble.
func member(t *testing.T, peers config.Peers, id int, fs vfs.FS, edit func(*config.Config)) *Node {
	t.Helper()
	n, err := New(t.Context(), settingsFor(func(c *config.Config) {
		c.ID, c.Peers, c.MetricsAddr = uint(id), peers, "127.0.0.1:0"
		if edit != nil {
			edit(c)
		}
	}), Options{FS: fs, Build: "test"})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func (w *world) status(t *testing.T) *adminv1.StatusResponse {
	t.Helper()
	s, err := w.admin.Status(t.Context(), &adminv1.StatusRequest{})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// leaderOf returns who leads, and a voter who does not.
func leaderOf(t *testing.T, all []*world) (leader, follower *world) {
	t.Helper()
	for _, w := range all {
		switch w.status(t).GetRole() {
		case adminv1.Role_ROLE_LEADER:
			leader = w
		case adminv1.Role_ROLE_FOLLOWER:
			follower = w
		}
	}
	if leader == nil || follower == nil {
		t.Fatal("nobody leads, or nobody follows")
	}
	return leader, follower
}

// eventually waits until a condition holds.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(patience); !holds(); <-tick.C {
		if time.Now().After(end) {
			t.Fatalf("in vain waited for: %s", what)
		}
	}
}

// TestEnsembleOverTCP: any server takes writes, and each tells the ensemble as it sees it.
func TestEnsembleOverTCP(t *testing.T) {
	all := ensemble(t, peersOn(t, 3, 1), nil)
	leader, follower := leaderOf(t, all)
	var last uint64
	for i, w := range all {
		last = w.create(t, &apiv1.CreateRequest{Path: fmt.Sprintf("/by-%d", i+1), Data: []byte("x")}).GetZxid()
	}
	for i, w := range all {
		if r, err := w.keeper.Sync(t.Context(), &apiv1.SyncRequest{}); err != nil || r.GetZxid() < last {
			t.Errorf("Sync on server %d: %v, %v; want at least %d", i+1, r, err, last)
		}
		if r, err := w.keeper.Get(t.Context(), &apiv1.GetRequest{Path: "/by-4"}); err != nil || string(r.GetData()) != "x" {
			t.Errorf("read on server %d after a Sync: %v, %v", i+1, r, err)
		}
	}
	_, err := follower.keeper.Create(t.Context(), &apiv1.CreateRequest{Path: "/by-1"})
	wantReason(t, err, "NODE_EXISTS", "path", "/by-1")
	checkStatus(t, all, leader, txn.Zxid(last).Epoch())
	checkMetrics(t, leader, follower)
	m, err := follower.admin.Messages(t.Context(), &adminv1.MessagesRequest{Server: leader.status(t).GetId()})
	if err != nil || len(m.GetConversations()) != 1 || m.GetConversations()[0].GetLeading() || len(m.GetConversations()[0].GetMessages()) == 0 {
		t.Errorf("what the follower and the leader said: %v, %v", m, err)
	}
	m, err = leader.admin.Messages(t.Context(), &adminv1.MessagesRequest{})
	if err != nil || len(m.GetConversations()) != 3 || !m.GetConversations()[0].GetLeading() {
		t.Errorf("what the leader and all others said: %v, %v", m, err)
	}
}

func checkStatus(t *testing.T, all []*world, leader *world, epoch txn.Epoch) {
	t.Helper()
	led := leader.status(t)
	if len(led.GetLearners()) != 3 {
		t.Fatalf("the leader has the learners %v", led.GetLearners())
	}
	for _, l := range led.GetLearners() {
		observer := l.GetId() == 4
		if l.GetState() != adminv1.LearnerState_LEARNER_STATE_SERVING || l.GetCounts() == observer || l.GetVoter() == observer || l.GetStorage() == 0 {
			t.Errorf("learner %v", l)
		}
		if l.GetSyncKind() == adminv1.SyncKind_SYNC_KIND_UNSPECIFIED || l.GetSyncBegan() == nil {
			t.Errorf("how learner %d was synchronized: %v", l.GetId(), l)
		}
	}
	for i, w := range all {
		s := w.status(t)
		if s.GetLeader() != led.GetId() || s.GetEpoch() != uint32(epoch) || s.GetAcceptedEpoch() != uint32(epoch) || s.GetReason() != "" || s.GetPeerAddress() != w.PeerAddr() {
			t.Errorf("server %d: %v", i+1, s)
		}
		if (s.GetRole() == adminv1.Role_ROLE_OBSERVER) != (i == 3) || s.GetElection().GetRound() == 0 || s.GetElection().GetCandidate() != led.GetId() {
			t.Errorf("server %d: role %v, election %v", i+1, s.GetRole(), s.GetElection())
		}
		want := led.GetClientAddress()
		if w == leader {
			want = ""
		}
		if s.GetLeaderClientAddress() != want {
			t.Errorf("server %d says that the leader is at %q, want %q", i+1, s.GetLeaderClientAddress(), want)
		}
		if len(s.GetMembers()) != 4 || s.GetMembersZxid() != led.GetMembersZxid() || s.GetMembersZxid() == 0 {
			t.Fatalf("server %d knows the members %v of %d", i+1, s.GetMembers(), s.GetMembersZxid())
		}
		for j, m := range s.GetMembers() {
			voter := j < 3
			if m.GetId() != uint32(j+1) || m.GetAddress() != all[j].PeerAddr() || m.GetVoter() != voter || m.GetCounts() != voter ||
				(m.GetWeight() == 1) != voter || (m.GetGroup() == 1) != voter {
				t.Errorf("server %d knows %v", i+1, m)
			}
			if voter && m.GetStorage() != all[j].status(t).GetStorage() {
				t.Errorf("server %d knows %v, which has storage %x", i+1, m, all[j].status(t).GetStorage())
			}
		}
	}
}

func checkMetrics(t *testing.T, leader, follower *world) {
	t.Helper()
	body := fetch(t, "http://"+leader.MetricsAddr()+"/metrics")
	for _, want := range []string{"quorum_size 3", "learners 3", "synced_followers 2", "synced_observers 1", "quorate_leader 1", "inflight_snap_count 0"} {
		if !strings.Contains(body, "\n"+want+"\n") {
			t.Errorf("%q is missing on the leader", want)
		}
	}
	for _, want := range []string{"\nack_latency_count{", "\nquorate_learner_lag_bytes{", "\nelection_time_count ", "\nquorum_ack_latency_count "} {
		if !strings.Contains(body, want) {
			t.Errorf("%q is missing on the leader", strings.TrimSpace(want))
		}
	}
	for _, zero := range []string{"election_time_count 0", "diff_count 0", "diff_count 1", "diff_count 2"} { // each may have taken more than one attempt
		if strings.Contains(body, "\n"+zero+"\n") {
			t.Errorf("%q on the leader", zero)
		}
	}
	body = fetch(t, "http://"+follower.MetricsAddr()+"/metrics")
	for _, want := range []string{"quorate_leader 0", "learners 0"} {
		if !strings.Contains(body, "\n"+want+"\n") {
			t.Errorf("%q is missing on a follower", want)
		}
	}
	for _, zero := range []string{"follower_sync_time_count 0", "learner_proposal_received_count 0", "learner_commit_received_count 0", "quorate_requests_forwarded_total 0"} {
		if strings.Contains(body, "\n"+zero+"\n") {
			t.Errorf("%q on a follower", zero)
		}
	}
}

// TestResign hands the leadership to a server that is named, without a loss.
func TestResign(t *testing.T) {
	all := ensemble(t, peersOn(t, 3, 0), nil)
	leader, _ := leaderOf(t, all)
	follower := all[0] // the last of the others to be elected if nobody stands back
	if follower == leader {
		follower = all[1]
	}
	before := txn.Zxid(leader.create(t, &apiv1.CreateRequest{Path: "/before"}).GetZxid()).Epoch()
	heir := follower.status(t).GetId()
	_, err := follower.admin.Resign(t.Context(), &adminv1.ResignRequest{})
	wantReason(t, err, "UNAVAILABLE")
	for _, nobody := range []uint32{leader.status(t).GetId(), 9, 300} {
		_, err = leader.admin.Resign(t.Context(), &adminv1.ResignRequest{Successor: nobody})
		wantReason(t, err, "BAD_ARGUMENTS")
	}
	if _, err := leader.admin.Resign(t.Context(), &adminv1.ResignRequest{Successor: heir}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "all follow the heir", func() bool {
		following := 0
		for _, w := range all {
			s := w.status(t)
			if s.GetRole() == adminv1.Role_ROLE_LEADER && s.GetId() != heir { // nobody stands back for ever: an heir that is slow is asked for again
				_, _ = w.admin.Resign(t.Context(), &adminv1.ResignRequest{Successor: heir})
			}
			if s.GetLeader() == heir {
				following++
			}
		}
		return following == len(all)
	})
	after := txn.Zxid(leader.create(t, &apiv1.CreateRequest{Path: "/before/after"}).GetZxid()).Epoch()
	if s := follower.status(t); s.GetRole() != adminv1.Role_ROLE_LEADER || s.GetEpoch() != uint32(after) || after <= before {
		t.Errorf("the heir, after epoch %d and in %d: %v", before, after, s)
	}
}

// TestEnsembleWithoutItsLeader goes on; the one who comes back has what happened meanwhile.
func TestEnsembleWithoutItsLeader(t *testing.T) {
	peers := peersOn(t, 3, 0)
	disks := []*vfs.Mem{vfs.NewMem(), vfs.NewMem(), vfs.NewMem()}
	var all []*world
	for i, disk := range disks {
		all = append(all, begin(t, member(t, peers, i+1, disk, nil)))
	}
	for _, w := range all {
		w.awaitHealth(t, "", healthv1.HealthCheckResponse_SERVING)
	}
	leader, follower := leaderOf(t, all)
	leader.create(t, &apiv1.CreateRequest{Path: "/a"})
	was := int(leader.status(t).GetId())
	if err := leader.stop(); err != nil {
		t.Fatal(err)
	}
	if leader.cutOff.Load() {
		t.Error("the leader took all its time to stop")
	}
	eventually(t, "a write on another server", func() bool {
		_, err := follower.keeper.Create(t.Context(), &apiv1.CreateRequest{Path: "/b"})
		if reason, _ := reason(err); err != nil && reason != "UNAVAILABLE" && reason != "UNKNOWN_OUTCOME" && reason != "NODE_EXISTS" {
			t.Errorf("without a leader: %v", err)
		}
		return err == nil || status.Code(err) == codes.AlreadyExists
	})
	again := attach(t, member(t, peers, was, disks[was-1], nil))
	if _, err := again.keeper.Sync(t.Context(), &apiv1.SyncRequest{}); err != nil {
		t.Fatal(err)
	}
	if r, err := again.keeper.Exists(t.Context(), &apiv1.ExistsRequest{Path: "/b"}); err != nil || r.Stat == nil {
		t.Errorf("the server that came back lacks /b: %v, %v", r, err)
	}
}

// TestPeerSecret: two servers that know it are an ensemble, and a third that does not is told why it is out.
func TestPeerSecret(t *testing.T) {
	dir := t.TempDir()
	secret := func(name, content string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	right, wrong := secret("right", "0123456789abcdef\n"), secret("wrong", "fedcba9876543210\n")
	peers := peersOn(t, 3, 0)
	var all []*world
	for id, file := range []string{right, right, wrong} {
		all = append(all, begin(t, member(t, peers, id+1, vfs.NewMem(), func(c *config.Config) { c.PeerSecretFile, c.Bootstrap = file, true })))
	}
	for _, w := range all[:2] {
		w.awaitHealth(t, "", healthv1.HealthCheckResponse_SERVING)
	}
	all[0].create(t, &apiv1.CreateRequest{Path: "/a"})
	eventually(t, "without the secret a server looks for a leader, and hears nobody", func() bool {
		s := all[2].status(t)
		return s.GetRole() == adminv1.Role_ROLE_LOOKING && len(s.GetElection().GetUnheard()) == 2
	})
	eventually(t, "a refused call is counted", func() bool {
		return !strings.Contains(fetch(t, "http://"+all[0].MetricsAddr()+"/metrics"), "\nensemble_auth_fail 0\n")
	})
}

// TestGroupsThatDoNotFitTheEnsemble are refused before anything is decided by them.
func TestGroupsThatDoNotFitTheEnsemble(t *testing.T) {
	fs := vfs.NewMem()
	w := attach(t, member(t, peersOn(t, 1, 0), 1, fs, nil))
	w.create(t, &apiv1.CreateRequest{Path: "/a"})
	if err := w.stop(); err != nil {
		t.Fatal(err)
	}
	three := peersOn(t, 3, 0)
	_, err := New(t.Context(), settingsFor(func(c *config.Config) {
		c.Peers = three
		c.Groups, _ = config.ParseGroups("1,2;3")
	}), Options{FS: fs})
	if err == nil || !strings.Contains(err.Error(), "--groups and --weights do not fit the ensemble in /data: server 2") {
		t.Errorf("got %v", err)
	}
}

// TestPeerPortIsTaken is noticed at the start.
func TestPeerPortIsTaken(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, err = New(t.Context(), settingsFor(func(c *config.Config) { c.PeerAddr = l.Addr().String() }), Options{FS: vfs.NewMem()})
	if err == nil || !strings.Contains(err.Error(), l.Addr().String()+": another process has this port") {
		t.Errorf("got %v", err)
	}
	_, err = New(t.Context(), settingsFor(func(c *config.Config) { c.PeerSecretFile = "/missing" }), Options{FS: vfs.NewMem()})
	if err == nil || !strings.Contains(err.Error(), "--peer-secret-file: open /missing") {
		t.Errorf("got %v", err)
	}
}
