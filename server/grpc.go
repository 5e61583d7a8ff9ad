package server

import (
	"context"
	"errors"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/channelz/service"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/reflection"

	adminv1 "github.com/quorate/quorate/gen/quorate/admin/v1"
	apiv1 "github.com/quorate/quorate/gen/quorate/api/v1"
	"github.com/quorate/quorate/server/admin"
	"github.com/quorate/quorate/server/api"
	"github.com/quorate/quorate/server/config"
)

const (
	// drainLimit is how long calls in progress may take to end when the server stops.
	drainLimit = 4 * time.Second
	// flushGrace is how long the last replies may take to be sent when only streams
	// without an end (health's Watch, reflection, those of clients that do not read) are left.
	flushGrace = 250 * time.Millisecond
	// handshakeLimit is how long a client may take to say hello.
	handshakeLimit = 10 * time.Second
	// deadAfter + deadTimeout is when a silent client's connection is given up.
	deadAfter, deadTimeout = 30 * time.Second, 10 * time.Second
	// pingEvery is the shortest interval in which a client may ping.
	pingEvery = 5 * time.Second
	// maxHeaders bounds a call's metadata in bytes.
	maxHeaders = 64 << 10
	// frame is what a message may have beyond the greatest transaction.
	frame = 1 << 20
)

// front is the gRPC server and what it serves.
type front struct {
	grpc    *grpc.Server
	health  *health.Server
	calls   *calls
	others  func(ctx context.Context) // ends what is not gRPC
	onDrain func(cause error, atMost time.Duration)
	onCut   func(calls int64)
}

// newFront returns a gRPC server with all services behind the chain. Health
// says NOT_SERVING for now.
func newFront(cfg *config.Config, secure bool, links []link, keeper *api.Keeper, operator *admin.Admin) *front {
	f := &front{grpc: grpc.NewServer(grpcOptions(cfg, secure, links)...), health: health.NewServer()}
	f.ready(false)
	f.health.SetServingStatus(adminv1.Admin_ServiceDesc.ServiceName, healthv1.HealthCheckResponse_SERVING)
	apiv1.RegisterKeeperServer(f.grpc, keeper)
	adminv1.RegisterAdminServer(f.grpc, operator)
	healthv1.RegisterHealthServer(f.grpc, f.health)
	service.RegisterChannelzServiceToServer(f.grpc)
	reflection.Register(f.grpc)
	return f
}

// grpcOptions are the bounds of connections and messages, and the chain.
func grpcOptions(cfg *config.Config, secure bool, links []link) []grpc.ServerOption {
	var unary []grpc.UnaryServerInterceptor
	var stream []grpc.StreamServerInterceptor
	for _, l := range links {
		unary, stream = append(unary, l.unary), append(stream, l.stream)
	}
	protection := insecure.NewCredentials()
	if secure {
		protection = secured{}
	}
	return []grpc.ServerOption{
		grpc.Creds(protection),
		grpc.ChainUnaryInterceptor(unary...),
		grpc.ChainStreamInterceptor(stream...),
		grpc.MaxRecvMsgSize(int(cfg.MaxRequest) + frame),
		grpc.MaxConcurrentStreams(uint32(cfg.MaxStreams)),
		grpc.MaxHeaderListSize(maxHeaders),
		grpc.ConnectionTimeout(handshakeLimit),
		grpc.KeepaliveParams(keepalive.ServerParameters{Time: deadAfter, Timeout: deadTimeout}),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: pingEvery, PermitWithoutStream: true}),
	}
}

// ready says whether writes are possible: overall, and for Keeper. Admin serves
// from start to drain, since it is there to tell why the others do not.
func (f *front) ready(yes bool) {
	s := healthv1.HealthCheckResponse_NOT_SERVING
	if yes {
		s = healthv1.HealthCheckResponse_SERVING
	}
	f.health.SetServingStatus("", s)
	f.health.SetServingStatus(apiv1.Keeper_ServiceDesc.ServiceName, s)
}

// serve lets clients in by l until ctx ends, and then drains.
func (f *front) serve(ctx context.Context, l *door) error {
	l.open()
	failed := make(chan error, 1)
	go func() { failed <- f.grpc.Serve(l) }()
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
		f.drain(context.Cause(ctx))
		if err := <-failed; !errors.Is(err, grpc.ErrServerStopped) { // stopped before Serve began
			return err
		}
		return nil
	}
}

// drain takes no new calls, ends the streams that have no end, lets the calls in progress end, and cuts off what is
// left when the time is up or nothing but gRPC's own streams is.
func (f *front) drain(cause error) {
	f.onDrain(cause, drainLimit)
	f.health.Shutdown()
	f.calls.endStreams()
	ctx, stop := context.WithTimeout(context.Background(), drainLimit)
	defer stop()
	var others sync.WaitGroup
	others.Go(func() { f.others(ctx) })
	defer others.Wait()
	done := make(chan struct{})
	go func() {
		defer close(done)
		f.grpc.GracefulStop()
	}()
	select {
	case <-done:
		return
	case <-f.calls.idle():
		wait(done, flushGrace)
	case <-time.After(drainLimit):
		f.onCut(f.calls.open.Load())
	}
	f.grpc.Stop()
	<-done
}

// wait returns when done is closed, or after d.
func wait(done <-chan struct{}, d time.Duration) {
	select {
	case <-done:
	case <-time.After(d):
	}
}
