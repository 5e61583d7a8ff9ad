// Package client speaks to a Quorate ensemble.
//
// [Dial] takes the addresses of one or more servers. The [Client] asks the first
// of them and stays with it, so that a program reads its own writes; when that
// server cannot be reached, or says that it has no leader, the next one is asked.
// A write is sent a second time only when it is certain that the first attempt
// changed nothing: it never left this machine, or the server said so. Otherwise
// the caller gets [ErrUnknownOutcome] and decides.
//
// [Client.Keeper] and [Client.Admin] are the generated stubs of
// proto/quorate/api/v1 and proto/quorate/admin/v1. Their errors are of type
// [*Error] and answer to errors.Is with the sentinels of this package, such as
// [ErrNoNode]; they still are gRPC statuses for those who want them.
//
// Deadlines are the caller's: every call ends when its context does.
//
// A Client is safe for use by several goroutines. It starts none of its own; gRPC
// keeps its connections in the background until [Client.Close].
package client
