package quorum

import (
	"slices"

	"github.com/quorate/quorate/store/txn"
)

// System says which servers are enough. Any two quorums of a system share a
// server, and more servers are never less. It is a [Majority], [Groups], or all of
// several ([Systems]). Its methods may be called by several goroutines at once.
type System interface {
	// Has tells whether a server counts at all. Who does not can be no leader.
	Has(id txn.ServerID) bool
	// Reached tells whether the servers for which has is true are a quorum. has is
	// called for voters only.
	Reached(has func(txn.ServerID) bool) bool
	// Committed returns the greatest zxid that a quorum has made durable, given each
	// voter's durable watermark (0 for one that has said nothing). durable is called for voters only.
	Committed(durable func(txn.ServerID) txn.Zxid) txn.Zxid
}

// Systems are several systems that all have to agree, such as the memberships in
// force while one replaces another. Where there is none, nothing agrees.
type Systems []System

// Has tells whether id counts in any of them.
func (s Systems) Has(id txn.ServerID) bool {
	return slices.ContainsFunc(s, func(q System) bool { return q.Has(id) })
}

// Reached tells whether the servers for which has is true are a quorum of every one.
func (s Systems) Reached(has func(txn.ServerID) bool) bool {
	return len(s) > 0 && !slices.ContainsFunc(s, func(q System) bool { return !q.Reached(has) })
}

// Committed returns the greatest zxid that a quorum of every one has made durable:
// the least of what they have each.
func (s Systems) Committed(durable func(txn.ServerID) txn.Zxid) txn.Zxid {
	if len(s) == 0 {
		return 0
	}
	z := s[0].Committed(durable)
	for _, q := range s[1:] {
		z = min(z, q.Committed(durable))
	}
	return z
}
