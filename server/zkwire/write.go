package zkwire

import (
	"errors"

	"github.com/quorate/quorate/store/fault"
	"github.com/quorate/quorate/store/tree"
	"github.com/quorate/quorate/store/txn"
)

// request translates a write, and says what a multi consists of.
func (c *conn) request(call *call) (op tree.Request, parts multiParts, err error) {
	d := decoder{left: call.body}
	switch call.op {
	case opCloseSession:
		return &tree.CloseSessionRequest{CloseSession: txn.CloseSession{Session: c.id}}, parts, nil
	case opMulti:
		op, parts, err = c.multi(&d)
	case opSetACL:
		op = setACL(&d)
	case opDeleteContainer:
		path, _ := d.str()
		op = &tree.SweepRequest{Path: path, Now: call.came.UnixMilli()}
	default:
		op, err = c.change(&d, call.op)
	}
	if d.bad {
		return nil, parts, codeMarshallingError
	}
	return op, parts, err
}

// change translates a write that may stand in a multi.
func (c *conn) change(d *decoder, op opcode) (tree.Request, error) {
	switch op {
	case opCreate, opCreate2, opCreateContainer, opCreateTTL:
		return c.create(d, op)
	case opDelete:
		path, _ := d.str()
		return &tree.DeleteRequest{Path: path, Version: d.i32()}, nil
	case opSetData:
		path, _ := d.str()
		return &tree.SetRequest{Path: path, Data: d.buffer(), Version: d.i32()}, nil
	case opCheck:
		path, _ := d.str()
		return &tree.CheckRequest{Path: path, Version: d.i32()}, nil
	}
	return nil, codeMarshallingError
}

// create translates a creation. What is created is said by the flags, as in ZooKeeper, and the type of the request has to fit.
func (c *conn) create(d *decoder, op opcode) (tree.Request, error) {
	r := &tree.CreateRequest{}
	r.Path, _ = d.str()
	r.Data = d.buffer()
	r.ACL = acl(d)
	flags := d.i32()
	ttl := int64(-1)
	if op == opCreateTTL {
		ttl = d.i64()
	}
	switch flags {
	case 0, flagSequential:
		r.Kind = txn.Persistent
	case flagEphemeral, flagEphemeral | flagSequential:
		r.Kind, r.Owner = txn.Ephemeral, c.id
	case flagContainer:
		r.Kind = txn.Container
	case flagTTL, flagSequentialWithTTL:
		r.Kind, r.TTL = txn.TTL, ttl
	default:
		return nil, codeBadArguments
	}
	r.Sequential = flags == flagSequential || flags == flagEphemeral|flagSequential || flags == flagSequentialWithTTL
	switch {
	case r.Kind == txn.TTL && !c.server.cfg.TTLNodes:
		return nil, codeUnimplemented
	case r.Kind == txn.TTL && ttl < 1, r.Kind != txn.TTL && ttl >= 0, r.Kind == txn.Container && op != opCreateContainer:
		return nil, codeBadArguments
	}
	return r, nil
}

func setACL(d *decoder) tree.Request {
	path, _ := d.str()
	return &tree.SetACLRequest{Path: path, ACL: acl(d), Version: d.i32()}
}

// aceSize is the least that an entry of an access control list takes.
const aceSize = 12

// acl takes an access control list.
func acl(d *decoder) []txn.ACE {
	n, _ := d.count(aceSize)
	list := make([]txn.ACE, n)
	for i := range list {
		list[i].Perms = txn.Perms(d.i32())
		list[i].Scheme, _ = d.str()
		list[i].ID, _ = d.str()
	}
	return list
}

func putACL(b []byte, list []txn.ACE) []byte {
	b = putI32(b, int32(len(list)))
	for _, e := range list {
		b = putI32(b, int32(e.Perms))
		b = putString(b, e.Scheme)
		b = putString(b, e.ID)
	}
	return b
}

// multi translates a multi. An operation that is wrong in itself is replaced by one that the tree refuses, so that it
// fails when its turn comes: one before it may fail first.
func (c *conn) multi(d *decoder) (all tree.Request, parts multiParts, err error) {
	m := &tree.MultiRequest{}
	for {
		op, done := multiHeader(d)
		if d.bad || done {
			return m, parts, nil
		}
		r, err := c.change(d, op)
		if err == codeMarshallingError { //nolint:errorlint // never wrapped
			return nil, parts, err
		}
		if err != nil {
			r = &tree.CheckRequest{}
		}
		m.Ops = append(m.Ops, r)
		parts.ops = append(parts.ops, op)
		if err != nil && parts.wrong == 0 {
			parts.wrong, parts.code = len(m.Ops), codeOf(err)
		}
	}
}

