package tracker

import (
	"context"
	"errors"
	"io"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	quorumv1 "github.com/quorate/quorate/gen/quorate/quorum/v1"
	"github.com/quorate/quorate/peer"
	"github.com/quorate/quorate/store/txn"
)

// script is one end of a stream: it takes all that is sent and gives what is in the script.
type script[Out, In any] struct {
	ctx  context.Context
	says []*In
}

func (s *script[Out, In]) Context() context.Context { return s.ctx }
func (s *script[Out, In]) Send(*Out) error          { return nil }

func (s *script[Out, In]) Recv() (*In, error) {
	if len(s.says) == 0 {
		return nil, io.EOF
	}
	m := s.says[0]
	s.says = s.says[1:]
	return m, nil
}

// talk is a peer and a dialer of which both sides say what the test wants.
type talk struct {
	peer.Dialer
	serve func(peer.LeaderStream) error
	learn peer.LearnerStream
	err   error // of dialling
}

func (p *talk) ServeSync(s peer.LeaderStream) error       { return p.serve(s) }
func (p *talk) ServeExchange(s peer.ExchangeServer) error { return errors.New("exchanged") }

func (p *talk) Sync(context.Context, txn.Member) (peer.LearnerStream, error) { return p.learn, p.err }

func info(id uint32) *quorumv1.SyncRequest {
	return &quorumv1.SyncRequest{Step: &quorumv1.SyncRequest_Info{Info: &quorumv1.LearnerInfo{Id: id, AcceptedEpoch: 3}}}
}

func ack(z txn.Zxid) *quorumv1.SyncRequest {
	return &quorumv1.SyncRequest{Step: &quorumv1.SyncRequest_Ack{Ack: &quorumv1.Ack{Zxid: uint64(z)}}}
}

func proposal(after txn.Zxid, n int) *quorumv1.SyncResponse {
	return &quorumv1.SyncResponse{Step: &quorumv1.SyncResponse_Proposal{Proposal: &quorumv1.Proposal{PrevZxid: uint64(after), Txns: make([][]byte, n)}}}
}

func pingOf(round uint64) *quorumv1.SyncResponse {
	return &quorumv1.SyncResponse{Step: &quorumv1.SyncResponse_Ping{Ping: &quorumv1.Ping{Round: round}}}
}

func said(c Conversation) []string {
	var all []string
	for _, m := range c.Messages {
		all = append(all, m.String())
	}
	return all
}

// TestServedStreamIsTracked until it has been served, and told of with the reason.
func TestServedStreamIsTracked(t *testing.T) {
	over := errors.New("over")
	var ended []Conversation
	tr := New(Events{Ended: func(c Conversation, cause error) {
		if !errors.Is(cause, over) {
			t.Errorf("ended with %v", cause)
		}
		ended = append(ended, c)
	}})
	p := &talk{serve: func(s peer.LeaderStream) error {
		if c := tr.Conversations(0); len(c) != 1 || c[0].Server != 0 || !c[0].Leading {
			t.Errorf("before it said who it is: %+v", c)
		}
		for _, m := range []*quorumv1.SyncResponse{nil, proposal(txn.MakeZxid(3, 1), 12)} {
			if m != nil {
				if err := s.Send(m); err != nil {
					t.Error(err)
				}
			}
			if _, err := s.Recv(); err != nil {
				t.Error(err)
			}
		}
		if _, err := s.Recv(); err != io.EOF {
			t.Errorf("at the end: %v", err)
		}
		if len(tr.Conversations(2)) != 1 || len(tr.Conversations(3)) != 0 {
			t.Errorf("open with 2: %+v, with 3: %+v", tr.Conversations(2), tr.Conversations(3))
		}
		return over
	}}
	stream := &script[quorumv1.SyncResponse, quorumv1.SyncRequest]{ctx: t.Context(), says: []*quorumv1.SyncRequest{info(2), ack(txn.MakeZxid(3, 13))}}
	if err := tr.Serve(p).ServeSync(stream); !errors.Is(err, over) {
		t.Errorf("served with %v", err)
	}
	want := []string{"< LearnerInfo 3.0", "> Proposal 3.1 #12", "< Ack 3.13"}
	if len(ended) != 1 || !slices.Equal(said(ended[0]), want) || ended[0].Total != 3 || ended[0].Server != 2 {
		t.Errorf("ended: %+v, want %q", ended, want)
	}
	if open := tr.Conversations(0); len(open) != 0 {
		t.Errorf("still open: %+v", open)
	}
	if err := tr.Serve(p).ServeExchange(nil); err == nil || err.Error() != "exchanged" {
		t.Errorf("an election is none of ours: %v", err)
	}
}

// TestDialledStreamIsTracked until its context ends.
func TestDialledStreamIsTracked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gone := errors.New("gone")
		var cause error
		tr := New(Events{Ended: func(_ Conversation, c error) { cause = c }})
		ctx, cancel := context.WithCancelCause(t.Context())
		p := &talk{learn: &script[quorumv1.SyncRequest, quorumv1.SyncResponse]{ctx: ctx, says: []*quorumv1.SyncResponse{pingOf(4)}}}
		s, err := tr.Dial(p).Sync(ctx, txn.Member{ID: 7})
		if err != nil {
			t.Fatal(err)
		}
		_ = s.Send(info(2))
		_, _ = s.Recv()
		_, _ = s.Recv()
		open := tr.Conversations(7)
		if len(open) != 1 || open[0].Leading || !slices.Equal(said(open[0]), []string{"> LearnerInfo 3.0", "< Ping #4"}) {
			t.Errorf("open: %+v", open)
		}
		cancel(gone)
		synctest.Wait()
		if !errors.Is(cause, gone) || len(tr.Conversations(0)) != 0 {
			t.Errorf("ended with %v, open are %+v", cause, tr.Conversations(0))
		}
		p.err = errors.New("refused")
		if s, err := tr.Dial(p).Sync(t.Context(), txn.Member{ID: 7}); s != nil || !errors.Is(err, p.err) {
			t.Errorf("dialled %v, %v", s, err)
		}
		if open := tr.Conversations(0); len(open) != 0 {
			t.Errorf("a stream that never was is open: %+v", open)
		}
	})
}

