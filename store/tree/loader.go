package tree

import (
	"errors"
	"fmt"
	"math"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/quorate/quorate/store/txn"
	"github.com/quorate/quorate/store/txn/wire"
)

// ErrSnapshot is in the chain of every error of a [Loader].
var ErrSnapshot = errors.New("no valid snapshot")

// Loader builds a version from the chunks of a snapshot. It trusts nothing: order,
// parents, counts, references and the digest are checked, and what it allocates is
// in proportion to what it was given. It must be used by one goroutine at a time.
//
// Loading leaves garbage behind: a server that has just loaded calls debug.FreeOSMemory
// once, so that its resident memory is near that of the tree.
type Loader struct {
	d     Draft
	err   error
	stage protowire.Number // the last field of SnapshotChunk that was seen

	want    uint64            // nodes announced by the header
	digest  uint64            // by the trailer
	refs    map[uint32]uint64 // number of nodes with each list
	limits  []item            // limits nodes of quotas
	lastACL uint32
	session txn.SessionID // the last one

	last     item   // the last node
	pending  []item // the last nodes, not yet in the draft: a leaf is made of as many as it holds
	siblings item   // the parent of the last node
	seen     uint64 // children of siblings seen
	children uint64 // sum of the numbers of children that nodes announce
}

// NewLoader returns a loader that waits for the first chunk.
func NewLoader() *Loader {
	return &Loader{
		d:    Draft{state: emptyState(), own: tables{false, true, true, true, true}},
		refs: make(map[uint32]uint64),
	}
}

// Add takes the next chunk, which may be reused when Add has returned. After an
// error, with [ErrSnapshot] in its chain, the loader only repeats it.
func (l *Loader) Add(chunk []byte) error {
	r := wire.NewReader(chunk)
	for l.err == nil && r.Next() {
		if err := l.take(&r); err != nil {
			r.FailWith(err)
		}
	}
	return l.fail(r.Err())
}

// Finish returns the version, or an error with [ErrSnapshot] in its chain if the
// snapshot is not whole or not consistent.
func (l *Loader) Finish() (*Version, error) {
	if err := l.fail(l.finish()); err != nil {
		return nil, err
	}
	l.err = fmt.Errorf("%w: the loader has finished", ErrSnapshot)
	return l.d.Publish(), nil
}

// fail keeps the first error.
func (l *Loader) fail(err error) error {
	if l.err == nil && err != nil {
		l.err = fmt.Errorf("%w: %w", ErrSnapshot, err)
	}
	return l.err
}

// take takes one field of a chunk.
func (l *Loader) take(r *wire.Reader) error {
	if r.Num > chunkTrailer {
		r.Skip()
		return nil
	}
	switch {
	case l.stage == 0 && r.Num != chunkHeader:
		return errors.New("the header is missing")
	case r.Num < l.stage, r.Num == l.stage && (r.Num == chunkHeader || r.Num == chunkTrailer):
		return fmt.Errorf("field %d after field %d", r.Num, l.stage)
	}
	l.stage = r.Num
	if r.Num > chunkNode || len(l.pending) == maxLeaf {
		l.flush()
	}
	m := wire.NewReader(r.Bytes())
	switch r.Num {
	case chunkHeader:
		return l.header(&m)
	case chunkACL:
		return l.acl(&m)
	case chunkNode:
		return l.node(&m)
	case chunkSession:
		return l.addSession(&m)
	}
	return l.trailer(&m)
}

func (l *Loader) header(m *wire.Reader) error {
	for m.Next() {
		switch m.Num {
		case 1:
			l.d.zxid = txn.Zxid(m.Varint())
		case 2:
			l.d.time = int64(m.Max(math.MaxInt64))
		case 3:
			l.want = m.Varint()
		case 4:
			membership, err := txn.DecodeMembership([]byte(string(m.Bytes())))
			m.FailWith(err)
			l.d.membership = membership
		case 5:
			l.d.acls.next = uint32(m.Max(math.MaxUint32))
		default:
			m.Skip()
		}
	}
	if l.d.zxid.Epoch() > txn.MaxEpoch {
		m.Fail("zxid %v is beyond the last epoch", l.d.zxid)
	}
	if l.d.acls.next == 0 {
		m.Fail("no next access control list")
	}
	if l.d.membership != nil {
		m.FailWith(checkMembership(l.d.membership))
	}
	l.d.sum += membershipDigest(l.d.membership)
	return m.Err()
}

