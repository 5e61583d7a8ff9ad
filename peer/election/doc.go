// Package election finds a leader: ZooKeeper's fast leader election, as gossip.
//
// A server without a leader is Looking. It tells all others the best candidate it
// knows, itself to begin with, and takes over any better one it hears of. Candidates order by current epoch, last
// logged zxid, id ([Vote.Beats]). When a quorum is for the same candidate and nobody who might be better
// is still to be heard, that is the leader:
//
//	server 1 (1.5)          server 2 (1.9)          server 3 (1.5)
//	   │  looking: 1           │  looking: 2           │  looking: 3
//	   ├──────────────────────▶│◀──────────────────────┤
//	   │◀──────────────────────┼──────────────────────▶│      one way: all know the best
//	   │  following 2          │  following 2          │
//	   ├──────────────────────▶│◀──────────────────────┤
//	   │                       │  leading              │      and back: it knows that they know
//
// Who comes later is told by each that it follows, and by the leader that it leads; of a quorum of such
// words it joins the leader without an election.
//
// [Machine] is one server's part: a step machine, fed with events and the time, that returns what is to be
// done. It is driven by the peer package over Election.Exchange. The election decides nothing about safety: a
// leader elected on old news finds a learner ahead of it and resigns. It decides how soon there is a good one. So
// it is eager, and forgives anything that is lost, doubled or late, since all is said again until there is a leader.
//
// The package is pure: no clock, no disk, no network, no locks, no randomness. DESIGN.md says what was
// decided and why, and which of ZooKeeper's bugs cannot be here.
package election
