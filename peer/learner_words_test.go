package peer

import (
	"fmt"
	"hash/crc32"

	quorumv1 "github.com/quorate/quorate/gen/quorate/quorum/v1"
	"github.com/quorate/quorate/store/tree"
	"github.com/quorate/quorate/store/txn"
)

// said and told are messages as a person reads them.

func said(m *quorumv1.SyncRequest) string {
	switch s := m.GetStep().(type) {
	case *quorumv1.SyncRequest_Info:
		return fmt.Sprintf("LearnerInfo server %d, accepted epoch %d, durable %t", s.Info.GetId(), s.Info.GetAcceptedEpoch(), s.Info.GetDurable())
	case *quorumv1.SyncRequest_AckEpoch:
		a := s.AckEpoch
		return fmt.Sprintf("AckEpoch current epoch %d, last %v, floor %v%s%s", a.GetCurrentEpoch(), txn.Zxid(a.GetLastZxid()), txn.Zxid(a.GetFloor()),
			map[bool]string{true: ", counts"}[a.GetCounts()], map[bool]string{true: ", resync"}[a.GetResync()])
	case *quorumv1.SyncRequest_AckNewLeader:
		return fmt.Sprintf("AckNewLeader epoch %d", s.AckNewLeader.GetEpoch())
	case *quorumv1.SyncRequest_Ack:
		return fmt.Sprintf("Ack %v", txn.Zxid(s.Ack.GetZxid()))
	case *quorumv1.SyncRequest_Request:
		return fmt.Sprintf("Request %d", s.Request.GetId())
	case *quorumv1.SyncRequest_Sync:
		return fmt.Sprintf("Sync %d", s.Sync.GetId())
	}
	return fmt.Sprintf("%T", m.GetStep())
}

func told(m *quorumv1.SyncResponse) string {
	switch s := m.GetStep().(type) {
	case *quorumv1.SyncResponse_Info:
		return fmt.Sprintf("LeaderInfo epoch %d", s.Info.GetEpoch())
	case *quorumv1.SyncResponse_Diff:
		return fmt.Sprintf("Diff after %v", txn.Zxid(s.Diff.GetAfter()))
	case *quorumv1.SyncResponse_Trunc:
		return fmt.Sprintf("Trunc after %v", txn.Zxid(s.Trunc.GetAfter()))
	case *quorumv1.SyncResponse_Snapshot:
		switch p := s.Snapshot.GetPart().(type) {
		case *quorumv1.Snapshot_Begin:
			return fmt.Sprintf("Snapshot at %v", txn.Zxid(p.Begin.GetZxid()))
		case *quorumv1.Snapshot_Chunk:
			return "Snapshot chunk"
		case *quorumv1.Snapshot_End:
			return fmt.Sprintf("Snapshot end, %d chunk(s)", p.End.GetChunks())
		}
	case *quorumv1.SyncResponse_NewLeader:
		return fmt.Sprintf("NewLeader epoch %d, last %v", s.NewLeader.GetEpoch(), txn.Zxid(s.NewLeader.GetLastZxid()))
	case *quorumv1.SyncResponse_UpToDate:
		return fmt.Sprintf("UpToDate committed %v", txn.Zxid(s.UpToDate.GetCommitted()))
	case *quorumv1.SyncResponse_Proposal:
		return fmt.Sprintf("Proposal of %d after %v, committed %v", len(s.Proposal.GetTxns()), txn.Zxid(s.Proposal.GetPrevZxid()), txn.Zxid(s.Proposal.GetCommitted()))
	case *quorumv1.SyncResponse_Commit:
		return fmt.Sprintf("Commit %v", txn.Zxid(s.Commit.GetZxid()))
	case *quorumv1.SyncResponse_Reply:
		return fmt.Sprintf("Reply %d at %v", s.Reply.GetId(), txn.Zxid(s.Reply.GetAtZxid()))
	}
	return fmt.Sprintf("%T", m.GetStep())
}

// The leader's words.

const incarnation = 77

func leaderInfo(epoch uint32) *quorumv1.SyncResponse {
	return &quorumv1.SyncResponse{Step: &quorumv1.SyncResponse_Info{Info: &quorumv1.LeaderInfo{
		Epoch: epoch, Incarnation: incarnation, Protocol: 1, Leader: leaderID,
	}}}
}

func diff(after txn.Zxid) *quorumv1.SyncResponse {
	return &quorumv1.SyncResponse{Step: &quorumv1.SyncResponse_Diff{Diff: &quorumv1.Diff{After: uint64(after)}}}
}

func trunc(after txn.Zxid) *quorumv1.SyncResponse {
	return &quorumv1.SyncResponse{Step: &quorumv1.SyncResponse_Trunc{Trunc: &quorumv1.Trunc{After: uint64(after)}}}
}

// snapshot returns the messages with a version of the tree, in chunks of a size.
func snapshot(v *tree.Version, size int) (all []*quorumv1.SyncResponse) {
	part := func(p *quorumv1.Snapshot) {
		all = append(all, &quorumv1.SyncResponse{Step: &quorumv1.SyncResponse_Snapshot{Snapshot: p}})
	}
	part(&quorumv1.Snapshot{Part: &quorumv1.Snapshot_Begin{Begin: &quorumv1.SnapshotBegin{Zxid: uint64(v.Zxid()), Nodes: uint64(v.Len())}}})
	n := uint64(0)
	for b := range v.Chunks(size) {
		b = append([]byte(nil), b...)
		n++
		part(&quorumv1.Snapshot{Part: &quorumv1.Snapshot_Chunk{Chunk: &quorumv1.SnapshotChunk{
			Data: b, Crc: crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli)),
		}}})
	}
	part(&quorumv1.Snapshot{Part: &quorumv1.Snapshot_End{End: &quorumv1.SnapshotEnd{Chunks: n, Digest: v.Digest()}}})
	return all
}

func newLeaderMsg(epoch uint32, last txn.Zxid) *quorumv1.SyncResponse {
	return &quorumv1.SyncResponse{Step: &quorumv1.SyncResponse_NewLeader{NewLeader: &quorumv1.NewLeader{Epoch: epoch, LastZxid: uint64(last)}}}
}

func upToDate(committed txn.Zxid) *quorumv1.SyncResponse {
	return &quorumv1.SyncResponse{Step: &quorumv1.SyncResponse_UpToDate{UpToDate: &quorumv1.UpToDate{Committed: uint64(committed)}}}
}

func commit(z txn.Zxid) *quorumv1.SyncResponse {
	return &quorumv1.SyncResponse{Step: &quorumv1.SyncResponse_Commit{Commit: &quorumv1.Commit{Zxid: uint64(z)}}}
}

func ping(round uint64) *quorumv1.SyncResponse {
	return &quorumv1.SyncResponse{Step: &quorumv1.SyncResponse_Ping{Ping: &quorumv1.Ping{Round: round}}}
}

func replyAt(id uint64, at txn.Zxid) *quorumv1.SyncResponse {
	return &quorumv1.SyncResponse{Step: &quorumv1.SyncResponse_Reply{Reply: &quorumv1.Reply{Id: id, AtZxid: uint64(at)}}}
}
