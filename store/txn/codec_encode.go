package txn

import "google.golang.org/protobuf/encoding/protowire"

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
	n := sizeVarint(fieldZxid, uint64(t.Zxid)) + sizeVarint(fieldTime, uint64(t.Time)) +
		sizeFixed64(fieldSession, uint64(t.Session)) + sizeVarint(fieldCxid, uint64(t.Cxid)) +
		sizeString(fieldAuthor, t.Author) + sizeVarint(fieldCommitted, uint64(t.Committed)) +
		sizeFixed64(fieldDigest, t.Digest)
	num, size := shapeOf(t.Op)
	return n + sizeMessage(num, size)
}

// Append adds the encoding of t to b and returns the result. It is canonical:
// fields in the order of their numbers, those that are zero left out. t.Op must
// be one of the operations of this package, those of a Multi among the four that
// it may hold.
func (t *Txn) Append(b []byte) []byte {
	b = appendVarint(b, fieldZxid, uint64(t.Zxid))
	b = appendVarint(b, fieldTime, uint64(t.Time))
	b = appendFixed64(b, fieldSession, uint64(t.Session))
	b = appendVarint(b, fieldCxid, uint64(t.Cxid))
	b = appendString(b, fieldAuthor, t.Author)
	b = appendVarint(b, fieldCommitted, uint64(t.Committed))
	b = appendFixed64(b, fieldDigest, t.Digest)
	return appendOp(b, t.Op)
}

// shapeOf returns the number of op's field and the size of its message.
func shapeOf(op Op) (protowire.Number, int) {
	switch op := op.(type) {
	case *Create:
		return fieldCreate, op.size()
	case *Delete:
		return fieldDelete, sizeString(1, op.Path)
	case *SetData:
		return fieldSetData, sizeString(1, op.Path) + sizeData(2, op.Data)
	case *SetACL:
		return fieldSetACL, sizeString(1, op.Path) + sizeACL(2, op.ACL)
	case *Multi:
		return fieldMulti, op.size()
	case *CreateSession:
		return fieldCreateSession, sizeFixed64(1, uint64(op.Session)) + sizeVarint(2, uint64(op.Timeout)) + sizeBytes(3, op.TokenHash)
	case *CloseSession:
		return fieldCloseSession, sizeFixed64(1, uint64(op.Session))
	case *Membership:
		return fieldMembership, op.Size()
	}
	panic("txn: encoding an operation of an unknown type")
}

// appendOp adds op as the field of a Txn or MultiOp.
func appendOp(b []byte, op Op) []byte {
	num, size := shapeOf(op)
	b = appendHead(b, num, size)
	switch op := op.(type) {
	case *Create:
		return op.append(b)
	case *Delete:
		return appendString(b, 1, op.Path)
	case *SetData:
		return appendData(appendString(b, 1, op.Path), 2, op.Data)
	case *SetACL:
		return AppendACL(appendString(b, 1, op.Path), 2, op.ACL)
	case *Multi:
		return op.append(b)
	case *CreateSession:
		b = appendFixed64(b, 1, uint64(op.Session))
		return appendBytes(appendVarint(b, 2, uint64(op.Timeout)), 3, op.TokenHash)
	case *CloseSession:
		return appendFixed64(b, 1, uint64(op.Session))
	case *Membership:
		return op.Append(b)
	}
	return b
}

func (c *Create) size() int {
	return sizeString(1, c.Path) + sizeData(2, c.Data) + sizeACL(3, c.ACL) + sizeVarint(4, uint64(c.Kind)) +
		sizeFixed64(5, uint64(c.Owner)) + sizeVarint(6, uint64(c.TTL))
}

func (c *Create) append(b []byte) []byte {
	b = appendString(b, 1, c.Path)
	b = appendData(b, 2, c.Data)
	b = AppendACL(b, 3, c.ACL)
	b = appendVarint(b, 4, uint64(c.Kind))
	b = appendFixed64(b, 5, uint64(c.Owner))
	return appendVarint(b, 6, uint64(c.TTL))
}

func (m *Multi) size() int {
	total := 0
	for _, op := range m.Ops {
		num, size := shapeOf(op)
		total += sizeMessage(1, sizeMessage(num, size))
	}
	return total
}

func (m *Multi) append(b []byte) []byte {
	for _, op := range m.Ops {
		num, size := shapeOf(op)
		b = appendOp(appendHead(b, 1, sizeMessage(num, size)), op)
	}
	return b
}

// Size returns the number of bytes that [Membership.Append] adds.
func (m *Membership) Size() int {
	total := sizeFixed64(1, uint64(m.Ensemble))
	for i := range m.Members {
		total += sizeMessage(2, m.Members[i].size())
	}
	return total
}

// Append adds the encoding of m as a quorate.txn.v1.Membership to b.
func (m *Membership) Append(b []byte) []byte {
	b = appendFixed64(b, 1, uint64(m.Ensemble))
	for i := range m.Members {
		member := &m.Members[i]
		b = appendHead(b, 2, member.size())
		b = appendVarint(b, 1, uint64(member.ID))
		b = appendString(b, 2, member.Address)
		b = appendVarint(b, 3, uint64(member.Role))
		b = appendFixed64(b, 4, uint64(member.Storage))
	}
	return b
}

func (m *Member) size() int {
	return sizeVarint(1, uint64(m.ID)) + sizeString(2, m.Address) + sizeVarint(3, uint64(m.Role)) + sizeFixed64(4, uint64(m.Storage))
}

// AppendACL adds each entry of acl as a field num of type quorate.txn.v1.Ace to b.
func AppendACL(b []byte, num protowire.Number, acl []ACE) []byte {
	for i := range acl {
		b = appendHead(b, num, acl[i].size())
		b = appendVarint(b, 1, uint64(acl[i].Perms))
		b = appendString(b, 2, acl[i].Scheme)
		b = appendString(b, 3, acl[i].ID)
	}
	return b
}

func sizeACL(num protowire.Number, acl []ACE) int {
	total := 0
	for i := range acl {
		total += sizeMessage(num, acl[i].size())
	}
	return total
}

func (e *ACE) size() int {
	return sizeVarint(1, uint64(e.Perms)) + sizeString(2, e.Scheme) + sizeString(3, e.ID)
}
