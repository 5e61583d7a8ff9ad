package wal

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"

	"github.com/quorate/quorate/store/vfs"
)

// recovery is the reading of a log at Open.
type recovery struct {
	fs  vfs.FS
	dir string
	o   Options

	segs   []segment // whose headers check, in order without a gap
	unused []string  // files that never became part of the log, in order
	blank  uint64    // the last segment of all zeros, 0 if there is none

	// What walk found: the first used of segs are in use, and the frames chain up to
	// tail. mark is the greatest durable mark among them.
	used    int
	tail    tail
	mark    int64
	history history
	next    *active
}

func (r *recovery) path(seq uint64) string { return filepath.Join(r.dir, fileName(seq)) }

func (r *recovery) damage(seq uint64, off int64, reason string, args ...any) error {
	return &DamageError{File: r.path(seq), Offset: off, Reason: fmt.Sprintf(reason, args...)}
}

// list finds the segments and reads their headers.
func (r *recovery) list() error {
	names, err := r.fs.List(r.dir) // sorted, and so are the numbers in them
	if err != nil {
		return err
	}
	for _, name := range names {
		if name == tmpName {
			r.unused = append(r.unused, name)
		}
		seq, ok := parseName(name)
		if !ok {
			continue
		}
		if err := r.add(seq); err != nil {
			return err
		}
	}
	return nil
}

// add reads the header of the next segment and checks that it continues the one before.
func (r *recovery) add(seq uint64) error {
	file, err := r.fs.Open(r.path(seq))
	if err != nil {
		return err
	}
	defer file.Close() //nolint:errcheck // only read from
	s, size, err := readSegment(file)
	var bad *headerError
	if errors.As(err, &bad) {
		return r.addBad(seq, file, size, bad)
	}
	if err != nil {
		return err
	}
	switch n := len(r.segs); {
	case r.blank != 0:
		return r.damage(r.blank, 0, "the file is empty, but there are segments behind it")
	case s.seq != seq:
		return r.damage(seq, 0, "the file is segment %d under a wrong name", s.seq)
	case size != s.capacity:
		return r.damage(seq, min(size, s.capacity), "the file has %d bytes, not %d", size, s.capacity)
	case n == 0 && (seq == 1) != (s.base == 0):
		return r.damage(seq, 0, "the first segment begins at %d", s.base)
	case n > 0 && seq != r.segs[n-1].seq+1:
		return r.damage(r.segs[n-1].seq+1, 0, "the file is missing")
	case n > 0 && s.base != r.segs[n-1].end():
		return r.damage(seq, 0, "the segment begins at %d, the one before ends at %d", s.base, r.segs[n-1].end())
	}
	r.segs = append(r.segs, s)
	return nil
}

// addBad deals with a file without a valid header: it was never used if it is all
// zeros and no segment follows.
func (r *recovery) addBad(seq uint64, file vfs.File, size int64, cause error) error {
	w := window{file: file, limit: size}
	for off := int64(0); off < size; off += readAhead {
		b, err := w.at(off, readAhead)
		if err != nil {
			return err
		}
		if !blank(b) {
			return r.damage(seq, 0, "%v", cause)
		}
	}
	r.unused = append(r.unused, fileName(seq))
	r.blank = seq
	return nil
}

// headerError says that a segment's header is bad, as opposed to unreadable.
type headerError struct{ error }

// readSegment reads the header of a segment and the size of its file.
func readSegment(file vfs.File) (s segment, size int64, err error) {
	if size, err = file.Size(); err != nil {
		return segment{}, 0, err
	}
	b := make([]byte, headerSize)
	if n, err := file.ReadAt(b, 0); err != nil && (!errors.Is(err, io.EOF) || int64(n) != min(size, headerSize)) {
		return segment{}, 0, err
	}
	if s, err = parseSegment(b); err != nil {
		return segment{}, size, &headerError{err}
	}
	return s, size, nil
}

// walk follows the chain of frames through the segments, as far as it goes.
func (r *recovery) walk() error {
	for i, seg := range r.segs {
		file, err := r.fs.Open(r.path(seg.seq))
		if err != nil {
			return err
		}
		w := window{file: file, seg: seg, limit: seg.capacity}
		started, err := r.walkSegment(&w, i == 0)
		if err = errors.Join(err, file.Close()); err != nil {
			return err
		}
		if !started {
			return nil
		}
		r.used = i + 1
	}
	return nil
}

// walkSegment follows the frames of one segment; started tells whether its start frame
// is there and continues what was read before.
func (r *recovery) walkSegment(w *window, first bool) (started bool, err error) {
	h, _, ok, err := w.frame(headerSize)
	if err != nil || !ok || h.kind != kindStart || h.length != 0 {
		return false, err
	}
	if !first && (h.prev != r.tail.prev || h.zxid != r.history.last()) {
		return false, nil
	}
	r.tail = tail{at: &active{segment: w.seg}, off: headerSize + sector, prev: h.crc}
	r.mark = max(r.mark, h.mark)
	r.history.start(w.seg, r.tail.off, h.zxid)
	for {
		if ok, err := r.step(w); err != nil || !ok {
			return true, err
		}
	}
}

