// Package semaphore lets a bounded number of programs do something at a time.
//
// # What it guarantees
//
// At no version of the tree are there more permits than the bound. They are given in the order in which they were asked for, and
// live by the session of their holder. All programs have to name the same bound: one with a greater bound goes by that.
//
// # What it does not
//
// As with a lock, a holder that is paused or has lost contact may believe in a permit that it has lost: stop while the session is
// suspended, or make changes with [Permit.Guard].
//
// # When contact is lost
//
// An Acquire that is waiting goes on over breaks, and fails with client.ErrSessionExpired when the session ends. [Permit.Done] is closed when the session has ended, and the permit with it.
package semaphore
