package peer

import (
	quorumv1 "github.com/quorate/quorate/gen/quorate/quorum/v1"
	"github.com/quorate/quorate/store/fault"
	"github.com/quorate/quorate/store/tree"
	"github.com/quorate/quorate/store/txn"
)

// encodeRevalidate returns the question as it goes to the leader, without its number.
func encodeRevalidate(r *tree.AttachRequest) *quorumv1.SyncRequest {
	return &quorumv1.SyncRequest{Step: &quorumv1.SyncRequest_Revalidate{Revalidate: &quorumv1.Revalidate{
		Session: uint64(r.Session), TokenHash: r.TokenHash,
	}}}
}

// decodeRevalidate returns the question of the learner via as a request.
func decodeRevalidate(m *quorumv1.Revalidate, via txn.ServerID) Request {
	return Request{Op: &tree.AttachRequest{Session: txn.SessionID(m.GetSession()), TokenHash: m.GetTokenHash()}, Via: via}
}

// encodeRevalidated returns the answer: that there is no such session is one, and no fault.
func encodeRevalidated(id uint64, r Reply, err error) *quorumv1.Revalidated {
	m := &quorumv1.Revalidated{Id: id, Valid: err == nil, AtZxid: uint64(placeOf(r, err))}
	if err != nil && !fault.Is(err, fault.NoSession) {
		m.Fault = encodeFault(err)
	}
	return m
}

// decodeRevalidated returns the leader's answer. An error is a *fault.Error with the answer's zxid.
func decodeRevalidated(m *quorumv1.Revalidated) (Reply, error) {
	at := txn.Zxid(m.GetAtZxid())
	switch {
	case m.GetFault() != nil:
		return Reply{}, decodeFault(m.GetFault(), at)
	case !m.GetValid():
		return Reply{}, &fault.Error{Kind: fault.NoSession, Zxid: at, Detail: "the session does not exist or has expired"}
	}
	return Reply{Zxid: at}, nil
}
