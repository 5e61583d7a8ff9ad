package client

import (
	"context"
	"errors"
	"sync/atomic"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"

	adminv1 "github.com/quorate/quorate/gen/quorate/admin/v1"
	apiv1 "github.com/quorate/quorate/gen/quorate/api/v1"
)

// server is one server of the ensemble.
type server struct {
	address string
	conn    *grpc.ClientConn
}

// failover is a connection to several servers that uses one of them at a time. gRPC's own
// balancers do not fit: round_robin would let a program miss its own writes, and
// pick_first stays with a server that answers but has no leader.
type failover struct {
	servers []server
	auth    []string
	// current is the index of the server in use.
	current atomic.Uint32
}

var _ grpc.ClientConnInterface = (*failover)(nil)

// Invoke makes a unary call, on the next server if the current one cannot be
// reached or has no leader, once round.
func (f *failover) Invoke(ctx context.Context, method string, request, reply any, opts ...grpc.CallOption) error {
	ctx = f.identify(ctx)
	var last *Error
	for range f.servers {
		at := f.current.Load()
		var answered peer.Peer
		err := f.at(at).conn.Invoke(ctx, method, request, reply, append(opts, grpc.Peer(&answered))...)
		if err == nil {
			return nil
		}
		last = f.explain(err, at)
		sent := answered.Addr != nil
		if sent && last.Reason == "" && last.Code == codes.Unavailable && !repeatable(method) {
			last.Reason = reasonUnknownOutcome
			last.Message = "the connection broke before the answer came: " + last.Message
		}
		if !last.tryElsewhere() {
			return last
		}
		f.moveOn(at)
	}
	return last
}

// NewStream opens a stream on the first server that can be reached. A stream that is
// open stays where it is: its errors are the caller's.
func (f *failover) NewStream(ctx context.Context, desc *grpc.StreamDesc, method string, opts ...grpc.CallOption) (grpc.ClientStream, error) {
	ctx = f.identify(ctx)
	var last *Error
	for range f.servers {
		at := f.current.Load()
		s, err := f.at(at).conn.NewStream(ctx, desc, method, opts...)
		if err == nil {
			return &stream{ClientStream: s, conns: f, at: at}, nil
		}
		last = f.explain(err, at)
		if !last.tryElsewhere() {
			return nil, last
		}
		f.moveOn(at)
	}
	return nil, last
}

// at returns the server with a running number.
func (f *failover) at(n uint32) server { return f.servers[int(n)%len(f.servers)] }

// moveOn leaves server n, unless another call has left it already.
func (f *failover) moveOn(n uint32) {
	f.current.CompareAndSwap(n, uint32((int(n)+1)%len(f.servers)))
}

func (f *failover) identify(ctx context.Context) context.Context {
	if len(f.auth) == 0 {
		return ctx
	}
	return metadata.AppendToOutgoingContext(ctx, f.auth...)
}

func (f *failover) explain(err error, at uint32) *Error {
	e := newError(err)
	e.Server = f.at(at).address
	return e
}

func (f *failover) close() error {
	var errs []error
	for _, s := range f.servers {
		errs = append(errs, s.conn.Close())
	}
	return errors.Join(errs...)
}

// stream turns the errors of a stream into *Error.
type stream struct {
	grpc.ClientStream
	conns *failover
	at    uint32
}

// RecvMsg implements grpc.ClientStream. io.EOF, the regular end, stays what it is.
func (s *stream) RecvMsg(m any) error {
	err := s.ClientStream.RecvMsg(m)
	if err == nil || isEOF(err) {
		return err
	}
	e := s.conns.explain(err, s.at)
	if e.tryElsewhere() {
		s.conns.moveOn(s.at)
	}
	return e
}

// repeatable tells whether a call may be made twice without harm.
func repeatable(method string) bool {
	switch method {
	case apiv1.Keeper_Get_FullMethodName, apiv1.Keeper_Exists_FullMethodName, apiv1.Keeper_List_FullMethodName,
		apiv1.Keeper_GetAcl_FullMethodName, apiv1.Keeper_Sync_FullMethodName, apiv1.Keeper_MultiRead_FullMethodName,
		apiv1.Keeper_CountDescendants_FullMethodName, apiv1.Keeper_WhoAmI_FullMethodName, adminv1.Admin_Status_FullMethodName:
		return true
	}
	return false
}
