package zkwire

import (
	"encoding/binary"
	"unicode/utf8"
	"unsafe"
)

// decoder takes the fields of a record off a frame. After the first field that is not there, or makes no sense, it is bad, and what
// it returns is zero. It allocates nothing but the strings and vectors that are in the frame.
type decoder struct {
	left []byte
	bad  bool
}

// take returns the next n bytes.
func (d *decoder) take(n int) []byte {
	if d.bad || n < 0 || n > len(d.left) {
		d.bad = true
		return nil
	}
	b := d.left[:n:n]
	d.left = d.left[n:]
	return b
}

func (d *decoder) i32() int32 {
	b := d.take(4)
	if b == nil {
		return 0
	}
	return int32(binary.BigEndian.Uint32(b))
}

func (d *decoder) i64() int64 {
	b := d.take(8)
	if b == nil {
		return 0
	}
	return int64(binary.BigEndian.Uint64(b))
}

// flag takes a boolean: anything but 0 is true, as in Java.
func (d *decoder) flag() bool {
	b := d.take(1)
	return b != nil && b[0] != 0
}

// buffer takes bytes: nil for null. They are part of the frame.
func (d *decoder) buffer() []byte {
	n := d.i32()
	if d.bad || n == -1 {
		return nil
	}
	return d.take(int(n))
}

// str takes a string; null is told apart from the empty one. It is part of the frame, which nobody changes. What is not UTF-8
// becomes U+FFFD, as in Java.
func (d *decoder) str() (s string, null bool) {
	n := d.i32()
	if d.bad || n == -1 {
		return "", true
	}
	b := d.take(int(n))
	if len(b) == 0 {
		return "", d.bad
	}
	if !utf8.Valid(b) {
		return string([]rune(string(b))), false
	}
	return unsafe.String(&b[0], len(b)), false
}

// count takes the length of a vector, each element of which takes at least so many bytes. Null and less than nothing are no element.
func (d *decoder) count(atLeast int) (n int, null bool) {
	c := d.i32()
	if d.bad || c < 0 {
		return 0, true
	}
	if int64(c)*int64(atLeast) > int64(len(d.left)) {
		d.bad = true
		return 0, true
	}
	return int(c), false
}

// strs takes a vector of strings.
func (d *decoder) strs() []string {
	n, _ := d.count(4)
	all := make([]string, 0, n)
	for range n {
		s, _ := d.str()
		all = append(all, s)
	}
	return all
}

func putI32(b []byte, v int32) []byte { return binary.BigEndian.AppendUint32(b, uint32(v)) }

func putI64(b []byte, v int64) []byte { return binary.BigEndian.AppendUint64(b, uint64(v)) }

func putFlag(b []byte, v bool) []byte {
	if v {
		return append(b, 1)
	}
	return append(b, 0)
}

// putBuffer appends bytes; nil is null.
func putBuffer(b, v []byte) []byte {
	if v == nil {
		return putI32(b, -1)
	}
	return append(putI32(b, int32(len(v))), v...)
}

func putString(b []byte, s string) []byte { return append(putI32(b, int32(len(s))), s...) }
