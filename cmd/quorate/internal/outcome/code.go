package outcome

import (
	"context"
	"errors"
	"fmt"

	"github.com/quorate/quorate/client"
)

// Code is the exit code of the program.
type Code int

// The exit codes. Scripts depend on them: they may be added to, never changed.
const (
	// OK: it was done.
	OK Code = 0
	// Failed: any error that is not one of those below.
	Failed Code = 1
	// Usage: the command line, a path or a value is wrong; the same command fails again.
	Usage Code = 2
	// NotFound: the node, or the parent of the one to create, does not exist.
	NotFound Code = 3
	// Conflict: the tree is in another state than asked for: the node exists, has another version or has children.
	Conflict Code = 4
	// Unavailable: no server answered in time, or it cannot write at the moment. Trying again may help.
	Unavailable Code = 5
	// Denied: permission is missing.
	Denied Code = 6
	// Partial: import or export did all but what it named and skipped.
	Partial Code = 7
	// Lost: the session ended, and what was held by it, such as a lock, may be another's by now.
	Lost Code = 8
)

// Help documents the exit codes.
const Help = `Every command ends with one of these exit codes:

  0  done
  1  any other error
  2  wrong usage: an unknown flag, a bad value, path or server address, a value too large
  3  not found: the node, or the parent of the one to create
  4  conflict: the node exists, has another version, has children, or its quota is used up
  5  unavailable: no server answered in time, or it cannot write at the moment; try again
  6  permission denied
  7  partial: import or export named and skipped something, and did all the rest
  8  lost: the session ended, and what was held by it (a lock, an ephemeral node) may be another's by now

"lock" and "elect" end with the code of the command they have run, 128 and its number if a
signal ended it.

After 5 a change may have been made, if the message says that the outcome is unknown.`

// coded is an error with an exit code of its own.
type coded struct {
	error
	code Code
}

func (c *coded) Unwrap() error { return c.error }

// With gives err an exit code; nil stays nil.
func With(code Code, err error) error {
	if err == nil {
		return nil
	}
	return &coded{err, code}
}

// Usagef returns an error of wrong usage.
func Usagef(format string, args ...any) error { return With(Usage, fmt.Errorf(format, args...)) }

// errSilent is the error of a command that has said all it has to say.
var errSilent = errors.New("")

// Silently ends the program with a code and no message.
func Silently(code Code) error { return With(code, errSilent) }

// Of returns the exit code for err; OK for nil.
func Of(err error) Code {
	if err == nil {
		return OK
	}
	var c *coded
	if errors.As(err, &c) {
		return c.code
	}
	for _, class := range classes() {
		for _, e := range class.errs {
			if errors.Is(err, e) {
				return class.code
			}
		}
	}
	return Failed
}

type class struct {
	code Code
	errs []error
}

func classes() []class {
	return []class{
		{NotFound, []error{client.ErrNoNode, client.ErrNoParent, client.ErrNoWatch}},
		{Conflict, []error{
			client.ErrNodeExists, client.ErrBadVersion, client.ErrNotEmpty,
			client.ErrEphemeralParent, client.ErrQuotaExceeded,
		}},
		{Denied, []error{client.ErrNoAuth}},
		{Lost, []error{client.ErrSessionExpired}},
		{Usage, []error{
			client.ErrBadAddress, client.ErrInvalidPath, client.ErrBadArguments,
			client.ErrInvalidACL, client.ErrTooLarge,
		}},
		{Unavailable, []error{
			client.ErrUnavailable, client.ErrUnknownOutcome, client.ErrTimeout, context.DeadlineExceeded,
			client.ErrOverloaded, client.ErrNoSpace,
		}},
	}
}
