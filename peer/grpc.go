package peer

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"runtime/debug"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/metadata"
	grpcpeer "google.golang.org/grpc/peer"
	"google.golang.org/grpc/reflection"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"

	quorumv1 "github.com/quorate/quorate/gen/quorate/quorum/v1"
	"github.com/quorate/quorate/store/txn"
)

const (
	// streamWindow is how much of a stream may be on its way, or lie unread at the receiver,
	// in bytes; connWindow the same for a connection. Fixed ones bound the memory of a learner that does
	// not read, where gRPC's own go up to 16 MB. More is no faster: BenchmarkTransport.
	streamWindow, connWindow = 1 << 20, 2 << 20
	// frame is what a message may have beyond the greatest record, in bytes.
	frame = 1 << 20
	// maxHeaders bounds the metadata and the status of a call in bytes, maxDetail the sentence of a status.
	maxHeaders, maxDetail = 64 << 10, 4 << 10
	// maxStreams bounds what others may open on one connection.
	maxStreams = 16
	// handshakeLimit is how long a connection may take to become one of HTTP/2.
	handshakeLimit = 5 * time.Second
	// idleLimit ends a connection on which nobody calls anything.
	idleLimit = time.Minute
	// pingAfter is gRPC's own ping on a silent connection, not below 10 s; mayPing is what the other end allows.
	pingAfter, mayPing = 10 * time.Second, 5 * time.Second
	// connectLimit bounds an attempt to connect.
	connectLimit = time.Second
	// drainLimit is how long the calls may take to end when the port closes: those of
	// a peer end at once, reflection's may go on for ever.
	drainLimit = time.Second
)

// proofKey is the metadata in which a call shows that its caller knows the peer secret.
const proofKey = "quorate-peer-proof-bin"

// errPortCloses ends the streams of a port that closes.
var errPortCloses = errors.New("the server stops")

// TransportConfig says who speaks, and how.
type TransportConfig struct {
	// Self is this server.
	Self txn.ServerID
	// Secret is what all servers of the ensemble know, and nobody else; empty: nothing is asked.
	Secret []byte
	// MaxRecord is the greatest encoded txn in bytes. Messages may have 1 MB more.
	MaxRecord int
	// Timing bounds the silence of a connection: SyncLimit, but not below 1 s.
	Timing Timing
	// MaxConnections is how many the port takes; default 1024. A server needs two of each other one.
	MaxConnections int
	// DialContext connects to an address; nil: TCP, the name resolved at each call.
	DialContext func(ctx context.Context, address string) (net.Conn, error)
	// Events listens to what is refused before a peer hears of it; may be nil.
	Events func(Event)
}

// What happens on a peer port before, or without, a conversation.
type (
	// CallRefused: a call has been refused because of the peer secret.
	CallRefused struct {
		Remote string // address
		Method string // such as "/quorate.quorum.v1.Learner/Sync"
		Cause  error  // a *[Rejection]
	}
	// CallPanicked: the code that serves a call has panicked. Its caller was told INTERNAL.
	CallPanicked struct {
		Method string
		Value  any // of the panic
		Stack  []byte
	}
)

func (e CallRefused) String() string {
	return fmt.Sprintf("refused %s to %s: %v", e.Method, e.Remote, e.Cause)
}
func (e CallPanicked) String() string { return fmt.Sprintf("%s panicked: %v", e.Method, e.Value) }

// Transport carries the conversations of servers over gRPC: it serves a peer port and dials
// those of others. It is a [Dialer]. Its methods may be called by anybody.
//
// Every stream has a connection of its own, which is dialled when the stream is opened and closed when it
// ends: streams live as long as roles do, so nothing is saved by sharing, the name is resolved anew each
// time, gRPC's own reconnecting with its back-off has no part in it, and an election never waits behind a snapshot.
//
// No interceptor, stats handler or compression is on the way of a message.
type Transport struct {
	guard   guard
	emit    func(Event)
	dial    func(ctx context.Context, address string) (net.Conn, error)
	timeout time.Duration // of a silent connection
	room    int64         // connections that a port has room for
	client  []grpc.DialOption
	server  []grpc.ServerOption
}