// step takes the frame at the tail if it continues the log.
func (r *recovery) step(w *window) (ok bool, err error) {
	off := r.tail.off
	h, payload, ok, err := w.frame(off)
	if err != nil || !ok || h.prev != r.tail.prev || !r.enter(h, off, payload) {
		return false, err
	}
	r.mark = max(r.mark, h.mark)
	if h.kind == kindCover {
		r.tail.covered = true
		return false, nil // the log ends here: the next frame takes its place
	}
	r.tail.off, r.tail.prev = off+h.size(), h.crc
	return true, nil
}

// enter adds a frame to the history if its content makes sense there.
func (r *recovery) enter(h header, off int64, payload []byte) bool {
	end, last := off+h.size(), r.history.last()
	if h.kind == kindRecords {
		first, newest, err := checkRecords(payload, h.zxid, h.count)
		if err != nil || h.zxid != last {
			return false
		}
		r.history.extend(off, end, last, first, newest)
		return true
	}
	if h.length != 0 || h.count != 0 {
		return false
	}
	switch h.kind {
	case kindCover:
		return h.zxid == last
	case kindCut:
		if h.zxid <= last {
			r.history.cut(end, h.zxid)
			return true
		}
	case kindReset:
		r.history.reset(end, h.zxid)
		return true
	}
	return false
}

// end returns where the chain ends: the index of the segment, and the offset in it.
func (r *recovery) end() (i int, off int64) {
	if r.used == 0 {
		return 0, headerSize
	}
	return r.used - 1, r.tail.off
}

// refuseDamage looks behind the end of the chain for a frame that was written when the
// log was already durable beyond that end.
func (r *recovery) refuseDamage() error {
	i, off := r.end()
	if len(r.segs) == 0 {
		return nil
	}
	if r.used == 0 && r.segs[0].seq != 1 {
		return r.damage(r.segs[0].seq, headerSize, "the start of the log does not check")
	}
	end := r.segs[i].base + off
	for n, seg := range r.segs[i:] {
		from := int64(headerSize)
		if n == 0 {
			from = off
		}
		mark, err := r.greatestMark(seg, from)
		if err != nil {
			return err
		}
		if mark > end {
			return r.place(i, off, mark)
		}
	}
	return nil
}

func (r *recovery) greatestMark(seg segment, from int64) (int64, error) {
	file, err := r.fs.Open(r.path(seg.seq))
	if err != nil {
		return 0, err
	}
	defer file.Close() //nolint:errcheck // only read from
	w := window{file: file, seg: seg, limit: seg.capacity}
	return w.greatestMark(from)
}

// place names the place of the damage: where the chain ends, unless it is the next
// segment that is missing or has lost its start.
func (r *recovery) place(i int, off, mark int64) error {
	seg := r.segs[i]
	if r.used > 0 && mark > seg.end() {
		if i+1 == len(r.segs) && r.blank != 0 {
			return r.damage(r.blank, 0, "the file is empty, but was in use")
		}
		if i+1 == len(r.segs) {
			return r.damage(seg.seq+1, 0, "the file is missing")
		}
		if ok, err := r.started(r.segs[i+1]); err != nil || !ok {
			return errors.Join(err, r.damage(r.segs[i+1].seq, headerSize, "the segment's start does not check, though it was durable"))
		}
	}
	return r.damage(seg.seq, off, "the frame does not check, though the log was durable up to %d bytes behind it", mark-seg.base-off)
}

// started tells whether a segment's start frame checks.
func (r *recovery) started(seg segment) (bool, error) {
	file, err := r.fs.Open(r.path(seg.seq))
	if err != nil {
		return false, err
	}
	defer file.Close() //nolint:errcheck // only read from
	w := window{file: file, seg: seg, limit: seg.capacity}
	h, ok, err := w.header(headerSize)
	return ok && h.kind == kindStart, err
}

// cutTail zeroes what lies behind the end of the chain, durably, so that nothing of it
// can ever be taken for a part of the log.
func (r *recovery) cutTail() error {
	i, off := r.end()
	torn := TornTail{File: r.path(r.segs[i].seq), Offset: off}
	if r.tail.covered {
		off += sector
	}
	for _, seg := range r.segs[i:] {
		n, err := r.zero(seg, off)
		if err != nil {
			return err
		}
		torn.Dropped += n
		off = headerSize
	}
	if torn.Dropped > 0 {
		r.o.Events.tornTail(torn)
	}
	return nil
}

// zero zeroes the sectors of a segment from off on that are not, syncs, and returns
// how many bytes that were.
func (r *recovery) zero(seg segment, off int64) (dropped int64, err error) {
	file, err := r.fs.OpenReadWrite(r.path(seg.seq))
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	w := window{file: file, seg: seg, limit: seg.capacity}
	var zeros [sector]byte
	for ; off < seg.capacity; off += sector {
		b, err := w.at(off, sector)
		if err != nil {
			return 0, err
		}
		if blank(b) {
			continue
		}
		if _, err := file.WriteAt(zeros[:], off); err != nil {
			return 0, err
		}
		dropped += sector
	}
	if dropped == 0 {
		return 0, nil
	}
	return dropped, file.Sync()
}
