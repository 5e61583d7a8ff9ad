package watch

import (
	"sort"

	"github.com/quorate/quorate/store"
	"github.com/quorate/quorate/store/txn"
)

const (
	// chunkLen is how many changes are allocated at a time.
	chunkLen = 512
	// changeBytes is what a change of one node takes beside the node's block: its place in the chunk, and the effect with the
	// result that shares its allocation. Of a txn with many effects it is a little less for each.
	changeBytes = 232
)

// history is a ring of the latest changes, bounded in bytes. Each has a number, one more than the change before, from 0. It belongs to who holds the
// hub's lock.
type history struct {
	limit  int64
	bytes  int64
	base   txn.Zxid // whatever happened after it is here
	first  uint64   // number of the oldest change that is here
	length int
	skip   int // places of the first chunk that are empty already
	chunks []*[chunkLen]store.Change
}

// restart forgets all that happened up to z.
func (h *history) restart(z txn.Zxid) {
	*h = history{limit: h.limit, base: z, first: h.end()}
}

// end returns the number of the next change.
func (h *history) end() uint64 { return h.first + uint64(h.length) }

// at returns the change of a number, which must be here.
func (h *history) at(number uint64) *store.Change {
	i := int(number-h.first) + h.skip
	return &h.chunks[i/chunkLen][i%chunkLen]
}

// add appends a change, and forgets the oldest beyond the limit. The newest stays, however large it is.
func (h *history) add(c store.Change) {
	if (h.skip+h.length)/chunkLen == len(h.chunks) {
		h.chunks = append(h.chunks, new([chunkLen]store.Change))
	}
	h.length++
	*h.at(h.end() - 1) = c
	h.bytes += sizeOf(&c)
	for h.bytes > h.limit && h.length > 1 {
		h.forget()
	}
}

// forget drops the oldest change.
func (h *history) forget() {
	oldest := h.at(h.first)
	h.base = oldest.Zxid
	h.bytes -= sizeOf(oldest)
	*oldest = store.Change{}
	h.first++
	h.length--
	if h.skip++; h.skip == chunkLen {
		h.chunks[0] = nil
		h.chunks, h.skip = h.chunks[1:], 0
	}
}

// after returns the number of the first change after z; false if some after z have been forgotten.
func (h *history) after(z txn.Zxid) (uint64, bool) {
	if z < h.base {
		return 0, false
	}
	i := sort.Search(h.length, func(i int) bool { return h.at(h.first+uint64(i)).Zxid > z })
	return h.first + uint64(i), true
}

// copyTo appends changes from a number on to buf: as many as buf has room for, but none more once they take maxBytes.
func (h *history) copyTo(buf []store.Change, from uint64, maxBytes int64) []store.Change {
	for bytes := int64(0); from < h.end() && len(buf) < cap(buf) && bytes < maxBytes; from++ {
		c := h.at(from)
		buf = append(buf, *c)
		bytes += sizeOf(c)
	}
	return buf
}

// sizeOf returns about how much memory a change keeps alive, in bytes.
func sizeOf(c *store.Change) int64 {
	n := 0
	for i := range c.Effects {
		e := &c.Effects[i]
		n += changeBytes + e.Node.Size()
		if e.Node.Size() == 0 { // otherwise the path stands in the node's block
			n += len(e.Path)
		}
	}
	return int64(n)
}
