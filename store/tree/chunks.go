package tree

import (
	"iter"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/quorate/quorate/store/txn"
	"github.com/quorate/quorate/store/txn/wire"
)

// The numbers of the fields of quorate.txn.v1.SnapshotChunk, in the order in which
// a snapshot holds them.
const (
	chunkHeader  protowire.Number = 1
	chunkACL     protowire.Number = 2
	chunkNode    protowire.Number = 3
	chunkSession protowire.Number = 4
	chunkTrailer protowire.Number = 5
)

// Chunks returns the version as encoded quorate.txn.v1.SnapshotChunk messages that
// [Loader.Add] takes in this order. A chunk ends with the first node that makes it
// size bytes or more, so that it is larger by that node at the most. A chunk is
// valid until the next one is asked for; its memory is used again.
func (v *Version) Chunks(size int) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		w := chunkWriter{size: size, yield: yield, going: true}
		w.head(v)
		v.acls.byID.Scan(func(id uint32, shared sharedACL) bool {
			return w.acl(id, shared.acl.entries)
		})
		v.nodes.scan(w.node)
		v.sessions.Scan(func(_ txn.SessionID, s *Session) bool { return w.session(s) })
		w.tail(v)
	}
}

// chunkWriter fills one chunk after another. Its methods tell whether more is wanted.
type chunkWriter struct {
	size    int
	yield   func([]byte) bool
	going   bool
	buf     []byte
	scratch []byte
}

// flush gives out the chunk if it is large enough.
func (w *chunkWriter) flush() bool {
	if w.going && len(w.buf) >= w.size {
		w.going = w.yield(w.buf)
		w.buf = w.buf[:0]
	}
	return w.going
}

// message adds the scratch buffer as a field.
func (w *chunkWriter) message(num protowire.Number) bool {
	w.buf = append(wire.AppendHead(w.buf, num, len(w.scratch)), w.scratch...)
	return w.flush()
}

func (w *chunkWriter) head(v *Version) {
	b := wire.AppendVarint(w.scratch[:0], 1, uint64(v.zxid))
	b = wire.AppendVarint(b, 2, uint64(v.time))
	b = wire.AppendVarint(b, 3, uint64(v.Len()))
	if v.membership != nil {
		b = v.membership.Append(wire.AppendHead(b, 4, v.membership.Size()))
	}
	w.scratch = wire.AppendVarint(b, 5, uint64(v.acls.next))
	w.message(chunkHeader)
}

func (w *chunkWriter) acl(id uint32, entries []txn.ACE) bool {
	w.scratch = txn.AppendACL(wire.AppendVarint(w.scratch[:0], 1, uint64(id)), 2, entries)
	return w.going && w.message(chunkACL)
}

func (w *chunkWriter) node(it item) bool {
	r := decode(it.block)
	w.scratch = appendNodeStat(w.scratch[:0], it, &r)
	size := wire.SizeString(1, r.path) + len(w.scratch)
	if r.hasData {
		size += wire.SizeMessage(2, len(r.data))
	}
	b := wire.AppendString(wire.AppendHead(w.buf, chunkNode, size), 1, r.path)
	if r.hasData {
		b = append(wire.AppendHead(b, 2, len(r.data)), r.data...)
	}
	w.buf = append(b, w.scratch...)
	return w.flush()
}

// appendNodeStat adds the fields of a SnapshotNode after path and data.
func appendNodeStat(b []byte, it item, r *record) []byte {
	b = wire.AppendVarint(b, 3, uint64(r.acl))
	b = wire.AppendVarint(b, 4, uint64(r.czxid))
	b = wire.AppendVarint(b, 5, uint64(r.mzxid))
	b = wire.AppendVarint(b, 6, uint64(it.pzxid(r.czxid)))
	b = wire.AppendVarint(b, 7, uint64(r.ctime))
	b = wire.AppendVarint(b, 8, uint64(r.mtime))
	b = wire.AppendVarint(b, 9, zigzag32(r.version))
	b = wire.AppendVarint(b, 10, zigzag32(r.aversion))
	b = wire.AppendVarint(b, 11, zigzag32(it.created()))
	b = wire.AppendVarint(b, 12, uint64(it.children()))
	b = wire.AppendVarint(b, 13, uint64(r.kind))
	b = wire.AppendFixed64(b, 14, uint64(r.owner))
	return wire.AppendVarint(b, 15, uint64(r.ttl))
}

func zigzag32(v int32) uint64 { return protowire.EncodeZigZag(int64(v)) }

func (w *chunkWriter) session(s *Session) bool {
	b := wire.AppendFixed64(w.scratch[:0], 1, uint64(s.ID))
	b = wire.AppendVarint(b, 2, uint64(s.Timeout))
	b = wire.AppendString(b, 3, s.token)
	b = wire.AppendVarint(b, 4, uint64(s.Last.Cxid))
	b = wire.AppendVarint(b, 5, uint64(s.Last.Zxid))
	w.scratch = wire.AppendString(b, 6, s.Last.Path)
	return w.going && w.message(chunkSession)
}

// tail ends the snapshot and gives out what is left.
func (w *chunkWriter) tail(v *Version) {
	if !w.going {
		return
	}
	b := wire.AppendVarint(w.scratch[:0], 1, uint64(v.Len()))
	w.scratch = wire.AppendFixed64(b, 2, v.Digest())
	w.size = 0
	w.message(chunkTrailer)
}
