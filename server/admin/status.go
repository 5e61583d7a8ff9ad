package admin

import (
	"context"
	"net"
	"strconv"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	adminv1 "github.com/quorate/quorate/gen/quorate/admin/v1"
	"github.com/quorate/quorate/peer"
	"github.com/quorate/quorate/peer/election"
	"github.com/quorate/quorate/peer/resync"
	"github.com/quorate/quorate/server/tracker"
	"github.com/quorate/quorate/store/txn"
)

// Status tells how this server is, and the ensemble as far as it knows.
func (a *Admin) Status(context.Context, *adminv1.StatusRequest) (*adminv1.StatusResponse, error) {
	s, p, v, id := a.Store.Stats(), a.PeerStatus(), a.Version(), a.Store.Identity()
	m := &adminv1.StatusResponse{
		Id: uint32(id.Server), Role: role(p.Role), Reason: p.Reason, Epoch: uint32(p.Epoch), AcceptedEpoch: uint32(p.Accepted), Leader: uint32(p.Leader),
		LastLogged: uint64(s.Last), LastDurable: uint64(s.Durable), LastCommitted: uint64(p.Committed), LastApplied: uint64(v.Zxid()),
		Nodes: uint64(v.Len()), Sessions: uint64(v.Sessions()), Digest: v.Digest(),
		UptimeSeconds: time.Since(a.Started).Seconds(), Version: a.Build,
		Ensemble: uint64(id.Ensemble), Storage: uint64(id.Storage),
		LastSnapshot: uint64(s.Snapshot), LogBytes: uint64(s.LogBytes), ClientAddress: a.ClientAddress, LeaderClientAddress: leaderAddress(p), PeerAddress: a.PeerAddress,
		Members: a.members(p, id.Server, id.Storage), MembersZxid: uint64(p.MembersZxid), Election: electionOf(p.Election),
	}
	for i := range p.Learners {
		m.Learners = append(m.Learners, learner(&p.Learners[i]))
	}
	return m, nil
}

// leaderAddress is where the leader that is followed serves clients: at the host where it is followed.
func leaderAddress(p peer.Status) string {
	for _, m := range p.Members {
		host, _, err := net.SplitHostPort(m.Address)
		if m.ID == p.Leader && p.LeaderPort != 0 && err == nil {
			return net.JoinHostPort(host, strconv.Itoa(int(p.LeaderPort)))
		}
	}
	return ""
}

func role(r peer.Role) adminv1.Role {
	switch r {
	case peer.Looking:
		return adminv1.Role_ROLE_LOOKING
	case peer.Following:
		return adminv1.Role_ROLE_FOLLOWER
	case peer.Observing:
		return adminv1.Role_ROLE_OBSERVER
	case peer.Leading:
		return adminv1.Role_ROLE_LEADER
	default:
		return adminv1.Role_ROLE_UNSPECIFIED
	}
}

// members are the servers of the ensemble; own is this one's id, disk its storage identity.
func (a *Admin) members(p peer.Status, own txn.ServerID, disk txn.StorageID) []*adminv1.Member {
	disks := map[txn.ServerID]txn.StorageID{own: disk} // as far as seen
	for _, l := range p.Learners {
		disks[l.ID] = l.Storage
	}
	all := make([]*adminv1.Member, len(p.Members))
	for i, m := range p.Members {
		all[i] = &adminv1.Member{Id: uint32(m.ID), Address: m.Address, Voter: m.Role != txn.Observer, Storage: uint64(m.Storage)}
		if !all[i].Voter {
			continue
		}
		weight, group := a.PlaceOf(m.ID)
		seen, known := disks[m.ID]
		all[i].Weight, all[i].Group = weight, uint32(group)
		// While the ensemble is being founded no disk is known: whoever is listed counts.
		all[i].Counts = weight > 0 && (p.MembersZxid == 0 || m.Storage != 0 && (!known || seen == m.Storage))
	}
	return all
}

func electionOf(s election.Status) *adminv1.Election {
	m := &adminv1.Election{
		Round: uint64(s.Round), Candidate: uint32(s.Vote.Leader), CandidateEpoch: uint32(s.Vote.Epoch), CandidateZxid: uint64(s.Vote.Zxid),
	}
	for _, id := range s.Unheard {
		m.Unheard = append(m.Unheard, uint32(id))
	}
	return m
}

func learner(l *peer.LearnerStatus) *adminv1.LearnerStatus {
	m := &adminv1.LearnerStatus{
		Id: uint32(l.ID), State: state(l.State), Voter: l.Votes, Counts: l.Counts, Storage: uint64(l.Storage),
		Acked: uint64(l.Acked), LagTxns: l.LagTxns, LagBytes: l.LagBytes, Silent: durationpb.New(l.Silent),
		SyncKind: kind(l.Sync.Kind), SyncBytes: l.Sync.Bytes,
	}
	if !l.Sync.Began.IsZero() {
		m.SyncBegan = timestamppb.New(l.Sync.Began)
	}
	if l.Sync.Took > 0 {
		m.SyncTook = durationpb.New(l.Sync.Took)
	}
	return m
}

func state(s string) adminv1.LearnerState {
	switch s {
	case "discovering":
		return adminv1.LearnerState_LEARNER_STATE_DISCOVERING
	case "synchronizing":
		return adminv1.LearnerState_LEARNER_STATE_SYNCHRONIZING
	case "synchronized":
		return adminv1.LearnerState_LEARNER_STATE_SYNCHRONIZED
	case "serving":
		return adminv1.LearnerState_LEARNER_STATE_SERVING
	default:
		return adminv1.LearnerState_LEARNER_STATE_UNSPECIFIED
	}
}

func kind(k resync.Kind) adminv1.SyncKind {
	switch k {
	case resync.Diff:
		return adminv1.SyncKind_SYNC_KIND_DIFF
	case resync.Trunc:
		return adminv1.SyncKind_SYNC_KIND_TRUNC
	case resync.Snap:
		return adminv1.SyncKind_SYNC_KIND_SNAP
	default:
		return adminv1.SyncKind_SYNC_KIND_UNSPECIFIED
	}
}

// Messages tells what was last said on the streams with other servers.
func (a *Admin) Messages(_ context.Context, r *adminv1.MessagesRequest) (*adminv1.MessagesResponse, error) {
	m := &adminv1.MessagesResponse{}
	if r.GetServer() > uint32(txn.MaxServerID) {
		return m, nil
	}
	for _, c := range a.Conversations(txn.ServerID(r.GetServer())) {
		m.Conversations = append(m.Conversations, conversation(&c))
	}
	return m, nil
}

func conversation(c *tracker.Conversation) *adminv1.Conversation {
	m := &adminv1.Conversation{Server: uint32(c.Server), Leading: c.Leading, Began: timestamppb.New(c.Began), Total: c.Total}
	for _, said := range c.Messages {
		m.Messages = append(m.Messages, &adminv1.Message{
			At: timestamppb.New(said.At), Sent: said.Sent, Step: said.Step, Zxid: uint64(said.Zxid), Number: said.Number,
		})
	}
	return m
}
