package wal

import (
	"errors"
	"fmt"
)

// The errors of a log, to be tested with errors.Is.
var (
	// ErrPoisoned: a write or fdatasync failed, and what reached the disk is unknown.
	// The cause is in the chain. Only closing the log and opening it again helps.
	ErrPoisoned = errors.New("the log is poisoned by a failed write")
	// ErrClosed: the log has been closed.
	ErrClosed = errors.New("the log is closed")
	// ErrNotInLog: the zxid to truncate after is neither a record of the log nor its base.
	ErrNotInLog = errors.New("zxid is not in the log")
	// ErrCompacted: the log no longer reaches back to the zxid asked for.
	ErrCompacted = errors.New("the log no longer reaches back that far")
	// ErrTruncated: the records read or waited for have been cut from the log meanwhile.
	ErrTruncated = errors.New("the log has been truncated or reset meanwhile")
)

// DamageError says that the log does not hold what it once held durably.
type DamageError struct {
	// File is the name of the segment's file.
	File string
	// Offset is where in it the damage was found, in bytes.
	Offset int64
	// Reason says what is wrong there.
	Reason string
}

// Error names the place and the choices.
func (e *DamageError) Error() string {
	return fmt.Sprintf("the log is damaged: %s, offset %d: %s. Records acknowledged before are missing or altered. "+
		"Choices: put the file back from a copy; or, in an ensemble, let the server take everything from the others (remove its data directory: "+
		"it comes back with a new storage identity); on the only server, put back a copy of the whole data directory",
		e.File, e.Offset, e.Reason)
}

// assert panics if a rule this package relies on is broken: by its caller, or by itself.
func assert(ok bool, format string, args ...any) {
	if !ok {
		panic("wal: broken invariant: " + fmt.Sprintf(format, args...))
	}
}
