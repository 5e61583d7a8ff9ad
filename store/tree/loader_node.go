package tree

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/quorate/quorate/store/txn"
	"github.com/quorate/quorate/store/txn/wire"
)

// node takes one node.
func (l *Loader) node(m *wire.Reader) error {
	it, r, err := readNode(m)
	if err != nil {
		return err
	}
	if err := l.checkNode(it, &r); err != nil {
		return fmt.Errorf("%q: %w", r.path, err)
	}
	it.block = r.encode()
	path := keyIn(it.block).path
	if err := l.checkPlace(it, path); err != nil {
		return fmt.Errorf("%q: %w", path, err)
	}
	l.pending = append(l.pending, it)
	l.d.sum += blockDigest(it) + sideDigest(it)
	l.d.size += len(it.block)
	l.last = it
	l.children += uint64(it.children())
	if r.acl != openID {
		l.refs[r.acl]++
	}
	if holder := holderOf(r.kind, r.owner); holder != 0 {
		l.d.owned.Set(ownedNode{holder, strings.Clone(path)})
	}
	if _, ok := quotaTarget(path); ok {
		l.limits = append(l.limits, it)
	}
	return nil
}

// readNode reads a SnapshotNode. The record aliases the message.
func readNode(m *wire.Reader) (it item, r record, err error) {
	var created int32
	var children uint32
	var pzxid txn.Zxid
	for m.Next() {
		switch m.Num {
		case 1:
			r.path = m.String()
		case 2:
			r.data, r.hasData = stringOf(m.Bytes()), true
		case 3:
			r.acl = uint32(m.Max(math.MaxUint32))
		case 4:
			r.czxid = txn.Zxid(m.Varint())
		case 5:
			r.mzxid = txn.Zxid(m.Varint())
		case 6:
			pzxid = txn.Zxid(m.Varint())
		case 7:
			r.ctime = int64(m.Varint())
		case 8:
			r.mtime = int64(m.Varint())
		case 9:
			r.version = m.Sint32()
		case 10:
			r.aversion = m.Sint32()
		case 11:
			created = m.Sint32()
		case 12:
			children = uint32(m.Max(math.MaxInt32))
		case 13:
			r.kind = txn.Kind(m.Max(uint64(txn.TTL)))
		case 14:
			r.owner = txn.SessionID(m.Fixed64())
		case 15:
			r.ttl = int64(m.Max(uint64(txn.MaxTTL)))
		default:
			m.Skip()
		}
	}
	r.kind = max(r.kind, txn.Persistent)
	it.side = newSide(countsOf(created, children), pzxid, r.czxid)
	return it, r, m.Err()
}

// checkNode checks what can be said of a node alone.
func (l *Loader) checkNode(it item, r *record) error {
	if err := ValidatePath(r.path); err != nil {
		return err
	}
	switch pzxid := it.pzxid(r.czxid); {
	case r.czxid > r.mzxid || r.czxid > pzxid || r.mzxid > l.d.zxid || pzxid > l.d.zxid:
		return fmt.Errorf("zxids %v, %v, %v in a snapshot at %v", r.czxid, r.mzxid, pzxid, l.d.zxid)
	case r.ctime < 0 || r.ctime > r.mtime || r.mtime > l.d.time:
		return fmt.Errorf("times %d, %d in a snapshot at %d", r.ctime, r.mtime, l.d.time)
	case (r.kind == txn.Ephemeral) != (r.owner != 0) || (r.kind == txn.TTL) != (r.ttl != 0):
		return fmt.Errorf("kind %d with owner %v and TTL %d", r.kind, r.owner, r.ttl)
	case r.kind == txn.Ephemeral && it.children() > 0:
		return errors.New("an ephemeral node with children")
	case r.version == -1 || r.aversion == -1:
		return errors.New("version -1")
	case r.acl >= l.d.acls.next:
		return fmt.Errorf("access control list %d", r.acl)
	}
	return nil
}

// checkPlace checks that a node comes after the one before it, and after its parent.
func (l *Loader) checkPlace(it item, path string) error {
	if l.last.block == "" {
		if path != rootPath {
			return errors.New("the root is not the first node")
		}
		l.siblings = it
		return nil
	}
	if !keyIn(l.last.block).less(keyIn(it.block)) {
		return fmt.Errorf("out of order after %q", Node{l.last}.Path())
	}
	above := Parent(path)
	if above == (Node{l.siblings}).Path() {
		l.seen++
		return nil
	}
	if err := l.checkSiblings(); err != nil {
		return err
	}
	parent, ok := l.loaded(above)
	if !ok {
		return errors.New("its parent is missing")
	}
	l.siblings, l.seen = parent, 1
	return nil
}

// loaded returns the node at path, if it has been read.
func (l *Loader) loaded(path string) (item, bool) {
	i, found := slices.BinarySearchFunc(l.pending, keyOf(path), func(it item, k key) int {
		switch have := keyIn(it.block); {
		case have == k:
			return 0
		case have.less(k):
			return -1
		}
		return 1
	})
	if found {
		return l.pending[i], true
	}
	return l.d.item(path)
}

// flush puts the pending nodes into the draft.
func (l *Loader) flush() {
	if len(l.pending) > 0 {
		l.d.nodes.add(l.pending)
		l.pending = l.pending[:0]
	}
}

// checkSiblings checks that the children of one parent, which are all seen now, are
// as many as it has.
func (l *Loader) checkSiblings() error {
	if l.siblings.block == "" {
		return errors.New("no nodes")
	}
	if want := uint64(l.siblings.children()); l.seen != want {
		return fmt.Errorf("%q has %d children, %d of them are here", Node{l.siblings}.Path(), want, l.seen)
	}
	return nil
}
