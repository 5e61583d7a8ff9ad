package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	apiv1 "github.com/quorate/quorate/gen/quorate/api/v1"
)

// Domain is the domain of the ErrorInfo that a server's errors carry.
const Domain = "quorate"

// What an error of a call can be, for errors.Is.
var (
	// ErrNoNode: the node does not exist.
	ErrNoNode = errors.New("the node does not exist")
	// ErrNoParent: the parent of the node to create does not exist.
	ErrNoParent = errors.New("the parent does not exist")
	// ErrNodeExists: a node of that path exists already.
	ErrNodeExists = errors.New("the node exists already")
	// ErrNotEmpty: the node to delete has children.
	ErrNotEmpty = errors.New("the node has children")
	// ErrBadVersion: the node's version is another than the one asked for.
	ErrBadVersion = errors.New("the version does not match")
	// ErrEphemeralParent: an ephemeral node has no children.
	ErrEphemeralParent = errors.New("an ephemeral node has no children")
	// ErrQuotaExceeded: the change would go beyond a quota.
	ErrQuotaExceeded = errors.New("the quota is exceeded")
	// ErrNoAuth: the caller lacks the permission.
	ErrNoAuth = errors.New("permission denied")
	// ErrInvalidACL: the access control list makes no sense.
	ErrInvalidACL = errors.New("invalid access control list")
	// ErrInvalidPath: the path breaks the rules for paths.
	ErrInvalidPath = errors.New("invalid path")
	// ErrBadArguments: the request contradicts itself or a rule.
	ErrBadArguments = errors.New("bad arguments")
	// ErrTooLarge: the value or the whole request is beyond its limit.
	ErrTooLarge = errors.New("too large")
	// ErrSessionExpired: the session has ended, and its ephemeral nodes with it.
	ErrSessionExpired = errors.New("the session has expired")
	// ErrSessionMoved: the session was taken up elsewhere.
	ErrSessionMoved = errors.New("the session has moved")
	// ErrNoWatch: there is no such watch.
	ErrNoWatch = errors.New("there is no such watch")
	// ErrReadOnly: the server has no quorum and answers reads only.
	ErrReadOnly = errors.New("the server is read-only")
	// ErrAuthFailed: the credentials prove nothing.
	ErrAuthFailed = errors.New("authentication failed")
	// ErrCompacted: the history that was asked for is no longer kept.
	ErrCompacted = errors.New("the history is compacted")
	// ErrNoSpace: the server's disk is full; reads go on.
	ErrNoSpace = errors.New("the server's disk is full")
	// ErrOverloaded: the server has too much to do at the moment.
	ErrOverloaded = errors.New("the server is overloaded")
	// ErrUnavailable: no server could be reached, or none has a leader. Nothing was changed.
	ErrUnavailable = errors.New("unavailable")
	// ErrUnknownOutcome: contact was lost before the answer came; a write may have been done or not.
	ErrUnknownOutcome = errors.New("the outcome is unknown")
	// ErrTimeout: the call's deadline passed; a write may have been done or not.
	ErrTimeout = errors.New("timed out")
	// ErrClosed: the session or the client was closed by this program.
	ErrClosed = errors.New("closed")
	// ErrBadAddress: the address given to Dial is no host:port.
	ErrBadAddress = errors.New("bad server address")
)

const (
	reasonTooLarge       = "TOO_LARGE"
	reasonUnavailable    = "UNAVAILABLE"
	reasonBadArguments   = "BAD_ARGUMENTS"
	reasonUnknownOutcome = "UNKNOWN_OUTCOME"
	reasonNoSession      = "NO_SESSION"
	reasonNoWatch        = "NO_WATCH"
	reasonCompacted      = "COMPACTED"
	reasonMoved          = "SESSION_MOVED"
	reasonOverload       = "OVERLOADED"
	reasonClosed         = "CLOSED" // no server says this
)

// sentinel returns the error that stands for a reason, nil for one not known here.
func sentinel(reason string) error {
	return map[string]error{
		"NO_NODE": ErrNoNode, "NO_PARENT": ErrNoParent, "NODE_EXISTS": ErrNodeExists, "NOT_EMPTY": ErrNotEmpty,
		"BAD_VERSION": ErrBadVersion, "EPHEMERAL_PARENT": ErrEphemeralParent, "QUOTA_EXCEEDED": ErrQuotaExceeded,
		"NO_AUTH": ErrNoAuth, "INVALID_ACL": ErrInvalidACL, "INVALID_PATH": ErrInvalidPath,
		reasonBadArguments: ErrBadArguments, reasonTooLarge: ErrTooLarge, "NO_SPACE": ErrNoSpace,
		reasonNoSession: ErrSessionExpired, reasonMoved: ErrSessionMoved, reasonNoWatch: ErrNoWatch, reasonClosed: ErrClosed, "READ_ONLY": ErrReadOnly,
		"AUTH_FAILED": ErrAuthFailed, reasonCompacted: ErrCompacted,
		reasonOverload: ErrOverloaded, reasonUnavailable: ErrUnavailable, reasonUnknownOutcome: ErrUnknownOutcome,
	}[reason]
}

// Zxid is a position in the total order of transactions: the epoch in the high
// 32 bits, a counter in the low.
type Zxid uint64

// String returns epoch.counter in decimal.
func (z Zxid) String() string {
	return strconv.FormatUint(uint64(z>>32), 10) + "." + strconv.FormatUint(uint64(uint32(z)), 10)
}

