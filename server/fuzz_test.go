package server

import (
	"bytes"
	"context"
	"errors"
	"io"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protodelim"
	"google.golang.org/protobuf/proto"

	apiv1 "github.com/quorate/quorate/gen/quorate/api/v1"
	"github.com/quorate/quorate/server/config"
	"github.com/quorate/quorate/store/vfs"
)

// FuzzSessionStream lets a client say anything on a session's stream. Each request gets one answer, in order, or the stream ends with a status
// that has a reason; nobody else is hurt.
func FuzzSessionStream(f *testing.F) {
	for _, calls := range [][]*apiv1.SessionCall{
		{createCall("/a", persistent), setCall("/a", "1"), getCall("/a", true), listCall("/", true)},
		{existsCall("/a", true), createCall("/a", ephemeral), watchCall("/a", apiv1.WatchMode_WATCH_MODE_PERSISTENT_RECURSIVE, 1), closeCall()},
		{{Op: &apiv1.SessionCall_Multi{Multi: &apiv1.MultiRequest{Ops: []*apiv1.MultiOp{{}}}}}, {Op: &apiv1.SessionCall_MultiRead{MultiRead: &apiv1.MultiReadRequest{}}}, {}},
		{{Op: &apiv1.SessionCall_Authenticate{Authenticate: &apiv1.AuthenticateRequest{Scheme: "digest", Credentials: []byte("a:b")}}}, {Op: &apiv1.SessionCall_Sync{}}},
	} {
		for i, c := range calls {
			c.Cxid = int64(i + 1)
		}
		f.Add(said(f, &apiv1.SessionRequest{Open: &apiv1.OpenSessionRequest{TimeoutMs: 1000}}, &apiv1.SessionRequest{Calls: calls}, &apiv1.SessionRequest{}))
	}
	w := run(f, vfs.NewMem(), func(c *config.Config) { c.MaxSessions = 10_000_000 })
	f.Fuzz(func(t *testing.T, talk []byte) {
		if len(talk) > 1<<15 {
			return // what is said here is not heard before all is said
		}
		converse(t, w.keeper, talk)
		if _, err := w.keeper.Exists(t.Context(), &apiv1.ExistsRequest{Path: "/"}); err != nil {
			t.Fatalf("others are hurt: %v", err)
		}
	})
}

// said is what a client says, as bytes.
func said(f *testing.F, messages ...*apiv1.SessionRequest) []byte {
	f.Helper()
	var b bytes.Buffer
	for _, m := range messages {
		if _, err := protodelim.MarshalTo(&b, m); err != nil {
			f.Fatal(err)
		}
	}
	return b.Bytes()
}

// converse says what can be read of talk, and judges what is answered.
func converse(t *testing.T, keeper apiv1.KeeperClient, talk []byte) {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	stream, err := keeper.Session(ctx)
	if err != nil {
		t.Fatal(err)
	}
	var asked []int64
	for in := bytes.NewReader(talk); ; {
		m := &apiv1.SessionRequest{}
		if err := (protodelim.UnmarshalOptions{UnmarshalOptions: proto.UnmarshalOptions{DiscardUnknown: true}, MaxSize: 1 << 16}).UnmarshalFrom(in, m); err != nil {
			break
		}
		for _, c := range m.GetCalls() {
			asked = append(asked, c.GetCxid())
		}
		if err := stream.Send(m); err != nil {
			break // Recv says why
		}
	}
	_ = stream.CloseSend()
	for {
		m, err := stream.Recv()
		switch {
		case errors.Is(err, io.EOF):
			return
		case err != nil:
			why, _ := reason(err)
			if why == "" && status.Code(err) != codes.Internal { // what is no UTF-8 is gRPC's to refuse
				t.Fatalf("it ends without a reason: %v", err)
			}
			if why == "INTERNAL" || why == "UNAVAILABLE" {
				t.Fatalf("it ends with %s: %v", why, err)
			}
			return
		}
		for _, item := range m.GetItems() {
			a := item.GetAnswer()
			if a == nil || a.GetMore() {
				continue
			}
			if len(asked) == 0 || a.GetCxid() != asked[0] || a.GetResult() == nil || a.GetFailure().GetReason() == "INTERNAL" {
				t.Fatalf("%v is answered by %v", asked, a)
			}
			asked = asked[1:]
		}
	}
}