// NewTransport returns a transport; it starts nothing.
func NewTransport(c TransportConfig) *Transport {
	t := &Transport{guard: guard{c.Self, c.Secret}, emit: c.Events, dial: c.DialContext, room: int64(cmp.Or(c.MaxConnections, 1024))}
	if t.emit == nil {
		t.emit = func(Event) {}
	}
	if t.dial == nil {
		t.dial = func(ctx context.Context, address string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "tcp", address)
		}
	}
	// gRPC makes it TCP_USER_TIMEOUT too, on Linux: a connection whose bytes nobody acknowledges is dead. Below
	// 1 s a single lost packet, sent again after 200 ms and more, would do.
	t.timeout = max(c.Timing.complete().SyncLimit, time.Second)
	t.client = t.dialOptions(c.MaxRecord + frame)
	t.server = t.serverOptions(c.MaxRecord + frame)
	return t
}

// dialOptions are the caller's settings.
func (t *Transport) dialOptions(maxMessage int) []grpc.DialOption {
	return []grpc.DialOption{
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithConnectParams(grpc.ConnectParams{
			Backoff:           backoff.Config{BaseDelay: 10 * time.Millisecond, Multiplier: 1.6, Jitter: 0.2, MaxDelay: 250 * time.Millisecond},
			MinConnectTimeout: connectLimit,
		}),
		grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: pingAfter, Timeout: t.timeout}),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(maxMessage)),
		grpc.WithStaticStreamWindowSize(streamWindow),
		grpc.WithStaticConnWindowSize(connWindow),
		grpc.WithMaxHeaderListSize(maxHeaders),
		grpc.WithDisableServiceConfig(),
	}
}

// serverOptions are the settings of a port.
func (t *Transport) serverOptions(maxMessage int) []grpc.ServerOption {
	return []grpc.ServerOption{
		grpc.MaxRecvMsgSize(maxMessage),
		grpc.MaxConcurrentStreams(maxStreams),
		grpc.MaxHeaderListSize(maxHeaders),
		grpc.ConnectionTimeout(handshakeLimit),
		grpc.StaticStreamWindowSize(streamWindow),
		grpc.StaticConnWindowSize(connWindow),
		grpc.KeepaliveParams(keepalive.ServerParameters{Time: pingAfter, Timeout: t.timeout, MaxConnectionIdle: idleLimit}),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: mayPing, PermitWithoutStream: true}),
	}
}

// Handler takes the calls of other servers: a [Peer], or what stands in front of it. A call ends when
// its method returns, with the error for an answer: a *[Rejection] arrives as one. Until then the
// context of its stream ends when the caller has left, or the port closes.
type Handler interface {
	// ServeSync takes a call of Learner.Sync.
	ServeSync(LeaderStream) error
	// ServeExchange takes a call of Election.Exchange.
	ServeExchange(ExchangeServer) error
}

// Serve answers on l until ctx ends (nil) or l fails (its error), and closes l. When ctx ends, so
// do the contexts of the streams; Serve returns when they all have been served. Anybody may ask
// the port for its schema (reflection), also without the peer secret: it is public.
//
// l should accept *[net.TCPConn]: gRPC sets TCP_USER_TIMEOUT on no other.
func (t *Transport) Serve(ctx context.Context, l net.Listener, h Handler) error {
	g, ctx := errgroup.WithContext(ctx)
	p := &port{guard: t.guard, emit: t.emit, ctx: ctx, handler: h}
	srv := grpc.NewServer(append(slices.Clip(t.server), grpc.Creds(&doorkeeper{TransportCredentials: insecure.NewCredentials(), room: t.room}))...)
	quorumv1.RegisterLearnerServer(srv, p)
	quorumv1.RegisterElectionServer(srv, p)
	quorumv1.RegisterHandshakeServer(srv, p)
	reflection.Register(srv)
	g.Go(func() error { return srv.Serve(l) })
	g.Go(func() error {
		<-ctx.Done()
		cut := time.AfterFunc(drainLimit, srv.Stop)
		defer cut.Stop()
		srv.GracefulStop() // returns when Stop does, too
		return nil
	})
	if err := g.Wait(); !errors.Is(err, grpc.ErrServerStopped) { // stopped before Serve began
		return err
	}
	return nil
}