// Error is a call that failed. What does not apply is zero.
type Error struct {
	// Code is the gRPC status code.
	Code codes.Code
	// Reason is the server's reason, such as "NO_NODE"; empty if no server gave one.
	Reason string
	// Message says in words what is wrong.
	Message string
	// Path is the node at fault.
	Path string
	// Version is the node's actual version, with reason BAD_VERSION.
	Version int32
	// Zxid is the version of the tree in which the error was found. With reason COMPACTED it is where
	// the history begins, and with UNKNOWN_OUTCOME, if it is not 0, the change took effect under it.
	Zxid Zxid
	// Op is the failing operation of a Multi, counted from 1.
	Op int
	// RetryAfter is the time after which another try makes sense.
	RetryAfter time.Duration
	// Server is the address of the server that was asked last.
	Server string

	status *status.Status
	cause  error
}

// Unwrap returns the error behind this one: why the session ended in which the outcome of a write was lost.
func (e *Error) Unwrap() error { return e.cause }

// Error returns the message; the path and operation stand in it already when the server named them.
func (e *Error) Error() string { return e.Message }

// Is makes errors.Is work with the sentinels of this package, and with the errors of package context.
func (e *Error) Is(target error) bool {
	switch target {
	case ErrTimeout, context.DeadlineExceeded:
		return e.Code == codes.DeadlineExceeded
	case context.Canceled:
		return e.Code == codes.Canceled && e.Reason == ""
	case ErrUnavailable:
		return e.Reason == reasonUnavailable || e.Reason == "" && e.Code == codes.Unavailable
	}
	s := sentinel(e.Reason)
	return s != nil && s == target
}

// GRPCStatus returns the status as it came.
func (e *Error) GRPCStatus() *status.Status { return e.status }

// tryElsewhere tells whether nothing was done and another server may do better.
func (e *Error) tryElsewhere() bool { return errors.Is(e, ErrUnavailable) }

// newError reads a gRPC error and its details.
func newError(err error) *Error {
	st := status.Convert(err)
	e := &Error{Code: st.Code(), Message: st.Message(), status: st}
	for _, d := range st.Details() {
		switch d := d.(type) {
		case *errdetails.ErrorInfo:
			e.readInfo(d)
		case *errdetails.RetryInfo:
			e.RetryAfter = d.GetRetryDelay().AsDuration()
		}
	}
	if e.Reason == "" && e.Code == codes.ResourceExhausted && strings.Contains(e.Message, "larger than max") {
		e.Reason = reasonTooLarge // gRPC's own limit, on either side: it gives no details
	}
	if e.Reason == "" && e.Code == codes.Internal && strings.Contains(e.Message, "invalid UTF-8") {
		e.Reason = reasonBadArguments // found while encoding the request: it never left this machine
	}
	if e.Message == "" {
		e.Message = fmt.Sprintf("%s %s", e.Code, e.Reason)
	}
	return e
}

func (e *Error) readInfo(info *errdetails.ErrorInfo) {
	if info.GetDomain() != Domain {
		return
	}
	e.Reason = info.GetReason()
	e.Path = info.GetMetadata()["path"]
	// Values that are absent or unreadable stay zero: the details are a help, not a contract to fail over.
	if v, err := strconv.ParseInt(info.GetMetadata()["version"], 10, 32); err == nil {
		e.Version = int32(v)
	}
	if op, err := strconv.Atoi(info.GetMetadata()["op"]); err == nil {
		e.Op = op
	}
	e.Zxid = parseZxid(info.GetMetadata()["zxid"])
}

// parseZxid reads epoch.counter or a plain number; 0 if it is neither.
func parseZxid(s string) Zxid {
	epoch, counter, dotted := strings.Cut(s, ".")
	if !dotted {
		n, _ := strconv.ParseUint(s, 0, 64)
		return Zxid(n)
	}
	e, err1 := strconv.ParseUint(epoch, 10, 32)
	c, err2 := strconv.ParseUint(counter, 10, 32)
	if err1 != nil || err2 != nil {
		return 0
	}
	return Zxid(e<<32 | c)
}

// newFailure reads an error that stands in an answer.
func newFailure(f *apiv1.Failure, server string) *Error {
	return &Error{
		Code: codes.Code(f.GetCode()), Reason: f.GetReason(), Message: f.GetMessage(), Path: f.GetPath(), Version: f.GetVersion(),
		Zxid: Zxid(f.GetZxid()), Op: int(f.GetOp()), RetryAfter: f.GetRetryAfter().AsDuration(), Server: server,
		status: status.New(codes.Code(f.GetCode()), f.GetMessage()),
	}
}

// refusal is an error that this package finds by itself.
func refusal(reason, message string) *Error {
	code := map[string]codes.Code{
		reasonBadArguments: codes.InvalidArgument, reasonNoSession: codes.FailedPrecondition, reasonNoWatch: codes.NotFound,
		reasonCompacted: codes.OutOfRange, reasonClosed: codes.Canceled, reasonUnavailable: codes.Unavailable,
	}[reason]
	if code == codes.OK {
		code = codes.Unknown
	}
	return &Error{Code: code, Reason: reason, Message: message, status: status.New(code, message)}
}

// lost is the error of a write that took effect, or may have, and whose result is not known.
func lost(zxid Zxid) *Error {
	e := refusal(reasonUnknownOutcome, "the connection broke before the answer came, and later writes took effect")
	if zxid != 0 {
		e.Message = "the change took effect, but the connection broke before its results came"
	}
	e.Zxid = zxid
	return e
}

// ended is the error of a call that a context ended.
func ended(ctx context.Context) error {
	return newError(status.FromContextError(ctx.Err()).Err())
}

func isEOF(err error) bool { return errors.Is(err, io.EOF) }
