// Package tree is the znode tree: immutable versions of it, the check of a
// request against one ([Version.Prepare], [Draft.Prepare]), and the application of
// a transaction ([Draft.Apply]).
//
// A [Version] never changes. Any number of goroutines may read it, for as long as
// they like and without a lock: a reader, a snapshot and a learner's sync are each
// just a holder of a version. A [Draft] is a version in the making, for one
// goroutine: [Version.Edit] opens it, [Draft.Apply] changes it, [Draft.Publish]
// gives out what it has become. Opening and giving out take constant time. Drafts and versions share
// memory, and a version stays as it is all the same: see DESIGN.md.
//
// Prepare and Apply are pure and deterministic: names, times and owners are
// resolved by Prepare and stand in the transaction, and the same transactions
// applied to the same version give the same nodes, the same [Version.Digest] and
// the same snapshot on every server.
//
// # Layout
//
// A node is one item of a B-tree that keeps its versions: a block, which is one string that holds path,
// data and the parts of the Stat that change with the node itself; and what changes when a
// child comes or goes (children ever created, number of children, pzxid), which stands beside
// the block, so that creating a child never copies its parent's data. Items are ordered by
// parent, then name: siblings are contiguous, and parents come before their children. The
// items of one leaf of the B-tree share a page, one string without pointers in it; what
// has changed lately and what is large stands beside it. A small part of a page keeps all
// of it alive, up to 19 KB.
//
// The package is pure: no clock, no disk, no network, no locks, no randomness. Its atomic numbers let versions be
// read while drafts write into leaves that both have; what is returned does not depend on who comes first.
package tree
