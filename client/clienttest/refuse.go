package clienttest

import (
	"fmt"
	"strconv"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"

	apiv1 "github.com/quorate/quorate/gen/quorate/api/v1"
)

// codeOf maps the reasons of keeper.proto to gRPC's codes.
func codeOf(reason string) codes.Code {
	switch reason {
	case "NO_NODE", "NO_PARENT", "NO_WATCH":
		return codes.NotFound
	case "NODE_EXISTS":
		return codes.AlreadyExists
	case "BAD_VERSION", "SESSION_MOVED":
		return codes.Aborted
	case "NOT_EMPTY", "EPHEMERAL_PARENT", "QUOTA_EXCEEDED", "NO_SESSION", "READ_ONLY":
		return codes.FailedPrecondition
	case "NO_AUTH":
		return codes.PermissionDenied
	case "BAD_ARGUMENTS", "INVALID_ACL", "INVALID_PATH", "TOO_LARGE":
		return codes.InvalidArgument
	case "NO_SPACE", "OVERLOADED":
		return codes.ResourceExhausted
	case "AUTH_FAILED":
		return codes.Unauthenticated
	case "COMPACTED":
		return codes.OutOfRange
	case "UNKNOWN_OUTCOME":
		return codes.Unknown
	case "UNAVAILABLE":
		return codes.Unavailable
	}
	return codes.Internal
}

// Refusal is an error as a server makes it. Fields that do not apply are zero.
type Refusal struct {
	// Reason is one of keeper.proto's.
	Reason string
	// Path is the node at fault.
	Path string
	// Detail is the message, without the path.
	Detail string
	// Version is the node's actual version.
	Version int32
	// Op is the failing operation of a Multi, from 1.
	Op int
	// RetryAfter goes into RetryInfo.
	RetryAfter time.Duration
	// Zxid is the version of the tree in which the error was found.
	Zxid uint64
}

// failure returns the refusal of err as it stands in an answer.
func failure(err error) *apiv1.Failure {
	st := status.Convert(err)
	f := &apiv1.Failure{Code: uint32(st.Code()), Message: st.Message()}
	for _, d := range st.Details() {
		info, ok := d.(*errdetails.ErrorInfo)
		if !ok {
			continue
		}
		f.Reason, f.Path = info.GetReason(), info.GetMetadata()["path"]
		version, _ := strconv.ParseInt(info.GetMetadata()["version"], 10, 32)
		op, _ := strconv.ParseUint(info.GetMetadata()["op"], 10, 32)
		f.Zxid, _ = strconv.ParseUint(info.GetMetadata()["zxid"], 10, 64)
		f.Version, f.Op = int32(version), uint32(op)
	}
	return f
}

// Err returns the refusal as a gRPC status with its details.
func (r Refusal) Err() error {
	message := r.Detail
	if r.Path != "" {
		message = r.Path + ": " + message
	}
	info := &errdetails.ErrorInfo{Domain: "quorate", Reason: r.Reason, Metadata: map[string]string{}}
	put := func(key, value string, known bool) {
		if known {
			info.Metadata[key] = value
		}
	}
	put("path", r.Path, r.Path != "")
	put("version", strconv.Itoa(int(r.Version)), r.Reason == "BAD_VERSION")
	put("op", strconv.Itoa(r.Op), r.Op > 0)
	put("zxid", strconv.FormatUint(r.Zxid, 10), r.Zxid > 0)
	if r.Op > 0 {
		message = fmt.Sprintf("operation %d: %s", r.Op, message)
	}
	st := status.New(codeOf(r.Reason), message)
	with, err := st.WithDetails(info)
	if err == nil && r.RetryAfter > 0 {
		with, err = with.WithDetails(&errdetails.RetryInfo{RetryDelay: durationpb.New(r.RetryAfter)})
	}
	if err != nil {
		return st.Err()
	}
	return with.Err()
}