// doorkeeper counts a port's connections and gives each its [visit]. It is no TLS.
type doorkeeper struct {
	credentials.TransportCredentials
	room int64
	open atomic.Int64
}

// ServerHandshake lets a connection in, or not.
func (d *doorkeeper) ServerHandshake(c net.Conn) (net.Conn, credentials.AuthInfo, error) {
	if d.open.Add(1) > d.room {
		d.open.Add(-1)
		return nil, nil, errors.New("too many connections to the peer port")
	}
	return &guest{Conn: c, door: d}, new(visit), nil
}

// guest is a connection that gives its place back when it is closed.
type guest struct {
	net.Conn
	door *doorkeeper
	gone atomic.Bool
}

// Close may be called again.
func (g *guest) Close() error {
	if !g.gone.Swap(true) {
		g.door.open.Add(-1)
	}
	return g.Conn.Close()
}

// port is a peer port that is being served: the services of the proto.
type port struct {
	quorumv1.UnsafeLearnerServer
	quorumv1.UnsafeElectionServer
	quorumv1.UnsafeHandshakeServer
	guard   guard
	emit    func(Event)
	ctx     context.Context // while the port is open
	handler Handler
}

// Sync serves Learner.Sync.
func (p *port) Sync(s quorumv1.Learner_SyncServer) error {
	return answer(p, quorumv1.Learner_Sync_FullMethodName, s, p.handler.ServeSync)
}

// Exchange serves Election.Exchange.
func (p *port) Exchange(s quorumv1.Election_ExchangeServer) error {
	return answer(p, quorumv1.Election_Exchange_FullMethodName, s, p.handler.ServeExchange)
}

// Challenge serves Handshake.Challenge.
func (p *port) Challenge(ctx context.Context, m *quorumv1.ChallengeRequest) (_ *quorumv1.ChallengeResponse, err error) {
	defer p.recovered(quorumv1.Handshake_Challenge_FullMethodName, &err)
	remote, v := visitor(ctx)
	answer, err := p.guard.challenge(v, m)
	if err != nil {
		p.emit(CallRefused{remote, quorumv1.Handshake_Challenge_FullMethodName, err})
	}
	return answer, toStatus(err)
}

// answer serves one stream, and ends it with the status of what serve returns.
func answer[Out, In any](p *port, method string, s grpc.BidiStreamingServer[In, Out], serve func(Stream[Out, In]) error) (err error) {
	defer p.recovered(method, &err)
	remote, v := visitor(s.Context())
	if err := p.guard.admit(v, shownProof(s.Context()), method); err != nil {
		p.emit(CallRefused{remote, method, err})
		return toStatus(err)
	}
	ctx, end := context.WithCancelCause(s.Context())
	defer end(nil)
	stop := context.AfterFunc(p.ctx, func() { end(errPortCloses) })
	defer stop()
	return toStatus(serve(&served[Out, In]{s, ctx}))
}

// recovered turns a panic into an INTERNAL error; the process goes on.
func (p *port) recovered(method string, err *error) {
	if v := recover(); v != nil {
		p.emit(CallPanicked{method, v, debug.Stack()})
		*err = status.Error(codes.Internal, "the server failed while it handled this call; its log says where")
	}
}

