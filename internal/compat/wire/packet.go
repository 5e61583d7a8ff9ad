package wire

import "encoding/binary"

// Packet is what a frame carries, written field by field.
type Packet []byte

// Int appends 32 bits.
func (p Packet) Int(n int32) Packet { return binary.BigEndian.AppendUint32(p, uint32(n)) }

// Long appends 64 bits.
func (p Packet) Long(n int64) Packet { return binary.BigEndian.AppendUint64(p, uint64(n)) }

// Byte appends 8 bits; a boolean is 0 or 1.
func (p Packet) Byte(n byte) Packet { return append(p, n) }

// Bool appends a boolean.
func (p Packet) Bool(b bool) Packet {
	if b {
		return p.Byte(1)
	}
	return p.Byte(0)
}

// String appends a string or a buffer: they look the same.
func (p Packet) String(s string) Packet { return append(p.Int(int32(len(s))), s...) }

// Null appends a string, buffer or vector that is not there.
func (p Packet) Null() Packet { return p.Int(-1) }

// Strings appends a vector of strings.
func (p Packet) Strings(all []string) Packet {
	p = p.Int(int32(len(all)))
	for _, s := range all {
		p = p.String(s)
	}
	return p
}

// Frame returns the packet with its length in front.
func (p Packet) Frame() []byte {
	return append(binary.BigEndian.AppendUint32(nil, uint32(len(p))), p...)
}