func (l *Loader) acl(m *wire.Reader) error {
	var id uint32
	var entries []txn.ACE
	for m.Next() {
		switch m.Num {
		case 1:
			id = uint32(m.Max(math.MaxUint32))
		case 2:
			e, err := txn.DecodeACE(m.Bytes())
			m.FailWith(err)
			entries = append(entries, e)
		default:
			m.Skip()
		}
	}
	switch {
	case m.Err() != nil:
		return m.Err()
	case id <= l.lastACL || id >= l.d.acls.next:
		return fmt.Errorf("access control list %d after %d, the next is %d", id, l.lastACL, l.d.acls.next)
	case len(entries) == 0 || isOpen(entries):
		return fmt.Errorf("access control list %d is empty, or that with id 0", id)
	}
	l.lastACL = id
	key := aclKey(entries)
	if _, twice := l.d.acls.ids.Set(key, id); twice {
		return fmt.Errorf("access control list %d stands twice", id)
	}
	l.d.acls.byID.Set(id, sharedACL{acl: &ACL{entries: cloneACL(entries)}})
	l.d.sum += aclDigest(id, key)
	return nil
}

func (l *Loader) addSession(m *wire.Reader) error {
	s := new(Session)
	for m.Next() {
		switch m.Num {
		case 1:
			s.ID = txn.SessionID(m.Fixed64())
		case 2:
			s.Timeout = int64(m.Max(math.MaxInt64))
		case 3:
			s.token = string(m.Bytes())
		case 4:
			s.Last.Cxid = int64(m.Varint()) // as its client counts, and be it backwards
		case 5:
			s.Last.Zxid = txn.Zxid(m.Varint())
		case 6:
			s.Last.Path = string(m.Bytes())
		default:
			m.Skip()
		}
	}
	switch {
	case m.Err() != nil:
		return m.Err()
	case s.ID <= l.session:
		return fmt.Errorf("session %v after %v", s.ID, l.session)
	case s.Last.Zxid > l.d.zxid || (s.Last.Cxid == 0) != (s.Last.Zxid == 0):
		return fmt.Errorf("session %v: its write %d cannot be at %v in a tree at %v", s.ID, s.Last.Cxid, s.Last.Zxid, l.d.zxid)
	}
	l.session = s.ID
	l.d.sessions.Set(s.ID, s)
	l.d.sum += sessionDigest(s)
	return nil
}

func (l *Loader) trailer(m *wire.Reader) error {
	var nodes uint64
	for m.Next() {
		switch m.Num {
		case 1:
			nodes = m.Varint()
		case 2:
			l.digest = m.Fixed64()
		default:
			m.Skip()
		}
	}
	if got := uint64(l.d.Len()); m.Err() == nil && (nodes != got || l.want != got) {
		return fmt.Errorf("%d nodes stood in it, the header says %d, the trailer %d", got, l.want, nodes)
	}
	return m.Err()
}

// finish checks what can only be checked at the end, and builds what follows from the nodes.
func (l *Loader) finish() error {
	if l.err != nil {
		return l.err
	}
	if l.stage != chunkTrailer {
		return errors.New("the trailer is missing")
	}
	if err := l.checkSiblings(); err != nil {
		return err
	}
	if nodes := uint64(l.d.Len()); l.children != nodes-1 {
		return fmt.Errorf("%d nodes have %d children", nodes, l.children)
	}
	for _, path := range []string{rootPath, systemPath, configPath, quotaPath} {
		if _, ok := l.d.item(path); !ok {
			return fmt.Errorf("%s is missing", path)
		}
	}
	if err := l.checkACLs(); err != nil {
		return err
	}
	if err := l.checkOwners(); err != nil {
		return err
	}
	if got := l.d.Digest(); got != l.digest {
		return fmt.Errorf("the digest is %016x, the trailer says %016x", got, l.digest)
	}
	for _, it := range l.limits {
		r := decode(it.block)
		l.d.limitsChanged(r.path, r.data, true)
	}
	return nil
}

// checkACLs sets the reference counts; a list without a node would never go.
func (l *Loader) checkACLs() error {
	for id, refs := range l.refs {
		shared, ok := l.d.acls.byID.Get(id)
		if !ok {
			return fmt.Errorf("access control list %d is missing", id)
		}
		shared.refs = refs
		l.d.acls.byID.Set(id, shared)
	}
	if lists := l.d.acls.byID.Len(); lists != len(l.refs) {
		return fmt.Errorf("%d of %d access control lists have no node", lists-len(l.refs), lists)
	}
	return nil
}

// checkOwners checks that the owners of ephemeral nodes are open sessions.
func (l *Loader) checkOwners() (err error) {
	var last txn.SessionID
	l.d.owned.Scan(func(o ownedNode) bool {
		if o.holder == last || o.holder <= txn.SessionID(txn.TTL) {
			return true
		}
		last = o.holder
		if _, open := l.d.sessions.Get(o.holder); !open {
			err = fmt.Errorf("%s: its owner, session %v, is not open", o.path, o.holder)
		}
		return err == nil
	})
	return err
}
