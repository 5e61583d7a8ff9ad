// Package queue is a queue of items that several programs put in and take out.
//
// # What it guarantees
//
// An item that was put is in the queue until somebody who has taken it says [Item.Done]; nothing is lost. Items are given out in the order in which they were put,
// each to one taker at a time, and of one item Done succeeds once. When a taker's session ends, what it has taken
// and not done is given out again.
//
// # What it does not
//
// The work on an item may be done twice: by a taker that dies, or loses its session, before Done. Who must not have that makes the item's effect
// in the tree, with the operations of [Item.DoneOps] in the same Multi: both happen, or neither.
//
// # What it costs
//
// Each Take reads the names of all items that wait, and of all that are taken: a queue is for thousands of items, not for millions. One program
// takes at a time; the others stand in a line for that.
//
// # When contact is lost
//
// Calls wait, and go on over breaks. Put and Done find out whether they took effect, as long as the session lives: each queue keeps
// an ephemeral node with the number of its last put. If the session ends before, Put fails with client.ErrUnknownOutcome, and the item may be there.
package queue
