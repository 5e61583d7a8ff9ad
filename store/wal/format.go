package wal

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"strconv"
	"strings"

	"github.com/quorate/quorate/store/txn"
	"github.com/quorate/quorate/store/vfs"
)

const (
	sector      = vfs.SectorSize
	headerSize  = sector // of a segment
	frameHeader = 40
	magic       = "QRMWAL\r\n"
	version     = 1

	// frameTarget is the payload at which a frame is closed and another begun, as far as
	// a segment has room for it. A greater record has a frame of its own.
	frameTarget = 256 << 10
	// recordOverhead bounds the bytes of a record beside its payload.
	recordOverhead = 2 * binary.MaxVarintLen64
	// coverRoom is kept free at the end of a segment for the cover frame, controlRoom
	// before it for cut and reset frames, so that truncating needs no space.
	coverRoom   = sector
	controlRoom = 8 * sector
)

// recordRoom returns the greatest payload of a record that a segment of this capacity takes.
func recordRoom(capacity int64) int {
	return int(capacity - headerSize - sector - coverRoom - controlRoom - frameHeader - recordOverhead)
}

// align rounds up to whole sectors.
func align(n int64) int64 { return (n + sector - 1) &^ (sector - 1) }

// kind says what a frame is.
type kind uint8

const (
	kindStart kind = 1 + iota
	kindRecords
	kindCut
	kindReset
	kindCover
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// seed is where the CRCs of the frame at this offset of a segment begin.
func seed(nonce uint64, off int64) uint32 {
	var b [16]byte
	binary.LittleEndian.PutUint64(b[:], nonce)
	binary.LittleEndian.PutUint64(b[8:], uint64(off)) //nolint:gosec // offsets are not negative
	return crc32.Update(0, castagnoli, b[:])
}

// header is the header of a frame.
type header struct {
	crc     uint32 // of the header itself
	payload uint32 // CRC of the payload
	prev    uint32
	length  uint32
	mark    int64
	zxid    txn.Zxid
	count   uint32
	kind    kind
}

// size is what the frame takes in the file.
func (h header) size() int64 { return align(frameHeader + int64(h.length)) }

// put writes the header into the first bytes of b, with a CRC for its place, and
// returns that.
func (h header) put(b []byte, nonce uint64, off int64) uint32 {
	le := binary.LittleEndian
	le.PutUint32(b[4:], h.payload)
	le.PutUint32(b[8:], h.prev)
	le.PutUint32(b[12:], h.length)
	le.PutUint64(b[16:], uint64(h.mark)) //nolint:gosec // not negative
	le.PutUint64(b[24:], uint64(h.zxid))
	le.PutUint32(b[32:], h.count)
	le.PutUint32(b[36:], uint32(h.kind))
	crc := crc32.Update(seed(nonce, off), castagnoli, b[4:frameHeader])
	le.PutUint32(b, crc)
	return crc
}

// parseHeader reads the header of the frame at an offset; ok tells whether it checks.
func parseHeader(b []byte, nonce uint64, off int64) (h header, ok bool) {
	if len(b) < frameHeader {
		return header{}, false
	}
	le := binary.LittleEndian
	k := le.Uint32(b[36:])
	if k < uint32(kindStart) || k > uint32(kindCover) { // spares zeros and most garbage the CRC
		return header{}, false
	}
	h = header{
		crc:     le.Uint32(b),
		payload: le.Uint32(b[4:]),
		prev:    le.Uint32(b[8:]),
		length:  le.Uint32(b[12:]),
		mark:    int64(le.Uint64(b[16:])), //nolint:gosec // checked below
		zxid:    txn.Zxid(le.Uint64(b[24:])),
		count:   le.Uint32(b[32:]),
		kind:    kind(k),
	}
	return h, h.mark >= 0 && h.crc == crc32.Update(seed(nonce, off), castagnoli, b[4:frameHeader])
}

// checkPayload tells whether payload is that of the frame with header h at an offset.
func (h header) checkPayload(payload []byte, nonce uint64, off int64) bool {
	return len(payload) == int(h.length) && h.payload == crc32.Update(seed(nonce, off), castagnoli, payload)
}

// appendRecord appends the encoding of a record that follows prev.
func appendRecord(b []byte, prev txn.Zxid, r Record) []byte {
	b = binary.AppendUvarint(b, uint64(r.Zxid-prev))
	b = binary.AppendUvarint(b, uint64(len(r.Payload)))
	return append(b, r.Payload...)
}

// errRecord says that a payload is not a sequence of records.
var errRecord = errors.New("malformed record")

// nextRecord reads the record that follows prev and returns the rest of b. The
// payload points into b.
func nextRecord(b []byte, prev txn.Zxid) (r Record, rest []byte, err error) {
	delta, n := binary.Uvarint(b)
	if n <= 0 || delta == 0 || uint64(prev)+delta < uint64(prev) {
		return Record{}, nil, errRecord
	}
	b = b[n:]
	size, n := binary.Uvarint(b)
	if n <= 0 || size > uint64(len(b)-n) {
		return Record{}, nil, errRecord
	}
	b = b[n:]
	return Record{Zxid: prev + txn.Zxid(delta), Payload: b[:size:size]}, b[size:], nil
}

// checkRecords reads a whole payload and returns its first and last zxid.
func checkRecords(b []byte, prev txn.Zxid, count uint32) (first, last txn.Zxid, err error) {
	last = prev
	for i := range count {
		var r Record
		if r, b, err = nextRecord(b, last); err != nil {
			return 0, 0, err
		}
		if last = r.Zxid; i == 0 {
			first = r.Zxid
		}
	}
	if count == 0 || len(b) != 0 {
		return 0, 0, errRecord
	}
	return first, last, nil
}

// segment is the header of a segment. It never changes.
type segment struct {
	seq      uint64
	nonce    uint64
	base     int64 // global offset of its first byte
	capacity int64
}

// end is the global offset behind the segment: its successor's base.
func (s segment) end() int64 { return s.base + s.capacity }

// limit is how far frames of this kind may reach.
func (s segment) limit(k kind) int64 {
	if k == kindCut || k == kindReset {
		return s.capacity - coverRoom
	}
	return s.capacity - coverRoom - controlRoom
}

const fileSuffix = ".wal"

// fileName returns the name of the file of the segment with this sequence number.
func fileName(seq uint64) string { return fmt.Sprintf("%016x%s", seq, fileSuffix) }

// IsSegment tells whether a file of that name in the log's directory is a segment.
func IsSegment(name string) bool {
	_, ok := parseName(name)
	return ok
}

// parseName is the reverse of fileName.
func parseName(name string) (seq uint64, ok bool) {
	digits, ok := strings.CutSuffix(name, fileSuffix)
	if !ok || len(digits) != 16 {
		return 0, false
	}
	seq, err := strconv.ParseUint(digits, 16, 64)
	return seq, err == nil && fileName(seq) == name
}

// encode returns the header's sector.
func (s segment) encode() []byte {
	b := make([]byte, headerSize)
	le := binary.LittleEndian
	copy(b, magic)
	le.PutUint32(b[8:], version)
	le.PutUint64(b[16:], s.seq)
	le.PutUint64(b[24:], s.nonce)
	le.PutUint64(b[32:], uint64(s.base))     //nolint:gosec // not negative
	le.PutUint64(b[40:], uint64(s.capacity)) //nolint:gosec // not negative
	le.PutUint32(b[12:], crc32.Checksum(b, castagnoli))
	return b
}

// parseSegment reads a segment's header from its sector. The error says what is wrong with it.
func parseSegment(b []byte) (segment, error) {
	le := binary.LittleEndian
	if len(b) < headerSize || string(b[:len(magic)]) != magic {
		return segment{}, errors.New("no segment header")
	}
	c := make([]byte, headerSize)
	copy(c, b)
	clear(c[12:16])
	if crc32.Checksum(c, castagnoli) != le.Uint32(b[12:]) {
		return segment{}, errors.New("the segment header does not check")
	}
	if v := le.Uint32(b[8:]); v != version {
		return segment{}, fmt.Errorf("segment format %d; this program reads %d", v, version)
	}
	s := segment{
		seq:      le.Uint64(b[16:]),
		nonce:    le.Uint64(b[24:]),
		base:     int64(le.Uint64(b[32:])), //nolint:gosec // checked below
		capacity: int64(le.Uint64(b[40:])), //nolint:gosec // checked below
	}
	if s.base < 0 || s.capacity < MinSegmentSize || s.capacity > MaxSegmentSize || s.capacity%sector != 0 {
		return segment{}, errors.New("the segment header makes no sense")
	}
	return s, nil
}
