package tree

import (
	"unsafe"

	"github.com/quorate/quorate/store/txn"
)

// Node is a node of one version. It is a small value. Its path, name and data
// alias the version's memory: clone what is kept for long, since a small part
// keeps the node's block alive, and its neighbours' up to 19 KB.
type Node struct{ it item }

// Path returns the full path.
func (n Node) Path() string {
	return keyIn(n.it.block).path
}

// Name returns the last name of the path, "" for the root.
func (n Node) Name() string {
	k := keyIn(n.it.block)
	return k.path[k.parent+1:]
}

// Data returns the content, nil if it is null; it must not be modified.
func (n Node) Data() []byte {
	r := decode(n.it.block)
	if !r.hasData {
		return nil
	}
	if r.data == "" {
		return []byte{}
	}
	return unsafe.Slice(unsafe.StringData(r.data), len(r.data))
}

// NumChildren returns the number of children.
func (n Node) NumChildren() int { return int(n.it.children()) }

// Size returns how many bytes the node's block takes: its path, its data and the numbers of its Stat.
func (n Node) Size() int { return len(n.it.block) }

// Stat returns what is known about the node besides its content.
func (n Node) Stat() Stat {
	r := decode(n.it.block)
	return statOf(n.it, &r)
}

// Stat describes a node; the fields are ZooKeeper's (reference: its data model).
type Stat struct {
	// Czxid created the node, Mzxid last changed its data, Pzxid last created or
	// deleted a child (Czxid if none did).
	Czxid, Mzxid, Pzxid txn.Zxid
	// Ctime and Mtime are when Czxid and Mzxid were prepared, in milliseconds since 1970.
	Ctime, Mtime int64
	// Version counts changes of the data, Aversion changes of the access control
	// list; both skip -1 when they wrap. Cversion counts children created and deleted.
	Version, Cversion, Aversion int32
	// Owner is the owning session of an ephemeral node, else 0.
	Owner txn.SessionID
	// DataLength is the length of the data in bytes, 0 for null.
	DataLength int32
	// NumChildren is the number of children.
	NumChildren int32
	// Kind says how long the node lives; never 0.
	Kind txn.Kind
	// TTL is the time to live of a TTL node in milliseconds, else 0.
	TTL int64
}

func statOf(it item, r *record) Stat {
	return Stat{
		Czxid: r.czxid, Mzxid: r.mzxid, Pzxid: it.pzxid(r.czxid), Ctime: r.ctime, Mtime: r.mtime,
		Version: r.version, Aversion: r.aversion,
		// ZooKeeper stores creations alone; what clients see counts deletions too.
		Cversion: 2*it.created() - int32(it.children()),
		Owner:    r.owner, DataLength: int32(len(r.data)), NumChildren: int32(it.children()), Kind: r.kind, TTL: r.ttl,
	}
}

// nextVersion returns the version after v: versions wrap, but -1 stands for "any"
// in requests and is passed over (ZOOKEEPER-4743).
func nextVersion(v int32) int32 {
	if v == -2 {
		return 0
	}
	return v + 1
}
