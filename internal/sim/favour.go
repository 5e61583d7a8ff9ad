package sim

import (
	"google.golang.org/protobuf/proto"

	quorumv1 "github.com/quorate/quorate/gen/quorate/quorum/v1"
	"github.com/quorate/quorate/store/txn"
)

// favourite makes elections come out as a test wants: the network changes what servers say there. ZAB's
// safety does not rest on the election, so that nothing may go wrong whoever is elected.
type favourite struct {
	id     txn.ServerID                    // who is to win; 0: elections are honest
	rounds map[txn.ServerID]uint64         // in which each server was when it last said something
	known  map[txn.ServerID]*quorumv1.Vote // each server's own vote for itself
}

// unbeaten is the epoch of a vote that wins.
const unbeaten = 1 << 20

// Favour lets a server win every election whose notifications arrive from now on; 0: none.
func (n *Network) Favour(id txn.ServerID) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.mu.favourite.id = id
}

// bend returns an encoded message as it is to arrive.
func (f *favourite) bend(from, to txn.ServerID, data []byte) []byte {
	m := &quorumv1.ExchangeRequest{}
	if proto.Unmarshal(data, m) != nil || !f.turn(from, to, m) {
		return data
	}
	bent, err := proto.Marshal(m)
	if err != nil {
		return data
	}
	return bent
}

// turn makes of a message what is to arrive, and tells whether that may be another one.
func (f *favourite) turn(from, to txn.ServerID, m *quorumv1.ExchangeRequest) bool {
	if m.GetNotification() == nil {
		return false
	}
	f.learn(from, m.Notification)
	if f.id != 0 {
		f.change(from, to, m.Notification)
	}
	return f.id != 0
}

// learn notes what a server says of itself.
func (f *favourite) learn(from txn.ServerID, n *quorumv1.Notification) {
	f.rounds[from] = n.GetRound()
	if n.GetVote().GetLeader() == uint32(from) {
		f.known[from] = proto.CloneOf(n.GetVote())
	}
}

// change makes the favourite's vote the best for everybody else, and all other votes the worst. The favourite itself
// sees its own vote as it is. Where it has decided already, that counts for the round in which the others are.
func (f *favourite) change(from, to txn.ServerID, n *quorumv1.Notification) {
	v := n.GetVote()
	switch {
	case v == nil:
		return
	case v.GetLeader() != uint32(f.id) && n.GetState() == quorumv1.ElectionState_ELECTION_STATE_LOOKING:
		n.Vote = nil
		return
	case v.GetLeader() != uint32(f.id):
		v.Epoch, v.Zxid = 0, 0
		return
	case to != f.id:
		v.Epoch = unbeaten
	case f.known[f.id] != nil:
		n.Vote = proto.CloneOf(f.known[f.id])
	}
	if r := f.rounds[to]; from == f.id && n.GetState() == quorumv1.ElectionState_ELECTION_STATE_LEADING && r != 0 {
		n.Round = r
	}
}
