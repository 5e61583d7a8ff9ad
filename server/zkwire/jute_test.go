package zkwire

import (
	"bytes"
	"errors"
	"io"
	"testing"
	"testing/iotest"

	"github.com/quorate/quorate/store/fault"
)

func TestFieldsComeBack(t *testing.T) {
	b := putI32(nil, -7)
	b = putI64(b, 1<<40)
	b = putFlag(b, true)
	b = putBuffer(b, nil)
	b = putBuffer(b, []byte{})
	b = putBuffer(b, []byte("data"))
	b = putString(b, "käse")
	b = putStrings(b, []string{"a", ""})
	d := decoder{left: b}
	if d.i32() != -7 || d.i64() != 1<<40 || !d.flag() {
		t.Error("numbers")
	}
	if d.buffer() != nil {
		t.Error("null")
	}
	if empty := d.buffer(); empty == nil || len(empty) != 0 {
		t.Errorf("empty: %v", empty)
	}
	if string(d.buffer()) != "data" {
		t.Error("data")
	}
	if s, null := d.str(); s != "käse" || null {
		t.Errorf("%q, %v", s, null)
	}
	if all := d.strs(); len(all) != 2 || all[0] != "a" || all[1] != "" {
		t.Errorf("%q", all)
	}
	if d.bad || len(d.left) > 0 {
		t.Errorf("bad %v, %d bytes left", d.bad, len(d.left))
	}
}

// What is not there, or cannot be, is noticed before anything is made of it.
func TestBadFields(t *testing.T) {
	for _, c := range []struct {
		name  string
		bytes []byte
		take  func(*decoder)
	}{
		{"number cut off", []byte{0, 0, 1}, func(d *decoder) { d.i32() }},
		{"long cut off", make([]byte, 7), func(d *decoder) { d.i64() }},
		{"no flag", nil, func(d *decoder) { d.flag() }},
		{"string without its end", []byte{0, 0, 0, 2, 'a'}, func(d *decoder) { d.str() }},
		{"length below -1", []byte{0xff, 0xff, 0xff, 0xfe}, func(d *decoder) { d.buffer() }},
		{"string of 2 GB", []byte{0x7f, 0xff, 0xff, 0xff}, func(d *decoder) { d.str() }},
		{"vector of 2^31 strings", []byte{0x7f, 0xff, 0xff, 0xff, 0, 0, 0, 0}, func(d *decoder) { d.strs() }},
		{"more entries than there are bytes for", []byte{0, 0, 0, 2, 0, 0, 0, 31, 0, 0, 0, 0, 0, 0, 0, 0}, func(d *decoder) { acl(d) }},
	} {
		d := decoder{left: c.bytes}
		if c.take(&d); !d.bad {
			t.Errorf("%s: taken for good", c.name)
		}
		if d.i64() != 0 || !d.bad {
			t.Errorf("%s: something follows what is bad", c.name)
		}
	}
}

// Bytes that are not UTF-8 are read as Java reads them, so that no txn holds what no server can decode.
func TestStringsAreUTF8(t *testing.T) {
	d := decoder{left: putString(nil, "caf\xe9")}
	if s, null := d.str(); s != "caf\uFFFD" || null || d.bad {
		t.Errorf("%q", s)
	}
}

func TestFrames(t *testing.T) {
	var wire []byte
	want := [][]byte{{}, []byte("one"), bytes.Repeat([]byte("x"), 3000), []byte("last")}
	for _, f := range want {
		wire = append(putI32(wire, int32(len(f))), f...)
	}
	for name, from := range map[string]io.Reader{
		"at once": bytes.NewReader(wire), "byte by byte": iotest.OneByteReader(bytes.NewReader(wire)), "halves": iotest.HalfReader(bytes.NewReader(wire)),
	} {
		in := frames{from: from, limit: 4000, size: minChunk, reserve: unbounded}
		var got [][]byte
		for {
			f, err := in.next()
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if f != nil {
				got = append(got, f)
				continue
			}
			if _, err := in.more(); err != nil {
				break
			}
		}
		if len(got) != len(want) {
			t.Fatalf("%s: %d frames", name, len(got))
		}
		for i := range want {
			if !bytes.Equal(got[i], want[i]) { // also those given out long ago
				t.Errorf("%s: frame %d is %q", name, i, got[i])
			}
		}
	}
}

func TestFramesBeyondTheLimit(t *testing.T) {
	for _, length := range []int32{-1, 101, 1<<31 - 1} {
		in := frames{from: bytes.NewReader(putI32(nil, length)), limit: 100, size: minChunk, reserve: unbounded}
		if _, err := in.more(); err != nil {
			t.Fatal(err)
		}
		if _, err := in.next(); !errors.Is(err, errLength) {
			t.Errorf("a length of %d: %v", length, err)
		}
	}
}