// multiParts is what the answer to a multi needs to know of it.
type multiParts struct {
	ops   []opcode
	wrong int       // the first operation that is wrong in itself, counted from 1; 0: none
	code  errorCode // and how
}

// multiHeader takes what stands before each operation of a multi, and after the last.
func multiHeader(d *decoder) (op opcode, done bool) {
	op = opcode(d.i32())
	done = d.flag()
	d.i32() // an error, in replies
	return op, done
}

func putMultiHeader(b []byte, op opcode, done bool, code errorCode) []byte {
	b = putI32(b, int32(op))
	b = putFlag(b, done)
	return putI32(b, int32(code))
}

// multiEnd ends a multi.
func multiEnd(b []byte) []byte { return putMultiHeader(b, opError, true, -1) }

// failing returns the operation of a multi that failed, counted from 1, and why; 0 if it was not one of them.
func failing(s *slot) (op int, code errorCode) {
	var f *fault.Error
	if !errors.As(s.Err, &f) {
		return 0, codeOf(s.Err)
	}
	if p := s.Call.parts; p.wrong != 0 && p.wrong == f.Op {
		return f.Op, p.code
	}
	return f.Op, codeOf(s.Err)
}

// refuseMulti answers that an operation of a multi failed; false if it was not one of them. The reply itself is a success: in it
// stands what has become of each operation.
func (c *conn) refuseMulti(s *slot, at txn.Zxid) bool {
	op, code := failing(s)
	if op == 0 {
		return false
	}
	c.answer(&s.Call.call, at, func(b []byte) []byte {
		for i := range s.Call.parts.ops {
			each := codeRuntimeInconsistency
			switch {
			case i+1 < op:
				each = codeOK
			case i+1 == op:
				each = code
			}
			b = putMultiHeader(b, opError, false, each)
			b = putI32(b, int32(each))
		}
		return multiEnd(b)
	})
	return true
}

// wrote answers a write that was carried out, with its own zxid: what came before it is seen.
func (c *conn) wrote(s *slot) {
	at := c.begin(s.Call.xid, int64(s.Reply.Zxid), codeOK)
	switch s.Call.op {
	case opMulti:
		c.out = putMulti(c.out, s)
	case opCreate:
		c.out = putString(c.out, s.Reply.Results[0].Path)
	case opCreate2, opCreateContainer, opCreateTTL:
		c.out = putString(c.out, s.Reply.Results[0].Path)
		c.out = putStat(c.out, s.Reply.Results[0].Stat)
	case opSetData, opSetACL:
		c.out = putStat(c.out, s.Reply.Results[0].Stat)
	}
	c.finish(at)
	c.went(&s.Call.call, s.Reply.Zxid)
}

// putMulti appends what each operation of a multi has done.
func putMulti(b []byte, s *slot) []byte {
	for i, r := range s.Reply.Results {
		op := s.Call.parts.ops[i]
		switch op {
		case opCreate2: // is one of the first kind within a multi
			op = opCreate
		case opCreateContainer, opCreateTTL:
			op = opCreate2
		}
		b = putMultiHeader(b, op, false, codeOK)
		if op == opCreate || op == opCreate2 {
			b = putString(b, r.Path)
		}
		if op == opCreate2 || op == opSetData {
			b = putStat(b, r.Stat)
		}
	}
	return multiEnd(b)
}

// putStat appends a node's Stat.
func putStat(b []byte, s tree.Stat) []byte {
	b = putI64(b, int64(s.Czxid))
	b = putI64(b, int64(s.Mzxid))
	b = putI64(b, s.Ctime)
	b = putI64(b, s.Mtime)
	b = putI32(b, s.Version)
	b = putI32(b, s.Cversion)
	b = putI32(b, s.Aversion)
	b = putI64(b, int64(s.Owner)) // of sessions alone: ZooKeeper does not show its marks of containers and of nodes with a time to live
	b = putI32(b, s.DataLength)
	b = putI32(b, s.NumChildren)
	return putI64(b, int64(s.Pzxid))
}
