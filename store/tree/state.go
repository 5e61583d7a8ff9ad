package tree

import (
	"iter"
	"strings"

	"github.com/tidwall/btree"

	"github.com/quorate/quorate/store/txn"
)

// state is what versions and drafts are made of. Its tables are copy-on-write: a
// copy of a state shares them, and who writes into one makes it its own first
// (see Draft.own). What that means for nodes is said at line.
type state struct {
	nodes      nodeTree
	sessions   *btree.Map[txn.SessionID, *Session] // a session never changes: it is replaced
	owned      *btree.BTreeG[ownedNode]
	quotas     *btree.Map[string, quota] // by the path under quota
	acls       aclTable
	membership *txn.Membership // nil before the ensemble was founded

	zxid txn.Zxid // of the last txn applied
	time int64    // of that txn, ms since 1970; never goes back
	sum  uint64   // of the digest's parts
	size int      // of the nodes' blocks in bytes
}

// ownedNode is an entry of the index of nodes that go by themselves.
type ownedNode struct {
	holder txn.SessionID // see holderOf
	path   string
}

func ownedLess(a, b ownedNode) bool {
	if a.holder != b.holder {
		return a.holder < b.holder
	}
	return a.path < b.path
}

// holderOf says under what a node stands in that index: its session if it is ephemeral, its kind, which is no
// session's id, if the leader sweeps it; 0 if it does not stand there.
func holderOf(kind txn.Kind, owner txn.SessionID) txn.SessionID {
	switch kind {
	case txn.Ephemeral:
		return owner
	case txn.Container, txn.TTL:
		return txn.SessionID(kind)
	}
	return 0
}

// Session is an open session.
type Session struct {
	// ID is its id; never 0.
	ID txn.SessionID
	// Timeout is the negotiated timeout in milliseconds.
	Timeout int64

	// Last is the session's last write.
	Last Write

	token string // SHA-256 of its secret
}

// Write is a txn that a session asked for. A session's writes take effect in the order of their numbers, so that one with
// a greater number than the last has not taken effect.
type Write struct {
	// Cxid is the session's number for it; 0 if there was none.
	Cxid int64
	// Zxid is the txn's.
	Zxid txn.Zxid
	// Path is the node that it created, the number of a sequential one included; empty if it was no creation.
	Path string
}

// TokenHash returns the SHA-256 of the session's secret.
func (s Session) TokenHash() []byte { return []byte(s.token) }

// emptyState returns a state without nodes.
func emptyState() state {
	return state{
		nodes:    nodeTree{line: new(line)},
		sessions: new(btree.Map[txn.SessionID, *Session]),
		owned:    btree.NewBTreeGOptions(ownedLess, btree.Options{NoLocks: true}),
		quotas:   new(btree.Map[string, quota]),
		acls:     newACLTable(),
	}
}

// Zxid returns the last txn that was applied; 0 for a new tree.
func (s *state) Zxid() txn.Zxid { return s.zxid }

// Time returns that txn's time in milliseconds since 1970. It never goes back.
func (s *state) Time() int64 { return s.time }

// Clamp returns the time to give to the next txn when the clock shows now, in
// milliseconds since 1970: now, or the last txn's time if the clock went back.
func (s *state) Clamp(now int64) int64 { return max(now, s.time) }

// Len returns the number of nodes, those that every tree has included.
func (s *state) Len() int { return s.nodes.count }

// Sessions returns the number of open sessions.
func (s *state) Sessions() int { return s.sessions.Len() }

// Membership returns the membership in force; false before the ensemble was
// founded. Its members must not be modified.
func (s *state) Membership() (txn.Membership, bool) {
	if s.membership == nil {
		return txn.Membership{}, false
	}
	return *s.membership, true
}

// Get returns the node at path.
func (s *state) Get(path string) (Node, bool) {
	it, ok := s.item(path)
	if ok && isUsage(path) {
		it = s.withUsage(it)
	}
	return Node{it}, ok
}

// item returns the item at path as it is stored. Any string is a fine path.
func (s *state) item(path string) (item, bool) {
	if path == "" || path[0] != '/' {
		return item{}, false
	}
	return s.nodes.get(keyOf(path))
}

// ACL returns the access control list of a node of this version; it must not be modified.
func (s *state) ACL(n Node) []txn.ACE {
	r := decode(n.it.block)
	return s.acls.get(r.acl).entries
}

// Children returns the children of the node at path, sorted by name; none if there is no such node.
func (s *state) Children(path string) iter.Seq[Node] {
	return func(yield func(Node) bool) {
		if path == "" || path[0] != '/' {
			return
		}
		length := len(path)
		if path == rootPath {
			length = 0
		}
		s.scan(childrenKey(path), yield, func(k key) bool {
			return k.parent == length && k.path[:length] == path[:length]
		})
	}
}

// Descendants returns all nodes below the node at path, but not that node, parents
// before their children: sorted by parent, the children of one parent by name.
func (s *state) Descendants(path string) iter.Seq[Node] {
	return func(yield func(Node) bool) {
		if path == rootPath {
			s.scan(keyOf(path), yield, func(key) bool { return true })
			return
		}
		stopped := false
		s.Children(path)(func(n Node) bool {
			stopped = !yield(n)
			return !stopped
		})
		if stopped || path == "" || path[0] != '/' {
			return
		}
		// The parents below path follow each other: they are those that start with path/.
		below := path + "/"
		s.scan(childrenKey(below), yield, func(k key) bool {
			return strings.HasPrefix(k.path[:k.parent], below)
		})
	}
}

// scan yields the nodes from a key on while in says so of their keys. The root is
// passed over: it is nobody's child.
func (s *state) scan(from key, yield func(Node) bool, in func(key) bool) {
	s.nodes.ascend(from, func(it item) bool {
		k := keyIn(it.block)
		if k.path == rootPath {
			return true
		}
		if !in(k) {
			return false
		}
		if isUsage(k.path) {
			it = s.withUsage(it)
		}
		return yield(Node{it})
	})
}

// Session returns an open session.
func (s *state) Session(id txn.SessionID) (Session, bool) {
	session, open := s.sessions.Get(id)
	if !open {
		return Session{}, false
	}
	return *session, true
}

// AllSessions returns all open sessions in the order of their ids.
func (s *state) AllSessions() iter.Seq[Session] {
	return func(yield func(Session) bool) {
		s.sessions.Scan(func(_ txn.SessionID, session *Session) bool { return yield(*session) })
	}
}

// Ephemerals returns the paths of a session's ephemeral nodes, sorted.
func (s *state) Ephemerals(id txn.SessionID) iter.Seq[string] {
	return func(yield func(string) bool) {
		s.owned.Ascend(ownedNode{holder: id}, func(o ownedNode) bool {
			return o.holder == id && yield(o.path)
		})
	}
}
