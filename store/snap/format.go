package snap

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"

	"github.com/quorate/quorate/store/txn"
)

// The sizes and numbers of the format drawn in the package comment.
const (
	magic       = "QRMSNAPS"
	version     = 1
	headerSize  = 32
	frameSize   = 16
	endSize     = 32
	kindChunk   = 1
	kindEnd     = 2
	flagNetwork = 1 // the snapshot was received, not written from the tree here
	knownFlags  = flagNetwork

	// maxChunk is the greatest chunk, before and after compression, that is read
	// or written: a bound for hostile lengths, far above what the tree makes.
	maxChunk = 64 << 20
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// ErrInvalid is in the chain of every error that is the snapshot's fault, and not
// that of the file system under it: the file is damaged, not whole, or of a
// format this program does not know.
var ErrInvalid = errors.New("the snapshot cannot be used")

func invalid(format string, args ...any) error {
	return fmt.Errorf("%w: %w", ErrInvalid, fmt.Errorf(format, args...))
}

// header is what a file opens with.
type header struct {
	zxid    txn.Zxid
	network bool
}

func (h header) encode() []byte {
	b := make([]byte, headerSize)
	copy(b, magic)
	binary.LittleEndian.PutUint32(b[8:], version)
	if h.network {
		binary.LittleEndian.PutUint32(b[12:], flagNetwork)
	}
	binary.LittleEndian.PutUint64(b[16:], uint64(h.zxid))
	binary.LittleEndian.PutUint32(b[headerSize-4:], crc32.Checksum(b[:headerSize-4], castagnoli))
	return b
}

func decodeHeader(b []byte) (header, error) {
	if string(b[:8]) != magic {
		return header{}, invalid("it does not begin like a snapshot")
	}
	if binary.LittleEndian.Uint32(b[headerSize-4:]) != crc32.Checksum(b[:headerSize-4], castagnoli) {
		return header{}, invalid("the checksum of its header is wrong")
	}
	if v := binary.LittleEndian.Uint32(b[8:]); v != version {
		return header{}, invalid("it has format %d and this program knows format %d", v, version)
	}
	flags := binary.LittleEndian.Uint32(b[12:])
	if flags&^knownFlags != 0 || binary.LittleEndian.Uint32(b[24:]) != 0 {
		return header{}, invalid("its header has flags this program does not know")
	}
	return header{
		zxid:    txn.Zxid(binary.LittleEndian.Uint64(b[16:])),
		network: flags&flagNetwork != 0,
	}, nil
}

// end is what a file closes with.
type end struct {
	chunks uint64 // chunks before it
	raw    uint64 // their bytes before compression
	nodes  uint64
	digest uint64
}

func (e end) encode() []byte {
	b := make([]byte, 0, endSize)
	b = binary.LittleEndian.AppendUint64(b, e.chunks)
	b = binary.LittleEndian.AppendUint64(b, e.raw)
	b = binary.LittleEndian.AppendUint64(b, e.nodes)
	return binary.LittleEndian.AppendUint64(b, e.digest)
}

func decodeEnd(b []byte) end {
	return end{
		chunks: binary.LittleEndian.Uint64(b),
		raw:    binary.LittleEndian.Uint64(b[8:]),
		nodes:  binary.LittleEndian.Uint64(b[16:]),
		digest: binary.LittleEndian.Uint64(b[24:]),
	}
}

// frame is one piece of a file, its payload still compressed.
type frame struct {
	kind    byte
	raw     uint32 // length of the payload once it is decompressed
	payload []byte
}

// appendFrame appends the index-th frame to b. The checksum covers the file's
// zxid and the frame's place, so that a frame of another snapshot, or a frame
// lost or repeated, is noticed.
func appendFrame(b []byte, z txn.Zxid, index uint64, f frame) []byte {
	start := len(b)
	b = append(b, f.kind, 0, 0, 0)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(f.payload)))
	b = binary.LittleEndian.AppendUint32(b, f.raw)
	b = binary.LittleEndian.AppendUint32(b, frameSum(z, index, b[start:], f.payload))
	return append(b, f.payload...)
}

func frameSum(z txn.Zxid, index uint64, head, payload []byte) uint32 {
	var place [16]byte
	binary.LittleEndian.PutUint64(place[:], uint64(z))
	binary.LittleEndian.PutUint64(place[8:], index)
	sum := crc32.Checksum(place[:], castagnoli)
	sum = crc32.Update(sum, castagnoli, head)
	return crc32.Update(sum, castagnoli, payload)
}

// scanner reads the frames of a file in order and checks everything that can be
// checked without decompressing.
type scanner struct {
	r      *bufio.Reader
	left   int64 // bytes of the file not yet read
	header header
	seen   end // counts so far; whole once done
	done   bool
}

// newScanner reads the header of a file of the given size.
func newScanner(r io.ReaderAt, size int64) (*scanner, error) {
	s := &scanner{r: bufio.NewReaderSize(io.NewSectionReader(r, 0, size), 1<<20), left: size}
	b, err := s.take(nil, headerSize)
	if err != nil {
		return nil, err
	}
	s.header, err = decodeHeader(b)
	return s, err
}

// take reads n bytes into b if it has room for them, else into new memory.
func (s *scanner) take(b []byte, n int64) ([]byte, error) {
	if n > s.left {
		return nil, invalid("it ends in the middle of a chunk")
	}
	if int64(cap(b)) < n {
		b = make([]byte, n)
	}
	b = b[:n]
	if _, err := io.ReadFull(s.r, b); err != nil {
		return nil, err
	}
	s.left -= n
	return b, nil
}

// next returns the next chunk's frame, its payload in buf if it fits, and false
// after the end frame, behind which there is nothing.
func (s *scanner) next(buf []byte) (frame, bool, error) {
	if s.done {
		return frame{}, false, nil
	}
	var place [frameSize]byte
	head, err := s.take(place[:], frameSize)
	if err != nil {
		return frame{}, false, err
	}
	size, raw := binary.LittleEndian.Uint32(head[4:]), binary.LittleEndian.Uint32(head[8:])
	if size > maxChunk || raw > maxChunk {
		return frame{}, false, invalid("chunk %d claims to have %d bytes", s.seen.chunks, max(size, raw))
	}
	payload, err := s.take(buf, int64(size))
	if err != nil {
		return frame{}, false, err
	}
	if binary.LittleEndian.Uint32(head[12:]) != frameSum(s.header.zxid, s.seen.chunks, head[:12], payload) {
		return frame{}, false, invalid("the checksum of chunk %d is wrong", s.seen.chunks)
	}
	return s.accept(frame{kind: head[0], raw: raw, payload: payload})
}

// accept judges a frame whose checksum is right.
func (s *scanner) accept(f frame) (frame, bool, error) {
	if f.kind == kindChunk {
		s.seen.chunks++
		s.seen.raw += uint64(f.raw)
		return f, true, nil
	}
	if f.kind != kindEnd || len(f.payload) != endSize {
		return frame{}, false, invalid("chunk %d is of a kind this program does not know", s.seen.chunks)
	}
	e := decodeEnd(f.payload)
	if e.chunks != s.seen.chunks || e.raw != s.seen.raw {
		return frame{}, false, invalid("it should have %d chunks with %d bytes, and has %d with %d",
			e.chunks, e.raw, s.seen.chunks, s.seen.raw)
	}
	if s.left != 0 {
		return frame{}, false, invalid("%d bytes follow its end", s.left)
	}
	s.seen, s.done = e, true
	return frame{}, false, nil
}
