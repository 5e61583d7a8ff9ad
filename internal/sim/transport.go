package sim

import (
	"context"

	"github.com/quorate/quorate/peer"
	"github.com/quorate/quorate/store/txn"
)

// Server is what takes the calls of other servers: [*peer.Peer], or a test's own.
type Server interface {
	// ServeSync takes a call of Learner.Sync, which ends when it returns.
	ServeSync(s peer.LeaderStream) error
	// ServeExchange takes a call of Election.Exchange, which ends when it returns.
	ServeExchange(s peer.ExchangeServer) error
}

// Transport is how the servers of a world reach each other: [Network], or [GRPC] on top of one.
type Transport interface {
	// Open gives a server that starts its place in the network.
	Open(id txn.ServerID) Port
}

// Port is one life of a server in the network. Calls from it may be made at once,
// calls to it are refused before Serve and after its end.
type Port interface {
	peer.Dialer
	// Serve takes calls for s until ctx ends, and returns when none is left.
	Serve(ctx context.Context, s Server) error
	// Kill ends everything at once, as the death of the process does. Serve has to be ended too.
	Kill()
}
