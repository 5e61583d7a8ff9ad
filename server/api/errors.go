package api

import (
	"context"
	"errors"
	"strconv"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/protoadapt"
	"google.golang.org/protobuf/types/known/durationpb"

	apiv1 "github.com/quorate/quorate/gen/quorate/api/v1"
	"github.com/quorate/quorate/store/fault"
)

// Domain is the domain of every google.rpc.ErrorInfo of this server.
const Domain = "quorate"

// Code returns the gRPC code of a kind. It is the only such mapping; the proto
// file of Keeper tells it to clients. A kind without a line of its own here is
// an internal error.
func Code(k fault.Kind) codes.Code {
	switch k {
	case fault.NoNode, fault.NoParent, fault.NoWatch:
		return codes.NotFound
	case fault.NodeExists:
		return codes.AlreadyExists
	case fault.BadVersion, fault.SessionMoved:
		return codes.Aborted
	case fault.NotEmpty, fault.EphemeralParent, fault.QuotaExceeded, fault.NoSession, fault.ReadOnly:
		return codes.FailedPrecondition
	case fault.NoAuth:
		return codes.PermissionDenied
	case fault.AuthFailed:
		return codes.Unauthenticated
	case fault.Compacted:
		return codes.OutOfRange
	case fault.BadArguments, fault.InvalidACL, fault.InvalidPath, fault.TooLarge:
		return codes.InvalidArgument
	case fault.NoSpace, fault.Overloaded:
		return codes.ResourceExhausted
	case fault.Unavailable:
		return codes.Unavailable
	case fault.Unknown:
		return codes.Unknown // not Unavailable: clients repeat that, and this may have taken effect
	default:
		return codes.Internal
	}
}

// Error turns an error into one with a gRPC status and, for a *[fault.Error],
// its details: ErrorInfo always, RetryInfo when a time is known, ResourceInfo
// when a node is at fault. A context's end becomes CANCELED or
// DEADLINE_EXCEEDED, an error that has a status keeps it, and any other is
// internal. nil stays nil.
func Error(err error) error {
	if err == nil {
		return nil
	}
	var f *fault.Error
	if errors.As(err, &f) {
		return refusal(f, err.Error())
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return status.FromContextError(err).Err()
	}
	if s, ok := status.FromError(err); ok {
		return s.Err()
	}
	return refusal(&fault.Error{Kind: fault.Internal}, err.Error())
}

// refusal is the status of f. Details that cannot be attached are left out.
func refusal(f *fault.Error, message string) error {
	s := status.New(Code(f.Kind), message)
	details := []protoadapt.MessageV1{&errdetails.ErrorInfo{Reason: f.Kind.String(), Domain: Domain, Metadata: known(f)}}
	if f.RetryAfter > 0 {
		details = append(details, &errdetails.RetryInfo{RetryDelay: durationpb.New(f.RetryAfter)})
	}
	if f.Path != "" && aboutNode(f.Kind) {
		details = append(details, &errdetails.ResourceInfo{ResourceType: "node", ResourceName: f.Path, Description: f.Detail})
	}
	if with, err := s.WithDetails(details...); err == nil {
		s = with
	}
	return s.Err()
}

// failureOf is an error as one answer among several tells it: see [Error].
func failureOf(err error) *apiv1.Failure {
	s := status.Convert(Error(err))
	m := &apiv1.Failure{Code: uint32(s.Code()), Reason: fault.Internal.String(), Message: s.Message()}
	var f *fault.Error
	if !errors.As(err, &f) {
		return m
	}
	m.Reason, m.Path, m.Version, m.Op, m.Zxid = f.Kind.String(), f.Path, f.Version, uint32(f.Op), uint64(f.Zxid)
	if f.RetryAfter > 0 {
		m.RetryAfter = durationpb.New(f.RetryAfter)
	}
	return m
}

// aboutNode tells whether a node's state, not the request, is the reason.
func aboutNode(k fault.Kind) bool {
	switch Code(k) {
	case codes.NotFound, codes.AlreadyExists, codes.Aborted, codes.FailedPrecondition, codes.PermissionDenied:
		return true
	default:
		return false
	}
}

// known holds what is known of path, version, zxid and op; numbers in decimal.
func known(f *fault.Error) map[string]string {
	m := make(map[string]string, 4)
	if f.Path != "" {
		m["path"] = f.Path
	}
	if f.Kind == fault.BadVersion {
		m["version"] = strconv.FormatInt(int64(f.Version), 10)
	}
	if f.Zxid != 0 {
		m["zxid"] = strconv.FormatUint(uint64(f.Zxid), 10)
	}
	if f.Op > 0 {
		m["op"] = strconv.Itoa(f.Op)
	}
	return m
}
