package election

import (
	"time"

	"github.com/quorate/quorate/store/txn"
)

// Event is what happens to a server: [Look], [Received], [Reachable], [Unreachable],
// [Tick], [Settled] or [Changed].
type Event interface{ isEvent() }

// Look makes the server look for a leader: when it starts, when it has lost its leader or
// could not reach it, when it has resigned. It begins a new round. The last epoch and zxid must
// be durable: they are what the server is elected for.
type Look struct {
	// Epoch is the server's current epoch, Zxid the last txn it has logged.
	Epoch txn.Epoch
	Zxid  txn.Zxid
	// Storage is the identity of its data directory; never 0.
	Storage txn.StorageID
	// Round is one that the server is known to have been in; 0 after a start. The new
	// round is greater than this and than any the Machine has been in.
	Round Round
	// Abstain keeps the server from standing until the next Look: it has resigned so
	// that somebody else may lead. It votes for others as always.
	Abstain bool
}

// Received is a notification from another server. The sender's id comes from the
// connection, not from the message.
type Received struct {
	From         txn.ServerID
	Notification Notification
}

// Reachable says that a connection to the server stands.
type Reachable struct {
	ID txn.ServerID
	// RoundTrip is how long a message and its answer take; 0 if that is not known.
	RoundTrip time.Duration
}

// Unreachable says that a connection to the server was refused or has ended. A server that
// was never heard of is neither reachable nor unreachable.
type Unreachable struct{ ID txn.ServerID }

// Tick says that time has passed; the answer to [SetTimer]. One too many does no harm.
type Tick struct{}

// Settled says from outside that the server has a leader: it follows, observes or leads
// (Leader is itself) in epoch Reign. After a [Decide] the Machine has settled already;
// this tells it the reign's epoch, or of a leader found in another way.
type Settled struct {
	Leader txn.ServerID
	Reign  txn.Epoch
}

// Changed brings a new membership: one that has been committed. An older version
// than the Machine's is ignored.
type Changed struct{ View View }

func (Look) isEvent()        {}
func (Received) isEvent()    {}
func (Reachable) isEvent()   {}
func (Unreachable) isEvent() {}
func (Tick) isEvent()        {}
func (Settled) isEvent()     {}
func (Changed) isEvent()     {}

// Action is what is to be done: [Send], [SetTimer], [Decide], [Disloyal] or [Refuse], in
// the order given.
type Action interface{ isAction() }

// All as the receiver of a [Send] stands for every other member, observers included.
const All txn.ServerID = 0

// Send asks for a notification to be sent to one server, or to [All]. Only the last one
// for a receiver matters: it may replace any that is still waiting.
type Send struct {
	To           txn.ServerID
	Notification Notification
}

// SetTimer asks for a [Tick] at or after this time, on the clock of [Machine.Step].
// It replaces the timer set before.
type SetTimer struct{ At time.Duration }

// Decide ends the election for this server: it leads (Leader is itself), follows or observes.
// The Machine has settled with it; if the leader cannot be had, [Look] again.
type Decide struct {
	Leader txn.ServerID
	// Round and Vote are those of the election that the server has joined.
	Round Round
	Vote  Vote
	// View is the membership by which it was decided. It may be newer than what this
	// server knows to be committed, and it is committed: a leader counts by it.
	View View
}

// Disloyal tells a leader that a voter which backed it is looking for another leader.
type Disloyal struct {
	ID txn.ServerID
	// Deserted says that those who still back the leader are no quorum: unless it is established
	// and knows better, it waits in vain and should resign (ZOOKEEPER-3109).
	Deserted bool
}

// Refuse tells that a notification was not used, and why: [ErrNotMember],
// [ErrMalformed], [ErrStranger] or [ErrLists]. It concerns that sender alone;
// nothing has changed.
type Refuse struct {
	From txn.ServerID
	Err  error
}

func (Send) isAction()     {}
func (SetTimer) isAction() {}
func (Decide) isAction()   {}
func (Disloyal) isAction() {}
func (Refuse) isAction()   {}
