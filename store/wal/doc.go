// Package wal is the write-ahead log: records in the order of their zxids, made
// durable by group commit, cut at a torn tail after a crash, and refused when
// damaged.
//
// # Files
//
// The log is a chain of segments of a fixed capacity, in files named by their
// sequence number ("0000000000000001.wal"). A segment is prepared ahead of its use:
// written with zeros under another name, synced, renamed, the directory synced. So
// a write to the log never changes a file's size or allocates a block, space can
// run out only while a segment is prepared, and a file whose size is not the
// capacity in its header has been damaged. All numbers are little-endian, all CRCs
// CRC-32C.
//
//	 0                                512                                       capacity
//	┌────────────────────────────────┬───────┬─────────┬─────────┬──────────────┐
//	│ segment header                 │ start │ frame   │ frame   │ … zeros      │
//	└────────────────────────────────┴───────┴─────────┴─────────┴──────────────┘
//	 segment header (one sector, written when the segment is prepared)
//	┌───────────┬─────────┬──────────┬───────┬──────────────────┬──────────┬─────┐
//	│ "QRMWAL\r\n" 8 │ version 4 │ CRC 4 │ sequence 8 │ nonce 8 │ base 8 │ capacity 8 │
//	└───────────┴─────────┴──────────┴───────┴──────────────────┴──────────┴─────┘
//
// Base is the global offset of the segment's first byte: the predecessor's base
// plus its capacity. A global offset (base + offset in the file) names a place in
// the whole log, and is how places in different segments compare.
//
// # Frames
//
// A frame starts at a multiple of 512 bytes, so that a torn write never touches
// bytes acknowledged before; the rest of its last sector is zeros.
//
//	 0            4             8               12         16       24      32        36
//	┌────────────┬─────────────┬───────────────┬──────────┬────────┬───────┬─────────┬──────┬───┐
//	│ header CRC │ payload CRC │ previous CRC  │ length   │ mark   │ zxid  │ count   │ kind │ 0 │ payload
//	│          4 │           4 │             4 │        4 │      8 │     8 │       4 │    1 │ 3 │
//	└────────────┴─────────────┴───────────────┴──────────┴────────┴───────┴─────────┴──────┴───┘
//	 record, in the payload of a records frame
//	┌──────────────────────────────────────┬──────────────────┬─────────┐
//	│ uvarint: zxid − zxid before it, ≥ 1  │ uvarint: length  │ payload │
//	└──────────────────────────────────────┴──────────────────┴─────────┘
//
// Both CRCs are seeded with the segment's random nonce and the frame's offset, so
// that bytes of a former life, or of another place, never parse. The header CRC
// covers the rest of the header, the payload's CRC in it. Previous CRC is the
// header CRC of the frame before, across segments too: frames form a chain. Mark is
// the global offset up to which the log was durable when the frame was written.
//
// Zxid is where the log stands before the frame, with these kinds:
//
//   - start is the first frame of every segment. It is written with the first
//     records that go there; without it the segment has not been used.
//   - records holds count records, all greater than zxid.
//   - cut takes back all records greater than zxid (TRUNC). The log is only
//     ever appended to: what was cut stays on the disk, void, until it is purged.
//     So a truncation is as atomic, as durable and as protected as a record.
//   - reset empties the log: it goes on after zxid, whatever came before (SNAP).
//   - cover is the empty frame of an idle log: its mark covers the last records.
//     The next frame overwrites it and chains to the frame before it. Once the next
//     segment is begun, a cover frame with a mark in that one ends its predecessor, so
//     that the loss of a whole file is noticed.
//
// # Group commit
//
// What is appended collects in one buffer while another is written and synced; one
// fdatasync makes durable all that waited. There is no timer: whoever waits alone is
// synced at once. A write or fdatasync that fails is never retried; the log is
// poisoned and everybody waiting is told (see [ErrPoisoned]). A segment is durable to
// its end before the next one is started.
//
// # Torn tail or damage
//
// Reading stops at the first frame that does not check or does not chain. If a
// header behind it checks whose mark lies beyond, then the log was durable there once:
// that is damage, and [Open] refuses with a [*DamageError]. If there is none, it is the
// tail of a write that was never acknowledged, and is cut with all behind it by
// zeroing it, durably. A power cut that kept later sectors of a group and lost
// earlier ones leaves marks of the group's own beginning, and is a torn tail.
//
// Open then rewrites what no mark covers and syncs it, before anything of it is
// reported: after a failed fdatasync the system may show bytes it does not have on
// the disk, and only a write makes it store them.
//
// # Zeros, fallocate, recycling
//
// Measured with fdatasync per write on ext4 (virtual disk, 64 MiB files): 16 KiB groups
// take 0.13 ms in a file written with zeros, 0.26 ms in one that was only fallocated
// or is sparse (each sync commits the journal); 512 B groups 0.11 ms in all. Preparing
// costs 45 ms with zeros. A recycled file syncs like a zeroed one and would save
// only that, in the background: segments are zeroed, not recycled.
package wal
