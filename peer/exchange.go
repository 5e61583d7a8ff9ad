package peer

import (
	"strings"

	quorumv1 "github.com/quorate/quorate/gen/quorate/quorum/v1"
	txnv1 "github.com/quorate/quorate/gen/quorate/txn/v1"
	"github.com/quorate/quorate/peer/election"
	"github.com/quorate/quorate/store/txn"
)

// encodeNotification returns n as it goes to other servers. It has its own copy of everything.
func encodeNotification(n election.Notification) *quorumv1.Notification {
	return &quorumv1.Notification{
		State: quorumv1.ElectionState(n.State), Round: uint64(n.Round), Vote: encodeVote(n.Vote),
		Storage: uint64(n.Storage), Reign: uint32(n.Reign),
		Membership: encodeMembership(n.View.Membership), MembershipZxid: uint64(n.View.Version),
	}
}

// encodeVote returns nil for no vote.
func encodeVote(v election.Vote) *quorumv1.Vote {
	if v == (election.Vote{}) {
		return nil
	}
	return &quorumv1.Vote{Leader: uint32(v.Leader), Epoch: uint32(v.Epoch), Zxid: uint64(v.Zxid), Storage: uint64(v.Storage)}
}

// encodeMembership keeps an address that is not UTF-8, which leads nowhere, from
// spoiling the message.
func encodeMembership(m txn.Membership) *txnv1.Membership {
	said := &txnv1.Membership{Ensemble: uint64(m.Ensemble), Members: make([]*txnv1.Member, len(m.Members))}
	for i, member := range m.Members {
		said.Members[i] = &txnv1.Member{
			Id: uint32(member.ID), Address: strings.ToValidUTF8(member.Address, "\uFFFD"),
			Role: txnv1.Role(member.Role), Storage: uint64(member.Storage),
		}
	}
	return said
}

// decodeNotification returns what another server has said, as far as it can be said; what it can
// mean is for the election to judge. An error is a *Rejection.
func decodeNotification(m *quorumv1.Notification) (election.Notification, error) {
	vote, err := decodeVote(m.GetVote())
	if err != nil {
		return election.Notification{}, err
	}
	membership, err := decodeMembership(m.GetMembership())
	if err != nil {
		return election.Notification{}, err
	}
	state := m.GetState()
	if state < quorumv1.ElectionState(election.Looking) || state > quorumv1.ElectionState(election.Observing) {
		return election.Notification{}, malformed("a notification with state %d", state)
	}
	return election.Notification{
		State: election.State(state), Round: election.Round(m.GetRound()), Vote: vote,
		Storage: txn.StorageID(m.GetStorage()), Reign: txn.Epoch(m.GetReign()),
		View: election.View{Version: txn.Zxid(m.GetMembershipZxid()), Membership: membership},
	}, nil
}

func decodeVote(m *quorumv1.Vote) (election.Vote, error) {
	leader, ok := decodeServerID(m.GetLeader())
	if !ok && m.GetLeader() != 0 {
		return election.Vote{}, malformed("a vote for server %d", m.GetLeader())
	}
	return election.Vote{
		Leader: leader, Epoch: txn.Epoch(m.GetEpoch()), Zxid: txn.Zxid(m.GetZxid()), Storage: txn.StorageID(m.GetStorage()),
	}, nil
}

// decodeMembership returns the membership that another server goes by. An error is a *Rejection.
func decodeMembership(m *txnv1.Membership) (txn.Membership, error) {
	membership := txn.Membership{Ensemble: txn.EnsembleID(m.GetEnsemble())}
	if len(m.GetMembers()) > int(txn.MaxServerID) {
		return txn.Membership{}, malformed("a membership with %d members", len(m.GetMembers()))
	}
	for _, said := range m.GetMembers() {
		id, ok := decodeServerID(said.GetId())
		if !ok {
			return txn.Membership{}, malformed("a membership with server %d", said.GetId())
		}
		if said.GetRole() < 0 || said.GetRole() > txnv1.Role(txn.Observer) {
			return txn.Membership{}, malformed("a membership with role %d", said.GetRole())
		}
		membership.Members = append(membership.Members, txn.Member{
			ID: id, Address: said.GetAddress(), Role: txn.Role(said.GetRole()), Storage: txn.StorageID(said.GetStorage()),
		})
	}
	return membership, nil
}

// decodeServerID tells whether the number is one that a server can have; else the id is 0.
func decodeServerID(n uint32) (txn.ServerID, bool) {
	if n < uint32(txn.MinServerID) || n > uint32(txn.MaxServerID) {
		return 0, false
	}
	return txn.ServerID(n), true
}
