package server

import (
	"context"
	"runtime/debug"

	grpcprom "github.com/grpc-ecosystem/go-grpc-middleware/providers/prometheus"
	"github.com/grpc-ecosystem/go-grpc-middleware/v2/interceptors"
	"github.com/grpc-ecosystem/go-grpc-middleware/v2/interceptors/auth"
	"github.com/grpc-ecosystem/go-grpc-middleware/v2/interceptors/recovery"
	"google.golang.org/grpc"

	"github.com/quorate/quorate/server/api"
	"github.com/quorate/quorate/store/fault"
)

// link is one interceptor, for both kinds of calls.
type link struct {
	name   string
	unary  grpc.UnaryServerInterceptor
	stream grpc.StreamServerInterceptor
}

// chain is everything a call goes through before its handler, outermost first.
// Counting, metrics and log stand outside of recovery, so that a call that
// panics is an INTERNAL one to them. Requests are validated by the tree when
// they are prepared; their size is bounded in [grpcOptions].
func chain(open *calls, metrics *grpcprom.ServerMetrics, log interceptors.ServerReportable, who *api.Authenticator, rate api.Metered, onPanic panicked) []link {
	recovered := recovery.WithRecoveryHandlerContext(onPanic.recover)
	return []link{
		{"calls", open.Unary, open.Stream},
		{"metrics", metrics.UnaryServerInterceptor(), metrics.StreamServerInterceptor()},
		{"log", interceptors.UnaryServerInterceptor(log), interceptors.StreamServerInterceptor(log)},
		{"recovery", recovery.UnaryServerInterceptor(recovered), recovery.StreamServerInterceptor(recovered)},
		{"auth", auth.UnaryServerInterceptor(who.Authenticate), auth.StreamServerInterceptor(who.Authenticate)},
		{"rate", rate.Unary, rate.Stream},
	}
}

// panicked is told of a call that panicked.
type panicked func(method string, value any, stack []byte)

// recover turns a panic into an INTERNAL error; the process goes on.
func (p panicked) recover(ctx context.Context, value any) error {
	method, _ := grpc.Method(ctx)
	p(method, value, debug.Stack())
	return api.Error(fault.New(fault.Internal, "", "the server failed while it handled this call; its log says where"))
}
