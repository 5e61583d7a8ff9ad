// Package election lets one of several programs lead.
//
// # What it guarantees
//
// At no version of the tree are there two leaders. Candidates lead in the order in which they came. A leader stays one until it resigns
// or its session ends; then the next candidate leads, and has a greater token.
//
// # What it does not
//
// A leader that is paused, or has lost contact, may believe in itself when another leads already. It must stop acting
// while its session is suspended, and what it changes must be guarded: by a [Term.Guard] in each Multi, or by a resource that
// refuses a [Term.Token] smaller than one it has seen.
//
// # When contact is lost
//
// A candidate goes on waiting over breaks; Campaign fails with client.ErrSessionExpired when the session ends. [Term.Done] is closed when the session
// of a leader has ended, and its term with it. Observers ([Election.Observe]) go on over breaks.
package election