// visitor returns who calls, and the memory of its connection.
func visitor(ctx context.Context) (remote string, v *visit) {
	if p, ok := grpcpeer.FromContext(ctx); ok {
		remote = p.Addr.String()
		v, _ = p.AuthInfo.(*visit)
	}
	return remote, v
}

// shownProof returns the proof in a call's metadata, if there is one.
func shownProof(ctx context.Context) []byte {
	md, _ := metadata.FromIncomingContext(ctx)
	if proofs := md.Get(proofKey); len(proofs) == 1 {
		return []byte(proofs[0])
	}
	return nil
}

// served is the server's end of a stream.
type served[Out, In any] struct {
	grpc.BidiStreamingServer[In, Out]
	ctx context.Context
}

// Context ends, with a cause, also when the port closes.
func (s *served[Out, In]) Context() context.Context { return s.ctx }

// Recv returns a *[Rejection] for what is no message, or too large for one. gRPC itself has
// told the other side then: INTERNAL, or RESOURCE_EXHAUSTED.
func (s *served[Out, In]) Recv() (*In, error) {
	m, err := s.BidiStreamingServer.Recv()
	switch status.Code(err) {
	case codes.Internal, codes.ResourceExhausted:
		return nil, malformed("%s", status.Convert(err).Message())
	default:
		return m, err
	}
}

// Sync opens Learner.Sync to a leader.
func (t *Transport) Sync(ctx context.Context, to txn.Member) (LearnerStream, error) {
	return open(ctx, t, to, quorumv1.Learner_Sync_FullMethodName, func(ctx context.Context, c *grpc.ClientConn) (quorumv1.Learner_SyncClient, error) {
		return quorumv1.NewLearnerClient(c).Sync(ctx)
	})
}

// Exchange opens Election.Exchange.
func (t *Transport) Exchange(ctx context.Context, to txn.Member) (ExchangeClient, error) {
	return open(ctx, t, to, quorumv1.Election_Exchange_FullMethodName, func(ctx context.Context, c *grpc.ClientConn) (quorumv1.Election_ExchangeClient, error) {
		return quorumv1.NewElectionClient(c).Exchange(ctx)
	})
}

// open connects, shows that it knows the peer secret if there is one, and opens a stream.
func open[Out, In any](
	ctx context.Context, t *Transport, to txn.Member, method string,
	call func(context.Context, *grpc.ClientConn) (grpc.BidiStreamingClient[Out, In], error),
) (Stream[Out, In], error) {
	l, err := t.line(to)
	if err != nil {
		return nil, err
	}
	proven, err := t.prove(ctx, l, method)
	if err != nil {
		l.conn.Close()
		return nil, l.explain(ctx, err)
	}
	s, err := call(proven, l.conn)
	if err != nil {
		l.conn.Close()
		return nil, l.explain(ctx, err)
	}
	context.AfterFunc(s.Context(), func() { l.conn.Close() })
	return newDialled(s, func(err error) error { return l.explain(ctx, err) }), nil
}

// prove returns the context for a call that shows the proof.
func (t *Transport) prove(ctx context.Context, l *line, method string) (context.Context, error) {
	if len(t.guard.secret) == 0 {
		return ctx, nil
	}
	brief, cancel := context.WithTimeout(ctx, t.timeout) // of a unary call
	defer cancel()
	pact, hello := t.guard.hello(l.to.ID)
	challenge, err := quorumv1.NewHandshakeClient(l.conn).Challenge(brief, hello)
	if err != nil {
		return nil, err
	}
	proof, err := t.guard.verify(pact, challenge, method)
	if err != nil {
		return nil, err
	}
	return metadata.AppendToOutgoingContext(ctx, proofKey, string(proof)), nil
}

// line is a connection to another server.
type line struct {
	conn   *grpc.ClientConn
	to     txn.Member
	failed atomic.Pointer[error] // of the last attempt to connect
}

