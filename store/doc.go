// Package store is what of a server survives a restart: the log of txns, the
// snapshots of the tree, the epochs it has promised and the identity of its data
// directory, with the published version of the tree above them.
//
// [Open] locks the directory, checks whose it is, and recovers: the newest valid
// snapshot, then the log up to the greatest commit watermark in its records. The rest of the log, the
// tail, stays unapplied until a leader vouches for it. [Store.Run] then carries the log and the
// background snapshots. Memory is never ahead of disk: what is published is committed and
// durable here.
//
// DESIGN.md in this folder draws the directory, gives the order of the durable
// steps and says why it is that one.
package store
