package client_test

import (
	"context"
	"errors"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/quorate/quorate/client"
	"github.com/quorate/quorate/client/clienttest"
	apiv1 "github.com/quorate/quorate/gen/quorate/api/v1"
	"github.com/quorate/quorate/internal/loopback"
)

func dial(t *testing.T, servers []string, opts ...client.Option) *client.Client {
	t.Helper()
	c, err := client.Dial(servers, opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// freeAddress returns an address at which nobody listens, and that nobody is given soon.
func freeAddress(t *testing.T) string {
	t.Helper()
	addr, err := loopback.Free()
	if err != nil {
		t.Fatal(err)
	}
	return addr
}

func limited(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}

func TestDialRefusesBadAddresses(t *testing.T) {
	t.Parallel()
	for _, servers := range [][]string{nil, {"here"}, {"127.0.0.1:"}, {"127.0.0.1:0"}, {"127.0.0.1:65536"}, {":2181"}, {"a:b:c"}, {"127.0.0.1:2181", "x"}, {"::1:2181"}} {
		if _, err := client.Dial(servers); !errors.Is(err, client.ErrBadAddress) {
			t.Errorf("Dial(%q) = %v, want ErrBadAddress", servers, err)
		}
	}
}

func TestErrorsCarryTheirDetails(t *testing.T) {
	t.Parallel()
	c := dial(t, []string{clienttest.New().Start(t)})
	ctx := limited(t)
	if _, err := c.Keeper().Create(ctx, &apiv1.CreateRequest{Path: "/a"}); err != nil {
		t.Fatal(err)
	}
	five := int32(5)
	_, err := c.Keeper().Multi(ctx, &apiv1.MultiRequest{Ops: []*apiv1.MultiOp{
		{Op: &apiv1.MultiOp_Create{Create: &apiv1.CreateRequest{Path: "/b"}}},
		{Op: &apiv1.MultiOp_Set{Set: &apiv1.SetRequest{Path: "/a", Version: &five}}},
	}})
	var e *client.Error
	if !errors.As(err, &e) || !errors.Is(err, client.ErrBadVersion) || errors.Is(err, client.ErrNoNode) {
		t.Fatalf("got %v, want ErrBadVersion", err)
	}
	if e.Path != "/a" || e.Op != 2 || e.Version != 0 || e.Code != codes.Aborted || e.Zxid.String() != "1.1" {
		t.Errorf("details: %+v", e)
	}
	if status.Code(err) != codes.Aborted {
		t.Errorf("status.Code = %v", status.Code(err))
	}
	if _, err := c.Keeper().Get(ctx, &apiv1.GetRequest{Path: "/b"}); !errors.Is(err, client.ErrNoNode) {
		t.Errorf("a failed Multi created its first node: %v", err)
	}
}

func TestSecondServerIsAskedWhenFirstIsDown(t *testing.T) {
	t.Parallel()
	c := dial(t, []string{freeAddress(t), clienttest.New().Start(t)})
	if _, err := c.Keeper().Create(limited(t), &apiv1.CreateRequest{Path: "/a"}); err != nil {
		t.Fatal(err)
	}
	s, err := c.Keeper().List(limited(t), &apiv1.ListRequest{Path: "/"})
	if err != nil {
		t.Fatal(err)
	}
	if piece, err := s.Recv(); err != nil || len(piece.GetEntries()) != 2 {
		t.Fatalf("List: %v, %v", piece, err)
	}
}

func TestStreamIsOpenedOnSecondServer(t *testing.T) {
	t.Parallel()
	c := dial(t, []string{freeAddress(t), clienttest.New().Start(t)})
	s, err := c.Keeper().List(limited(t), &apiv1.ListRequest{Path: "/"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Recv(); err != nil {
		t.Fatal(err)
	}
}

func TestSecondServerIsAskedWhenFirstHasNoLeader(t *testing.T) {
	t.Parallel()
	first := clienttest.New()
	first.Hook = func(string, any) error {
		return clienttest.Refusal{Reason: "UNAVAILABLE", Detail: "no leader", RetryAfter: time.Second}.Err()
	}
	second := clienttest.New()
	c := dial(t, []string{first.Start(t), second.Start(t)})
	if _, err := c.Keeper().Create(limited(t), &apiv1.CreateRequest{Path: "/a"}); err != nil {
		t.Fatal(err)
	}
	if second.Dump()["/a"] != "null" {
		t.Errorf("second server: %v", second.Dump())
	}
	alone := dial(t, []string{first.Start(t)})
	_, err := alone.Keeper().Create(limited(t), &apiv1.CreateRequest{Path: "/a"})
	var e *client.Error
	if !errors.As(err, &e) || !errors.Is(err, client.ErrUnavailable) || e.RetryAfter != time.Second {
		t.Errorf("alone: %+v", err)
	}
}

// A write whose connection breaks after it was sent must not be sent again: it may have been done.
func TestWriteOfUnknownOutcomeIsNotRepeated(t *testing.T) {
	t.Parallel()
	lis, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	first, second := clienttest.New(), clienttest.New()
	arrived := make(chan struct{})
	var block atomic.Bool
	block.Store(true)
	hold := make(chan struct{})
	first.Hook = func(string, any) error {
		if block.Swap(false) {
			close(arrived)
			<-hold
		}
		return nil
	}
	conns := &cutter{Listener: lis}
	stop := first.Serve(conns)
	t.Cleanup(func() { close(hold); stop() })
	c := dial(t, []string{lis.Addr().String(), second.Start(t)})
	done := make(chan error, 1)
	go func() {
		_, err := c.Keeper().Create(limited(t), &apiv1.CreateRequest{Path: "/a"})
		done <- err
	}()
	<-arrived
	conns.cut()
	if err := <-done; !errors.Is(err, client.ErrUnknownOutcome) || errors.Is(err, client.ErrUnavailable) {
		t.Fatalf("got %v, want ErrUnknownOutcome", err)
	}
	if n := second.Calls(apiv1.Keeper_Create_FullMethodName); n != 0 {
		t.Errorf("the second server got the write %d times", n)
	}
}

// cutter closes the connection it accepted.
type cutter struct {
	net.Listener
	last atomic.Pointer[net.Conn]
}

func (c *cutter) Accept() (net.Conn, error) {
	conn, err := c.Listener.Accept()
	if err == nil {
		c.last.Store(&conn)
	}
	return conn, err
}

func (c *cutter) cut() {
	_ = c.Close()
	_ = (*c.last.Load()).Close()
}

func TestUnreachable(t *testing.T) {
	t.Parallel()
	c := dial(t, []string{freeAddress(t), freeAddress(t)})
	_, err := c.Keeper().Create(limited(t), &apiv1.CreateRequest{Path: "/a"})
	if !errors.Is(err, client.ErrUnavailable) || errors.Is(err, client.ErrUnknownOutcome) {
		t.Errorf("got %v, want ErrUnavailable", err)
	}
}

func TestDeadline(t *testing.T) {
	t.Parallel()
	f := clienttest.New()
	hold := make(chan struct{})
	f.Hook = func(string, any) error { <-hold; return nil }
	c := dial(t, []string{f.Start(t)})
	t.Cleanup(func() { close(hold) })
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err := c.Keeper().Get(ctx, &apiv1.GetRequest{Path: "/"})
	if !errors.Is(err, client.ErrTimeout) || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v, want ErrTimeout", err)
	}
}

func TestAuthIsPresented(t *testing.T) {
	t.Parallel()
	address := clienttest.New().Start(t)
	ann := dial(t, []string{address}, client.WithAuth("ip", "x"), client.WithAuth("digest", "ann:secret"))
	_, err := ann.Keeper().Create(limited(t), &apiv1.CreateRequest{Path: "/a", Acl: []*apiv1.Ace{{Perms: 31, Scheme: "digest", Id: clienttest.Digest("ann:secret")}}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ann.Keeper().Get(limited(t), &apiv1.GetRequest{Path: "/a"}); err != nil {
		t.Errorf("ann: %v", err)
	}
	_, err = dial(t, []string{address}).Keeper().Get(limited(t), &apiv1.GetRequest{Path: "/a"})
	if !errors.Is(err, client.ErrNoAuth) {
		t.Errorf("nobody: %v, want ErrNoAuth", err)
	}
}

func TestMessageBeyondGRPCsLimitIsTooLarge(t *testing.T) {
	t.Parallel()
	c := dial(t, []string{clienttest.New().Start(t)})
	_, err := c.Keeper().Create(limited(t), &apiv1.CreateRequest{Path: "/a", Data: make([]byte, 5<<20)})
	if !errors.Is(err, client.ErrTooLarge) {
		t.Errorf("got %v, want ErrTooLarge", err)
	}
}
