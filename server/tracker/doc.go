// Package tracker remembers the last messages of each stream of Learner.Sync, so that
// after a stream has ended one can read what was said (ZooKeeper: MessageTracker).
//
// It stands around the streams, not in them:
//
//	transport ─▶ Tracker.Serve ─▶ peer          peer ─▶ Tracker.Dial ─▶ transport
//	               └─ ring of messages ─▶ Admin.Messages, and the log when the stream ends
package tracker
