package election

import (
	"time"

	"github.com/quorate/quorate/store/txn"
)

// link is what is known of the connection to a server.
type link uint8

const (
	unknown link = iota // still dialling, or dialling into the void
	up                  // it stands, or we have heard from it
	ended               // it was refused or has ended
)

// peer is what a Machine knows of another member.
type peer struct {
	member    txn.Member
	link      link
	roundTrip time.Duration // 0: not known
	since     time.Duration // its silence lasts from here: it spoke, was reached, or the round began

	heard bool         // there is a word
	word  Notification // its last: a vote of this round, or that it has a leader
	backs bool         // it voted for us, and has not turned away since; for a leader
}

func (m *Machine) peer(id txn.ServerID) *peer {
	for i := range m.peers {
		if m.peers[i].member.ID == id {
			return &m.peers[i]
		}
	}
	return nil
}

// votes tells whether the peer is listed as a voter, with whatever disk.
func (p *peer) votes() bool { return p.member.Role != txn.Observer }

// settledFor tells whether the peer has said that it follows or leads as this leader's.
func (p *peer) settledFor(leader txn.ServerID) bool {
	return p.heard && (p.word.State == Following || p.word.State == Leading) && p.word.Vote.Leader == leader
}

// alive notes that something came from the peer: it lives.
func (p *peer) alive(now time.Duration) {
	p.since = now
	p.link = up
}
