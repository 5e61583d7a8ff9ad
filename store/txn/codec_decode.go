package txn

import (
	"errors"
	"fmt"

	"github.com/quorate/quorate/store/txn/wire"
)

// ErrCodec is in the chain of every error of [Decode], [PeekHeader] and [ZxidOf].
var ErrCodec = errors.New("no valid txn")

// maxRole and maxKind are the greatest values of their enums. A greater one is
// from a later release, whose meaning this one cannot apply.
const (
	maxRole = uint64(Observer)
	maxKind = uint64(TTL)
)

// Decode returns the txn encoded in b. Strings and data alias b, which must not
// be changed while the txn is in use.
//
// Fields that this release does not know are skipped, since messages may grow;
// everything else must be right: a missing zxid or operation, an operation that is
// unknown or stands twice, a wrong wire type, a number out of range, or a string
// that is not UTF-8 is an error with [ErrCodec] in its chain.
func Decode(b []byte) (*Txn, error) {
	t := new(Txn)
	r := wire.NewReader(b)
	for r.Next() {
		switch {
		case r.Num < fieldFirstOp:
			t.Header.take(&r)
		case t.Op != nil:
			r.Fail("a second operation")
		default:
			t.Op = takeOp(&r)
		}
	}
	switch {
	case r.Err() != nil:
		return nil, fmt.Errorf("%w: %w", ErrCodec, r.Err())
	case t.Zxid == 0:
		return nil, fmt.Errorf("%w: no zxid", ErrCodec)
	case t.Op == nil:
		return nil, fmt.Errorf("%w: no operation", ErrCodec)
	}
	return t, nil
}

// PeekHeader returns the header of the txn encoded in b without looking into its
// operation. The author aliases b.
func PeekHeader(b []byte) (Header, error) {
	var h Header
	r := wire.NewReader(b)
	for r.Next() && r.Num < fieldFirstOp {
		h.take(&r)
	}
	if r.Err() != nil {
		return Header{}, fmt.Errorf("%w: %w", ErrCodec, r.Err())
	}
	if h.Zxid == 0 {
		return Header{}, fmt.Errorf("%w: no zxid", ErrCodec)
	}
	return h, nil
}

// ZxidOf returns the zxid of the txn encoded in b, which must be its first field,
// as [Txn.Append] writes it.
func ZxidOf(b []byte) (Zxid, error) {
	r := wire.NewReader(b)
	if r.Next() && r.Num == fieldZxid {
		if z := r.Varint(); z != 0 {
			return Zxid(z), nil
		}
	}
	return 0, fmt.Errorf("%w: no zxid in front", ErrCodec)
}

// take takes a field of the header, or skips one it does not know.
func (h *Header) take(r *wire.Reader) {
	switch r.Num {
	case fieldZxid:
		h.Zxid = Zxid(r.Varint())
	case fieldTime:
		h.Time = int64(r.Varint())
	case fieldSession:
		h.Session = SessionID(r.Fixed64())
	case fieldCxid:
		h.Cxid = int64(r.Varint())
	case fieldAuthor:
		h.Author = r.String()
	case fieldCommitted:
		h.Committed = Zxid(r.Varint())
	case fieldDigest:
		h.Digest = r.Fixed64()
	default:
		r.Skip()
	}
}

// takeOp takes the operation of a Txn.
func takeOp(r *wire.Reader) Op {
	switch r.Num {
	case fieldMulti:
		return takeMulti(r)
	case fieldCreateSession:
		return takeCreateSession(r)
	case fieldCloseSession:
		return takeCloseSession(r)
	case fieldMembership:
		m, err := DecodeMembership(r.Bytes())
		r.FailWith(err)
		return m
	}
	return takeNodeOp(r)
}

// takeNodeOp takes one of the four operations on nodes, which a Multi may hold too.
func takeNodeOp(r *wire.Reader) Op {
	switch r.Num {
	case fieldCreate:
		return takeCreate(r)
	case fieldDelete:
		return takeDelete(r)
	case fieldSetData:
		return takeSetData(r)
	case fieldSetACL:
		return takeSetACL(r)
	}
	// A later release's operation: applying the rest without it would be another tree.
	r.Fail("an operation unknown here")
	return nil
}

func takeCreate(r *wire.Reader) *Create {
	c := new(Create)
	m := wire.NewReader(r.Bytes())
	for m.Next() {
		switch m.Num {
		case 1:
			c.Path = m.String()
		case 2:
			c.Data = m.Bytes()
		case 3:
			c.ACL = append(c.ACL, takeACE(&m))
		case 4:
			c.Kind = Kind(m.Max(maxKind))
		case 5:
			c.Owner = SessionID(m.Fixed64())
		case 6:
			c.TTL = int64(m.Max(uint64(MaxTTL)))
		default:
			m.Skip()
		}
	}
	if c.Path == "" {
		m.Fail("no path")
	}
	r.FailWith(m.Err())
	if len(c.ACL) == 0 {
		r.Fail("no access control list")
	}
	return c
}

