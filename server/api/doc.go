// Package api is the gRPC front end for clients: quorate.api.v1.Keeper over a
// [pipeline.Pipeline].
//
// It is thin. It translates messages to requests and results to messages
// (convert.go), a refusal to a status (errors.go, the only such mapping), and a
// connection to identities (auth.go). Writes go to the pipeline; reads come
// from the version of the tree that was published last, without a lock, and
// every reply carries the zxid of the version it is true in. What a request may
// be is decided by the tree; here only what could never pass is turned away
// early.
package api
