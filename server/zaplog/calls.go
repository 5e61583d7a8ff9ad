package zaplog

import (
	"context"
	"strings"
	"time"

	"github.com/grpc-ecosystem/go-grpc-middleware/v2/interceptors"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"
)

// Calls returns a reporter for the server's interceptors: one line a finished
// call, at debug; at warn if a unary call took slow or longer (0: never); at
// error if the server is at fault. A call of gRPC's own services (health,
// reflection, channelz) is debug whatever became of it. A call that is not
// logged costs no allocation of fields.
func (l *Logger) Calls(slow time.Duration) interceptors.CommonReportableFunc {
	return func(ctx context.Context, meta interceptors.CallMeta) (interceptors.Reporter, context.Context) {
		return &call{log: l, slow: slow, ctx: ctx, meta: meta}, ctx
	}
}

// call is one call in progress. It holds its context as long as the call lasts,
// since gRPC's middleware hands it over at the start and asks at the end.
type call struct {
	interceptors.NoopReporter
	log  *Logger
	slow time.Duration
	ctx  context.Context
	meta interceptors.CallMeta
}

// PostCall logs the finished call.
func (c *call) PostCall(err error, took time.Duration) {
	code := status.Code(err)
	level, message := c.severity(code, took)
	line := c.log.zap.Check(level, message)
	if line == nil {
		return
	}
	fields := []zap.Field{
		zap.String("method", c.meta.Service+"/"+c.meta.Method), zap.Stringer("code", code), zap.Duration("took", took),
	}
	if p, ok := peer.FromContext(c.ctx); ok {
		fields = append(fields, zap.Stringer("remote", p.Addr))
	}
	if err != nil {
		fields = append(fields, zap.String("error", status.Convert(err).Message()))
	}
	line.Write(fields...)
}

// severity decides how a call is logged.
func (c *call) severity(code codes.Code, took time.Duration) (zapcore.Level, string) {
	switch {
	case strings.HasPrefix(c.meta.Service, "grpc."):
		return zapcore.DebugLevel, "call"
	case code == codes.Internal || code == codes.DataLoss:
		return zapcore.ErrorLevel, "call failed"
	case c.slow > 0 && took >= c.slow && c.meta.Typ == interceptors.Unary:
		return zapcore.WarnLevel, "slow call"
	default:
		return zapcore.DebugLevel, "call"
	}
}
