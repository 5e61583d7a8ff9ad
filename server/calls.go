package server

import (
	"context"
	"strings"
	"sync/atomic"

	"google.golang.org/grpc"
)

// calls counts the calls in progress, so that draining knows when the last one
// has ended. gRPC's own services are left out: their streams (health's Watch,
// reflection) last as long as the client likes.
type calls struct {
	open     atomic.Int64
	draining atomic.Bool
	last     chan struct{} // one token when open falls to 0 while draining
}

func newCalls() *calls { return &calls{last: make(chan struct{}, 1)} }

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

// Stream counts a call.
func (c *calls) Stream(srv any, s grpc.ServerStream, info *grpc.StreamServerInfo, next grpc.StreamHandler) error {
	if !endless(info.FullMethod) {
		c.open.Add(1)
		defer c.leave()
	}
	return next(srv, s)
}

// endless tells whether a method is one of gRPC's own services.
func endless(method string) bool { return strings.HasPrefix(method, "/grpc.") }
