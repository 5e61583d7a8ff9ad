package tracker

import (
	"fmt"
	"time"

	quorumv1 "github.com/quorate/quorate/gen/quorate/quorum/v1"
	"github.com/quorate/quorate/store/txn"
)

// Message is what one message was about.
type Message struct {
	// At is when it was sent or received, Sent whether this server sent it.
	At   time.Time
	Sent bool
	// Step is the message's type in the proto file, such as Proposal.
	Step string
	// Zxid is what it is about: of a batch the zxid before it, of an epoch its first; 0 if nothing.
	Zxid txn.Zxid
	// Number is that of the txns, of the bytes of a chunk, of the request or the round; 0 if nothing.
	Number uint64
}

// String returns the message as one word after another: the direction, the step, and what is known of it.
func (m Message) String() string {
	s := "< " + m.Step
	if m.Sent {
		s = "> " + m.Step
	}
	if m.Zxid != 0 {
		s += " " + m.Zxid.String()
	}
	if m.Number != 0 {
		s += fmt.Sprintf(" #%d", m.Number)
	}
	return s
}

// Steps that others ask for by name.
const (
	Proposal = "Proposal"
	Commit   = "Commit"

	ping    = "Ping"
	unknown = "unknown" // of a later release
)

// about makes a message that is dated and directed later.
func about(step string, zxid, number uint64) Message {
	return Message{Step: step, Zxid: txn.Zxid(zxid), Number: number}
}

// first is the zxid that stands for an epoch.
func first(epoch uint32) uint64 { return uint64(txn.MakeZxid(txn.Epoch(epoch), 0)) }

// request describes a learner's message.
func request(m *quorumv1.SyncRequest) Message {
	switch s := m.GetStep().(type) {
	case *quorumv1.SyncRequest_Info:
		return about("LearnerInfo", first(s.Info.GetAcceptedEpoch()), 0)
	case *quorumv1.SyncRequest_AckEpoch:
		return about("AckEpoch", s.AckEpoch.GetLastZxid(), uint64(s.AckEpoch.GetCurrentEpoch()))
	case *quorumv1.SyncRequest_AckNewLeader:
		return about("AckNewLeader", first(s.AckNewLeader.GetEpoch()), 0)
	case *quorumv1.SyncRequest_Ack:
		return about("Ack", s.Ack.GetZxid(), 0)
	case *quorumv1.SyncRequest_Request:
		return about("Request", 0, s.Request.GetId())
	case *quorumv1.SyncRequest_Sync:
		return about("Sync", 0, s.Sync.GetId())
	case *quorumv1.SyncRequest_Revalidate:
		return about("Revalidate", 0, s.Revalidate.GetId())
	case *quorumv1.SyncRequest_Ping:
		return about(ping, 0, s.Ping.GetRound())
	default:
		return about(unknown, 0, 0)
	}
}

// response describes a leader's message.
func response(m *quorumv1.SyncResponse) Message {
	switch s := m.GetStep().(type) {
	case *quorumv1.SyncResponse_Info:
		return about("LeaderInfo", first(s.Info.GetEpoch()), 0)
	case *quorumv1.SyncResponse_Diff:
		return about("Diff", s.Diff.GetAfter(), 0)
	case *quorumv1.SyncResponse_Trunc:
		return about("Trunc", s.Trunc.GetAfter(), 0)
	case *quorumv1.SyncResponse_Snapshot:
		return snapshot(s.Snapshot)
	case *quorumv1.SyncResponse_NewLeader:
		return about("NewLeader", s.NewLeader.GetLastZxid(), uint64(s.NewLeader.GetEpoch()))
	case *quorumv1.SyncResponse_UpToDate:
		return about("UpToDate", s.UpToDate.GetCommitted(), 0)
	case *quorumv1.SyncResponse_Proposal:
		return about(Proposal, s.Proposal.GetPrevZxid(), uint64(len(s.Proposal.GetTxns())))
	case *quorumv1.SyncResponse_Commit:
		return about(Commit, s.Commit.GetZxid(), 0)
	case *quorumv1.SyncResponse_Inform:
		return about("Inform", s.Inform.GetPrevZxid(), uint64(len(s.Inform.GetTxns())))
	case *quorumv1.SyncResponse_Reply:
		return about("Reply", s.Reply.GetAtZxid(), s.Reply.GetId())
	case *quorumv1.SyncResponse_Revalidated:
		return about("Revalidated", s.Revalidated.GetAtZxid(), s.Revalidated.GetId())
	case *quorumv1.SyncResponse_Ping:
		return about(ping, 0, s.Ping.GetRound())
	default:
		return about(unknown, 0, 0)
	}
}

func snapshot(s *quorumv1.Snapshot) Message {
	switch p := s.GetPart().(type) {
	case *quorumv1.Snapshot_Begin:
		return about("SnapshotBegin", p.Begin.GetZxid(), p.Begin.GetNodes())
	case *quorumv1.Snapshot_Chunk:
		return about("SnapshotChunk", 0, uint64(len(p.Chunk.GetData())))
	case *quorumv1.Snapshot_End:
		return about("SnapshotEnd", 0, p.End.GetChunks())
	default:
		return about(unknown, 0, 0)
	}
}
