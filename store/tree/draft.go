package tree

import (
	"fmt"
	"slices"
	"strings"

	"github.com/tidwall/btree"

	"github.com/quorate/quorate/store/txn"
)

// Version is the tree at one zxid. It never changes and may be used by any number
// of goroutines at once. The zero Version is of no use: see [New] and [Loader].
type Version struct{ state }

// Draft is a version in the making. It must be used by one goroutine at a time;
// versions that it shares memory with stay as they are.
type Draft struct {
	state
	own tables
}

// tables tells which of its tables a draft has to itself. The others it shares with
// a version or another draft, and copies them before it writes.
type tables struct{ nodes, sessions, owned, quotas, acls bool }

// New returns the tree before any txn: zxid 0, and the nodes "/", "/zookeeper",
// "/zookeeper/config" and "/zookeeper/quota".
func New() *Version {
	d := &Draft{state: emptyState(), own: tables{false, true, true, true, true}}
	root := record{path: rootPath, kind: txn.Persistent, hasData: true}
	d.insert(item{block: root.encode()})
	for _, path := range []string{systemPath, configPath, quotaPath} {
		acl := openList.entries
		if path == configPath {
			// As in ZooKeeper: all may read it, nobody may write it but the leader.
			acl = []txn.ACE{{Perms: txn.MayRead, Scheme: schemeWorld, ID: anyone}}
		}
		err := d.create(&txn.Header{}, &txn.Create{Path: path, Data: []byte{}, ACL: acl}, nil)
		assert(err == nil, "creating %s: %v", path, err)
	}
	for _, child := range []string{systemPath, configPath} { // as in ZooKeeper these were never created, and the first names with numbers begin at 0
		at, parent, err := d.parentOf(child)
		assert(err == nil, "the parent of %s: %v", child, err)
		d.setSide(at, parent, countsOf(0, parent.children()), 0)
	}
	return d.Publish()
}

// Edit returns a draft that starts as v. It takes constant time, and any number of
// goroutines may call it at once.
func (v *Version) Edit() *Draft { return &Draft{state: v.state} }

// Publish returns the version that d is now, in constant time. The draft goes on.
func (d *Draft) Publish() *Version {
	d.own = tables{}
	return &Version{d.state}
}

// The own… methods make a table the draft's own before it is written to.
//
// Copy of a B-tree of the library also writes to the tree it copies, and that tree may be read and
// copied by others at this moment. Hence each copies a copy of the tree's head: the
// shared tree is only read, and the copy gets a generation number of its own, which
// is what makes it copy the nodes it changes. The B-tree of the nodes has a way of its own: see line.

func (d *Draft) ownNodes() {
	if !d.own.nodes {
		d.own.nodes = true
		d.nodes.advance()
	}
}

func (d *Draft) ownOwned() {
	if !d.own.owned {
		d.own.owned = true
		d.owned = copyTree(d.owned)
	}
}

func (d *Draft) ownSessions() {
	if !d.own.sessions {
		d.own.sessions = true
		d.sessions = copyMap(d.sessions)
	}
}

func (d *Draft) ownQuotas() {
	if !d.own.quotas {
		d.own.quotas = true
		d.quotas = copyMap(d.quotas)
	}
}

func (d *Draft) ownACLs() {
	if !d.own.acls {
		d.own.acls = true
		d.acls.byID = copyMap(d.acls.byID)
		d.acls.ids = copyMap(d.acls.ids)
	}
}

func copyTree[T any](t *btree.BTreeG[T]) *btree.BTreeG[T] {
	head := *t
	return head.Copy()
}

func copyMap[K uint32 | string | txn.SessionID, V any](m *btree.Map[K, V]) *btree.Map[K, V] {
	head := *m
	return head.Copy()
}

// insert adds a node without a side; false if there is one at its path.
func (d *Draft) insert(it item) bool {
	d.ownNodes()
	d.sum += blockDigest(it)
	d.size += len(it.block)
	return d.nodes.insert(it.block)
}

// edit returns the place of the node at path, for setBlock and setSide, and whether there is
// one. It is valid until the next change.
func (d *Draft) edit(path string) (place, bool) {
	if path == "" || path[0] != '/' {
		return place{}, false
	}
	d.ownNodes()
	return d.nodes.place(keyOf(path))
}

// setBlock puts r into the node it at a place that edit returned, and returns what it is then.
func (d *Draft) setBlock(at place, it item, r *record) item {
	d.sum -= blockDigest(it)
	d.size -= len(it.block)
	it.block = r.encode()
	d.sum += blockDigest(it)
	d.size += len(it.block)
	d.nodes.setBlock(at, it.block)
	return it
}

// setSide changes what stands beside the block of the node it at a place that edit returned.
func (d *Draft) setSide(at place, it item, counts uint64, pzxid txn.Zxid) {
	d.sum -= sideDigest(it)
	it.side = side{counts, pzxid}
	d.sum += sideDigest(it)
	d.nodes.setSide(at, it.side)
}

// remove takes out the node it at a place that edit returned.
func (d *Draft) remove(at place, it item) {
	d.sum -= blockDigest(it) + sideDigest(it)
	d.size -= len(it.block)
	d.nodes.drop(at)
}

// cloneACL returns a copy of acl that shares no memory with it.
func cloneACL(acl []txn.ACE) []txn.ACE {
	acl = slices.Clone(acl)
	for i := range acl {
		acl[i].Scheme, acl[i].ID = strings.Clone(acl[i].Scheme), strings.Clone(acl[i].ID)
	}
	return acl
}

// assert panics if an invariant of the tree is broken: going on would spread it.
func assert(ok bool, format string, args ...any) {
	if !ok {
		panic("tree: broken invariant: " + fmt.Sprintf(format, args...))
	}
}
