package sim

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	quorumv1 "github.com/quorate/quorate/gen/quorate/quorum/v1"
	"github.com/quorate/quorate/peer"
	"github.com/quorate/quorate/store/txn"
)

// The values of a [NetworkConfig] where it says 0.
const (
	// DefaultWindow is what gRPC lets a stream have on its way.
	DefaultWindow = 256 << 10
	// DefaultConnect is how long a call to a server that cannot be reached waits.
	DefaultConnect = time.Second
	// DefaultDetect is how long the system repeats what nobody acknowledges before it gives a connection up.
	DefaultDetect = 3 * time.Second
)

// NetworkConfig says what a network is like.
type NetworkConfig struct {
	// Seed is where its chance comes from.
	Seed uint64
	// Latency is how long a message takes, each direction of each link on its own.
	Latency Span
	// Window bounds the bytes that one direction of a stream has on its way or not
	// received; Send waits beyond it. One message may be larger. Default [DefaultWindow].
	Window int
	// Connect is how long a call to a server that does not answer waits. Default [DefaultConnect].
	Connect time.Duration
	// Detect is how long after a cut a stream breaks; below 0: never, it stays silent.
	// Default [DefaultDetect].
	Detect time.Duration
	// Arrived is called at the arrival of each message; nil: nobody listens.
	Arrived func(Message)
}

// Message is one that has arrived.
type Message struct {
	// From and To are the servers.
	From, To txn.ServerID
	// Text says what it is, Data is its encoding.
	Text string
	Data []byte
}

func (c NetworkConfig) complete() NetworkConfig {
	if c.Window == 0 {
		c.Window = DefaultWindow
	}
	if c.Connect == 0 {
		c.Connect = DefaultConnect
	}
	if c.Detect == 0 {
		c.Detect = DefaultDetect
	}
	return c
}

// Network connects servers by streams in simulated time. It lives in one synctest
// bubble. Its methods may be called by anybody.
type Network struct {
	config NetworkConfig
	mu     struct {
		sync.Mutex
		ports   map[txn.ServerID]*netPort
		links   map[[2]txn.ServerID]*link
		streams []*stream // that stand, in the order of their calls
		peak    int       // the most bytes a pipe ever held

		favourite favourite
	}
}

// link is one direction between two servers. Guarded by Network.mu.
type link struct {
	latency Span
	cut     bool
	cuts    uint64        // how often it was cut
	calls   [kinds]uint64 // of each, so far
}

// NewNetwork returns a network without servers in which nothing is cut.
func NewNetwork(c NetworkConfig) *Network {
	n := &Network{config: c.complete()}
	n.mu.ports = map[txn.ServerID]*netPort{}
	n.mu.links = map[[2]txn.ServerID]*link{}
	n.mu.favourite = favourite{rounds: map[txn.ServerID]uint64{}, known: map[txn.ServerID]*quorumv1.Vote{}}
	return n
}

// link returns the direction from one server to another. mu is held.
func (n *Network) link(from, to txn.ServerID) *link {
	k := [2]txn.ServerID{from, to}
	l := n.mu.links[k]
	if l == nil {
		l = &link{latency: n.config.Latency}
		n.mu.links[k] = l
	}
	return l
}

func (n *Network) forget(s *stream) {
	n.mu.streams = slices.DeleteFunc(n.mu.streams, func(x *stream) bool { return x == s })
}

// Peak returns the most bytes that one direction of a stream ever had on its way or
// not received.
func (n *Network) Peak() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.mu.peak
}

// Cut lets nothing more arrive from one server at another. Streams between them
// break after the time of [NetworkConfig] unless it is healed before.
func (n *Network) Cut(from, to txn.ServerID) {
	n.mu.Lock()
	defer n.mu.Unlock()
	l := n.link(from, to)
	if l.cut {
		return
	}
	l.cut = true
	l.cuts++
	for _, s := range n.mu.streams {
		if p := s.across(l); p != nil {
			p.hold()
			n.breakLater(s, l)
		}
	}
}

// across returns the direction of the stream that uses a link; nil if none does.
func (s *stream) across(l *link) *pipe {
	switch l {
	case s.up.link:
		return s.up
	case s.down.link:
		return s.down
	}
	return nil
}

// breakLater breaks a stream when a link has been cut for too long. mu is held.
func (n *Network) breakLater(s *stream, l *link) {
	if n.config.Detect < 0 {
		return
	}
	cut := l.cuts
	time.AfterFunc(s.up.place.in(n.config.Detect), func() {
		n.mu.Lock()
		defer n.mu.Unlock()
		if l.cut && l.cuts == cut {
			s.giveUp()
		}
	})
}

// Heal undoes a Cut: what was held back is sent again.
func (n *Network) Heal(from, to txn.ServerID) {
	n.mu.Lock()
	defer n.mu.Unlock()
	l := n.link(from, to)
	if !l.cut {
		return
	}
	l.cut = false
	for _, s := range n.mu.streams {
		if p := s.across(l); p != nil {
			p.release()
		}
	}
}

// SetLatency changes how long messages take from one server to another, from now on.
func (n *Network) SetLatency(from, to txn.ServerID, s Span) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.link(from, to).latency = s
}

// Connected tells whether messages arrive from one server at another.
func (n *Network) Connected(from, to txn.ServerID) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return !n.link(from, to).cut
}

// errRefused is what a call to a server gets that is not running.
var errRefused = errors.New("connection refused")

