package peer

import (
	"sync/atomic"

	"github.com/quorate/quorate/store/tree"
	"github.com/quorate/quorate/store/txn"
)

// Request is a change that a client asks for, on any server.
type Request struct {
	// Op is the change.
	Op tree.Request
	// Caller is who asks: the identities that permissions are judged by.
	Caller tree.Caller
	// Author is the caller's name in the log, as "scheme:id".
	Author string
	// Session asks, with its number for the request; 0 outside a session. Attached tells that it does so on its own
	// stream to the server Via; without it somebody has only named the session.
	Session  txn.SessionID
	Cxid     int64
	Attached bool
	// Via is the server to which the client speaks; whoever takes the request sets it.
	Via txn.ServerID
	// Void, if not nil and set, keeps the request from being carried out, unless the leader has it already: an earlier one of its session has
	// come to no known end, and this one must not take effect as if it had.
	Void *atomic.Bool
}

// Voided tells whether the request must not be carried out any more.
func (r *Request) Voided() bool { return r.Void != nil && r.Void.Load() }

// Reply is what became of a request.
type Reply struct {
	// Zxid is its txn.
	Zxid txn.Zxid
	// Results has one entry for each operation: one, or those of a Multi. A check has an empty one.
	Results []tree.Result
}