// TestOnlyTheLastAreKept, in order, and pings do not push out the rest.
func TestOnlyTheLastAreKept(t *testing.T) {
	r := &recorder{events: &Events{}}
	for i := range 100 {
		r.note(request(ack(txn.MakeZxid(1, uint32(i)))), false)
	}
	c := r.conversation()
	if c.Total != 100 || len(c.Messages) != kept || c.Messages[0].Zxid != txn.MakeZxid(1, 100-kept) || c.Messages[kept-1].Zxid != txn.MakeZxid(1, 99) {
		t.Errorf("kept %q of %d", said(c), c.Total)
	}
	for i := range uint64(100) {
		r.note(response(pingOf(i+1)), true)
		r.note(response(pingOf(i+1)), false)
	}
	c = r.conversation()
	if got := said(c)[kept-3:]; c.Total != 300 || !slices.Equal(got, []string{"< Ack 1.99", "> Ping #100", "< Ping #100"}) {
		t.Errorf("after pings alone: %q of %d", got, c.Total)
	}
	r.note(request(ack(5)), false)
	r.note(response(pingOf(7)), true)
	if got := said(r.conversation())[kept-4:]; !slices.Equal(got, []string{"> Ping #100", "< Ping #100", "< Ack 0.5", "> Ping #7"}) {
		t.Errorf("a ping after something else: %q", got)
	}
}

// TestAcknowledgementsAreTimed, one batch at a time, and none of synchronization.
func TestAcknowledgementsAreTimed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var took []time.Duration
		said := 0
		tr := New(Events{
			Acked: func(learner txn.ServerID, d time.Duration) {
				if learner != 2 {
					t.Errorf("acknowledged by server %d", learner)
				}
				took = append(took, d)
			},
			Said: func(m Message, leading bool) { said++ },
		})
		batch := func(committed, last txn.Zxid) *quorumv1.SyncResponse {
			x := &txn.Txn{Header: txn.Header{Zxid: last}, Op: &txn.Multi{}}
			return &quorumv1.SyncResponse{Step: &quorumv1.SyncResponse_Proposal{Proposal: &quorumv1.Proposal{
				Txns: [][]byte{{1}, x.Append(nil)}, Committed: uint64(committed),
			}}}
		}
		p := &talk{serve: func(s peer.LeaderStream) error {
			step := func(m *quorumv1.SyncResponse) {
				if m != nil {
					_ = s.Send(m)
				} else {
					_, _ = s.Recv()
				}
				time.Sleep(time.Second)
			}
			step(nil) // LearnerInfo
			step(batch(0, 5))
			step(batch(4, 7))
			step(batch(4, 9))
			step(nil) // Ack 6
			step(nil) // Ack 8
			step(nil) // Ack 9
			step(batch(9, 10))
			step(nil) // Ack 10
			return nil
		}}
		stream := &script[quorumv1.SyncResponse, quorumv1.SyncRequest]{
			ctx:  t.Context(),
			says: []*quorumv1.SyncRequest{info(2), ack(6), ack(8), ack(9), ack(10)},
		}
		if err := tr.Serve(p).ServeSync(stream); err != nil {
			t.Fatal(err)
		}
		if want := []time.Duration{3 * time.Second, time.Second}; !slices.Equal(took, want) {
			t.Errorf("acknowledged after %v, want %v", took, want)
		}
		if said != 9 {
			t.Errorf("told of %d messages, want 9", said)
		}
	})
}

// TestEveryStepHasAName: a step that is added to the proto is to be described here too.
func TestEveryStepHasAName(t *testing.T) {
	for _, m := range []proto.Message{&quorumv1.SyncRequest{}, &quorumv1.SyncResponse{}, &quorumv1.Snapshot{}} {
		parts := m.ProtoReflect().Descriptor().Oneofs().Get(0).Fields()
		for i := range parts.Len() {
			got := describe(m, parts.Get(i))
			if parts.Get(i).Name() == "snapshot" {
				continue // its parts have names
			}
			if got.Step == unknown {
				t.Errorf("%s is not described", parts.Get(i).FullName())
			}
		}
	}
	for _, got := range []Message{request(nil), response(nil), snapshot(nil), response(&quorumv1.SyncResponse{Step: &quorumv1.SyncResponse_Proposal{}})} {
		if got.Step == "" {
			t.Errorf("%+v", got)
		}
	}
}

// describe describes a message that has just that part.
func describe(m proto.Message, part protoreflect.FieldDescriptor) Message {
	with := m.ProtoReflect().New()
	with.Set(part, with.NewField(part))
	switch m := with.Interface().(type) {
	case *quorumv1.SyncRequest:
		return request(m)
	case *quorumv1.SyncResponse:
		return response(m)
	default:
		return snapshot(m.(*quorumv1.Snapshot))
	}
}

// TestRemembering costs little: it is on the way of every message.
func TestRemembering(t *testing.T) {
	r, m := &recorder{events: &Events{}}, proposal(1, 5)
	if n := testing.AllocsPerRun(100, func() { r.note(response(m), true) }); n > 0 {
		t.Errorf("%v allocations a message", n)
	}
}
