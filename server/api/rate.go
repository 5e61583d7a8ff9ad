package api

import (
	"context"

	"google.golang.org/grpc"

	"github.com/quorate/quorate/server/meter"
)

// Metered are the interceptors that hold calls to a meter.
type Metered struct{ Meter *meter.Meter }

// Unary meters a call. The requests of a session's stream are metered one by one, where they are begun.
func (m Metered) Unary(ctx context.Context, req any, _ *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
	if err := m.Meter.Admit(CallerOf(ctx)); err != nil {
		return nil, Error(err)
	}
	return next(ctx, req)
}

// Stream meters the opening of a stream.
func (m Metered) Stream(srv any, s grpc.ServerStream, _ *grpc.StreamServerInfo, next grpc.StreamHandler) error {
	if err := m.Meter.Admit(CallerOf(s.Context())); err != nil {
		return Error(err)
	}
	return next(srv, s)
}