// line returns a connection that is made with its first call.
func (t *Transport) line(to txn.Member) (*line, error) {
	l := &line{to: to}
	dial := grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) {
		c, err := t.dial(ctx, to.Address)
		if err != nil {
			l.failed.Store(&err)
		}
		return c, err
	})
	var err error
	l.conn, err = grpc.NewClient("passthrough:///peer", append(slices.Clip(t.client), dial, grpc.WithAuthority(to.Address))...)
	return l, err
}

// explain says why a call has failed: the server's own words, the cause with which the
// caller has ended ctx, or what has kept the connection from being made, as the system put it.
func (l *line) explain(ctx context.Context, err error) error {
	if r := rejection(err); r != nil {
		return r
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if failed := l.failed.Load(); failed != nil {
		err = *failed
	}
	return fmt.Errorf("server %d at %s: %w", l.to.ID, l.to.Address, err)
}

// code returns the gRPC code of a reason; the proto tells it to others.
func code(why quorumv1.RefusalReason) codes.Code {
	switch why {
	case quorumv1.RefusalReason_REFUSAL_REASON_THROTTLED:
		return codes.ResourceExhausted
	case quorumv1.RefusalReason_REFUSAL_REASON_MALFORMED:
		return codes.InvalidArgument
	case quorumv1.RefusalReason_REFUSAL_REASON_SECRET:
		return codes.Unauthenticated
	case quorumv1.RefusalReason_REFUSAL_REASON_DUPLICATE:
		return codes.AlreadyExists
	case quorumv1.RefusalReason_REFUSAL_REASON_TOO_SLOW:
		return codes.DeadlineExceeded
	case quorumv1.RefusalReason_REFUSAL_REASON_COMPACTED:
		return codes.OutOfRange
	case quorumv1.RefusalReason_REFUSAL_REASON_RESIGNED, quorumv1.RefusalReason_REFUSAL_REASON_REPLACED:
		return codes.Aborted
	default:
		return codes.FailedPrecondition
	}
}

// toStatus turns the end of a conversation into a status: a *[Rejection] keeps all it says, in
// the details. io.EOF, the other side's end, is none.
func toStatus(err error) error {
	var r *Rejection
	switch {
	case err == nil || err == io.EOF:
		return nil
	case errors.As(err, &r):
		s := status.New(code(r.Reason), sentence(r.Detail))
		m := &quorumv1.Refusal{Reason: r.Reason, Leader: uint32(r.Leader)}
		if r.RetryAfter > 0 {
			m.RetryAfter = durationpb.New(r.RetryAfter)
		}
		if with, err := s.WithDetails(m); err == nil {
			s = with
		}
		return s.Err()
	case errors.Is(err, errPortCloses):
		return status.Error(codes.Unavailable, errPortCloses.Error())
	}
	s, known := status.FromError(err) // a status stays what it is
	if !known {
		s = status.FromContextError(err) // and all others are UNKNOWN
	}
	return status.Error(s.Code(), sentence(s.Message()))
}

// rejection finds the refusal in a status or among err's causes; nil if there is none.
func rejection(err error) *Rejection {
	var r *Rejection
	if errors.As(err, &r) {
		return r
	}
	s := status.Convert(err)
	for _, d := range s.Details() {
		m, ok := d.(*quorumv1.Refusal)
		if !ok || m.GetReason() == quorumv1.RefusalReason_REFUSAL_REASON_UNSPECIFIED {
			continue
		}
		r := &Rejection{Reason: m.GetReason(), Detail: s.Message(), RetryAfter: max(0, m.GetRetryAfter().AsDuration())}
		if m.GetLeader() <= uint32(txn.MaxServerID) {
			r.Leader = txn.ServerID(m.GetLeader())
		}
		return r
	}
	return nil
}

// sentence makes a text fit for a status.
func sentence(s string) string {
	return strings.ToValidUTF8(s[:min(len(s), maxDetail)], "?")
}
