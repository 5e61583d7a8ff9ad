package tree

import (
	"github.com/cespare/xxhash/v2"
	"github.com/tidwall/btree"

	"github.com/quorate/quorate/store/txn"
)

// ACL is an access control list as the tree holds it: one for all nodes that
// have it. It never changes.
type ACL struct{ entries []txn.ACE }

// Entries returns the entries; they must not be modified.
func (a *ACL) Entries() []txn.ACE { return a.entries }

// openID is the id of the list that lets everybody do everything. It stands in no
// table: most nodes have it.
const openID = 0

// openList is that list; it is never changed.
var openList = &ACL{entries: OpenACL()}

// sharedACL is a list and the number of nodes that have it.
type sharedACL struct {
	acl  *ACL
	refs uint64
}

// aclTable interns lists: equal lists have one id. Ids count up and are never used
// again, so that the same txns give the same ids on every server.
type aclTable struct {
	byID *btree.Map[uint32, sharedACL]
	ids  *btree.Map[string, uint32] // by the list's encoding
	next uint32                     // the next new list's id, from 1
}

func newACLTable() aclTable {
	return aclTable{byID: new(btree.Map[uint32, sharedACL]), ids: new(btree.Map[string, uint32]), next: 1}
}

// get returns the list of an id. Every id in a node is in the table.
func (t *aclTable) get(id uint32) *ACL {
	if id == openID {
		return openList
	}
	shared, _ := t.byID.Get(id)
	assert(shared.acl != nil, "no access control list %d", id)
	return shared.acl
}

// aclKey returns the encoding of a list, under which it is found again.
func aclKey(acl []txn.ACE) string { return string(txn.AppendACL(nil, 1, acl)) }

// aclDigest is what a list adds to the tree's digest.
func aclDigest(id uint32, key string) uint64 {
	return mix(xxhash.Sum64String(key), uint64(id), saltACL)
}

// retainACL returns the id of acl for one more node.
func (d *Draft) retainACL(acl []txn.ACE) uint32 {
	if isOpen(acl) {
		return openID
	}
	d.ownACLs()
	key := aclKey(acl)
	id, ok := d.acls.ids.Get(key)
	if !ok {
		id = d.acls.next
		d.acls.next++
		d.acls.ids.Set(key, id)
		d.sum += aclDigest(id, key)
	}
	shared, _ := d.acls.byID.Get(id)
	if !ok {
		shared.acl = &ACL{entries: cloneACL(acl)}
	}
	shared.refs++
	d.acls.byID.Set(id, shared)
	return id
}

// releaseACL takes back one retainACL of id. The list goes with its last node.
func (d *Draft) releaseACL(id uint32) {
	if id == openID {
		return
	}
	d.ownACLs()
	shared, ok := d.acls.byID.Get(id)
	assert(ok && shared.refs > 0, "access control list %d released once too often", id)
	shared.refs--
	if shared.refs > 0 {
		d.acls.byID.Set(id, shared)
		return
	}
	key := aclKey(shared.acl.entries)
	d.acls.byID.Delete(id)
	d.acls.ids.Delete(key)
	d.sum -= aclDigest(id, key)
}
