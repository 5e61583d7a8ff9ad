package peer

import (
	"context"
	"errors"
	"io"
	"net"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"
	"google.golang.org/protobuf/types/known/durationpb"

	quorumv1 "github.com/quorate/quorate/gen/quorate/quorum/v1"
	"github.com/quorate/quorate/store/txn"
)

// scripted is a peer in the eyes of a transport.
type scripted struct {
	sync     func(LeaderStream) error
	exchange func(ExchangeServer) error
}

func (s scripted) ServeSync(l LeaderStream) error       { return s.sync(l) }
func (s scripted) ServeExchange(e ExchangeServer) error { return s.exchange(e) }

// maxRecord is the record limit of these tests.
const maxRecord = 1 << 20

// server2 is whom the tests call.
var server2 = txn.Member{ID: 2, Address: "two:2281"}

// wire is two servers: 1 calls, 2 answers.
type wire struct {
	*Transport // of the caller
	listener   *bufconn.Listener
	close      func() error // of server 2's port; returns what Serve did
	mu         struct {
		sync.Mutex
		events []Event
		dialed []string
	}
}

// newWire serves until the test ends. The configurations are server 1's and 2's.
func newWire(t *testing.T, s scripted, change ...func(one, two *TransportConfig)) *wire {
	t.Helper()
	w := &wire{listener: bufconn.Listen(1 << 20)}
	one := TransportConfig{Self: 1, MaxRecord: maxRecord, DialContext: func(ctx context.Context, address string) (net.Conn, error) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.mu.dialed = append(w.mu.dialed, address)
		return w.listener.DialContext(ctx)
	}}
	two := TransportConfig{Self: 2, MaxRecord: maxRecord, Events: w.note}
	for _, f := range change {
		f(&one, &two)
	}
	w.Transport = NewTransport(one)
	ctx, cancel := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- NewTransport(two).Serve(ctx, w.listener, s) }()
	w.close = sync.OnceValue(func() error {
		cancel()
		return <-served
	})
	t.Cleanup(func() {
		if err := w.close(); err != nil {
			t.Errorf("Serve: %v", err)
		}
	})
	return w
}

func (w *wire) note(e Event) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.mu.events = append(w.mu.events, e)
}

func (w *wire) events() []Event {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.mu.events)
}

// follow opens Learner.Sync and introduces itself.
func (w *wire) follow(t *testing.T, ctx context.Context) LearnerStream {
	t.Helper()
	s, err := w.Sync(ctx, server2)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Send(learnerInfo(1)); err != nil {
		t.Fatal(err)
	}
	return s
}

func learnerInfo(id uint32) *quorumv1.SyncRequest {
	return &quorumv1.SyncRequest{Step: &quorumv1.SyncRequest_Info{Info: &quorumv1.LearnerInfo{Id: id}}}
}

func ballast(bytes int) *quorumv1.SyncResponse {
	return &quorumv1.SyncResponse{Step: &quorumv1.SyncResponse_Proposal{Proposal: &quorumv1.Proposal{Txns: [][]byte{make([]byte, bytes)}}}}
}

func pingOf(round uint64) *quorumv1.SyncResponse {
	return &quorumv1.SyncResponse{Step: &quorumv1.SyncResponse_Ping{Ping: &quorumv1.Ping{Round: round}}}
}

// TestSyncBothWays: each side gets what the other has sent, in order, and then the end.
func TestSyncBothWays(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWire(t, scripted{sync: func(s LeaderStream) error {
			m, err := s.Recv()
			if err != nil || m.GetInfo().GetId() != 1 {
				t.Errorf("the leader got %v, %v", m, err)
			}
			for round := range uint64(3) {
				if err := s.Send(pingOf(round)); err != nil {
					return err
				}
			}
			return nil
		}})
		s := w.follow(t, t.Context())
		for round := range uint64(3) {
			if m, err := s.Recv(); err != nil || m.GetPing().GetRound() != round {
				t.Fatalf("round %d: %v, %v", round, m, err)
			}
		}
		for range 2 {
			if m, err := s.Recv(); err != io.EOF {
				t.Errorf("%v, %v, want io.EOF", m, err)
			}
		}
		if err := s.Send(learnerInfo(1)); err != io.EOF {
			t.Errorf("Send after the end: %v", err)
		}
	})
}

