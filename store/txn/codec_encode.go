package txn

import (
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/quorate/quorate/store/txn/wire"
)

// The numbers of the fields of quorate.txn.v1.Txn and MultiOp.
const (
	fieldZxid      protowire.Number = 1
	fieldTime      protowire.Number = 2
	fieldSession   protowire.Number = 3
	fieldCxid      protowire.Number = 4
	fieldAuthor    protowire.Number = 5
	fieldCommitted protowire.Number = 6
	fieldDigest    protowire.Number = 7

	// fieldFirstOp and everything above it is an operation.
	fieldFirstOp       protowire.Number = 16
	fieldCreate        protowire.Number = 16
	fieldDelete        protowire.Number = 17
	fieldSetData       protowire.Number = 18
	fieldSetACL        protowire.Number = 19
	fieldMulti         protowire.Number = 20
	fieldCreateSession protowire.Number = 21
	fieldCloseSession  protowire.Number = 22
	fieldMembership    protowire.Number = 23
)

// Size returns the number of bytes that [Txn.Append] adds.
func (t *Txn) Size() int {
	n := wire.SizeVarint(fieldZxid, uint64(t.Zxid)) + wire.SizeVarint(fieldTime, uint64(t.Time)) +
		wire.SizeFixed64(fieldSession, uint64(t.Session)) + wire.SizeVarint(fieldCxid, uint64(t.Cxid)) +
		wire.SizeString(fieldAuthor, t.Author) + wire.SizeVarint(fieldCommitted, uint64(t.Committed)) +
		wire.SizeFixed64(fieldDigest, t.Digest)
	num, size := shapeOf(t.Op)
	return n + wire.SizeMessage(num, size)
}

// Append adds the encoding of t to b and returns the result. It is canonical:
// fields in the order of their numbers, those that are zero left out. t.Op must
// be one of the operations of this package, those of a Multi among the four that
// it may hold.
func (t *Txn) Append(b []byte) []byte {
	b = wire.AppendVarint(b, fieldZxid, uint64(t.Zxid))
	b = wire.AppendVarint(b, fieldTime, uint64(t.Time))
	b = wire.AppendFixed64(b, fieldSession, uint64(t.Session))
	b = wire.AppendVarint(b, fieldCxid, uint64(t.Cxid))
	b = wire.AppendString(b, fieldAuthor, t.Author)
	b = wire.AppendVarint(b, fieldCommitted, uint64(t.Committed))
	b = wire.AppendFixed64(b, fieldDigest, t.Digest)
	return appendOp(b, t.Op)
}

// shapeOf returns the number of op's field and the size of its message.
func shapeOf(op Op) (protowire.Number, int) {
	switch op := op.(type) {
	case *Create:
		return fieldCreate, op.size()
	case *Delete:
		return fieldDelete, wire.SizeString(1, op.Path)
	case *SetData:
		return fieldSetData, wire.SizeString(1, op.Path) + wire.SizeData(2, op.Data)
	case *SetACL:
		return fieldSetACL, wire.SizeString(1, op.Path) + sizeACL(2, op.ACL)
	case *Multi:
		return fieldMulti, op.size()
	case *CreateSession:
		return fieldCreateSession, wire.SizeFixed64(1, uint64(op.Session)) + wire.SizeVarint(2, uint64(op.Timeout)) + wire.SizeBytes(3, op.TokenHash)
	case *CloseSession:
		return fieldCloseSession, wire.SizeFixed64(1, uint64(op.Session))
	case *Membership:
		return fieldMembership, op.Size()
	}
	panic("txn: encoding an operation of an unknown type")
}

