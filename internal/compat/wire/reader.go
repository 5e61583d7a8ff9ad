package wire

import "encoding/binary"

// Reader takes a packet apart. Once it has come to its end, it says so and gives zeros.
type Reader struct {
	rest  []byte
	short bool
}

// NewReader reads a packet from its beginning.
func NewReader(packet []byte) *Reader { return &Reader{rest: packet} }

// Short tells whether more was asked for than there is.
func (r *Reader) Short() bool { return r.short }

// Rest returns what has not been read.
func (r *Reader) Rest() []byte { return r.rest }

// take returns the next n bytes, or zeros if there are fewer; what is left stays to be seen in Rest.
func (r *Reader) take(n int) []byte {
	if r.short || n > len(r.rest) {
		r.short = true
		return make([]byte, 8)
	}
	var b []byte
	b, r.rest = r.rest[:n], r.rest[n:]
	return b
}

// Int reads 32 bits.
func (r *Reader) Int() int32 { return int32(binary.BigEndian.Uint32(r.take(4))) }

// Long reads 64 bits.
func (r *Reader) Long() int64 { return int64(binary.BigEndian.Uint64(r.take(8))) }

// Byte reads 8 bits.
func (r *Reader) Byte() byte { return r.take(1)[0] }

// String reads a string or a buffer. Its length is -1 if there is none, and as it came if it is less; the
// text is empty then.
func (r *Reader) String() (text string, length int32) {
	length = r.Int()
	if length <= 0 {
		return "", length
	}
	if int(length) > len(r.rest) {
		r.short = true
		return "", length
	}
	return string(r.take(int(length))), length
}
