package wire

import (
	"errors"
	"fmt"
	"math"
	"unicode/utf8"
	"unsafe"

	"google.golang.org/protobuf/encoding/protowire"
)

// ErrMalformed is in the chain of every error of a [Reader].
var ErrMalformed = errors.New("malformed message")

// Reader walks through the fields of one message:
//
//	for r.Next() {
//		switch r.Num {
//		case 1:
//			m.ID = r.Varint()
//		default:
//			r.Skip()
//		}
//	}
//	return r.Err()
//
// Each field must be taken by exactly one call. The first error ends the walk,
// and values taken after it are zero. The zero Reader is an empty message.
type Reader struct {
	// Num is the number of the current field.
	Num protowire.Number

	typ  protowire.Type
	rest []byte
	err  error
}

// NewReader returns a reader of the message b. What it returns aliases b.
func NewReader(b []byte) Reader { return Reader{rest: b} }

// Next moves to the next field, and tells whether there is one.
func (r *Reader) Next() bool {
	if r.err != nil || len(r.rest) == 0 {
		return false
	}
	num, typ, n := protowire.ConsumeTag(r.rest)
	if n < 0 || num > protowire.MaxValidNumber { // ConsumeTag lets greater numbers pass, protobuf does not
		r.Fail("bad tag")
		return false
	}
	r.Num, r.typ, r.rest = num, typ, r.rest[n:]
	return true
}

// Err returns the first error, nil if all went well.
func (r *Reader) Err() error { return r.err }

// Fail ends the walk with an error about the current field, unless one ended it before.
func (r *Reader) Fail(format string, args ...any) {
	if r.err == nil {
		r.err = fmt.Errorf("field %d: %s: %w", r.Num, fmt.Sprintf(format, args...), ErrMalformed)
	}
}

// FailWith is [Reader.Fail] with the error of a nested message.
func (r *Reader) FailWith(err error) {
	if r.err == nil && err != nil {
		r.err = fmt.Errorf("field %d: %w", r.Num, err)
	}
}

// is reports whether the current field has wire type t, and fails if it has not.
func (r *Reader) is(t protowire.Type) bool {
	if r.err == nil && r.typ != t {
		r.Fail("wire type %d, want %d", r.typ, t)
	}
	return r.err == nil
}

// take moves past the n bytes of a value; n < 0 is an error.
func (r *Reader) take(n int) bool {
	if n < 0 {
		r.Fail("bad value")
		return false
	}
	r.rest = r.rest[n:]
	return true
}

// Varint takes a varint.
func (r *Reader) Varint() uint64 {
	if !r.is(protowire.VarintType) {
		return 0
	}
	v, n := protowire.ConsumeVarint(r.rest)
	if !r.take(n) {
		return 0
	}
	return v
}

// Max takes a varint that must not be greater than limit.
func (r *Reader) Max(limit uint64) uint64 {
	v := r.Varint()
	if v > limit {
		r.Fail("%d is beyond %d", v, limit)
		return 0
	}
	return v
}

// Sint32 takes a zigzag varint of 32 bits.
func (r *Reader) Sint32() int32 {
	return int32(protowire.DecodeZigZag(r.Max(math.MaxUint32)))
}

// Fixed64 takes a number of 8 bytes.
func (r *Reader) Fixed64() uint64 {
	if !r.is(protowire.Fixed64Type) {
		return 0
	}
	v, n := protowire.ConsumeFixed64(r.rest)
	if !r.take(n) {
		return 0
	}
	return v
}

// Bytes takes bytes or an encoded message; never nil without an error. They alias the message.
func (r *Reader) Bytes() []byte {
	if !r.is(protowire.BytesType) {
		return nil
	}
	v, n := protowire.ConsumeBytes(r.rest)
	if !r.take(n) {
		return nil
	}
	return v[:len(v):len(v)]
}

// String takes a string, which must be valid UTF-8. It aliases the message.
func (r *Reader) String() string {
	b := r.Bytes()
	if !utf8.Valid(b) {
		r.Fail("not UTF-8")
		return ""
	}
	return unsafe.String(unsafe.SliceData(b), len(b))
}

// Skip passes over a field that the caller does not know.
func (r *Reader) Skip() {
	if r.err != nil {
		return
	}
	if r.typ == protowire.StartGroupType || r.typ == protowire.EndGroupType {
		r.Fail("a group")
		return
	}
	r.take(protowire.ConsumeFieldValue(r.Num, r.typ, r.rest))
}
