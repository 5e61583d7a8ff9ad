// Package txn holds the vocabulary of what is replicated: zxids, epochs and ids,
// the transaction itself, and its encoding.
//
// A [Txn] is resolved: the leader has validated it and fixed every name, time
// and owner in it, so that applying it cannot fail and gives the same tree on
// every server. It is encoded once, by the leader; the same bytes go to its log,
// to the learners, and from an old log segment to a late learner.
//
// The encoding is the protobuf wire format of proto/quorate/txn/v1/txn.proto, so
// that learners in any language read it from the proto file. It is written by
// hand here because it is on the hot path of every server: decoding allocates
// the operation and nothing else, paths and data pointing into the bytes that
// were read. A test holds it against the generated code.
//
// The package is pure: no clock, no disk, no network, no locks, no randomness.
package txn
