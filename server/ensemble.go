package server

import (
	"context"

	"github.com/quorate/quorate/peer"
	"github.com/quorate/quorate/peer/quorum"
	"github.com/quorate/quorate/server/tracker"
	"github.com/quorate/quorate/store/txn"
)

// join makes this server's part in its ensemble.
func (n *Node) join() (err error) {
	events := each(n.log.Peer(), n.metrics.Peer(), n.role)
	n.tracker = tracker.New(tracker.Events{Ended: n.log.Conversation})
	c := peer.Config{
		ID: n.cfg.ServerID(), Members: n.members(), Store: n.store, Random: randomNumber,
		Quorum: n.quorum, Bootstrap: n.cfg.Bootstrap, Timing: n.timing(),
		Limits: peer.Limits{Snapshots: n.cfg.MaxSnapshotSyncs, Diffs: n.cfg.MaxDiffSyncs, SnapshotRate: int64(n.cfg.SnapshotRate)},
		Events: events,
	}
	if n.servers != nil {
		secret, err := n.cfg.PeerSecret()
		if err != nil {
			return err
		}
		n.transport = peer.NewTransport(peer.TransportConfig{
			Self: n.cfg.ServerID(), Secret: secret, MaxRecord: int(n.cfg.MaxRequest) + headerRoom, Timing: c.Timing, Events: events,
		})
		c.Dialer = n.tracker.Dial(n.transport)
	}
	n.peer, err = peer.New(c)
	return err
}

// members are the founders: those listed, or this server alone.
func (n *Node) members() []txn.Member {
	if len(n.cfg.Peers) > 0 {
		return n.cfg.Peers
	}
	return []txn.Member{{ID: n.cfg.ServerID(), Role: txn.Voter}}
}

// quorum is what the settings make a quorum of a membership; where they do not fit a membership that
// came to be with others, its majority.
func (n *Node) quorum(m txn.Membership) quorum.System {
	q, err := n.cfg.Quorum(m)
	if err != nil {
		return quorum.Of(m)
	}
	return q
}

func (n *Node) timing() peer.Timing {
	t := peer.Timing{Tick: n.cfg.Tick, InitLimit: n.cfg.InitLimit, SyncLimit: n.cfg.SyncLimit, StallLimit: n.cfg.StallLimit}
	if t.StallLimit == 0 {
		t.StallLimit = -1
	}
	return t
}

// servePeers serves other servers until ctx ends.
func (n *Node) servePeers(ctx context.Context) error {
	return n.transport.Serve(ctx, n.servers, n.tracker.Serve(n.peer))
}

// role follows the peer: writes are possible while there is a leader.
func (n *Node) role(e peer.Event) {
	r, ok := e.(peer.RoleChanged)
	if !ok {
		return
	}
	n.front.ready(r.Role != peer.Looking)
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