// TestExchangeOfItsOwn: an election's stream has a connection of its own, dialled by the member's address.
func TestExchangeOfItsOwn(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWire(t, scripted{
			sync: func(s LeaderStream) error { <-s.Context().Done(); return nil },
			exchange: func(s ExchangeServer) error {
				if md, _ := metadata.FromIncomingContext(s.Context()); !slices.Equal(md[":authority"], []string{server2.Address}) {
					t.Errorf("the authority is %q", md[":authority"])
				}
				m, err := s.Recv()
				if err != nil {
					return err
				}
				return s.Send(&quorumv1.ExchangeResponse{Sequence: m.GetSequence()})
			},
		})
		w.follow(t, t.Context())
		s, err := w.Exchange(t.Context(), server2)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Send(&quorumv1.ExchangeRequest{Sequence: 7, Id: 1}); err != nil {
			t.Fatal(err)
		}
		if m, err := s.Recv(); err != nil || m.GetSequence() != 7 {
			t.Errorf("%v, %v", m, err)
		}
		if got := w.mu.dialed; !slices.Equal(got, []string{server2.Address, server2.Address}) {
			t.Errorf("dialled %q", got)
		}
	})
}

// TestRefusalsCross: each rejection arrives as it was, to who receives and to who sends, under its code.
func TestRefusalsCross(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var refusal Rejection
		w := newWire(t, scripted{sync: func(s LeaderStream) error {
			if _, err := s.Recv(); err != nil {
				return err
			}
			return errors.Join(errors.New("wrapped"), &refusal)
		}})
		for n, name := range quorumv1.RefusalReason_name {
			if n == 0 {
				continue
			}
			refusal = Rejection{Reason: quorumv1.RefusalReason(n), Detail: "because of " + name, RetryAfter: time.Duration(n) * time.Millisecond, Leader: txn.ServerID(n)}
			s := w.follow(t, t.Context())
			_, err := s.Recv()
			var got *Rejection
			if !errors.As(err, &got) || *got != refusal {
				t.Errorf("received %#v, want %#v", err, refusal)
			}
			s = w.follow(t, t.Context())
			synctest.Wait()
			if err := s.Send(learnerInfo(1)); !errors.As(err, &got) || *got != refusal {
				t.Errorf("sent: %#v, want %#v", err, refusal)
			}
		}
		refusal = Rejection{Reason: senseless, Detail: "no text: \xff"}
		_, err := w.follow(t, t.Context()).Recv()
		refusedWith(t, err, senseless)
	})
}

// TestCodes: the proto tells these to learners in other languages.
func TestCodes(t *testing.T) {
	want := map[string]codes.Code{
		"NOT_LEADER": codes.FailedPrecondition, "WRONG_ENSEMBLE": codes.FailedPrecondition, "PROTOCOL": codes.FailedPrecondition,
		"DUPLICATE": codes.AlreadyExists, "THROTTLED": codes.ResourceExhausted, "AHEAD": codes.FailedPrecondition,
		"EPOCH": codes.FailedPrecondition, "MALFORMED": codes.InvalidArgument, "TOO_SLOW": codes.DeadlineExceeded,
		"COMPACTED": codes.OutOfRange, "RESIGNED": codes.Aborted, "REPLACED": codes.Aborted, "SECRET": codes.Unauthenticated,
	}
	if len(want) != len(quorumv1.RefusalReason_name)-1 {
		t.Errorf("%d reasons, %d codes", len(quorumv1.RefusalReason_name)-1, len(want))
	}
	for name, code := range want {
		why := quorumv1.RefusalReason(quorumv1.RefusalReason_value["REFUSAL_REASON_"+name])
		if got := status.Code(toStatus(&Rejection{Reason: why})); got != code {
			t.Errorf("%s: %v, want %v", name, got, code)
		}
	}
}

// TestStatus: errors that are no rejections, and what others may put into a refusal.
func TestStatus(t *testing.T) {
	for _, c := range []struct {
		err  error
		want codes.Code
	}{
		{nil, codes.OK},
		{io.EOF, codes.OK},
		{errors.New("the disk is gone"), codes.Unknown},
		{context.Canceled, codes.Canceled},
		{errPortCloses, codes.Unavailable},
		{status.Error(codes.DataLoss, "so"), codes.DataLoss},
	} {
		if got := status.Code(toStatus(c.err)); got != c.want {
			t.Errorf("%v: %v, want %v", c.err, got, c.want)
		}
		if r := rejection(toStatus(c.err)); r != nil {
			t.Errorf("%v has become a rejection: %v", c.err, r)
		}
	}
	odd := &Rejection{Reason: 99, Detail: string(make([]byte, maxDetail)) + "\xff", RetryAfter: -1}
	if r := rejection(toStatus(odd)); r == nil || r.Reason != 99 || len(r.Detail) != maxDetail || r.RetryAfter != 0 {
		t.Errorf("%+v", r)
	}
	split := &Rejection{Reason: 1, Detail: "\xff" + string(make([]byte, maxDetail-2)) + "é"}
	if r := rejection(toStatus(split)); r == nil || r.Reason != 1 {
		t.Errorf("a detail that is no UTF-8 loses the refusal: %v", r)
	}
	for _, m := range []*quorumv1.Refusal{{}, {RetryAfter: nil, Leader: 7}} {
		s, err := status.New(codes.Aborted, "so").WithDetails(m)
		if err != nil {
			t.Fatal(err)
		}
		if r := rejection(s.Err()); r != nil {
			t.Errorf("a refusal without a reason: %+v", r)
		}
	}
	s, err := status.New(codes.Aborted, "so").WithDetails(&quorumv1.Refusal{Reason: 1, Leader: 256 + 7, RetryAfter: durationpb.New(-1)})
	if err != nil {
		t.Fatal(err)
	}
	if r := rejection(s.Err()); r == nil || r.Leader != 0 || r.RetryAfter != 0 {
		t.Errorf("a leader and a time that cannot be: %+v", r)
	}
	never := status.Convert(toStatus(&Rejection{Reason: 1})).Details()[0].(*quorumv1.Refusal)
	if never.RetryAfter != nil {
		t.Errorf("no time to come back has become %v", never.RetryAfter)
	}
}

