// Package clienttest is a Keeper in memory, for the tests of programs that call one.
//
// A [Fake] is a single server without a disk: it answers every call of Keeper and
// Admin.Status by the rules of the proto files, with the errors and their details. Served on
// several ports it is an ensemble whose servers are always equally far. Sessions expire by the clock,
// or when the test says so, and their streams break where it says. It knows
// no quotas, deletes no container or TTL node by itself, does not look at read options, and knows of permissions
// only those of "world" and of the identities presented. It is written for plainness, not for speed.
package clienttest
