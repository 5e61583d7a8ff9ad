package tree

import (
	"encoding/binary"

	"github.com/cespare/xxhash/v2"

	"github.com/quorate/quorate/store/txn"
)

// The tree's digest is a sum over all it holds, so that a change costs the hash of
// what went and of what came. Each part is a hash of its kind, its key and its
// content together: parts that swap a field change the sum.

// The kinds of parts.
const (
	saltBlock uint64 = 0x9e3779b97f4a7c15 + iota
	saltSide
	saltACL
	saltSession
	saltMembership
	saltNext
)

// mix hashes two numbers under a salt (the finalizer of MurmurHash3, twice).
func mix(a, b, salt uint64) uint64 { return finalize(finalize(a+salt) ^ b*0xff51afd7ed558ccd) }

func finalize(x uint64) uint64 {
	x ^= x >> 33
	x *= 0xff51afd7ed558ccd
	x ^= x >> 33
	x *= 0xc4ceb9fe1a85ec53
	return x ^ x>>33
}

// blockDigest is the part of a node's block: path, data and the node's own Stat.
func blockDigest(it item) uint64 { return xxhash.Sum64String(it.block) + saltBlock }

// sideDigest is the part of what stands beside the block, so that creating a child
// need not hash its parent's data. A node that never had a child has none.
func sideDigest(it item) uint64 {
	if it.side == (side{}) {
		return 0
	}
	return mix(mix(xxhash.Sum64String(keyIn(it.block).path), it.side.counts, saltSide), uint64(it.side.pzxid), saltSide)
}

func sessionDigest(s *Session) uint64 {
	sum := mix(mix(uint64(s.ID), uint64(s.Timeout), saltSession), xxhash.Sum64String(s.token), saltSession)
	if s.Last == (Write{}) {
		return sum
	}
	return mix(sum, mix(mix(uint64(s.Last.Cxid), uint64(s.Last.Zxid), saltSession), xxhash.Sum64String(s.Last.Path), saltSession), saltSession)
}

func membershipDigest(m *txn.Membership) uint64 {
	if m == nil {
		return 0
	}
	return mix(xxhash.Sum64(m.Append(nil)), 0, saltMembership)
}

// Digest returns a 64-bit hash of the whole version: nodes, access control lists,
// sessions and membership. Servers that applied the same txns have the same digest;
// it is no proof against somebody who looks for collisions.
func (s *state) Digest() uint64 {
	var next [4]byte
	binary.LittleEndian.PutUint32(next[:], s.acls.next)
	return s.sum + mix(xxhash.Sum64(next[:]), 0, saltNext)
}
