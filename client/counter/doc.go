// Package counter is a number that several programs add to.
//
// # What it guarantees
//
// Each Add that returns without an error has been counted once, and returns the number that it made: no two Adds see the same one, unless they add 0.
//
// # What it does not
//
// Be fast for many: each Add is a read and a conditional write, which is repeated when another came between.
// For numbers that need only grow, sequential nodes and zxids are cheaper.
//
// # When contact is lost
//
// Calls wait, and go on over breaks. The outcome of an Add is found out while its session lives, unless another has added
// meanwhile and the session has written something else behind it: then Add fails with client.ErrUnknownOutcome, as it does when the session ends before the answer.
package counter