// TestCallerLeaves: the caller ends the stream with a cause, and gets that very cause; the
// server's end ends too, and the connection.
func TestCallerLeaves(t *testing.T) {
	bubble(t, func(t *testing.T) {
		left := make(chan error, 2)
		w := newWire(t, scripted{sync: func(s LeaderStream) error {
			_, err := s.Recv()
			for err == nil {
				_, err = s.Recv()
			}
			left <- err
			<-s.Context().Done()
			left <- context.Cause(s.Context())
			return err
		}})
		ctx, cancel := context.WithCancelCause(t.Context())
		s := w.follow(t, ctx)
		received := make(chan error, 1)
		go func() {
			_, err := s.Recv()
			received <- err
		}()
		synctest.Wait()
		cause := errors.New("the watchdog")
		cancel(cause)
		if err := <-received; err != cause {
			t.Errorf("received %v, want the cause", err)
		}
		if err := s.Send(learnerInfo(1)); err != cause {
			t.Errorf("sent: %v, want the cause", err)
		}
		if err := <-left; status.Code(err) != codes.Canceled {
			t.Errorf("the server received %v", err)
		}
		if err := <-left; err != context.Canceled {
			t.Errorf("the server's stream ended with %v", err)
		}
	})
}

// TestPortCloses: streams end with a cause, what was sent before arrives, callers learn why, and the
// port waits for who serves them.
func TestPortCloses(t *testing.T) {
	bubble(t, func(t *testing.T) {
		served := false
		w := newWire(t, scripted{sync: func(s LeaderStream) error {
			if err := s.Send(pingOf(1)); err != nil {
				return err
			}
			<-s.Context().Done()
			<-time.After(drainLimit / 2)
			served = true
			return context.Cause(s.Context())
		}})
		s := w.follow(t, t.Context())
		if _, err := s.Recv(); err != nil {
			t.Fatal(err)
		}
		if err := w.close(); err != nil {
			t.Errorf("Serve: %v", err)
		}
		if !served {
			t.Error("Serve has not waited")
		}
		if _, err := s.Recv(); status.Code(err) != codes.Unavailable || err.Error() != "server 2 at two:2281: rpc error: code = Unavailable desc = the server stops" {
			t.Errorf("received %v", err)
		}
		if _, err := w.Sync(t.Context(), server2); err == nil {
			t.Error("the port is still open")
		}
	})
}

// TestServeAtOnceOver: a port that is told to close before it opened.
func TestServeAtOnceOver(t *testing.T) {
	bubble(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		l := bufconn.Listen(1)
		if err := NewTransport(TransportConfig{Self: 2}).Serve(ctx, l, scripted{}); err != nil {
			t.Error(err)
		}
		if _, err := l.Dial(); err == nil {
			t.Error("the listener is open")
		}
	})
}

// TestListenerFails: the port says so.
func TestListenerFails(t *testing.T) {
	bubble(t, func(t *testing.T) {
		l := bufconn.Listen(1)
		l.Close()
		if err := NewTransport(TransportConfig{Self: 2}).Serve(t.Context(), l, scripted{}); err == nil {
			t.Error("nobody is told")
		}
	})
}

// TestPanic: the call ends, the port goes on, and somebody hears of it.
func TestPanic(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWire(t, scripted{
			sync:     func(LeaderStream) error { panic("at the disco") },
			exchange: func(ExchangeServer) error { return nil },
		})
		s, err := w.Sync(t.Context(), server2)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Recv(); status.Code(err) != codes.Internal {
			t.Errorf("received %v", err)
		}
		if e, err := w.Exchange(t.Context(), server2); err != nil {
			t.Error(err)
		} else if _, err := e.Recv(); err != io.EOF {
			t.Error(err)
		}
		if e := w.events(); len(e) != 1 || e[0].String() != "/quorate.quorum.v1.Learner/Sync panicked: at the disco" || len(e[0].(CallPanicked).Stack) == 0 {
			t.Errorf("events %v", e)
		}
	})
}
