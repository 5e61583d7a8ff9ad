package sim

import (
	"context"
	"net"
	"strconv"

	quorumv1 "github.com/quorate/quorate/gen/quorate/quorum/v1"
	"github.com/quorate/quorate/peer"
	"github.com/quorate/quorate/store/txn"
	"github.com/quorate/quorate/store/wal"
)

// GRPC is the transport of production on connections of a [Network]: what servers say is marshalled, framed and
// guarded as on a real wire, and cut, delayed and lost as the network's own streams are. What gRPC's goroutines do
// in one instant has no order, so that a seed is not a run here. It is a [Transport].
type GRPC struct {
	net    *Network
	timing peer.Timing
}

// NewGRPC returns the transport over n, for servers with this timing.
func NewGRPC(n *Network, timing peer.Timing) *GRPC { return &GRPC{n, timing} }

// peerSecret is what the servers of every world know.
const peerSecret = "between us"

// Open implements [Transport].
func (g *GRPC) Open(id txn.ServerID) Port {
	p := &grpcPort{port: &netPort{net: g.net, id: id}}
	p.listener = newListener(p.port)
	p.port.take = p.listener.offer
	p.transport = peer.NewTransport(peer.TransportConfig{
		Self: id, Secret: []byte(peerSecret), MaxRecord: wal.DefaultMaxRecord, Timing: g.timing, DialContext: p.dial,
	})
	return p
}

// grpcPort is one life of a server.
type grpcPort struct {
	port      *netPort
	listener  *listener
	transport *peer.Transport
}

// dial connects to an address, which is the server's id.
func (p *grpcPort) dial(ctx context.Context, address string) (net.Conn, error) {
	to, err := strconv.ParseUint(address, 10, 8)
	if err != nil {
		return nil, err
	}
	s, err := p.port.net.call(ctx, p.port, txn.ServerID(to), Connection)
	if err != nil {
		return nil, err
	}
	return clientConn(s), nil
}

// addressed returns a member with the address that dial knows it by.
func addressed(m txn.Member) txn.Member {
	m.Address = strconv.Itoa(int(m.ID))
	return m
}

// Sync implements [peer.Dialer].
func (p *grpcPort) Sync(ctx context.Context, to txn.Member) (peer.LearnerStream, error) {
	return p.transport.Sync(ctx, addressed(to))
}

// Exchange implements [peer.Dialer].
func (p *grpcPort) Exchange(ctx context.Context, to txn.Member) (peer.ExchangeClient, error) {
	return p.transport.Exchange(ctx, addressed(to))
}

// Serve implements [Port].
func (p *grpcPort) Serve(ctx context.Context, s Server) error {
	defer p.port.leave(false)
	p.port.enter()
	return p.transport.Serve(ctx, p.listener, &hearsay{s, p.port})
}

// Kill implements [Port].
func (p *grpcPort) Kill() { p.port.leave(true) }

// hearsay is a server that hears of an election what the network makes of it.
type hearsay struct {
	Server
	port *netPort
}

// ServeExchange implements [Server].
func (h *hearsay) ServeExchange(s peer.ExchangeServer) error {
	return h.Server.ServeExchange(&turned{s, h.port})
}

// turned is a stream whose messages the favourite turns.
type turned struct {
	peer.ExchangeServer
	port *netPort
}

// Recv implements [peer.Stream].
func (t *turned) Recv() (*quorumv1.ExchangeRequest, error) {
	m, err := t.ExchangeServer.Recv()
	if err == nil {
		n := t.port.net
		n.mu.Lock()
		n.mu.favourite.turn(txn.ServerID(m.GetId()), t.port.id, m)
		n.mu.Unlock()
	}
	return m, err
}
