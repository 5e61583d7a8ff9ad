package txn_test

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"reflect"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	txnv1 "github.com/quorate/quorate/gen/quorate/txn/v1"
	"github.com/quorate/quorate/store/txn"
)

// TestCodecAgainstGenerated holds the codec against the code that protoc-gen-go
// made of the same proto file: both write the same bytes and read the same txn.
func TestCodecAgainstGenerated(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 3000 {
		want := randomTxn(rng)
		ours := want.Append([]byte("front"))[5:]
		theirs, err := proto.MarshalOptions{Deterministic: true}.Marshal(toProto(want))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(ours, theirs) {
			t.Fatalf("%+v\nencodes as %x\nbut protoc as %x", want, ours, theirs)
		}
		if want.Size() != len(ours) {
			t.Fatalf("Size is %d, encoded are %d", want.Size(), len(ours))
		}
		got, err := txn.Decode(theirs)
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("got  %+v %+v\nwant %+v %+v", got, got.Op, want, want.Op)
		}
		h, err := txn.PeekHeader(theirs)
		z, err2 := txn.ZxidOf(theirs)
		if err != nil || err2 != nil || h != want.Header || z != want.Zxid {
			t.Fatalf("PeekHeader %+v %v, ZxidOf %v %v, want %+v", h, err, z, err2, want.Header)
		}
	}
}

// TestDecodeRefuses lists what is no txn.
func TestDecodeRefuses(t *testing.T) {
	header := protowire.AppendVarint(protowire.AppendTag(nil, 1, protowire.VarintType), 7)
	field := func(num protowire.Number, content ...byte) []byte {
		return protowire.AppendBytes(protowire.AppendTag(nil, num, protowire.BytesType), content)
	}
	path := field(1, '/', 'a')
	good := append(bytes.Clone(header), field(17, path...)...)
	multi := func(op []byte) []byte { return field(20, field(1, op...)...) }
	for name, b := range map[string][]byte{
		"nothing":                  {},
		"no zxid":                  field(17, path...),
		"zero zxid":                append([]byte{8, 0}, field(17, path...)...),
		"no operation":             header,
		"unknown operation":        append(bytes.Clone(header), field(24, path...)...),
		"two operations":           append(bytes.Clone(good), field(17, path...)...),
		"cut short":                good[:len(good)-1],
		"trailing zero":            append(bytes.Clone(good), 0),
		"trailing half tag":        append(bytes.Clone(good), 0x80),
		"zxid as fixed64":          append(protowire.AppendFixed64(protowire.AppendTag(nil, 1, protowire.Fixed64Type), 7), field(17, path...)...),
		"session as varint":        append(bytes.Clone(good), 3<<3, 1),
		"group":                    append(bytes.Clone(good), 9<<3|3, 9<<3|4),
		"author not UTF-8":         append(bytes.Clone(good), field(5, 0xff)...),
		"path not UTF-8":           append(bytes.Clone(header), field(17, field(1, '/', 0xff)...)...),
		"no path":                  append(bytes.Clone(header), field(17)...),
		"create without ACL":       append(bytes.Clone(header), field(16, path...)...),
		"create of a fifth kind":   append(bytes.Clone(header), field(16, bytes.Join([][]byte{path, field(3, 8, 31), {4 << 3, 5}}, nil)...)...),
		"entry without perms":      append(bytes.Clone(header), field(16, append(bytes.Clone(path), field(3)...)...)...),
		"entry with perms beyond":  append(bytes.Clone(header), field(16, append(bytes.Clone(path), field(3, 8, 32)...)...)...),
		"multi in multi":           append(bytes.Clone(header), multi(multi(nil))...),
		"session in multi":         append(bytes.Clone(header), multi(field(22, 9, 1, 0, 0, 0, 0, 0, 0, 0))...),
		"multi with nothing in it": append(bytes.Clone(header), multi(nil)...),
		"session 0":                append(bytes.Clone(header), field(22)...),
		"server 254":               append(bytes.Clone(header), field(23, field(2, 8, 254, 1)...)...),
		"third role":               append(bytes.Clone(header), field(23, field(2, 8, 1, 24, 3)...)...),
	} {
		if got, err := txn.Decode(b); !errors.Is(err, txn.ErrCodec) {
			t.Errorf("%s: got %+v, %v", name, got, err)
		}
	}
	if _, err := txn.Decode(append(good, 9<<3, 1, 10<<3|2, 1, 'x')); err != nil {
		t.Errorf("fields of a later release: %v", err)
	}
}

// TestDecodeAllocates pins what decoding costs: the txn, its operation, and the list in it.
func TestDecodeAllocates(t *testing.T) {
	b := sampleCreate().Append(nil)
	if n := testing.AllocsPerRun(100, func() { _, _ = txn.Decode(b) }); n > 3 {
		t.Errorf("Decode of a create allocates %v times", n)
	}
	buf, sample := make([]byte, 0, 1024), sampleCreate()
	if n := testing.AllocsPerRun(100, func() { sample.Append(buf) }); n > 0 {
		t.Errorf("Append of a create allocates %v times", n)
	}
}

func FuzzDecode(f *testing.F) {
	rng := rand.New(rand.NewPCG(3, 4))
	for range 20 {
		f.Add(randomTxn(rng).Append(nil))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		got, err := txn.Decode(b)
		if err != nil {
			return
		}
		canonical := got.Append(nil)
		again, err := txn.Decode(canonical)
		if err != nil || !reflect.DeepEqual(got, again) {
			t.Fatalf("%+v became %+v, %v", got, again, err)
		}
		if twice := again.Append(nil); !bytes.Equal(canonical, twice) || len(twice) != again.Size() {
			t.Fatalf("%x became %x, size %d", canonical, twice, again.Size())
		}
		var theirs txnv1.Txn
		if err := proto.Unmarshal(b, &theirs); err != nil {
			t.Fatalf("protobuf refuses what Decode takes: %v", err)
		}
		theirs.ProtoReflect().SetUnknown(nil)
		if want := toProto(got); theirs.Zxid != want.Zxid || theirs.Digest != want.Digest || theirs.Author != want.Author {
			t.Fatalf("protobuf reads %v, Decode %v", &theirs, want)
		}
	})
}

func sampleCreate() *txn.Txn {
	return &txn.Txn{
		Header: txn.Header{Zxid: txn.MakeZxid(3, 70000), Time: 1795361723000, Session: 0x0100000000000007, Cxid: 44, Author: "ip:10.0.0.1", Committed: txn.MakeZxid(3, 69990), Digest: 0x1234567890abcdef},
		Op:     &txn.Create{Path: "/bench/p0123/n00000456", Data: bytes.Repeat([]byte("x"), 100), ACL: []txn.ACE{{Perms: txn.MayAll, Scheme: "world", ID: "anyone"}}, Kind: txn.Persistent},
	}
}

func BenchmarkAppend(b *testing.B) {
	t := sampleCreate()
	buf := make([]byte, 0, 1024)
	b.SetBytes(int64(t.Size()))
	for b.Loop() {
		buf = t.Append(buf[:0])
	}
}

func BenchmarkDecode(b *testing.B) {
	enc := sampleCreate().Append(nil)
	b.SetBytes(int64(len(enc)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := txn.Decode(enc); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkZxidOf(b *testing.B) {
	enc := sampleCreate().Append(nil)
	for b.Loop() {
		if _, err := txn.ZxidOf(enc); err != nil {
			b.Fatal(err)
		}
	}
}
