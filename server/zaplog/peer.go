package zaplog

import (
	"time"

	"go.uber.org/zap"

	"github.com/quorate/quorate/peer"
	"github.com/quorate/quorate/server/tracker"
	"github.com/quorate/quorate/store/txn"
)

// epoch is a field with an epoch.
func epoch(e txn.Epoch) zap.Field { return zap.Uint32("epoch", uint32(e)) }

// server is a field with the id of another server.
func server(key string, id txn.ServerID) zap.Field { return zap.Uint8(key, uint8(id)) }

// Peer listens to the protocol between servers. What an operator has to know is info or more;
// the steps in between are debug.
func (l *Logger) Peer() func(peer.Event) {
	z := l.zap.Named("peer")
	return func(e peer.Event) {
		switch {
		case reign(z, e), leaderSide(z, e), learnerSide(z, e), electing(z, e), port(z, e):
		default:
			z.Info(e.String())
		}
	}
}

// reign logs what a server does in its own name.
func reign(z *zap.Logger, e peer.Event) bool {
	switch e := e.(type) {
	case peer.RoleChanged:
		z.Info("role", zap.Stringer("role", e.Role), zap.String("reason", e.Reason))
	case peer.EpochAccepted:
		z.Debug("epoch accepted", epoch(e.Epoch))
	case peer.EpochCurrent:
		z.Debug("epoch entered", epoch(e.Epoch))
	case peer.Established:
		z.Info("leading", epoch(e.Epoch), zxid("committed", e.Committed), zap.Int("tail", e.Tail))
	case peer.Founded:
		z.Info("ensemble founded", zap.Stringer("ensemble", e.Membership.Ensemble), zap.Int("servers", len(e.Membership.Members)))
	case peer.Resigned:
		z.Info("reign over", epoch(e.Epoch), zap.NamedError("cause", e.Cause))
	default:
		return false
	}
	return true
}

// leaderSide logs what happens on a leader's end of a learner's stream.
func leaderSide(z *zap.Logger, e peer.Event) bool {
	switch e := e.(type) {
	case peer.LearnerCame:
		z.Debug("learner came", server("learner", e.ID), zap.Uint32("accepted", uint32(e.Accepted)), zap.Bool("counts", e.Counts))
	case peer.LearnerPromised:
		z.Debug("learner promised the epoch", server("learner", e.ID), zap.Uint32("current", uint32(e.Current)), zxid("last", e.Last), zap.Bool("counts", e.Counts))
	case peer.LearnerPlanned:
		z.Info("learner is brought up to date", server("learner", e.ID), zap.Stringer("by", e.Plan.Kind), zxid("after", e.Plan.After),
			zap.Stringer("reason", e.Plan.Reason), zxid("until", e.Mark))
	case peer.LearnerSynced:
		z.Info("learner has the history", server("learner", e.ID), zap.Stringer("by", e.Kind), zap.Int64("bytes", e.Bytes), zap.Duration("took", e.Took))
	case peer.LearnerServes:
		z.Debug("learner may serve", server("learner", e.ID), zxid("committed", e.Committed))
	case peer.LearnerGone:
		z.Warn("learner gone", server("learner", e.ID), zap.NamedError("cause", e.Cause))
	case peer.Readmitting:
		z.Info("voter with a new data directory is readmitted", server("learner", e.ID), zap.Stringer("storage", e.Storage))
	default:
		return false
	}
	return true
}

// learnerSide logs what happens on a learner's end of its stream.
func learnerSide(z *zap.Logger, e peer.Event) bool {
	switch e := e.(type) {
	case peer.LeaderMet:
		z.Debug("leader met", server("leader", e.Leader), epoch(e.Epoch), zap.Bool("counts", e.Counts))
	case peer.Resyncing:
		z.Info("taking over the leader's history", zap.Stringer("by", e.Kind), zxid("after", e.After))
	case peer.SnapshotInstalled:
		z.Info("snapshot installed", zxid("zxid", e.Zxid), zap.Duration("took", e.Took))
	case peer.HistoryDurable:
		z.Debug("history durable", zxid("last", e.Last))
	case peer.UpToDate:
		z.Debug("up to date", zxid("committed", e.Committed))
	case peer.LeaderLost:
		z.Warn("leader lost", server("leader", e.Leader), zap.NamedError("cause", e.Cause))
	default:
		return false
	}
	return true
}

// electing logs what happens in elections.
func electing(z *zap.Logger, e peer.Event) bool {
	switch e := e.(type) {
	case peer.Electing:
		z.Debug("election begins")
	case peer.Elected:
		z.Info("elected", server("leader", e.Leader), zap.Uint64("round", e.Round))
	case peer.NotificationRefused:
		z.Warn("notification refused", server("from", e.From), zap.Error(e.Err))
	case peer.PeerReached:
		z.Info("server reached", server("server", e.ID), zap.Duration("round_trip", e.RoundTrip))
	case peer.PeerUnreachable:
		z.Warn("server not reached", server("server", e.ID), zap.NamedError("cause", e.Cause))
	default:
		return false
	}
	return true
}

// port logs what happens on the peer port before there is a conversation.
func port(z *zap.Logger, e peer.Event) bool {
	switch e := e.(type) {
	case peer.CallRefused:
		z.Warn("call of another server refused", zap.String("remote", e.Remote), zap.String("method", e.Method), zap.NamedError("cause", e.Cause))
	case peer.CallPanicked:
		z.Error("a call of another server panicked", zap.String("method", e.Method), zap.Any("panic", e.Value), zap.ByteString("stack", e.Stack))
	default:
		return false
	}
	return true
}

// Conversation tells what was last said on a stream that has ended.
func (l *Logger) Conversation(c tracker.Conversation, cause error) {
	said := make([]string, len(c.Messages))
	for i, m := range c.Messages {
		said[i] = m.At.Format("05.000 ") + m.String()
	}
	l.zap.Named("peer").Info("stream ended", server("server", c.Server), zap.Bool("leading", c.Leading), zap.Duration("lasted", time.Since(c.Began)),
		zap.Uint64("messages", c.Total), zap.Strings("last", said), zap.NamedError("cause", cause))
}