func takeDelete(r *wire.Reader) *Delete {
	d := new(Delete)
	m := wire.NewReader(r.Bytes())
	for m.Next() {
		switch m.Num {
		case 1:
			d.Path = m.String()
		default:
			m.Skip()
		}
	}
	if d.Path == "" {
		m.Fail("no path")
	}
	r.FailWith(m.Err())
	return d
}

func takeSetData(r *wire.Reader) *SetData {
	s := new(SetData)
	m := wire.NewReader(r.Bytes())
	for m.Next() {
		switch m.Num {
		case 1:
			s.Path = m.String()
		case 2:
			s.Data = m.Bytes()
		default:
			m.Skip()
		}
	}
	if s.Path == "" {
		m.Fail("no path")
	}
	r.FailWith(m.Err())
	return s
}

func takeSetACL(r *wire.Reader) *SetACL {
	s := new(SetACL)
	m := wire.NewReader(r.Bytes())
	for m.Next() {
		switch m.Num {
		case 1:
			s.Path = m.String()
		case 2:
			s.ACL = append(s.ACL, takeACE(&m))
		default:
			m.Skip()
		}
	}
	if s.Path == "" {
		m.Fail("no path")
	}
	r.FailWith(m.Err())
	if len(s.ACL) == 0 {
		r.Fail("no access control list")
	}
	return s
}

func takeMulti(r *wire.Reader) *Multi {
	multi := new(Multi)
	m := wire.NewReader(r.Bytes())
	for m.Next() {
		switch m.Num {
		case 1:
			multi.Ops = append(multi.Ops, takeMultiOp(&m))
		default:
			m.Skip()
		}
	}
	r.FailWith(m.Err())
	return multi
}

// takeMultiOp takes one MultiOp, which holds one operation on a node: there is no
// way for a Multi to stand inside another.
func takeMultiOp(r *wire.Reader) (op Op) {
	m := wire.NewReader(r.Bytes())
	for m.Next() {
		switch {
		case m.Num < fieldFirstOp:
			m.Skip()
		case op != nil:
			m.Fail("a second operation")
		default:
			op = takeNodeOp(&m)
		}
	}
	r.FailWith(m.Err())
	if op == nil {
		r.Fail("no operation")
	}
	return op
}

func takeCreateSession(r *wire.Reader) *CreateSession {
	c := new(CreateSession)
	m := wire.NewReader(r.Bytes())
	for m.Next() {
		switch m.Num {
		case 1:
			c.Session = SessionID(m.Fixed64())
		case 2:
			c.Timeout = int64(m.Varint())
		case 3:
			c.TokenHash = m.Bytes()
		default:
			m.Skip()
		}
	}
	r.FailWith(m.Err())
	if c.Session == 0 {
		r.Fail("no session")
	}
	if len(c.TokenHash) == 0 {
		c.TokenHash = nil // unlike a node's data, absent and empty are the same
	}
	return c
}

func takeCloseSession(r *wire.Reader) *CloseSession {
	c := new(CloseSession)
	m := wire.NewReader(r.Bytes())
	for m.Next() {
		switch m.Num {
		case 1:
			c.Session = SessionID(m.Fixed64())
		default:
			m.Skip()
		}
	}
	r.FailWith(m.Err())
	if c.Session == 0 {
		r.Fail("no session")
	}
	return c
}

// DecodeMembership returns the membership encoded in b by [Membership.Append].
// Addresses alias b.
func DecodeMembership(b []byte) (*Membership, error) {
	membership := new(Membership)
	r := wire.NewReader(b)
	for r.Next() {
		switch r.Num {
		case 1:
			membership.Ensemble = EnsembleID(r.Fixed64())
		case 2:
			membership.Members = append(membership.Members, takeMember(&r))
		default:
			r.Skip()
		}
	}
	return membership, r.Err()
}

func takeMember(r *wire.Reader) (member Member) {
	m := wire.NewReader(r.Bytes())
	for m.Next() {
		switch m.Num {
		case 1:
			member.ID = ServerID(m.Max(uint64(MaxServerID)))
		case 2:
			member.Address = m.String()
		case 3:
			member.Role = Role(m.Max(maxRole))
		case 4:
			member.Storage = StorageID(m.Fixed64())
		default:
			m.Skip()
		}
	}
	r.FailWith(m.Err())
	if !member.ID.Valid() {
		r.Fail("server id %d", member.ID)
	}
	return member
}

// DecodeACE returns the entry encoded in b as a quorate.txn.v1.Ace. Its strings alias b.
func DecodeACE(b []byte) (ACE, error) {
	var e ACE
	r := wire.NewReader(b)
	for r.Next() {
		switch r.Num {
		case 1:
			e.Perms = Perms(r.Max(uint64(MayAll)))
		case 2:
			e.Scheme = r.String()
		case 3:
			e.ID = r.String()
		default:
			r.Skip()
		}
	}
	if e.Perms == 0 {
		r.Fail("an entry without permissions")
	}
	return e, r.Err()
}

func takeACE(r *wire.Reader) ACE {
	e, err := DecodeACE(r.Bytes())
	r.FailWith(err)
	return e
}

// OpSize tells what op alone takes of an encoded txn, in bytes, its field's head included.
func OpSize(op Op) int {
	num, size := shapeOf(op)
	return wire.SizeMessage(num, size)
}
