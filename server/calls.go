package server

import (
	"context"
	"strings"
	"sync/atomic"

	"google.golang.org/grpc"

	apiv1 "github.com/quorate/quorate/gen/quorate/api/v1"
	"github.com/quorate/quorate/store/fault"
)

// calls counts the calls in progress, so that draining knows when the last one
// has ended. Streams that last as long as the client likes are left out: those of gRPC's own services (health's Watch,
// reflection), and those that [calls.endStreams] ends.
type calls struct {
	open     atomic.Int64
	draining atomic.Bool
	last     chan struct{} // one token when open falls to 0 while draining

	serving context.Context // ended by endStreams
	end     context.CancelCauseFunc
}

func newCalls() *calls {
	c := &calls{last: make(chan struct{}, 1)}
	c.serving, c.end = context.WithCancelCause(context.Background())
	return c
}

// endStreams ends the streams without an end of our own services, with UNAVAILABLE, and those that come later.
func (c *calls) endStreams() {
	c.end(&fault.Error{Kind: fault.Unavailable, Detail: "this server is stopping"})
}

// idle returns a channel that has something to receive when no call is open. To
// be asked once, after new calls have stopped coming.
func (c *calls) idle() <-chan struct{} {
	c.draining.Store(true)
	if c.open.Load() == 0 {
		c.signal()
	}
	return c.last
}

func (c *calls) leave() {
	if c.open.Add(-1) == 0 && c.draining.Load() {
		c.signal()
	}
}

func (c *calls) signal() {
	select {
	case c.last <- struct{}{}:
	default:
	}
}

// Unary counts a call.
func (c *calls) Unary(ctx context.Context, req any, info *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
	if !endless(info.FullMethod) {
		c.open.Add(1)
		defer c.leave()
	}
	return next(ctx, req)
}

// Stream counts a call, or sees to it that it ends with the server.
func (c *calls) Stream(srv any, s grpc.ServerStream, info *grpc.StreamServerInfo, next grpc.StreamHandler) error {
	if lasting(info.FullMethod) {
		ctx, end := context.WithCancelCause(s.Context())
		defer end(nil)
		defer context.AfterFunc(c.serving, func() { end(context.Cause(c.serving)) })()
		return next(srv, &endedStream{s, ctx})
	}
	if !endless(info.FullMethod) {
		c.open.Add(1)
		defer c.leave()
	}
	return next(srv, s)
}

// endedStream is a stream with a context of its own.
type endedStream struct {
	grpc.ServerStream
	ctx context.Context
}

// Context returns that context.
func (s *endedStream) Context() context.Context { return s.ctx }

// lasting tells whether a method is a stream of Keeper that has no end: it watches its context, and returns its cause.
func lasting(method string) bool {
	return method == apiv1.Keeper_Watch_FullMethodName || method == apiv1.Keeper_Session_FullMethodName
}

// endless tells whether a method is one of gRPC's own services.
func endless(method string) bool { return strings.HasPrefix(method, "/grpc.") }
