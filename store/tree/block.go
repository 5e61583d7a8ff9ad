package tree

import (
	"encoding/binary"
	"strings"

	"github.com/quorate/quorate/store/txn"
)

// item is a node as it is taken out of the B-tree or put into it; see the package's Layout.
type item struct {
	// block is the encoding of a record.
	block string
	// side is what changes with the node's children; zero while it never had any, as
	// most nodes.
	side side
}

// side is the part of a node that changes when a child comes or goes.
type side struct {
	// counts is the number of children ever created (a signed 32-bit number, high
	// half) and the number of children (low half).
	counts uint64
	// pzxid is the last txn that created or deleted a child.
	pzxid txn.Zxid
}

func countsOf(created int32, children uint32) uint64 {
	return uint64(uint32(created))<<32 | uint64(children)
}

// newSide returns the side of a node created by czxid: zero for one without a past.
// Equal nodes so have equal sides, however they came about.
func newSide(counts uint64, pzxid, czxid txn.Zxid) side {
	if counts == 0 && pzxid == czxid {
		return side{}
	}
	return side{counts, pzxid}
}

func (it item) created() int32 { return int32(it.side.counts >> 32) }

func (it item) children() uint32 { return uint32(it.side.counts) }

// pzxid returns the last txn that created or deleted a child of the node whose block
// holds czxid, or czxid if none did.
func (it item) pzxid(czxid txn.Zxid) txn.Zxid {
	if it.side == (side{}) {
		return czxid
	}
	return it.side.pzxid
}

// record is what stands in a node's block.
type record struct {
	path    string
	data    string
	hasData bool // null and empty data are told apart
	kind    txn.Kind
	acl     uint32

	czxid, mzxid      txn.Zxid
	ctime, mtime      int64 // ms since 1970
	version, aversion int32

	owner txn.SessionID // of an ephemeral node
	ttl   int64         // of a TTL node, in ms
}

// The bits of a block's flag byte. A field without its bit has the value said here.
const (
	flagData     = 1 << 0 // no data: null
	flagMzxid    = 1 << 1 // czxid
	flagMtime    = 1 << 2 // ctime
	flagVersion  = 1 << 3 // 0
	flagAversion = 1 << 4 // 0
	flagACL      = 1 << 5 // 0, open to all
	kindShift    = 6      // the kind, less one, in the two bits from here
)

// A block is: length of the parent's part, length of the path, path, flags, czxid,
// ctime, the fields that the flags announce, the owner or the TTL, and the data to
// the end. Numbers are varints; mzxid and mtime are differences to czxid and ctime.

// maxBlockHead is the size of everything but path and data, at the most.
const maxBlockHead = 10*binary.MaxVarintLen64 + 1

// encode returns the block of r. Equal records have equal blocks.
func (r *record) encode() string {
	var head [maxBlockHead]byte
	h := binary.AppendUvarint(head[:0], uint64(strings.LastIndexByte(r.path, '/')))
	h = binary.AppendUvarint(h, uint64(len(r.path)))
	cut := len(h)
	h = r.appendStat(h)
	var b strings.Builder
	b.Grow(len(h) + len(r.path) + len(r.data))
	b.Write(h[:cut])
	b.WriteString(r.path)
	b.Write(h[cut:])
	b.WriteString(r.data)
	return b.String()
}

// appendStat adds the flags and the fields after them.
func (r *record) appendStat(h []byte) []byte {
	at := len(h)
	flags := (r.kind - 1) << kindShift
	h = append(h, 0)
	h = binary.AppendUvarint(h, uint64(r.czxid))
	h = binary.AppendUvarint(h, uint64(r.ctime))
	optional := func(bit txn.Kind, v uint64) {
		if v != 0 {
			flags |= bit
			h = binary.AppendUvarint(h, v)
		}
	}
	optional(flagMzxid, uint64(r.mzxid-r.czxid))
	optional(flagMtime, uint64(r.mtime-r.ctime))
	optional(flagVersion, uint64(uint32(r.version)))
	optional(flagAversion, uint64(uint32(r.aversion)))
	optional(flagACL, uint64(r.acl))
	switch r.kind {
	case txn.Ephemeral:
		h = binary.AppendUvarint(h, uint64(r.owner))
	case txn.TTL:
		h = binary.AppendUvarint(h, uint64(r.ttl))
	}
	if r.hasData {
		flags |= flagData
	}
	h[at] = byte(flags)
	return h
}

// decode returns the record of a block. Its strings alias the block.
func decode(b string) (r record) {
	_, n := uvarint(b)
	size, m := uvarint(b[n:])
	b = b[n+m:]
	r.path, b = b[:size], b[size:]
	flags := b[0]
	b = b[1:]
	next := func() uint64 {
		v, n := uvarint(b)
		b = b[n:]
		return v
	}
	optional := func(bit byte) uint64 {
		if flags&bit == 0 {
			return 0
		}
		return next()
	}
	r.kind = txn.Kind(flags>>kindShift) + 1
	r.czxid = txn.Zxid(next())
	r.ctime = int64(next())
	r.mzxid = r.czxid + txn.Zxid(optional(flagMzxid))
	r.mtime = r.ctime + int64(optional(flagMtime))
	r.version = int32(uint32(optional(flagVersion)))
	r.aversion = int32(uint32(optional(flagAversion)))
	r.acl = uint32(optional(flagACL))
	switch r.kind {
	case txn.Ephemeral:
		r.owner = txn.SessionID(next())
	case txn.TTL:
		r.ttl = int64(next())
	}
	r.hasData = flags&flagData != 0
	r.data = b
	return r
}

// uvarint is binary.Uvarint for a string that is known to hold one.
func uvarint(s string) (v uint64, n int) {
	for shift := uint(0); ; shift += 7 {
		c := s[n]
		n++
		if c < 0x80 {
			return v | uint64(c)<<shift, n
		}
		v |= uint64(c&0x7f) << shift
	}
}
