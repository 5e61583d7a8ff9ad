package election

import (
	"errors"
	"fmt"

	"github.com/quorate/quorate/store/txn"
)

// State says what a server is doing. Its numbers are those of the proto file.
type State uint8

// The states. A server that has not begun to look has none, and says nothing.
const (
	// Looking for a leader: its vote is open.
	Looking State = 1
	// Following the leader it has decided for, whether or not it has reached it yet.
	Following State = 2
	// Leading: it has decided for itself.
	Leading State = 3
	// Observing is Following without a vote.
	Observing State = 4
)

// String gives the state in lower case.
func (s State) String() string {
	if s < Looking || s > Observing {
		return fmt.Sprintf("state %d", uint8(s))
	}
	return [...]string{"looking", "following", "leading", "observing"}[s-1]
}

// View is a membership as a server knows it. It travels with every notification, and
// the newest wins: all who look for a leader judge by the same list, one that has been
// away longer than the rest too.
type View struct {
	// Version is the zxid of the txn that made the membership: of the newest one
	// known to be committed, and of the founding txn as soon as it is logged. 0 stands for
	// the list a server was started with when its disk is blank.
	Version txn.Zxid
	// Membership lists the servers in the order of their ids. With Version 0 it names
	// no ensemble and no storage identities.
	Membership txn.Membership
}

// member returns the entry of a server; false if it is no member.
func (v View) member(id txn.ServerID) (txn.Member, bool) {
	for _, m := range v.Membership.Members {
		if m.ID == id {
			return m, true
		}
	}
	return txn.Member{}, false
}

// votes tells whether the view names the server as a voter.
func (v View) votes(id txn.ServerID) bool {
	m, ok := v.member(id)
	return ok && m.Role != txn.Observer
}

// counts tells whether a server with this disk is one of the view's voters (P6). A blank
// view knows no disks: whoever is listed counts, and all of them are needed.
func (v View) counts(id txn.ServerID, disk txn.StorageID) bool {
	m, ok := v.member(id)
	return ok && m.Role != txn.Observer && (v.Version == 0 || m.Storage == disk)
}

// Notification is what servers tell each other, each time all of it.
type Notification struct {
	// State of the sender.
	State State
	// Round the sender is in, or in which it decided; at least 1.
	Round Round
	// Vote is the best the sender knows in this round while it is Looking (possibly
	// nobody), and afterwards the one it decided for.
	Vote Vote
	// Storage is the identity of the sender's data directory; never 0.
	Storage txn.StorageID
	// Reign is the epoch in which the sender leads or follows; 0 while it looks and until
	// the epoch is agreed. It is for people: no rule here depends on it (ZOOKEEPER-1732).
	Reign txn.Epoch
	// View is the membership the sender judges by.
	View View
}

// The reasons for which a notification is refused.
var (
	// ErrNotMember is in the chain when the sender is no other member of the ensemble.
	ErrNotMember = errors.New("it is not one of the other members")
	// ErrMalformed is in the chain when the notification says what no server can mean.
	ErrMalformed = errors.New("malformed notification")
	// ErrStranger is in the chain when the sender belongs to another ensemble.
	ErrStranger = errors.New("it belongs to another ensemble")
	// ErrLists is in the chain when two blank servers were started with different lists of servers.
	ErrLists = errors.New("its list of servers is not ours")
)

// check returns why a notification from a member must not be used, or nil.
func (m *Machine) check(from txn.ServerID, n Notification) error {
	if from == m.cfg.ID || m.peer(from) == nil {
		return fmt.Errorf("server %d: %w", from, ErrNotMember)
	}
	if text := n.fault(from); text != "" {
		return fmt.Errorf("server %d: %w: %s", from, ErrMalformed, text)
	}
	if n.Round > m.round+MaxJump {
		return fmt.Errorf("server %d: %w: round %d is more than %d beyond ours", from, ErrMalformed, n.Round, uint64(MaxJump))
	}
	ours, theirs := m.view.Membership, n.View.Membership
	if ours.Ensemble != 0 && theirs.Ensemble != 0 && ours.Ensemble != theirs.Ensemble {
		return fmt.Errorf("server %d: %w: %v, not %v", from, ErrStranger, theirs.Ensemble, ours.Ensemble)
	}
	if m.view.Version == 0 && n.View.Version == 0 && !sameList(ours, theirs) {
		return fmt.Errorf("server %d: %w: start every server of a new ensemble with the same list", from, ErrLists)
	}
	return nil
}

// fault says what no server can mean by the notification; "" if it makes sense.
func (n Notification) fault(from txn.ServerID) string {
	switch v := n.Vote; {
	case n.State < Looking || n.State > Observing:
		return fmt.Sprintf("unknown state %d", uint8(n.State))
	case n.Round == 0:
		return "no round"
	case n.Storage == 0:
		return "no storage identity"
	case v.Leader == 0 && v != (Vote{}):
		return "a vote for nobody that has an epoch, a zxid or a disk"
	case v.Leader != 0 && !v.Leader.Valid():
		return fmt.Sprintf("a vote for server %d", v.Leader)
	case v.Epoch > txn.MaxEpoch || n.Reign > txn.MaxEpoch || v.Zxid.Epoch() > txn.MaxEpoch:
		return "an epoch beyond the last"
	case n.State != Looking && v.Leader == 0:
		return n.State.String() + " nobody"
	case n.State != Looking && (n.State == Leading) != (v.Leader == from):
		return fmt.Sprintf("%v with a vote for %d", n.State, v.Leader)
	}
	return n.View.fault()
}

// fault says what is wrong with a view that may be taken over; "" if nothing.
func (v View) fault() string {
	if v.Version == 0 {
		return ""
	}
	last := txn.ServerID(0)
	for _, m := range v.Membership.Members {
		if !m.ID.Valid() || m.ID <= last || m.Role > txn.Observer {
			return "a membership with a wrong id, role or order"
		}
		last = m.ID
	}
	if last == 0 || v.Membership.Ensemble == 0 {
		return "a membership without members or ensemble"
	}
	return ""
}

// sameList tells whether two lists name the same servers in the same roles.
func sameList(a, b txn.Membership) bool {
	if len(a.Members) != len(b.Members) {
		return false
	}
	for i, m := range a.Members {
		o := b.Members[i]
		if m.ID != o.ID || (m.Role == txn.Observer) != (o.Role == txn.Observer) {
			return false
		}
	}
	return true
}
