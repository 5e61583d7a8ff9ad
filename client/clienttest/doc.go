// Package clienttest is a Keeper in memory, for the tests of programs that call one.
//
// A [Fake] is a single server without a disk: it answers every call of Keeper and
// Admin.Status by the rules of the proto files, with the errors and their details. It
// forgets sessions, quotas and watches, deletes no container or TTL node by itself,
// and knows of permissions only those of "world" and of the identities presented.
// It is written for plainness, not for speed.
package clienttest
