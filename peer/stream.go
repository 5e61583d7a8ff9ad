package peer

import (
	"context"
	"fmt"
	"time"

	quorumv1 "github.com/quorate/quorate/gen/quorate/quorum/v1"
	"github.com/quorate/quorate/store/txn"
)

// Stream is one end of a conversation between two servers. The streams that gRPC
// generates satisfy it, and so do those of a simulated network.
//
// One goroutine at a time may Send and one may Recv. Both return an error once the
// stream has ended; a *[Rejection] if the other side said why. What was sent may be changed when Send has
// returned; what was received is the receiver's.
type Stream[Out, In any] interface {
	// Context ends with the stream.
	Context() context.Context
	// Send blocks while the other side does not take what was sent.
	Send(*Out) error
	// Recv returns io.EOF when the other side has ended the conversation in order.
	Recv() (*In, error)
}

// The four ends.
type (
	// LeaderStream is the leader's end of Learner.Sync. It cannot be interrupted: it
	// ends when the function that serves it returns.
	LeaderStream = Stream[quorumv1.SyncResponse, quorumv1.SyncRequest]
	// LearnerStream is the learner's end. It ends with the context it was dialled with.
	LearnerStream = Stream[quorumv1.SyncRequest, quorumv1.SyncResponse]
	// ExchangeServer is the receiver's end of Election.Exchange, of the same kind as LeaderStream.
	ExchangeServer = Stream[quorumv1.ExchangeResponse, quorumv1.ExchangeRequest]
	// ExchangeClient is the sender's end, of the same kind as LearnerStream.
	ExchangeClient = Stream[quorumv1.ExchangeRequest, quorumv1.ExchangeResponse]
)

// Dialer opens streams to other servers. Names are resolved anew at every call. A
// call returns when the stream stands, or with the reason why not, or when ctx ends; ctx's
// end later ends the stream. Its methods may be called by several goroutines.
type Dialer interface {
	// Sync opens Learner.Sync to a leader.
	Sync(ctx context.Context, to txn.Member) (LearnerStream, error)
	// Exchange opens Election.Exchange, on a connection of its own.
	Exchange(ctx context.Context, to txn.Member) (ExchangeClient, error)
}

// Rejection is why a server ended a stream, as both sides see it. It crosses the
// network as quorate.quorum.v1.Refusal.
type Rejection struct {
	// Reason is the kind.
	Reason quorumv1.RefusalReason
	// Detail is a sentence.
	Detail string
	// RetryAfter is when to come back; 0: no such time is known.
	RetryAfter time.Duration
	// Leader is who is believed to lead; 0: not known.
	Leader txn.ServerID
}

// Error returns the detail.
func (r *Rejection) Error() string { return r.Detail }

// reject returns a rejection with a formatted detail.
func reject(why quorumv1.RefusalReason, format string, args ...any) *Rejection {
	return &Rejection{Reason: why, Detail: fmt.Sprintf(format, args...)}
}