// What a client announces takes no room before it comes.
func TestAnnouncedFramesTakeNoRoom(t *testing.T) {
	in := frames{from: bytes.NewReader(putI32(nil, 100<<20)), limit: 128 << 20, size: minChunk, reserve: unbounded}
	for range 3 {
		_, _ = in.more()
		if f, err := in.next(); f != nil || err != nil {
			t.Fatal(f, err)
		}
	}
	if cap(in.chunk) > 2*minChunk {
		t.Errorf("4 bytes of a frame take %d", cap(in.chunk))
	}
}

// A connection that was busy is small again when it is idle.
func TestChunksShrink(t *testing.T) {
	big := append(putI32(nil, 1<<20), make([]byte, 1<<20)...)
	var wire bytes.Buffer
	wire.Write(big)
	in := frames{from: &wire, limit: 2 << 20, size: minChunk, reserve: unbounded}
	for f, err := in.next(); f == nil; f, err = in.next() {
		if err != nil {
			t.Fatal(err)
		}
		if _, err = in.more(); err != nil {
			t.Fatal(err)
		}
	}
	for range 16 {
		wire.Write([]byte{0, 0, 0, 8, 255, 255, 255, 254, 0, 0, 0, 11})
		if _, err := in.more(); err != nil {
			t.Fatal(err)
		}
		if f, err := in.next(); len(f) != 8 || err != nil {
			t.Fatal(f, err)
		}
	}
	if cap(in.chunk) > 4*minChunk {
		t.Errorf("an idle connection holds %d bytes", cap(in.chunk))
	}
}

// Each reason of a refusal has a number, and only those that say nothing of the request are the general one.
func TestEveryReasonHasACode(t *testing.T) {
	general := map[fault.Kind]bool{fault.Internal: true, fault.NoSpace: true, fault.Compacted: true, fault.Unavailable: true, fault.Unknown: true}
	for _, k := range fault.Kinds() {
		if code := codeOf(fault.New(k, "", "")); (code == codeSystemError) != general[k] || code == codeOK {
			t.Errorf("%v: %d", k, code)
		}
	}
	if codeOf(nil) != codeOK {
		t.Error("no error is one")
	}
}

// FuzzRequests decodes arbitrary bodies of each type of request: no panic, and nothing that takes more room than the bytes do.
func FuzzRequests(f *testing.F) {
	f.Add(int32(opMulti), putMultiHeader(nil, opCreate, false, -1))
	f.Add(int32(opCreateTTL), putI64(putI32(putI32(putI32(putString(nil, "/a"), -1), 0), 5), 10))
	f.Add(int32(opSetWatches2), putI64(nil, 1))
	f.Fuzz(func(t *testing.T, op int32, body []byte) {
		s := &Server{cfg: Config{TTLNodes: true}}
		c := &conn{server: s, id: 1}
		call := &call{op: opcode(op), body: body}
		r, _, err := c.request(call)
		if (r == nil) == (err == nil) {
			t.Errorf("%v and %v", r, err)
		}
		d := decoder{left: body}
		if all := d.strs(); len(all) > len(body) {
			t.Errorf("%d strings in %d bytes", len(all), len(body))
		}
		if g, ok := greetingIn(body); ok && len(body) < connectRequestSize-passwordSize-4 {
			t.Errorf("%d bytes are a greeting: %+v", len(body), g)
		}
	})
}

func unbounded(int) bool { return true }

// What large frames take is asked for before it is taken, and given back.
func TestLargeFramesAskForRoom(t *testing.T) {
	s := New(Config{MaxWaiting: 1 << 20})
	frame := append(putI32(nil, 300<<10), make([]byte, 300<<10)...)
	read := func(in *frames) error {
		for {
			if f, err := in.next(); f != nil || err != nil {
				return err
			}
			if _, err := in.more(); err != nil {
				return err
			}
		}
	}
	var all []*frames
	for {
		in := &frames{from: bytes.NewReader(frame), limit: 1 << 20, size: minChunk, reserve: s.reserve}
		if err := read(in); err != nil {
			if !errors.Is(err, errNoRoom) {
				t.Fatal(err)
			}
			in.hold(0)
			break
		}
		all = append(all, in)
	}
	if held := s.waiting.Load(); len(all) == 0 || held > 1<<20 || held < 300<<10 {
		t.Errorf("%d frames hold %d bytes", len(all), held)
	}
	for _, in := range all {
		in.hold(0)
	}
	if held := s.waiting.Load(); held != 0 {
		t.Errorf("%d bytes are still held", held)
	}
}
