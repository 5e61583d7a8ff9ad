package server

import (
	"context"
	"fmt"
	"testing"
	"time"

	"google.golang.org/grpc/metadata"

	apiv1 "github.com/quorate/quorate/gen/quorate/api/v1"
)

// sessionStream is a session's stream as a test speaks it.
type sessionStream struct {
	t      *testing.T
	raw    apiv1.Keeper_SessionClient
	opened *apiv1.OpenSessionResponse
	cxid   int64
	items  []*apiv1.SessionItem // heard and not looked at
	leave  context.CancelFunc
}

// receive waits for the next message, patience at most: the stream itself may last as long as it takes.
func (s *sessionStream) receive() (*apiv1.SessionResponse, error) {
	defer time.AfterFunc(patience, s.leave).Stop()
	return s.raw.Recv()
}

// session opens a session, or takes one up.
func (w *world) session(t *testing.T, open *apiv1.OpenSessionRequest) *sessionStream {
	t.Helper()
	s, err := w.trySession(t, open)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func (w *world) trySession(t *testing.T, open *apiv1.OpenSessionRequest) (*sessionStream, error) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	raw, err := w.keeper.Session(ctx)
	if err != nil {
		return nil, err
	}
	if err := raw.Send(&apiv1.SessionRequest{Open: open}); err != nil {
		return nil, err
	}
	s := &sessionStream{t: t, raw: raw, leave: cancel}
	m, err := s.receive()
	if err != nil {
		return nil, err
	}
	s.opened, s.cxid = m.GetOpened(), m.GetOpened().GetLastWrite().GetCxid()
	return s, nil
}

// send sends calls in one message, numbered.
func (s *sessionStream) send(calls ...*apiv1.SessionCall) {
	s.t.Helper()
	for _, c := range calls {
		if c.GetCxid() == 0 {
			s.cxid++
			c.Cxid = s.cxid
		}
	}
	if err := s.raw.Send(&apiv1.SessionRequest{Calls: calls}); err != nil {
		s.t.Fatal(err)
	}
}

// next returns the next answer or event.
func (s *sessionStream) next() *apiv1.SessionItem {
	s.t.Helper()
	for len(s.items) == 0 {
		m, err := s.receive()
		if err != nil {
			s.t.Fatal(err)
		}
		s.items = m.GetItems()
	}
	item := s.items[0]
	s.items = s.items[1:]
	return item
}

// answer returns the next item, which must be an answer.
func (s *sessionStream) answer() *apiv1.SessionAnswer {
	s.t.Helper()
	i := s.next()
	if i.GetAnswer() == nil {
		s.t.Fatalf("got %v instead of an answer", i)
	}
	return i.GetAnswer()
}

// event returns the next item, which must be an event, as "type path".
func (s *sessionStream) event() string {
	s.t.Helper()
	e := s.next().GetEvent()
	if e == nil {
		s.t.Fatal("got an answer instead of an event")
	}
	text := e.GetType().String()[len("EVENT_TYPE_"):] + " " + e.GetPath()
	if by := e.GetMissedBy(); by != 0 {
		text += fmt.Sprint(" missed by ", by)
	}
	return text
}

// do sends one call and returns its answer; there may be no event before it.
func (s *sessionStream) do(c *apiv1.SessionCall) *apiv1.SessionAnswer {
	s.t.Helper()
	s.send(c)
	a := s.answer()
	if a.GetCxid() != c.GetCxid() {
		s.t.Fatalf("request %d is answered by %v", c.GetCxid(), a)
	}
	return a
}

// ok is do for a call that must go well.
func (s *sessionStream) ok(c *apiv1.SessionCall) *apiv1.SessionAnswer {
	s.t.Helper()
	a := s.do(c)
	if a.GetFailure() != nil {
		s.t.Fatalf("%v: %v", c, a.GetFailure())
	}
	return a
}

// fails is do for a call that must be refused.
func (s *sessionStream) fails(c *apiv1.SessionCall, reason string) {
	s.t.Helper()
	if got := s.do(c).GetFailure().GetReason(); got != reason {
		s.t.Errorf("%v: %q, want %s", c, got, reason)
	}
}

// ended returns the error with which the server ends the stream.
func (s *sessionStream) ended() error {
	for {
		if _, err := s.receive(); err != nil {
			return err
		}
	}
}

func createCall(path string, kind apiv1.NodeKind) *apiv1.SessionCall {
	return &apiv1.SessionCall{Op: &apiv1.SessionCall_Create{Create: &apiv1.CreateRequest{Path: path, Kind: kind}}}
}

func setCall(path, data string) *apiv1.SessionCall {
	return &apiv1.SessionCall{Op: &apiv1.SessionCall_Set{Set: &apiv1.SetRequest{Path: path, Data: []byte(data)}}}
}

func getCall(path string, watch bool) *apiv1.SessionCall {
	return &apiv1.SessionCall{Op: &apiv1.SessionCall_Get{Get: &apiv1.GetRequest{Path: path, Watch: watch}}}
}

func existsCall(path string, watch bool) *apiv1.SessionCall {
	return &apiv1.SessionCall{Op: &apiv1.SessionCall_Exists{Exists: &apiv1.ExistsRequest{Path: path, Watch: watch}}}
}

func listCall(path string, watch bool) *apiv1.SessionCall {
	return &apiv1.SessionCall{Op: &apiv1.SessionCall_List{List: &apiv1.ListRequest{Path: path, Watch: watch}}}
}

func watchCall(path string, mode apiv1.WatchMode, after uint64) *apiv1.SessionCall {
	return &apiv1.SessionCall{Op: &apiv1.SessionCall_AddWatch{AddWatch: &apiv1.AddWatchRequest{Path: path, Mode: mode, AfterZxid: after}}}
}

func closeCall() *apiv1.SessionCall {
	return &apiv1.SessionCall{Op: &apiv1.SessionCall_Close{Close: &apiv1.CloseSessionRequest{}}}
}

// in is a context whose calls name a session.
func in(t *testing.T, credential string) context.Context {
	return metadata.AppendToOutgoingContext(t.Context(), "quorate-session", credential)
}

// trio is a leader, a follower and an observer that serve.
func trio(t *testing.T) (all []*world, leader, follower, observer *world) {
	t.Helper()
	all = ensemble(t, peersOn(t, 3, 1), nil)
	leader, follower = leaderOf(t, all)
	return all, leader, follower, all[3]
}

const minute = uint32(time.Minute / time.Millisecond)

const ephemeral, persistent = apiv1.NodeKind_NODE_KIND_EPHEMERAL, apiv1.NodeKind_NODE_KIND_PERSISTENT
