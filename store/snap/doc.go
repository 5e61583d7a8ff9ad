// Package snap keeps snapshots: files with one version of the tree at one zxid.
//
// A file is a header, the version's chunks in order, each compressed for itself,
// and an end:
//
//	header  "QRMSNAPS" | format u32 | flags u32 | zxid u64 | 0 u32 | CRC32C u32
//	frame   kind u8 | 0 u24 | length u32 | raw length u32 | CRC32C u32 | payload
//	…
//	frame   of kind 2: chunks u64 | raw bytes u64 | nodes u64 | digest u64
//
// All numbers are little-endian. The payload of a frame of kind 1 is a
// quorate.txn.v1.SnapshotChunk compressed with zstd. A frame's CRC32C covers the file's zxid, the
// frame's index, its head and its payload, so that no frame can change places.
// Nothing follows the end frame. Flag 1 says that the snapshot came from
// another server: only such a one may replace a log that it does not continue.
//
// A file is written under a temporary name, synced, and renamed to
// snapshot.<zxid in 16 hexadecimal digits>, and the directory is synced: a file
// of that name has once been whole. [Load] nevertheless believes nothing: it
// checks every checksum, the order, the counts, and the digest of the tree that it built.
package snap