// call opens a stream. As TCP does it takes a message there and one back before the
// call itself goes there.
func (n *Network) call(ctx context.Context, from *netPort, to txn.ServerID, k Kind) (*stream, error) {
	s, err := from.newStream(ctx, to, k)
	if err != nil {
		return nil, err
	}
	connect, stop := context.WithTimeoutCause(ctx, s.up.place.in(n.config.Connect), fmt.Errorf("server %d does not answer", to))
	defer stop()
	if err := n.pass(connect, s.up); err != nil {
		return nil, err
	}
	n.mu.Lock()
	s.server.port = n.mu.ports[to]
	n.mu.Unlock()
	if err := n.pass(connect, s.down); err != nil {
		return nil, err
	}
	if s.server.port == nil {
		return nil, fmt.Errorf("server %d: %w", to, errRefused)
	}
	if err := n.open(s); err != nil {
		return nil, err
	}
	if k != Connection { // whose end is its Close
		context.AfterFunc(s.client.ctx, s.hangUp)
	}
	return s, nil
}

// newStream makes a stream. A dead process makes none: their numbers are part of chance.
func (p *netPort) newStream(ctx context.Context, to txn.ServerID, k Kind) (*stream, error) {
	p.net.mu.Lock()
	defer p.net.mu.Unlock()
	if p.gone {
		return nil, errStopped
	}
	return newStream(ctx, p, to, k), nil
}

// pass takes as long as a message along a pipe; for ever if the link is cut.
func (n *Network) pass(ctx context.Context, p *pipe) error {
	n.mu.Lock()
	timer := time.NewTimer(time.Until(p.arrival()))
	n.mu.Unlock()
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	n.mu.Lock()
	cut := p.link.cut
	n.mu.Unlock()
	if !cut {
		return nil
	}
	<-ctx.Done()
	return context.Cause(ctx)
}

// open lets a stream stand at its client's end, and sends the call on its way.
func (n *Network) open(s *stream) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if s.client.port.gone {
		return errStopped
	}
	n.mu.streams = append(n.mu.streams, s)
	s.up.put(packet{open: s.opened})
	return nil
}

// opened is the arrival of the call. mu is held.
func (s *stream) opened() {
	if s.server.over {
		return
	}
	s.server.port.take(s)
}

// netPort is one life of a server in a network.
type netPort struct {
	net      *Network
	id       txn.ServerID
	take     func(*stream) // what becomes of a call that has arrived; Network.mu is held
	server   Server
	handlers sync.WaitGroup
	gone     bool // guarded by Network.mu
}

// Open implements [Transport].
func (n *Network) Open(id txn.ServerID) Port {
	p := &netPort{net: n, id: id}
	p.take = func(s *stream) { p.handlers.Go(func() { s.done(p.serve(s)) }) }
	return p
}

// Sync implements [peer.Dialer].
func (p *netPort) Sync(ctx context.Context, to txn.Member) (peer.LearnerStream, error) {
	s, err := p.net.call(ctx, p, to.ID, Sync)
	if err != nil {
		return nil, err
	}
	return clientEnd[quorumv1.SyncRequest, quorumv1.SyncResponse](s), nil
}

// Exchange implements [peer.Dialer].
func (p *netPort) Exchange(ctx context.Context, to txn.Member) (peer.ExchangeClient, error) {
	s, err := p.net.call(ctx, p, to.ID, Exchange)
	if err != nil {
		return nil, err
	}
	return clientEnd[quorumv1.ExchangeRequest, quorumv1.ExchangeResponse](s), nil
}

func (p *netPort) serve(s *stream) error {
	if s.kind == Sync {
		return p.server.ServeSync(serverEnd[quorumv1.SyncResponse, quorumv1.SyncRequest](s))
	}
	return p.server.ServeExchange(serverEnd[quorumv1.ExchangeResponse, quorumv1.ExchangeRequest](s))
}

// Serve implements [Port].
func (p *netPort) Serve(ctx context.Context, s Server) error {
	p.server = s
	p.enter()
	<-ctx.Done()
	p.leave(false)
	p.handlers.Wait()
	return nil
}

// enter takes calls from now on, in the place of a former life; a dead process takes none.
func (p *netPort) enter() {
	p.net.mu.Lock()
	defer p.net.mu.Unlock()
	if !p.gone {
		p.net.mu.ports[p.id] = p
	}
}

// Kill implements [Port].
func (p *netPort) Kill() { p.leave(true) }

// leave takes no more calls and ends the streams; of those that this server has called, only if all go.
func (p *netPort) leave(all bool) {
	n := p.net
	n.mu.Lock()
	defer n.mu.Unlock()
	p.gone = p.gone || all
	p.refuseLocked()
	for _, s := range slices.Clone(n.mu.streams) {
		if all {
			s.forgetHeld(p)
		}
		if s.server.port == p {
			s.depart(&s.server, errStopped, errReset, true)
		}
		if s.client.port == p && all {
			s.depart(&s.client, errStopped, errReset, true)
		}
	}
}

// refuseLocked takes no more calls.
func (p *netPort) refuseLocked() {
	if p.net.mu.ports[p.id] == p {
		delete(p.net.mu.ports, p.id)
	}
}

// forgetHeld takes back what a cut has kept from leaving a server that dies: nobody sends it again.
func (s *stream) forgetHeld(dead *netPort) {
	if s.client.port == dead && s.up.link.cut {
		s.up.flight = nil
	}
	if s.server.port == dead && s.down.link.cut {
		s.down.flight = nil
	}
}
