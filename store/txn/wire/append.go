package wire

import "google.golang.org/protobuf/encoding/protowire"

// SizeVarint returns the number of bytes that [AppendVarint] adds.
func SizeVarint(num protowire.Number, v uint64) int {
	if v == 0 {
		return 0
	}
	return protowire.SizeTag(num) + protowire.SizeVarint(v)
}

// AppendVarint adds a varint field, unless it is zero.
func AppendVarint(b []byte, num protowire.Number, v uint64) []byte {
	if v == 0 {
		return b
	}
	return protowire.AppendVarint(protowire.AppendTag(b, num, protowire.VarintType), v)
}

// SizeFixed64 returns the number of bytes that [AppendFixed64] adds.
func SizeFixed64(num protowire.Number, v uint64) int {
	if v == 0 {
		return 0
	}
	return protowire.SizeTag(num) + protowire.SizeFixed64()
}

// AppendFixed64 adds a fixed64 field, unless it is zero.
func AppendFixed64(b []byte, num protowire.Number, v uint64) []byte {
	if v == 0 {
		return b
	}
	return protowire.AppendFixed64(protowire.AppendTag(b, num, protowire.Fixed64Type), v)
}

// SizeString returns the number of bytes that [AppendString] adds.
func SizeString(num protowire.Number, s string) int {
	if s == "" {
		return 0
	}
	return SizeMessage(num, len(s))
}

// AppendString adds a string field, unless it is empty.
func AppendString(b []byte, num protowire.Number, s string) []byte {
	if s == "" {
		return b
	}
	return append(AppendHead(b, num, len(s)), s...)
}

// SizeBytes returns the number of bytes that [AppendBytes] adds.
func SizeBytes(num protowire.Number, v []byte) int {
	if len(v) == 0 {
		return 0
	}
	return SizeMessage(num, len(v))
}

// AppendBytes adds a bytes field, unless it is empty.
func AppendBytes(b []byte, num protowire.Number, v []byte) []byte {
	if len(v) == 0 {
		return b
	}
	return append(AppendHead(b, num, len(v)), v...)
}

// SizeData returns the number of bytes that [AppendData] adds.
func SizeData(num protowire.Number, v []byte) int {
	if v == nil {
		return 0
	}
	return SizeMessage(num, len(v))
}

// AppendData adds an `optional bytes` field: nil is absent, empty is not.
func AppendData(b []byte, num protowire.Number, v []byte) []byte {
	if v == nil {
		return b
	}
	return append(AppendHead(b, num, len(v)), v...)
}

// SizeMessage returns the size of a field that holds a message of n bytes, present even if empty.
func SizeMessage(num protowire.Number, n int) int {
	return protowire.SizeTag(num) + protowire.SizeBytes(n)
}

// AppendHead adds the front of a field that holds a message of n bytes, which must follow.
func AppendHead(b []byte, num protowire.Number, n int) []byte {
	return protowire.AppendVarint(protowire.AppendTag(b, num, protowire.BytesType), uint64(n))
}
