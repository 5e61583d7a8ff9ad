package admin

import (
	"context"
	"net"
	"testing"
	"time"

	grpcpeer "google.golang.org/grpc/peer"

	adminv1 "github.com/quorate/quorate/gen/quorate/admin/v1"
	"github.com/quorate/quorate/peer"
	"github.com/quorate/quorate/peer/election"
	"github.com/quorate/quorate/peer/resync"
	"github.com/quorate/quorate/server/api"
	"github.com/quorate/quorate/store/fault"
	"github.com/quorate/quorate/store/txn"
)

// from is a call that comes from an address.
func from(t *testing.T, addr string) context.Context {
	tcp, err := net.ResolveTCPAddr("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	return grpcpeer.NewContext(t.Context(), &grpcpeer.Peer{Addr: tcp})
}

// TestWhoMayChangeSomething: the super identity, and without one this machine.
func TestWhoMayChangeSomething(t *testing.T) {
	for _, tc := range []struct {
		from string
		need bool
		want bool
	}{
		{"127.0.0.1:5", false, true},
		{"127.9.9.9:5", false, true},
		{"[::1]:5", false, true},
		{"[::ffff:127.0.0.1]:5", false, true},
		{"10.0.0.1:5", false, false},
		{"[fe80::1]:5", false, false},
		{"127.0.0.1:5", true, false},
	} {
		resigned := 0
		a := New(Config{NeedSuper: tc.need, PeerResign: func(context.Context, txn.ServerID) error { resigned++; return nil }})
		_, err := a.Resign(from(t, tc.from), &adminv1.ResignRequest{})
		if (err == nil) != tc.want || (resigned == 1) != tc.want {
			t.Errorf("from %s, super needed %v: %v, resigned %d times", tc.from, tc.need, err, resigned)
		}
	}
	a := New(Config{})
	if a.allowed(t.Context()) == nil {
		t.Error("a call from nowhere may change something")
	}
}

// TestStatesAndKindsHaveNames, each a different one.
func TestStatesAndKindsHaveNames(t *testing.T) {
	roles, kinds, states := map[adminv1.Role]bool{}, map[adminv1.SyncKind]bool{}, map[adminv1.LearnerState]bool{}
	for _, r := range []peer.Role{peer.Looking, peer.Following, peer.Observing, peer.Leading, 99} {
		roles[role(r)] = true
	}
	for _, k := range []resync.Kind{resync.Diff, resync.Trunc, resync.Snap, 0} {
		kinds[kind(k)] = true
	}
	for _, s := range []string{"discovering", "synchronizing", "synchronized", "serving", ""} {
		states[state(s)] = true
	}
	if len(roles) != len(adminv1.Role_name) || len(kinds) != len(adminv1.SyncKind_name) || len(states) != len(adminv1.LearnerState_name) {
		t.Errorf("roles %v, kinds %v, states %v", roles, kinds, states)
	}
}

// TestWhoCounts: by the disks that the server that answers has seen.
func TestWhoCounts(t *testing.T) {
	a := New(Config{PlaceOf: func(id txn.ServerID) (int64, int) {
		if id == 5 {
			return 0, 1
		}
		return 1, 1
	}})
	member := func(id txn.ServerID, role txn.Role, disk txn.StorageID) peer.MemberStatus {
		return peer.MemberStatus{Member: txn.Member{ID: id, Role: role, Storage: disk}, Address: "told"}
	}
	status := peer.Status{
		MembersZxid: 9,
		Members: []peer.MemberStatus{
			member(1, txn.Voter, 11), member(2, txn.Voter, 12), member(3, txn.Voter, 13), member(4, txn.Voter, 0),
			member(5, txn.Voter, 15), member(6, txn.Observer, 16),
		},
		Learners: []peer.LearnerStatus{{ID: 2, Storage: 12}, {ID: 3, Storage: 99}},
	}
	counts := func(own txn.StorageID) (ids []uint32) {
		for _, m := range a.members(status, 1, own) {
			if m.GetAddress() != "told" {
				t.Errorf("member %v", m)
			}
			if m.GetCounts() {
				ids = append(ids, m.GetId())
			}
		}
		return ids
	}
	if got := counts(11); len(got) != 2 || got[0] != 1 || got[1] != 2 {
		t.Errorf("%v count; want 1 and 2: 3 has another disk, 4's is not known, 5 weighs nothing, 6 is an observer", got)
	}
	if got := counts(77); len(got) != 1 || got[0] != 2 {
		t.Errorf("with another disk here %v count, want 2", got)
	}
	status.MembersZxid = 0
	if got := counts(77); len(got) != 4 {
		t.Errorf("while the ensemble is being founded %v count, want 1 to 4", got)
	}
}

// TestWhereTheLeaderServesClients: at the host where it is followed, if it has told the port.
func TestWhereTheLeaderServesClients(t *testing.T) {
	at := func(address string) []peer.MemberStatus {
		return []peer.MemberStatus{{Member: txn.Member{ID: 1}, Address: "a:1"}, {Member: txn.Member{ID: 2}, Address: address}}
	}
	for _, tt := range []struct {
		status peer.Status
		want   string
	}{
		{peer.Status{Leader: 2, LeaderPort: 2181, Members: at("b:3")}, "b:2181"},
		{peer.Status{Leader: 2, LeaderPort: 2181, Members: at("[::1]:3")}, "[::1]:2181"},
		{peer.Status{Leader: 2, Members: at("b:3")}, ""},
		{peer.Status{Leader: 2, LeaderPort: 2181, Members: at("")}, ""},
		{peer.Status{Leader: 3, LeaderPort: 2181, Members: at("b:3")}, ""},
	} {
		if got := leaderAddress(tt.status); got != tt.want {
			t.Errorf("%v: %q, want %q", tt.status, got, tt.want)
		}
	}
}

// TestLearnerAsItIsTold: times that are not there yet are absent.
func TestLearnerAsItIsTold(t *testing.T) {
	l := &peer.LearnerStatus{
		ID: 2, State: "synchronizing", Votes: true, Counts: true, Storage: 7, Acked: 8, LagTxns: 9, LagBytes: 10, Silent: time.Second,
		Sync: peer.SyncStatus{Kind: resync.Snap, Began: time.Unix(100, 0), Bytes: 11},
	}
	m := learner(l)
	if m.GetId() != 2 || !m.GetVoter() || !m.GetCounts() || m.GetStorage() != 7 || m.GetAcked() != 8 || m.GetLagTxns() != 9 || m.GetLagBytes() != 10 {
		t.Errorf("told as %v", m)
	}
	if m.GetSilent().AsDuration() != time.Second || m.GetSyncBegan().GetSeconds() != 100 || m.GetSyncBytes() != 11 || m.GetSyncTook() != nil {
		t.Errorf("told as %v", m)
	}
	l.Sync = peer.SyncStatus{Took: time.Minute}
	if m = learner(l); m.GetSyncBegan() != nil || m.GetSyncTook().AsDuration() != time.Minute {
		t.Errorf("told as %v", m)
	}
	e := electionOf(election.Status{Round: 3, Vote: election.Vote{Leader: 2, Epoch: 5, Zxid: 6}, Unheard: []txn.ServerID{1, 3}})
	if e.GetRound() != 3 || e.GetCandidate() != 2 || e.GetCandidateEpoch() != 5 || e.GetCandidateZxid() != 6 || len(e.GetUnheard()) != 2 {
		t.Errorf("told as %v", e)
	}
}

// TestRefusalOfThePeer reaches the operator with its reason.
func TestRefusalOfThePeer(t *testing.T) {
	a := New(Config{PeerResign: func(context.Context, txn.ServerID) error { return fault.New(fault.Unavailable, "", "does not lead") }})
	_, err := a.Resign(from(t, "127.0.0.1:1"), &adminv1.ResignRequest{})
	if want := api.Error(fault.New(fault.Unavailable, "", "does not lead")); err == nil || err.Error() != want.Error() {
		t.Errorf("got %v, want %v", err, want)
	}
	for _, r := range []*adminv1.MessagesRequest{{Server: 300}, {Server: 1 << 31}} {
		if m, err := a.Messages(t.Context(), r); err != nil || len(m.GetConversations()) != 0 {
			t.Errorf("server %d: %v, %v", r.GetServer(), m, err)
		}
	}
}
