// Package api is the gRPC front end for clients: quorate.api.v1.Keeper over a
// [pipeline.Pipeline], a [session.Table] and a [watch.Hub].
//
// It is thin. It translates messages to requests and results to messages
// (convert.go), a refusal to a status (errors.go, the only such mapping), and a
// connection to identities (auth.go). Writes go to the pipeline; reads come
// from the version of the tree that was published last, without a lock, and
// every reply carries the zxid of the version it is true in. What a request may
// be is decided by the tree; here only what could never pass is turned away
// early.
//
// # The order of a session
//
// A session's stream (session.go, steps.go) is a queue. What is asked is begun in its order: a write at once if only writes are ahead
// of it, so that as many as the client likes are on their way; a read when nothing is ahead of it, so that it sees all writes before it; and no
// write behind a read before the read is done, or a version that holds both could show the read what was asked after it. Answers stand
// in the order of the requests.
//
// Events of watches are put among the answers where they happened: the hub tells of a version before anybody reads it, and
// a stream with watches reads under the hub's lock. An answer that leaves a watch goes out before the watch's first event.
//
//	hub's lock ──▶ conversation's lock: never the other way round
//
// A write that comes to no known end (no leader, a lost stream to the leader) ends the stream, and what stands behind it is not carried out: the
// session's last write then tells a client that comes back what became of what it had sent.
package api
