package client

import (
	"fmt"
	"math"
	"time"

	apiv1 "github.com/quorate/quorate/gen/quorate/api/v1"
)

// SessionID names a session, for people and for [Stat].Owner. It is no secret: what takes a session
// up again is its credential, which stays within the [Session].
type SessionID uint64

// String returns the id in hexadecimal.
func (id SessionID) String() string { return fmt.Sprintf("%#x", uint64(id)) }

// Kind says how long a node lives.
type Kind int8

// The kinds of nodes.
const (
	// PersistentNode: it lives until it is deleted.
	PersistentNode Kind = iota + 1
	// EphemeralNode: it lives as long as its session, and has no children.
	EphemeralNode
	// ContainerNode: the ensemble deletes it some time after its last child went.
	ContainerNode
	// TTLNode: the ensemble deletes it when it has no children and was not changed for its TTL.
	TTLNode
)

// UnknownVersion is the version in a Stat that is not known. It matches no node.
const UnknownVersion = math.MinInt32

// Stat describes a node; the fields are ZooKeeper's.
type Stat struct {
	// Czxid is the zxid that created the node.
	Czxid Zxid
	// Mzxid is the zxid that last changed its data.
	Mzxid Zxid
	// Pzxid is the zxid that last created or deleted a child; Czxid if none did.
	Pzxid Zxid
	// Ctime is when the node was created, by the leader's clock, in milliseconds.
	Ctime time.Time
	// Mtime is when its data was last changed, by the leader's clock, in milliseconds.
	Mtime time.Time
	// Version is the number of changes of its data.
	Version int32
	// Cversion is the number of changes of its children: creations plus deletions.
	Cversion int32
	// Aversion is the number of changes of its access control list.
	Aversion int32
	// Owner is the session of an ephemeral node, else 0.
	Owner SessionID
	// DataLength is the length of its data in bytes.
	DataLength int
	// NumChildren is the number of its children.
	NumChildren int
	// Kind says how long it lives.
	Kind Kind
	// TTL is the time to live of a TTL node, else 0.
	TTL time.Duration
}

// Node is a node of the tree as it was at one zxid.
type Node struct {
	// Path is the node's path. Of a sequential node the number is in it.
	Path string
	// Data is its content. Null (nil) and empty are told apart.
	Data []byte
	// Stat describes it.
	Stat Stat
	// Zxid is the version of the tree at which this is so.
	Zxid Zxid
}

// Entry is one node of a list.
type Entry struct {
	// Name is relative to the listed node: without a slash for a child.
	Name string
	// Stat describes the node, if [WithStats] or [WithData] was given.
	Stat Stat
	// Data is its content, if [WithData] was given.
	Data []byte
	// Zxid is the version of the tree that is listed; the same in all entries.
	Zxid Zxid
}

// Perm is a set of permissions.
type Perm uint32

// The permissions.
const (
	// PermRead allows to read data and the names of children.
	PermRead Perm = 1 << iota
	// PermWrite allows to replace data.
	PermWrite
	// PermCreate allows to create children.
	PermCreate
	// PermDelete allows to delete children.
	PermDelete
	// PermAdmin allows to replace the access control list.
	PermAdmin
	// PermAll is all of these.
	PermAll = PermRead | PermWrite | PermCreate | PermDelete | PermAdmin
)

// ACE is one entry of an access control list: who may do what.
type ACE struct {
	// Perms is what is allowed.
	Perms Perm
	// Scheme of the identity: world, auth, digest, ip, x509, super.
	Scheme string
	// ID is the identity within the scheme: "anyone", "user:base64(sha1(user:password))", "10.0.0.0/8".
	ID string
}

// Identity is one proof of who a caller is.
type Identity struct {
	// Scheme such as ip, digest or x509.
	Scheme string
	// ID within the scheme; of a digest the user alone.
	ID string
}

func statOf(s *apiv1.Stat) Stat {
	if s == nil {
		return Stat{}
	}
	return Stat{
		Czxid: Zxid(s.GetCzxid()), Mzxid: Zxid(s.GetMzxid()), Pzxid: Zxid(s.GetPzxid()),
		Ctime: time.UnixMilli(s.GetCtimeMs()), Mtime: time.UnixMilli(s.GetMtimeMs()),
		Version: s.GetVersion(), Cversion: s.GetCversion(), Aversion: s.GetAversion(),
		Owner: SessionID(s.GetOwner()), DataLength: int(s.GetDataLength()), NumChildren: int(s.GetNumChildren()),
		Kind: Kind(s.GetKind()), TTL: time.Duration(s.GetTtlMs()) * time.Millisecond,
	}
}

func entryOf(e *apiv1.Entry, zxid Zxid) Entry {
	return Entry{Name: e.GetName(), Stat: statOf(e.GetStat()), Data: e.Data, Zxid: zxid}
}

func aclOf(list []*apiv1.Ace) []ACE {
	acl := make([]ACE, 0, len(list))
	for _, a := range list {
		acl = append(acl, ACE{Perms: Perm(a.GetPerms()), Scheme: a.GetScheme(), ID: a.GetId()})
	}
	return acl
}

func aclTo(acl []ACE) []*apiv1.Ace {
	list := make([]*apiv1.Ace, 0, len(acl))
	for _, a := range acl {
		list = append(list, &apiv1.Ace{Perms: uint32(a.Perms), Scheme: a.Scheme, Id: a.ID})
	}
	return list
}
