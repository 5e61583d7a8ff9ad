package wal

import (
	"errors"
	"io"

	"github.com/quorate/quorate/store/vfs"
)

// readAhead is how much a window reads at a time, in bytes.
const readAhead = 256 << 10

// window reads a segment's file through one buffer.
type window struct {
	file vfs.File
	seg  segment
	buf  []byte
	off  int64 // where buf lies in the file
	// limit is how far the file may be read; less than all of it beside a writer.
	limit int64
}

// at returns the n bytes at off, fewer at the limit. They are valid until the next call.
func (w *window) at(off int64, n int) ([]byte, error) {
	n = int(max(0, min(int64(n), w.limit-off)))
	if off < w.off || off+int64(n) > w.off+int64(len(w.buf)) {
		if err := w.load(off, n); err != nil {
			return nil, err
		}
	}
	return w.buf[off-w.off:][:n], nil
}

func (w *window) load(off int64, n int) error {
	n = int(min(int64(max(n, readAhead)), w.limit-off))
	if cap(w.buf) < n {
		w.buf = make([]byte, max(n, min(readAhead, int(w.seg.capacity))))
	}
	w.buf, w.off = w.buf[:n], off
	got, err := w.file.ReadAt(w.buf, off)
	if got < n {
		w.buf = w.buf[:0]
		return errors.Join(err, io.ErrUnexpectedEOF)
	}
	return nil
}

// header returns the header at off; ok tells whether one is there that checks.
func (w *window) header(off int64) (h header, ok bool, err error) {
	b, err := w.at(off, frameHeader)
	if err != nil {
		return header{}, false, err
	}
	h, ok = parseHeader(b, w.seg.nonce, off)
	return h, ok, nil
}

// frame returns the whole frame at off; ok tells whether one is there that checks. The
// payload is valid until the next call.
func (w *window) frame(off int64) (h header, payload []byte, ok bool, err error) {
	h, ok, err = w.header(off)
	if err != nil || !ok || off+frameHeader+int64(h.length) > w.limit {
		return header{}, nil, false, err
	}
	b, err := w.at(off, frameHeader+int(h.length))
	if err != nil {
		return header{}, nil, false, err
	}
	payload = b[frameHeader:]
	return h, payload, h.checkPayload(payload, w.seg.nonce, off), nil
}

// greatestMark returns the greatest mark of any header that checks from off on, 0 if
// there is none. A header counts without its payload: its mark was true when it was written.
func (w *window) greatestMark(off int64) (int64, error) {
	var mark int64
	for ; off < w.seg.capacity; off += sector {
		h, ok, err := w.header(off)
		if err != nil {
			return 0, err
		}
		if ok {
			mark = max(mark, h.mark)
		}
	}
	return mark, nil
}

// blank tells whether b is all zeros.
func blank(b []byte) bool {
	for _, c := range b {
		if c != 0 {
			return false
		}
	}
	return true
}
