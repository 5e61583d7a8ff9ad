package clienttest

import (
	"context"
	"fmt"
	"net"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/keepalive"

	adminv1 "github.com/quorate/quorate/gen/quorate/admin/v1"
	apiv1 "github.com/quorate/quorate/gen/quorate/api/v1"
)

// DefaultMaxValue is the value limit of a Fake, in bytes, unless it is set otherwise.
const DefaultMaxValue = 1 << 20

// Fake is a Keeper in memory. Its methods are safe for concurrent use.
type Fake struct {
	apiv1.UnimplementedKeeperServer
	adminv1.UnimplementedAdminServer

	// MaxValue is the greatest value accepted, in bytes; set before serving.
	MaxValue int
	// MaxRequest is the greatest Multi accepted, in bytes as encoded; 0: no limit. Set before serving.
	MaxRequest int
	// Hook, if set before serving, sees each call before it is carried out; what it returns, if not
	// nil, is the call's answer.
	Hook func(method string, request any) error
	// After, if set before serving, sees each unary call after it was carried out; what it returns,
	// if not nil, replaces the answer: the outcome is then unknown to the caller.
	After func(method string, request any) error

	// OnCall, if set before serving, sees each call on a session's stream and says whether the stream breaks at it.
	OnCall func(session uint64, call *apiv1.SessionCall) Break

	mu struct {
		sync.Mutex
		nodes    map[string]*node
		zxid     uint64
		calls    map[string]int
		sessions map[uint64]*session
		opened   uint64 // sessions so far
		history  []effect
		begins   uint64        // the history has everything after this zxid
		grown    chan struct{} // closed when the tree changes, or streams are cut
		cuts     int
		readOnly bool
		readers  []*stream // without a session
	}
}

// Break says what happens to a session's stream at a call.
type Break int

// The breaks.
const (
	// NoBreak: the call is carried out and answered.
	NoBreak Break = iota
	// BreakBefore: the stream ends before the call is carried out; neither it nor what follows is.
	BreakBefore
	// BreakAfter: the call is carried out, and the stream ends before the answer is sent.
	BreakAfter
	// Overload: the call is refused as OVERLOADED, and the stream goes on.
	Overload
)

// New returns a Fake with the nodes that are always there.
func New() *Fake {
	f := &Fake{MaxValue: DefaultMaxValue}
	f.mu.nodes = map[string]*node{}
	f.mu.calls = map[string]int{}
	f.mu.zxid, f.mu.begins = 1<<32, 1<<32
	f.mu.sessions = map[uint64]*session{}
	f.mu.grown = make(chan struct{})
	for _, path := range []string{"/", "/zookeeper", "/zookeeper/config", "/zookeeper/quota"} {
		f.mu.nodes[path] = newNode(1 << 32)
	}
	f.mu.nodes["/"].stat.NumChildren = 1
	f.mu.nodes["/zookeeper"].stat.NumChildren = 2
	return f
}

// Start serves f on a free loopback port until the test ends, and returns its address.
func (f *Fake) Start(t testing.TB) string {
	t.Helper()
	lis, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	stop := f.Serve(lis)
	t.Cleanup(stop)
	return lis.Addr().String()
}

// Local serves f on a free loopback port until stop is called, for examples, which have no test to end with. It panics if
// there is no port.
func (f *Fake) Local() (address string, stop func()) {
	lis, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	return lis.Addr().String(), f.Serve(lis)
}

// Serve serves f on lis. The function it returns cuts all connections and waits until
// serving has ended; the tree stays, so that f can be served again.
func (f *Fake) Serve(lis net.Listener) (stop func()) {
	s := grpc.NewServer(grpc.UnaryInterceptor(f.intercept), grpc.StreamInterceptor(f.interceptStream),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: 5 * time.Second, PermitWithoutStream: true}))
	apiv1.RegisterKeeperServer(s, f)
	adminv1.RegisterAdminServer(s, f)
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = s.Serve(lis) // ends with Stop, below
	}()
	return func() { s.Stop(); <-done }
}

// Calls returns how often a method, by its full name, was called.
func (f *Fake) Calls(method string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.mu.calls[method]
}

func (f *Fake) intercept(ctx context.Context, req any, info *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
	f.count(info.FullMethod)
	if f.Hook != nil {
		if err := f.Hook(info.FullMethod, req); err != nil {
			return nil, err
		}
	}
	reply, err := next(ctx, req)
	if f.After != nil {
		if failed := f.After(info.FullMethod, req); failed != nil {
			return nil, failed
		}
	}
	return reply, err
}

func (f *Fake) interceptStream(srv any, s grpc.ServerStream, info *grpc.StreamServerInfo, next grpc.StreamHandler) error {
	f.count(info.FullMethod)
	if f.Hook != nil {
		if err := f.Hook(info.FullMethod, nil); err != nil {
			return err
		}
	}
	return next(srv, s)
}

func (f *Fake) count(method string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.mu.calls[method]++
}

// Status implements Admin.
func (f *Fake) Status(context.Context, *adminv1.StatusRequest) (*adminv1.StatusResponse, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	z := f.mu.zxid
	return &adminv1.StatusResponse{
		Id: 1, Role: adminv1.Role_ROLE_LEADER, Epoch: uint32(z >> 32), Nodes: uint64(len(f.mu.nodes)),
		LastLogged: z, LastDurable: z, LastCommitted: z, LastApplied: z, Version: "fake", Digest: 0xfeed,
	}, nil
}

// Dump returns every node's data by path, "null" for null data, the fixed nodes
// under /zookeeper left out: for comparing trees.
func (f *Fake) Dump() map[string]string {
	f.mu.Lock()
	defer f.mu.Unlock()
	all := map[string]string{}
	for path, n := range f.mu.nodes {
		if path == "/" || within(path, "/zookeeper") {
			continue
		}
		all[path] = "null"
		if n.data != nil {
			all[path] = fmt.Sprintf("%q", n.data)
		}
	}
	return all
}
