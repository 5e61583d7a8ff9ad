package txn

import "time"

// Txn is one transaction. Once encoded it must not be changed.
type Txn struct {
	Header
	// Op is what it does; never nil in a valid Txn.
	Op Op
}

// Header is what every transaction has besides its operation.
type Header struct {
	// Zxid is its position in the total order; never 0.
	Zxid Zxid
	// Time is the leader's clock when it was prepared, in milliseconds since 1970;
	// it never goes back from one txn to the next.
	Time int64
	// Session asked for it; 0 for a request outside any session.
	Session SessionID
	// Cxid is the number the session gave its request.
	Cxid int64
	// Author is who asked, as "scheme:id"; empty when unknown.
	Author string
	// Committed is the greatest zxid the leader knew to be committed when it wrote
	// this: late perhaps, never early.
	Committed Zxid
	// Digest is the tree's digest after this txn, as the leader computed it.
	Digest uint64
}

// When returns the header's time.
func (h *Header) When() time.Time { return time.UnixMilli(h.Time) }

// Op is an operation: one of *Create, *Delete, *SetData, *SetACL, *Multi,
// *CreateSession, *CloseSession and *Membership.
type Op interface{ isOp() }

// Kind says how long a node lives. Its numbers are those of the proto file.
type Kind uint8

// The kinds of nodes. Persistent is also the meaning of 0.
const (
	Persistent Kind = 1
	Ephemeral  Kind = 2
	Container  Kind = 3
	TTL        Kind = 4
)

// MaxTTL is the greatest time to live of a node, in milliseconds (ZooKeeper: 40 bits).
const MaxTTL int64 = 1<<40 - 1

// Perms are permissions on a node, a sum of [MayRead] to [MayAdmin].
type Perms uint32

// The permissions, with ZooKeeper's numbers.
const (
	MayRead   Perms = 1
	MayWrite  Perms = 2
	MayCreate Perms = 4
	MayDelete Perms = 8
	MayAdmin  Perms = 16
	MayAll    Perms = 31
)

// ACE is one entry of an access control list.
type ACE struct {
	Perms  Perms
	Scheme string
	ID     string
}

// Create creates one node under an existing parent.
type Create struct {
	// Path is the full path, the number of a sequential node included.
	Path string
	// Data is the content; nil (null) and empty are told apart.
	Data []byte
	// ACL is never empty.
	ACL []ACE
	// Kind says how long it lives.
	Kind Kind
	// Owner is the owning session of an ephemeral node, else 0.
	Owner SessionID
	// TTL is the time to live of a TTL node in milliseconds, else 0.
	TTL int64
}

// Delete deletes one node.
type Delete struct{ Path string }

// SetData replaces one node's data and raises its version by one.
type SetData struct {
	Path string
	// Data is the content; nil (null) and empty are told apart.
	Data []byte
}

// SetACL replaces one node's access control list and raises its aversion by one.
type SetACL struct {
	Path string
	// ACL is never empty.
	ACL []ACE
}

// Multi is several changes under one zxid, in order: *Create, *Delete, *SetData
// and *SetACL only.
type Multi struct{ Ops []Op }

// CreateSession opens a session.
type CreateSession struct {
	Session SessionID
	// Timeout is the negotiated timeout in milliseconds.
	Timeout int64
	// TokenHash is the SHA-256 of the secret with which it is taken up again.
	TokenHash []byte
}

// CloseSession closes a session; its ephemeral nodes go with it.
type CloseSession struct{ Session SessionID }

// Membership is the ensemble: who takes part, who votes, and with which disk.
// It is a value: a change is a new one.
type Membership struct {
	// Ensemble is the number drawn when the ensemble was founded.
	Ensemble EnsembleID
	// Members are all servers, in the order of their ids.
	Members []Member
}

// Role says whether a server votes. Its numbers are those of the proto file.
type Role uint8

// The roles of a member. Voter is also the meaning of 0.
const (
	Voter    Role = 1
	Observer Role = 2
)

// Member is one server of an ensemble.
type Member struct {
	ID ServerID
	// Address is where other servers reach it, host:port; empty for a server on its own.
	Address string
	Role    Role
	// Storage is the identity of the data directory with which it counts.
	Storage StorageID
}

func (*Create) isOp()        {}
func (*Delete) isOp()        {}
func (*SetData) isOp()       {}
func (*SetACL) isOp()        {}
func (*Multi) isOp()         {}
func (*CreateSession) isOp() {}
func (*CloseSession) isOp()  {}
func (*Membership) isOp()    {}
