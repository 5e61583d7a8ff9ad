package server

import (
	"context"
	"fmt"
	"net"
	"net/netip"

	"github.com/quorate/quorate/peer"
	"github.com/quorate/quorate/peer/quorum"
	"github.com/quorate/quorate/server/pipeline"
	"github.com/quorate/quorate/server/tracker"
	"github.com/quorate/quorate/store/txn"
)

// join makes this server's part in its ensemble.
func (n *Node) join() (err error) {
	events := each(n.log.Peer(), n.metrics.Peer(), n.role)
	n.tracker = tracker.New(both(n.metrics.Messages(), tracker.Events{Ended: n.log.Conversation}))
	n.transport = peer.NewTransport(peer.TransportConfig{
		Self: n.cfg.ServerID(), Secret: n.secret, MaxRecord: n.maxRecord(), Timing: n.timing(), Events: events,
	})
	n.peer, err = peer.New(peer.Config{
		ID: n.cfg.ServerID(), Members: n.members(), Store: n.store, Dialer: n.tracker.Dial(n.transport), Random: randomNumber,
		ClientPort: n.clientPort(), Quorum: n.quorum, Bootstrap: n.cfg.Bootstrap, Timing: n.timing(),
		Limits: peer.Limits{Snapshots: n.cfg.MaxSnapshotSyncs, Diffs: n.cfg.MaxDiffSyncs, SnapshotRate: int64(n.cfg.SnapshotRate)},
		Events: events,
	})
	return err
}

// fits refuses groups and weights that are not for the ensemble that the store belongs to.
func (n *Node) fits() error {
	if _, err := n.cfg.Quorum(n.peer.Membership()); err != nil {
		return fmt.Errorf("--groups and --weights do not fit the ensemble in %s: %w", n.cfg.DataDir, err)
	}
	return nil
}

// warnIfOpen says so if anybody may be a learner, and so read everything.
func (n *Node) warnIfOpen() {
	if tcp, ok := n.servers.Addr().(*net.TCPAddr); ok && n.secret == nil && !tcp.IP.IsLoopback() {
		n.log.PeerPortOpen(n.PeerAddr())
	}
}

// members are the founders: those listed, or this server alone.
func (n *Node) members() []txn.Member {
	if len(n.cfg.Peers) > 0 {
		return n.cfg.Peers
	}
	return []txn.Member{{ID: n.cfg.ServerID(), Role: txn.Voter}}
}

// quorum is what the settings make a quorum of a membership. For one that they do not fit, and
// that came to be after the start, nothing is: no leader is better than two.
func (n *Node) quorum(m txn.Membership) quorum.System {
	q, err := n.cfg.Quorum(m)
	if err != nil {
		n.log.NoQuorum(err)
		return quorum.Systems{}
	}
	return q
}

// clientPort is what other servers are told of where clients are served: nothing if only this machine can reach it, and
// they need not be on it.
func (n *Node) clientPort() uint16 {
	if n.servers == nil {
		return 0
	}
	clients, peers := addrPort(n.clients), addrPort(n.servers)
	if clients.Addr().IsLoopback() && !peers.Addr().IsLoopback() {
		return 0
	}
	return clients.Port()
}

// addrPort is where a listener listens; zero if that is not TCP.
func addrPort(l net.Listener) netip.AddrPort {
	tcp, _ := l.Addr().(*net.TCPAddr)
	return tcp.AddrPort()
}

// timing is how patient this server is with others.
func (n *Node) timing() peer.Timing {
	t := peer.Timing{Tick: n.cfg.Tick, InitLimit: n.cfg.InitLimit, SyncLimit: n.cfg.SyncLimit, StallLimit: n.cfg.StallLimit}
	if t.StallLimit == 0 {
		t.StallLimit = -1
	}
	return t
}

// touched returns which sessions this server's clients have touched since it was last called.
func (n *Node) touched() []txn.SessionID { return n.sessions.Touched() }

// sweep is how the leader deletes what goes by itself.
func (n *Node) sweep() pipeline.Sweep {
	s := pipeline.Sweep{Interval: n.cfg.ContainerInterval, PerMinute: n.cfg.ContainerRate, Unused: n.cfg.ContainerUnused}
	if s.Interval == 0 {
		s.Interval = -1
	}
	return s
}

// servePeers serves other servers until ctx ends.
func (n *Node) servePeers(ctx context.Context) error {
	return n.transport.Serve(ctx, n.servers, n.tracker.Serve(n.peer))
}

// role follows the peer: requests are served while there is a leader, here or elsewhere.
func (n *Node) role(e peer.Event) {
	r, ok := e.(peer.RoleChanged)
	if !ok {
		return
	}
	n.front.ready(r.Role != peer.Looking)
	n.zookeeper.RoleChanged()
	if r.Role != peer.Looking {
		n.serving()
	}
}

// each calls several listeners, one after the other.
func each(listeners ...func(peer.Event)) func(peer.Event) {
	return func(e peer.Event) {
		for _, listen := range listeners {
			listen(e)
		}
	}
}
