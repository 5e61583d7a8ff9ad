package client

import (
	"context"
	"io"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	apiv1 "github.com/quorate/quorate/gen/quorate/api/v1"
)

// Keeper returns the calls that read and change the tree, as calls of the session: in its order, and with its ephemeral nodes. A
// List is in memory as a whole before its first piece is there. Where a break has swallowed the answer to a write that
// took effect, there is no Stat in the answer, and no result in that of a Multi. What has no place in a session, such as
// Watch, is asked as by [Client.Keeper].
func (s *Session) Keeper() apiv1.KeeperClient { return apiv1.NewKeeperClient(stubs{s}) }

// stubs is the connection under the generated stubs.
type stubs struct{ s *Session }

var _ grpc.ClientConnInterface = stubs{}

// Invoke implements [grpc.ClientConnInterface].
func (b stubs) Invoke(ctx context.Context, method string, request, reply any, options ...grpc.CallOption) error {
	c := callOf(request)
	if c == nil {
		return b.s.client.conns.Invoke(ctx, method, request, reply, options...)
	}
	a, err := b.s.call(ctx, c)
	if err != nil {
		return err
	}
	fill(reply, a)
	return nil
}

// NewStream implements [grpc.ClientConnInterface].
func (b stubs) NewStream(ctx context.Context, desc *grpc.StreamDesc, method string, options ...grpc.CallOption) (grpc.ClientStream, error) {
	if method == apiv1.Keeper_List_FullMethodName {
		return &pieces{s: b.s, ctx: ctx}, nil
	}
	return b.s.client.conns.NewStream(ctx, desc, method, options...)
}

// callOf is a request as a call of a session; nil if there is none of its type.
func callOf(request any) *apiv1.SessionCall {
	m, ok := request.(proto.Message)
	if !ok {
		return nil
	}
	c := &apiv1.SessionCall{}
	ops := c.ProtoReflect().Descriptor().Oneofs().ByName("op").Fields()
	for i := range ops.Len() {
		if op := ops.Get(i); op.Message() == m.ProtoReflect().Descriptor() {
			c.ProtoReflect().Set(op, protoreflect.ValueOfMessage(m.ProtoReflect()))
			return c
		}
	}
	return nil
}

// fill makes a reply what the answer holds.
func fill(reply any, a *apiv1.SessionAnswer) {
	r := a.ProtoReflect()
	m, ok := reply.(proto.Message)
	if result := r.WhichOneof(r.Descriptor().Oneofs().ByName("result")); ok && result != nil && result.Message() == m.ProtoReflect().Descriptor() {
		proto.Merge(m, r.Get(result).Message().Interface())
	}
}

// pieces is the stream of a List.
type pieces struct {
	s   *Session
	ctx context.Context // of the call, as gRPC has it
	c   *call
	at  int
}

// Header implements [grpc.ClientStream]; there is none.
func (p *pieces) Header() (metadata.MD, error) { return nil, nil }

// Trailer implements [grpc.ClientStream]; there is none.
func (p *pieces) Trailer() metadata.MD { return nil }

// CloseSend implements [grpc.ClientStream]; the request is all there is to send.
func (p *pieces) CloseSend() error { return nil }

// Context implements [grpc.ClientStream].
func (p *pieces) Context() context.Context { return p.ctx }

// SendMsg implements [grpc.ClientStream]: it makes the call.
func (p *pieces) SendMsg(request any) error {
	p.c = newCall(callOf(request))
	return p.s.submit(p.ctx, p.c)
}

// RecvMsg implements [grpc.ClientStream].
func (p *pieces) RecvMsg(piece any) error {
	if _, err := p.s.wait(p.ctx, p.c); err != nil {
		return err
	}
	if p.at == len(p.c.pieces) {
		return io.EOF
	}
	proto.Merge(piece.(proto.Message), p.c.pieces[p.at])
	p.at++
	return nil
}
