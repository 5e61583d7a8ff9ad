package api

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/quorate/quorate/store/fault"
)

// promised is what the proto file of Keeper tells clients, kind by kind.
func promised() map[fault.Kind]codes.Code {
	return map[fault.Kind]codes.Code{
		fault.Internal:        codes.Internal,
		fault.NoNode:          codes.NotFound,
		fault.NoParent:        codes.NotFound,
		fault.NodeExists:      codes.AlreadyExists,
		fault.BadVersion:      codes.Aborted,
		fault.NotEmpty:        codes.FailedPrecondition,
		fault.EphemeralParent: codes.FailedPrecondition,
		fault.QuotaExceeded:   codes.FailedPrecondition,
		fault.NoSession:       codes.FailedPrecondition,
		fault.SessionMoved:    codes.Aborted,
		fault.NoWatch:         codes.NotFound,
		fault.ReadOnly:        codes.FailedPrecondition,
		fault.AuthFailed:      codes.Unauthenticated,
		fault.Compacted:       codes.OutOfRange,
		fault.NoAuth:          codes.PermissionDenied,
		fault.BadArguments:    codes.InvalidArgument,
		fault.InvalidACL:      codes.InvalidArgument,
		fault.InvalidPath:     codes.InvalidArgument,
		fault.TooLarge:        codes.InvalidArgument,
		fault.NoSpace:         codes.ResourceExhausted,
		fault.Overloaded:      codes.ResourceExhausted,
		fault.Unavailable:     codes.Unavailable,
		fault.Unknown:         codes.Unknown,
	}
}

func TestEveryKindHasItsCodeAndReason(t *testing.T) {
	table := promised()
	for _, k := range fault.Kinds() {
		want, listed := table[k]
		if !listed {
			t.Errorf("%v stands in no table: add it to Code, to Keeper's comment in the proto file, and here", k)
			continue
		}
		s := status.Convert(Error(fault.New(k, "/a", "why")))
		if s.Code() != want {
			t.Errorf("%v: got %v, want %v", k, s.Code(), want)
		}
		if info := infoOf(s); info == nil || info.GetReason() != k.String() || info.GetDomain() != "quorate" {
			t.Errorf("%v: got ErrorInfo %v", k, info)
		}
	}
}

// infoOf returns the ErrorInfo of s, nil if there is none.
func infoOf(s *status.Status) *errdetails.ErrorInfo {
	for _, d := range s.Details() {
		if info, ok := d.(*errdetails.ErrorInfo); ok {
			return info
		}
	}
	return nil
}

func TestDetails(t *testing.T) {
	err := Error(fmt.Errorf("op: %w", &fault.Error{
		Kind: fault.BadVersion, Path: "/a/b", Detail: "it is at version 0, not 3", Op: 2, Zxid: 1<<32 | 7, RetryAfter: 50 * time.Millisecond,
	}))
	s := status.Convert(err)
	if got, want := s.Message(), "op: operation 2: /a/b: it is at version 0, not 3"; got != want {
		t.Errorf("message %q, want %q", got, want)
	}
	want := map[string]string{"path": "/a/b", "version": "0", "op": "2", "zxid": "4294967303"}
	if diff := cmp.Diff(want, infoOf(s).GetMetadata()); diff != "" {
		t.Errorf("metadata (-want +got):\n%s", diff)
	}
	var retry *errdetails.RetryInfo
	var resource *errdetails.ResourceInfo
	for _, d := range s.Details() {
		switch d := d.(type) {
		case *errdetails.RetryInfo:
			retry = d
		case *errdetails.ResourceInfo:
			resource = d
		}
	}
	if retry.GetRetryDelay().AsDuration() != 50*time.Millisecond {
		t.Errorf("RetryInfo %v", retry)
	}
	if resource.GetResourceName() != "/a/b" || resource.GetDescription() != "it is at version 0, not 3" {
		t.Errorf("ResourceInfo %v", resource)
	}
}

func TestDetailsSayOnlyWhatIsKnown(t *testing.T) {
	s := status.Convert(Error(fault.New(fault.InvalidPath, "", "no path")))
	if len(s.Details()) != 1 || len(infoOf(s).GetMetadata()) != 0 {
		t.Errorf("got %v", s.Details())
	}
}

func TestErrorsThatAreNoFault(t *testing.T) {
	if Error(nil) != nil {
		t.Error("nil became an error")
	}
	for want, err := range map[codes.Code]error{
		codes.Canceled:         fmt.Errorf("sync: %w", context.Canceled),
		codes.DeadlineExceeded: context.DeadlineExceeded,
		codes.DataLoss:         status.Error(codes.DataLoss, "x"),
		codes.Internal:         errors.New("surprise"),
		codes.Unknown:          &fault.Error{Kind: fault.Unknown, Cause: context.Canceled},
	} {
		if got := status.Code(Error(err)); got != want {
			t.Errorf("%v: got %v, want %v", err, got, want)
		}
	}
}
