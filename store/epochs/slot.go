package epochs

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"

	"github.com/quorate/quorate/store/txn"
)

// A slot holds two copies of one record, half a slot each:
//
//	 0  magic     8 bytes "QRMEPOCH"
//	 8  version   u32, 1
//	12  accepted  u32
//	16  sequence  u64, from 1; the slot is (sequence mod 2)
//	24  incarnation u64
//	32  current   u32
//	36  from      u32
//	40  zero      up to 252
//	252 CRC32C    u32, over all bytes of the copy before it
//
// All numbers are little-endian.
const (
	slotSize  = 512
	copySize  = slotSize / 2
	crcAt     = copySize - 4
	version   = 1
	magic     = "QRMEPOCH"
	usedBytes = 40
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// errNewer is returned for a whole record of a format this program does not know.
var errNewer = errors.New("it was written by a newer version of Quorate; start that version")

// errDamaged is returned for bytes that are no record.
var errDamaged = errors.New("checksum or contents are wrong")

// encodeSlot returns the 512 bytes of a slot.
func encodeSlot(r Record, sequence uint64) []byte {
	b := make([]byte, slotSize)
	half := b[:copySize]
	copy(half, magic)
	binary.LittleEndian.PutUint32(half[8:], version)
	binary.LittleEndian.PutUint32(half[12:], uint32(r.Accepted))
	binary.LittleEndian.PutUint64(half[16:], sequence)
	binary.LittleEndian.PutUint64(half[24:], r.Incarnation)
	binary.LittleEndian.PutUint32(half[32:], uint32(r.Current))
	binary.LittleEndian.PutUint32(half[36:], uint32(r.From))
	binary.LittleEndian.PutUint32(half[crcAt:], crc32.Checksum(half[:crcAt], castagnoli))
	copy(b[copySize:], half)
	return b
}

// decodeSlot returns the newer of a slot's valid copies. It is an error only if
// neither is valid, which no torn write can bring about: a write torn at one
// place leaves at least one copy wholly old or wholly new.
func decodeSlot(b []byte) (Record, uint64, error) {
	first, seq1, err1 := decodeCopy(b[:copySize])
	second, seq2, err2 := decodeCopy(b[copySize:slotSize])
	switch {
	case errors.Is(err1, errNewer) || errors.Is(err2, errNewer):
		return Record{}, 0, errNewer
	case err1 != nil && err2 != nil:
		return Record{}, 0, err1
	case err1 != nil || (err2 == nil && seq2 > seq1):
		return second, seq2, nil
	}
	return first, seq1, nil
}

func decodeCopy(b []byte) (Record, uint64, error) {
	if string(b[:8]) != magic || binary.LittleEndian.Uint32(b[crcAt:]) != crc32.Checksum(b[:crcAt], castagnoli) {
		return Record{}, 0, errDamaged
	}
	if binary.LittleEndian.Uint32(b[8:]) != version {
		return Record{}, 0, errNewer
	}
	from := binary.LittleEndian.Uint32(b[36:])
	r := Record{
		Accepted:    txn.Epoch(binary.LittleEndian.Uint32(b[12:])),
		From:        txn.ServerID(from),
		Incarnation: binary.LittleEndian.Uint64(b[24:]),
		Current:     txn.Epoch(binary.LittleEndian.Uint32(b[32:])),
	}
	sequence := binary.LittleEndian.Uint64(b[16:])
	if uint32(r.From) != from || sequence == 0 {
		return Record{}, 0, errDamaged
	}
	if err := r.validate(); err != nil {
		return Record{}, 0, fmt.Errorf("%w: %w", errDamaged, err)
	}
	return r, sequence, nil
}