// appendOp adds op as the field of a Txn or MultiOp.
func appendOp(b []byte, op Op) []byte {
	num, size := shapeOf(op)
	b = wire.AppendHead(b, num, size)
	switch op := op.(type) {
	case *Create:
		return op.append(b)
	case *Delete:
		return wire.AppendString(b, 1, op.Path)
	case *SetData:
		return wire.AppendData(wire.AppendString(b, 1, op.Path), 2, op.Data)
	case *SetACL:
		return AppendACL(wire.AppendString(b, 1, op.Path), 2, op.ACL)
	case *Multi:
		return op.append(b)
	case *CreateSession:
		b = wire.AppendFixed64(b, 1, uint64(op.Session))
		return wire.AppendBytes(wire.AppendVarint(b, 2, uint64(op.Timeout)), 3, op.TokenHash)
	case *CloseSession:
		return wire.AppendFixed64(b, 1, uint64(op.Session))
	case *Membership:
		return op.Append(b)
	}
	return b
}

func (c *Create) size() int {
	return wire.SizeString(1, c.Path) + wire.SizeData(2, c.Data) + sizeACL(3, c.ACL) + wire.SizeVarint(4, uint64(c.Kind)) +
		wire.SizeFixed64(5, uint64(c.Owner)) + wire.SizeVarint(6, uint64(c.TTL))
}

func (c *Create) append(b []byte) []byte {
	b = wire.AppendString(b, 1, c.Path)
	b = wire.AppendData(b, 2, c.Data)
	b = AppendACL(b, 3, c.ACL)
	b = wire.AppendVarint(b, 4, uint64(c.Kind))
	b = wire.AppendFixed64(b, 5, uint64(c.Owner))
	return wire.AppendVarint(b, 6, uint64(c.TTL))
}

func (m *Multi) size() int {
	total := 0
	for _, op := range m.Ops {
		num, size := shapeOf(op)
		total += wire.SizeMessage(1, wire.SizeMessage(num, size))
	}
	return total
}

func (m *Multi) append(b []byte) []byte {
	for _, op := range m.Ops {
		num, size := shapeOf(op)
		b = appendOp(wire.AppendHead(b, 1, wire.SizeMessage(num, size)), op)
	}
	return b
}

// Size returns the number of bytes that [Membership.Append] adds.
func (m *Membership) Size() int {
	total := wire.SizeFixed64(1, uint64(m.Ensemble))
	for i := range m.Members {
		total += wire.SizeMessage(2, m.Members[i].size())
	}
	return total
}

// Append adds the encoding of m as a quorate.txn.v1.Membership to b.
func (m *Membership) Append(b []byte) []byte {
	b = wire.AppendFixed64(b, 1, uint64(m.Ensemble))
	for i := range m.Members {
		member := &m.Members[i]
		b = wire.AppendHead(b, 2, member.size())
		b = wire.AppendVarint(b, 1, uint64(member.ID))
		b = wire.AppendString(b, 2, member.Address)
		b = wire.AppendVarint(b, 3, uint64(member.Role))
		b = wire.AppendFixed64(b, 4, uint64(member.Storage))
	}
	return b
}

func (m *Member) size() int {
	return wire.SizeVarint(1, uint64(m.ID)) + wire.SizeString(2, m.Address) + wire.SizeVarint(3, uint64(m.Role)) + wire.SizeFixed64(4, uint64(m.Storage))
}

// AppendACL adds each entry of acl as a field num of type quorate.txn.v1.Ace to b.
func AppendACL(b []byte, num protowire.Number, acl []ACE) []byte {
	for i := range acl {
		b = wire.AppendHead(b, num, acl[i].size())
		b = wire.AppendVarint(b, 1, uint64(acl[i].Perms))
		b = wire.AppendString(b, 2, acl[i].Scheme)
		b = wire.AppendString(b, 3, acl[i].ID)
	}
	return b
}

func sizeACL(num protowire.Number, acl []ACE) int {
	total := 0
	for i := range acl {
		total += wire.SizeMessage(num, acl[i].size())
	}
	return total
}

func (e *ACE) size() int {
	return wire.SizeVarint(1, uint64(e.Perms)) + wire.SizeString(2, e.Scheme) + wire.SizeString(3, e.ID)
}
