package server

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	reflectionv1 "google.golang.org/grpc/reflection/grpc_reflection_v1"
	"google.golang.org/grpc/status"

	apiv1 "github.com/quorate/quorate/gen/quorate/api/v1"
	"github.com/quorate/quorate/server/config"
	"github.com/quorate/quorate/store/vfs"
)

// TestDrainingLetsWritesEnd stops a server under writers: each write was either
// acknowledged, and is there afterwards, or ended with an error.
func TestDrainingLetsWritesEnd(t *testing.T) {
	fs := vfs.NewMem()
	w := run(t, fs, nil)
	var acked sync.Map
	var count atomic.Int64
	var writers sync.WaitGroup
	for i := range 8 {
		writers.Go(func() {
			for n := 0; ; n++ {
				path := fmt.Sprintf("/w%d-%d", i, n)
				if _, err := w.keeper.Create(context.Background(), &apiv1.CreateRequest{Path: path}); err != nil {
					if c := status.Code(err); c != codes.Unavailable && c != codes.Canceled {
						t.Errorf("%s: %v", path, err)
					}
					return
				}
				acked.Store(path, true)
				count.Add(1)
			}
		})
	}
	for count.Load() < 200 {
		if _, err := w.keeper.Sync(t.Context(), &apiv1.SyncRequest{}); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.stop(); err != nil {
		t.Fatal(err)
	}
	if w.cutOff.Load() {
		t.Error("the writes under way did not end by themselves")
	}
	writers.Wait()
	again := run(t, fs, nil)
	acked.Range(func(path, _ any) bool {
		if r, err := again.keeper.Exists(t.Context(), &apiv1.ExistsRequest{Path: path.(string)}); err != nil || r.Stat == nil {
			t.Errorf("%v was acknowledged and is gone: %v", path, err)
		}
		return true
	})
}

// TestStoppedBeforeItBegan: a signal that comes during start is no error.
func TestStoppedBeforeItBegan(t *testing.T) {
	for range 20 {
		n, err := New(t.Context(), settingsFor(nil), Options{FS: vfs.NewMem()})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := n.Run(ctx); err != nil {
			t.Fatal(err)
		}
	}
}

// TestDrainingDoesNotWaitForEndlessStreams: a client of reflection that just
// stays must not keep a server from stopping.
func TestDrainingDoesNotWaitForEndlessStreams(t *testing.T) {
	w := run(t, vfs.NewMem(), nil)
	s, err := reflectionv1.NewServerReflectionClient(w.conn).ServerReflectionInfo(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	ask := &reflectionv1.ServerReflectionRequest{MessageRequest: &reflectionv1.ServerReflectionRequest_ListServices{}}
	if err := s.Send(ask); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Recv(); err != nil { // now the stream is open on both sides
		t.Fatal(err)
	}
	if err := w.stop(); err != nil {
		t.Fatal(err)
	}
	if w.cutOff.Load() {
		t.Error("stopping waited for the stream until its time was up")
	}
}

func TestTooManyConnectionsAreClosed(t *testing.T) {
	w := run(t, vfs.NewMem(), func(c *config.Config) { c.MaxConnections = 1 })
	c, err := net.Dial("tcp", w.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	var timeout net.Error
	if _, err := c.Read(make([]byte, 1)); err == nil || errors.As(err, &timeout) && timeout.Timeout() {
		t.Errorf("a second connection was held: %v", err)
	}
	if _, err := w.keeper.Sync(t.Context(), &apiv1.SyncRequest{}); err != nil {
		t.Errorf("the first connection suffered: %v", err)
	}
}

func TestRoomForAConnectionComesBack(t *testing.T) {
	l, err := listen("127.0.0.1:0", 1, 1, func(net.Addr) { t.Error("refused") })
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for range 3 {
		client, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		server, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		server.Close()
		server.Close() // twice is once
		client.Close()
	}
	if n := l.open.Load(); n != 0 {
		t.Errorf("%d connections are counted, none is open", n)
	}
}

func TestMessagesBeyondTheLimitAreRefused(t *testing.T) {
	w := run(t, vfs.NewMem(), nil)
	_, err := w.keeper.Create(t.Context(), &apiv1.CreateRequest{Path: "/a", Data: make([]byte, 6<<20)})
	if status.Code(err) != codes.ResourceExhausted {
		t.Errorf("6 MiB: got %v", err)
	}
	// Within the message limit, within the value limit each, beyond that of a transaction.
	m := &apiv1.MultiRequest{}
	for i := range 5 {
		m.Ops = append(m.Ops, &apiv1.MultiOp{Op: &apiv1.MultiOp_Create{
			Create: &apiv1.CreateRequest{Path: fmt.Sprintf("/a%d", i), Data: make([]byte, 900<<10)},
		}})
	}
	_, err = w.keeper.Multi(t.Context(), m)
	wantReason(t, err, "TOO_LARGE")
	if r, err := w.keeper.Exists(t.Context(), &apiv1.ExistsRequest{Path: "/a0"}); err != nil || r.Stat != nil {
		t.Errorf("part of it was done: %v, %v", r, err)
	}
	m.Ops = m.Ops[:4]
	if _, err := w.keeper.Multi(t.Context(), m); err != nil {
		t.Errorf("what fits was refused: %v", err)
	}
}

func TestTooManyListsAreRefused(t *testing.T) {
	w := run(t, vfs.NewMem(), func(c *config.Config) { c.MaxLists = 1 })
	// One list whose reader does not read: its stream fills, and it stays in progress.
	for i := range 8 {
		w.create(t, &apiv1.CreateRequest{Path: fmt.Sprintf("/%d", i), Data: make([]byte, 1<<20)})
	}
	slow := dial(t, w.Node, grpc.WithInitialWindowSize(64<<10), grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(8<<20)))
	first, err := slow.keeper.List(t.Context(), &apiv1.ListRequest{Path: "/", View: apiv1.ListView_LIST_VIEW_DATA})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := first.Recv(); err != nil {
		t.Fatal(err)
	}
	second, err := w.keeper.List(t.Context(), &apiv1.ListRequest{Path: "/"})
	if err == nil {
		_, err = second.Recv()
	}
	wantReason(t, err, "OVERLOADED")
	if status.Code(err) != codes.ResourceExhausted {
		t.Errorf("got %v", err)
	}
}

// TestACallThatPanicsIsAnInternalError: the process goes on, and the panic is told.
func TestACallThatPanicsIsAnInternalError(t *testing.T) {
	var told []string
	onPanic := panicked(func(method string, value any, stack []byte) {
		told = append(told, fmt.Sprint(method, " ", value, " ", len(stack) > 0))
	})
	links := chainFor(onPanic)
	broken := &brokenKeeper{}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	cfg := config.Default()
	s := grpc.NewServer(grpcOptions(&cfg, false, links)...)
	apiv1.RegisterKeeperServer(s, broken)
	done := make(chan error, 1)
	go func() { done <- s.Serve(l) }()
	keeper := dialAddr(t, l.Addr().String())
	_, err = keeper.Sync(t.Context(), &apiv1.SyncRequest{})
	wantReason(t, err, "INTERNAL")
	stream, err := keeper.List(t.Context(), &apiv1.ListRequest{})
	if err == nil {
		_, err = stream.Recv()
	}
	wantReason(t, err, "INTERNAL")
	if _, err := keeper.Get(t.Context(), &apiv1.GetRequest{}); err != nil {
		t.Errorf("after a panic: %v", err)
	}
	s.Stop()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if len(told) != 2 || told[0] != "/quorate.api.v1.Keeper/Sync unary true" || told[1] != "/quorate.api.v1.Keeper/List stream true" {
		t.Errorf("told %q", told)
	}
}

// brokenKeeper panics in every call but Get.
type brokenKeeper struct {
	apiv1.UnimplementedKeeperServer
}

func (*brokenKeeper) Sync(context.Context, *apiv1.SyncRequest) (*apiv1.SyncResponse, error) {
	panic("unary")
}

func (*brokenKeeper) List(*apiv1.ListRequest, apiv1.Keeper_ListServer) error { panic("stream") }

func (*brokenKeeper) Get(context.Context, *apiv1.GetRequest) (*apiv1.GetResponse, error) {
	return &apiv1.GetResponse{}, nil
}
