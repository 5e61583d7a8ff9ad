package txn

import (
	"fmt"
	"strconv"
)

// Epoch numbers the reigns of leaders, from 1. Each new leader takes a greater
// one than any it has heard of. Epochs end at 2^31-1 ([MaxEpoch]), so that a zxid
// stays positive where it is read as a signed number.
type Epoch uint32

// MaxEpoch is the greatest epoch there can be.
const MaxEpoch Epoch = 1<<31 - 1

// Zxid is a position in the total order of transactions: the leader's epoch in
// the high 32 bits, a counter from 1 in the low 32 bits. Zxids compare as
// numbers. 0 stands before every transaction.
type Zxid uint64

// MaxCounter is the counter at which a leader resigns, so that the next epoch
// starts a new count (ZooKeeper: ZOOKEEPER-1277, counter rollover).
const MaxCounter uint32 = 0xF000_0000

// MakeZxid returns the zxid of the counter-th transaction of an epoch.
func MakeZxid(e Epoch, counter uint32) Zxid { return Zxid(e)<<32 | Zxid(counter) }

// Epoch returns the epoch in which z was proposed.
func (z Zxid) Epoch() Epoch { return Epoch(z >> 32) }

// Counter returns z's place within its epoch, from 1.
func (z Zxid) Counter() uint32 { return uint32(z) }

// String returns epoch.counter in decimal, e.g. "3.17".
func (z Zxid) String() string {
	return strconv.FormatUint(uint64(z>>32), 10) + "." + strconv.FormatUint(uint64(uint32(z)), 10)
}

// ServerID names a server of the ensemble, [MinServerID] to [MaxServerID]. 0 is nobody.
type ServerID uint8

// The bounds of a server id. The greatest is ZooKeeper's with extended node
// types on: the values above mark the kinds of nodes in an owner field.
const (
	MinServerID ServerID = 1
	MaxServerID ServerID = 253
)

// Valid tells whether id is within its bounds.
func (id ServerID) Valid() bool { return MinServerID <= id && id <= MaxServerID }

// SessionID names a client's session: the id of the server that opened it in the
// top byte, never reused. 0 is no session.
type SessionID uint64

// MakeSessionID returns the id of a session that a server opened by the txn at z: the server in the top byte, and the low
// 56 bits of z, so that an id comes again after 2^24 epochs at the earliest.
func MakeSessionID(server ServerID, z Zxid) SessionID {
	return SessionID(server)<<56 | SessionID(z)&(1<<56-1)
}

// Server returns the server that opened the session.
func (id SessionID) Server() ServerID { return ServerID(id >> 56) }

// String returns the id as ZooKeeper prints it: 0x and hexadecimal digits.
func (id SessionID) String() string { return "0x" + strconv.FormatUint(uint64(id), 16) }

// StorageID is the random identity that a data directory draws when it is
// created, and draws anew when it can no longer vouch for what it had
// acknowledged. A voter is the pair of its server id and this. 0 is none.
type StorageID uint64

// String returns the identity as 16 hexadecimal digits.
func (id StorageID) String() string { return fmt.Sprintf("%016x", uint64(id)) }

// EnsembleID is the random number drawn when an ensemble is founded. Servers of
// different ensembles refuse each other. 0 is none.
type EnsembleID uint64

// String returns the id as 16 hexadecimal digits.
func (id EnsembleID) String() string { return fmt.Sprintf("%016x", uint64(id)) }
