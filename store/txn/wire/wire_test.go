package wire_test

import (
	"bytes"
	"errors"
	"math"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/quorate/quorate/store/txn/wire"
)

// TestFields writes one field of each kind, reads it back, and checks the sizes.
func TestFields(t *testing.T) {
	var b []byte
	size := wire.SizeVarint(1, 300) + wire.SizeFixed64(2, 5) + wire.SizeString(3, "ü") + wire.SizeBytes(4, []byte{1}) + wire.SizeData(200, []byte{})
	b = wire.AppendVarint(b, 1, 300)
	b = wire.AppendFixed64(b, 2, 5)
	b = wire.AppendString(b, 3, "ü")
	b = wire.AppendBytes(b, 4, []byte{1})
	b = wire.AppendData(b, 200, []byte{})
	if len(b) != size {
		t.Errorf("%d bytes, sized %d", len(b), size)
	}
	r := wire.NewReader(b)
	for r.Next() {
		switch r.Num {
		case 1:
			if v := r.Varint(); v != 300 {
				t.Errorf("varint %d", v)
			}
		case 2:
			if v := r.Fixed64(); v != 5 {
				t.Errorf("fixed64 %d", v)
			}
		case 3:
			if v := r.String(); v != "ü" {
				t.Errorf("string %q", v)
			}
		case 200:
			if v := r.Bytes(); v == nil || len(v) != 0 {
				t.Errorf("bytes %v", v)
			}
		default:
			r.Skip()
		}
	}
	if r.Err() != nil {
		t.Error(r.Err())
	}
}

// TestZeroIsLeftOut: but data that is empty is not zero.
func TestZeroIsLeftOut(t *testing.T) {
	var b []byte
	b = wire.AppendVarint(b, 1, 0)
	b = wire.AppendFixed64(b, 1, 0)
	b = wire.AppendString(b, 1, "")
	b = wire.AppendBytes(b, 1, []byte{})
	b = wire.AppendData(b, 1, nil)
	if size := wire.SizeVarint(1, 0) + wire.SizeFixed64(1, 0) + wire.SizeString(1, "") + wire.SizeBytes(1, nil) + wire.SizeData(1, nil); len(b) != 0 || size != 0 {
		t.Errorf("%x, sized %d", b, size)
	}
	if b = wire.AppendData(b, 1, []byte{}); len(b) != 2 {
		t.Errorf("empty data is %x", b)
	}
}

// TestReaderStops lists what ends a walk with an error.
func TestReaderStops(t *testing.T) {
	varint := protowire.AppendVarint(protowire.AppendTag(nil, 1, protowire.VarintType), math.MaxUint32+1)
	for name, c := range map[string]struct {
		b    []byte
		take func(r *wire.Reader)
	}{
		"wrong type":      {varint, func(r *wire.Reader) { r.Fixed64() }},
		"bytes, a varint": {varint, func(r *wire.Reader) { r.Bytes() }},
		"beyond":          {varint, func(r *wire.Reader) { r.Max(math.MaxUint32) }},
		"beyond sint32":   {varint, func(r *wire.Reader) { r.Sint32() }},
		"cut short":       {varint[:2], func(r *wire.Reader) { r.Varint() }},
		"cut skip":        {varint[:2], func(r *wire.Reader) { r.Skip() }},
		"long bytes":      {[]byte{1<<3 | 2, 9, 1}, func(r *wire.Reader) { r.Bytes() }},
		"not UTF-8":       {[]byte{1<<3 | 2, 1, 0xff}, func(r *wire.Reader) { _ = r.String() }},
		"field 0":         {[]byte{0, 0}, func(r *wire.Reader) { r.Skip() }},
		"group":           {[]byte{1<<3 | 3, 1<<3 | 4}, func(r *wire.Reader) { r.Skip() }},
		"own words":       {varint, func(r *wire.Reader) { r.Fail("no") }},
		"nested":          {varint, func(r *wire.Reader) { r.FailWith(wire.ErrMalformed) }},
	} {
		r := wire.NewReader(bytes.Clone(c.b))
		steps := 0
		for r.Next() {
			c.take(&r)
			steps++
		}
		if !errors.Is(r.Err(), wire.ErrMalformed) || steps > 1 || r.Varint() != 0 || r.Bytes() != nil || r.String() != "" || r.Fixed64() != 0 {
			t.Errorf("%s: %v after %d steps", name, r.Err(), steps)
		}
	}
}
