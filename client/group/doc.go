// Package group tells which programs are there.
//
// # What it guarantees
//
// A member is in the group from when Join returns until it leaves or its session ends. All see the same
// changes of the group in the same order; of two lists, one is the other's past.
//
// # What it does not
//
// A list may be behind, and a member on it may have gone: a program that has died is missed only after its session's timeout.
//
// # When contact is lost
//
// A membership lives as long as its session: over breaks, not over the end of the session, which [Membership.Done] tells of. A Watch goes on over breaks.
package group
