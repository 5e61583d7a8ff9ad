// Package barrier lets a number of programs begin together and end together: a double barrier.
//
// # What it guarantees
//
// [Barrier.Enter] returns when as many as are needed have entered, and from then on for all; [Member.Leave] returns when all that entered have left. A
// member whose session ends has left. A barrier is for one use: a new one needs a new path.
//
// # What it does not
//
// That a member which has entered is still there: its session may have ended since.
//
// # When contact is lost
//
// Both go on waiting over breaks, and fail with client.ErrSessionExpired when the session ends.
package barrier
