package fault

import (
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/quorate/quorate/store/txn"
)

// Kind is the reason for which a request was refused.
type Kind uint8

// The reasons. Their String is the reason in google.rpc.ErrorInfo.
const (
	// Internal is a fault of the server, not of the request.
	Internal Kind = iota
	// NoNode: the node does not exist.
	NoNode
	// NoParent: the parent of the node to create does not exist.
	NoParent
	// NodeExists: a node of that path exists already.
	NodeExists
	// NotEmpty: the node to delete has children.
	NotEmpty
	// BadVersion: the node's version is another than the one asked for.
	BadVersion
	// EphemeralParent: an ephemeral node has no children.
	EphemeralParent
	// QuotaExceeded: the change would go beyond a hard quota.
	QuotaExceeded
	// NoAuth: the caller lacks the permission.
	NoAuth
	// InvalidACL: the access control list is empty or has an entry that makes no sense.
	InvalidACL
	// InvalidPath: the path breaks the rules for paths.
	InvalidPath
	// BadArguments: the request contradicts itself or a rule.
	BadArguments
	// TooLarge: the value or the whole request is beyond its limit.
	TooLarge
	// NoSession: the session does not exist or has expired.
	NoSession
	// SessionMoved: the session's client has gone to another server, or to another stream.
	SessionMoved
	// NoWatch: there is no such watch to take away.
	NoWatch
	// ReadOnly: this server has no quorum, and the stream is for reads only.
	ReadOnly
	// AuthFailed: what was shown does not prove an identity.
	AuthFailed
	// Compacted: the history that was asked for is no longer kept. Zxid says where it begins.
	Compacted
	// NoSpace: the disk is full; reads go on, writes come back when space does.
	NoSpace
	// Overloaded: a queue is full; try again after the time given.
	Overloaded
	// Unavailable: no leader, or this server is stopping. Nothing was done.
	Unavailable
	// Unknown: the server lost its place before the outcome was known. The
	// request may or may not take effect.
	Unknown

	kinds
)

// Kinds returns all reasons in order, for tables and their tests.
func Kinds() []Kind {
	all := make([]Kind, kinds)
	for i := range all {
		all[i] = Kind(i)
	}
	return all
}

// String returns the reason in capitals, as it stands in google.rpc.ErrorInfo.
func (k Kind) String() string {
	names := [kinds]string{
		"INTERNAL", "NO_NODE", "NO_PARENT", "NODE_EXISTS", "NOT_EMPTY", "BAD_VERSION", "EPHEMERAL_PARENT",
		"QUOTA_EXCEEDED", "NO_AUTH", "INVALID_ACL", "INVALID_PATH", "BAD_ARGUMENTS", "TOO_LARGE", "NO_SESSION",
		"SESSION_MOVED", "NO_WATCH", "READ_ONLY", "AUTH_FAILED", "COMPACTED", "NO_SPACE", "OVERLOADED", "UNAVAILABLE", "UNKNOWN_OUTCOME",
	}
	if k >= kinds {
		return fmt.Sprintf("KIND_%d", uint8(k))
	}
	return names[k]
}

// Error is a refused request. Fields that do not apply are zero.
type Error struct {
	// Kind is the reason.
	Kind Kind
	// Path is the node at fault.
	Path string
	// Detail says in a few words what is wrong, and what would be right.
	Detail string
	// Version is the node's actual version, for BadVersion.
	Version int32
	// Op is the index of the failing operation of a Multi, counted from 1; 0 outside one.
	Op int
	// Zxid is the version of the tree in which the error was found.
	Zxid txn.Zxid
	// RetryAfter is the time after which another try makes sense; 0: no such time is known.
	RetryAfter time.Duration
	// Cause is the underlying error, if any.
	Cause error
}

// New returns an error of a kind at a path; detail is formatted as by fmt.Sprintf.
func New(k Kind, path, detail string, args ...any) *Error {
	return &Error{Kind: k, Path: path, Detail: fmt.Sprintf(detail, args...)}
}

// Error returns path, detail and cause as one sentence.
func (e *Error) Error() string {
	s := e.Detail
	if s == "" {
		s = e.Kind.String()
	}
	if e.Path != "" {
		s = shown(e.Path) + ": " + s
	}
	if e.Op > 0 {
		s = fmt.Sprintf("operation %d: %s", e.Op, s)
	}
	if e.Cause != nil {
		s += ": " + e.Cause.Error()
	}
	return s
}

// shown returns a path as it is if a terminal can show it, else quoted.
func shown(path string) string {
	if quoted := strconv.Quote(path); len(quoted) != len(path)+2 {
		return quoted
	}
	return path
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Cause }

// Of returns the kind of err: that of the first *Error in its chain, else Internal.
// It returns Internal for nil too: ask only about errors.
func Of(err error) Kind {
	var e *Error
	if errors.As(err, &e) {
		return e.Kind
	}
	return Internal
}

// Is tells whether err is a refusal of kind k.
func Is(err error, k Kind) bool {
	var e *Error
	return errors.As(err, &e) && e.Kind == k
}
