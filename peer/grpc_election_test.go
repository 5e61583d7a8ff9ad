package peer

import (
	"context"
	"net"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc/test/bufconn"

	"github.com/quorate/quorate/peer/election"
	"github.com/quorate/quorate/store/txn"
)

// ports are the peer ports of one bubble, by address: real gRPC over memory.
type ports struct {
	mu   sync.Mutex
	open map[string]*bufconn.Listener
}

// listen opens a port in the place of an older one; none: connections are refused.
func (p *ports) listen(address string, l *bufconn.Listener) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.open[address] = l
}

func (p *ports) dial(ctx context.Context, address string) (net.Conn, error) {
	p.mu.Lock()
	l := p.open[address]
	p.mu.Unlock()
	if l == nil {
		return nil, errRefused
	}
	return l.DialContext(ctx)
}

// bootPort starts a server of a contest whose streams are gRPC's. What it returns closes its port
// and ends the server, in the order in which a process does.
func (c *contest) bootPort(p *ports, id txn.ServerID) (s *contender, stop func()) {
	transport := NewTransport(TransportConfig{Self: id, Secret: []byte("between us"), MaxRecord: maxRecord, DialContext: p.dial})
	s = c.boot(id, func(p *Peer, _ *election.Config) { p.dialer = transport })
	address := c.view.Membership.Members[id-1].Address
	l := bufconn.Listen(1 << 16)
	p.listen(address, l)
	ctx, cancel := context.WithCancel(c.t.Context())
	closed := make(chan error)
	go func() { closed <- transport.Serve(ctx, l, scripted{exchange: s.elector.serve}) }()
	return s, func() {
		c.kill(id)
		p.listen(address, nil)
		cancel()
		if err := <-closed; err != nil {
			c.t.Error(err)
		}
	}
}

// TestElectionOverGRPC: three servers elect, lose their leader, and have it back, over the real transport.
func TestElectionOverGRPC(t *testing.T) {
	elect(t, founded(3, 0), func(c *contest) {
		p, stops := &ports{open: map[string]*bufconn.Listener{}}, map[txn.ServerID]func(){}
		start := func(id txn.ServerID, zxid uint32) {
			s, stop := c.bootPort(p, id)
			stops[id] = stop
			s.look(stands(id, zxid))
		}
		start(1, 5)
		start(2, 9)
		start(3, 5)
		c.run(time.Second)
		c.wantLeader(2, 1, 1, 2, 3)

		stops[2]()
		c.run(10 * millis)
		since := c.now()
		c.servers[1].look(stands(1, 9))
		c.servers[3].look(stands(3, 9))
		c.run(time.Second)
		c.wantLeader(3, 2, 1, 3)
		c.wantWithin(since, 2*election.DefaultSilence, 1, 3)

		since = c.now()
		start(2, 9)
		c.run(time.Second)
		c.wantLeader(3, 1, 2)
		c.wantWithin(since, maxPause, 2)
		for _, id := range c.ids() {
			if n := len(c.servers[id].reached()); n != 2 {
				t.Errorf("server %d reaches %d others, want 2", id, n)
			}
			if n := len(saws[NotificationRefused](c.servers[id])); n != 0 {
				t.Errorf("server %d has refused %d notifications", id, n)
			}
		}
		for _, id := range c.ids() {
			stops[id]()
		}
	})
}
