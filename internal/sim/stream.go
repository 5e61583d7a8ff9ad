package sim

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"

	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"

	quorumv1 "github.com/quorate/quorate/gen/quorate/quorum/v1"
	"github.com/quorate/quorate/peer"
	"github.com/quorate/quorate/store/txn"
)

// Kind is what a stream is.
type Kind uint8

// The kinds.
const (
	// Sync is Learner.Sync.
	Sync Kind = iota
	// Exchange is Election.Exchange.
	Exchange
	// Connection is one of bytes, in which gRPC has its own streams.
	Connection
	kinds
)

// String returns the call's name.
func (k Kind) String() string { return [...]string{"Sync", "Exchange", "Connection"}[k] }

// stream is a call of one server to another, or a connection. Its ends know nothing of each other but
// what arrives. Guarded by Network.mu, except what does not change.
type stream struct {
	net      *Network
	kind     Kind
	from, to txn.ServerID // who called whom
	up, down *pipe        // from → to, to → from

	client, server side
}

// side is one end's own view of whether the stream stands. port is set before the
// stream is among those of the network.
type side struct {
	port   *netPort
	ctx    context.Context
	cancel context.CancelCauseFunc
	over   bool
}

var (
	errHungUp  = errors.New("the other side has hung up")
	errReset   = errors.New("connection reset by peer")
	errStopped = errors.New("this end has stopped")
)

// newStream makes a stream whose client end lives as long as ctx. Network.mu is held.
func newStream(ctx context.Context, p *netPort, to txn.ServerID, k Kind) *stream {
	n, from := p.net, p.id
	out, back := n.link(from, to), n.link(to, from)
	number := out.calls[k]
	out.calls[k]++
	s := &stream{net: n, kind: k, from: from, to: to}
	s.client.port = p
	seed := mix(n.config.Seed, uint64(from), uint64(to), uint64(k), number)
	s.up = newPipe(n, out, linkPlace(from, to, k, number, false), mix(seed, 1), s.serverLearns)
	s.down = newPipe(n, back, linkPlace(from, to, k, number, true), mix(seed, 2), s.clientLearns)
	s.client.ctx, s.client.cancel = context.WithCancelCause(ctx)
	s.server.ctx, s.server.cancel = context.WithCancelCause(context.Background())
	s.up.stream, s.down.stream = s, s
	return s
}

// serverLearns is called when up has ended for the server's end: nothing can be sent either.
func (s *stream) serverLearns(err error) {
	s.server.cancel(err)
	s.down.fail(err)
	s.over(&s.server)
}

// clientLearns is called when down has ended for the client's end. What has arrived before
// can still be received, so its context ends with the Recv that returns the end.
func (s *stream) clientLearns(err error) {
	s.up.fail(err)
	s.over(&s.client)
}

func (s *stream) over(side *side) {
	side.over = true
	if s.client.over && s.server.over {
		s.net.forget(s)
	}
}

// hangUp is the end of the client's context: the server learns of it later.
func (s *stream) hangUp() {
	s.net.mu.Lock()
	defer s.net.mu.Unlock()
	s.depart(&s.client, context.Cause(s.client.ctx), errHungUp, true)
}

// done is the server's return from the call: the client learns of it behind what was sent.
func (s *stream) done(err error) {
	s.net.mu.Lock()
	defer s.net.mu.Unlock()
	s.depart(&s.server, errStopped, outcome(s.to, err), false)
}

// depart is the end of the stream at one side. The other one learns of it later, behind
// what was sent, or with reset as soon as it can arrive.
func (s *stream) depart(side *side, mine, theirs error, reset bool) {
	if side.over {
		return
	}
	out, in := s.up, s.down
	if side == &s.server {
		out, in = s.down, s.up
	}
	side.cancel(mine)
	out.shut(mine, theirs, reset)
	in.finish(mine, true)
}

// giveUp ends both sides where they are: the network carries nothing between them.
func (s *stream) giveUp() {
	s.client.cancel(errLost)
	s.up.finish(errLost, true)
	s.down.finish(errLost, true)
}

// outcome is what the client gets when the server's function has returned.
func outcome(server txn.ServerID, err error) error {
	var r *peer.Rejection
	switch {
	case err == nil:
		return io.EOF
	case errors.As(err, &r):
		again := *r
		return &again
	default:
		return fmt.Errorf("server %d: %s", server, err.Error())
	}
}

// end is one side of a stream, as a server uses it. It satisfies [peer.Stream].
type end[Out, In any] struct {
	*side
	out, in *pipe
}

func clientEnd[Out, In any](s *stream) *end[Out, In] {
	return &end[Out, In]{side: &s.client, out: s.up, in: s.down}
}

func serverEnd[Out, In any](s *stream) *end[Out, In] {
	return &end[Out, In]{side: &s.server, out: s.down, in: s.up}
}

func (e *end[Out, In]) Context() context.Context { return e.ctx }

func (e *end[Out, In]) Send(m *Out) error {
	data, err := proto.Marshal(any(m).(proto.Message))
	if err != nil {
		return err
	}
	return e.out.send(e.ctx, data)
}

func (e *end[Out, In]) Recv() (*In, error) {
	data, err := e.in.recv(e.ctx, math.MaxInt)
	if err != nil {
		e.cancel(err)
		return nil, err
	}
	m := new(In)
	return m, proto.Unmarshal(data, any(m).(proto.Message))
}

// tell tells of a message's arrival at the end of a pipe.
func (s *stream) tell(p *pipe, data []byte) {
	m := Message{From: s.from, To: s.to, Data: data}
	var msg proto.Message
	switch {
	case s.kind == Sync && p == s.up:
		msg = &quorumv1.SyncRequest{}
	case s.kind == Sync:
		msg = &quorumv1.SyncResponse{}
	case p == s.up:
		msg = &quorumv1.ExchangeRequest{}
	default:
		msg = &quorumv1.ExchangeResponse{}
	}
	if p == s.down {
		m.From, m.To = m.To, m.From
	}
	if err := proto.Unmarshal(data, msg); err == nil {
		m.Text = strings.ReplaceAll(prototext.MarshalOptions{}.Format(msg), "  ", " ")
	}
	s.net.config.Arrived(m)
}
