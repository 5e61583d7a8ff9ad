package zkwire

import (
	"encoding/binary"
	"errors"
	"io"
)

const (
	// minChunk and maxChunk bound what is read at once. An idle connection holds a chunk of the least size.
	minChunk, maxChunk = 512, 64 << 10
	lengthSize         = 4
)

// errLength is why a connection ends whose client announces a frame that is too long.
var errLength = errors.New("a frame has no length, or a greater one than --max-packet")

// frames reads a client's frames. What it gives out is not overwritten.
type frames struct {
	from  io.Reader
	limit int // of a frame
	chunk []byte
	start int // where what was not given out begins
	size  int // of the next chunk

	reserve func(bytes int) bool // asks for room, or gives it back (less than 0), beyond a chunk of the greatest size
	held    int                  // what was asked for
}

// errNoRoom is why a connection ends whose frame does not fit into the memory that all frames may take.
var errNoRoom = errors.New("the requests that wait on this server take too much memory (--max-outstanding-bytes)")

// next returns the next frame that is here already; nil if there is none, or not all of it.
func (f *frames) next() ([]byte, error) {
	left := f.chunk[f.start:]
	if len(left) < lengthSize {
		return nil, nil
	}
	n := int(int32(binary.BigEndian.Uint32(left)))
	if n < 0 || n > f.limit {
		return nil, errLength
	}
	if len(left) < lengthSize+n {
		return nil, nil
	}
	f.start += lengthSize + n
	return left[lengthSize : lengthSize+n : lengthSize+n], nil
}

// hold asks for room for a chunk in place of the one there is.
func (f *frames) hold(size int) bool {
	if size <= maxChunk {
		size = 0
	}
	if size != f.held && !f.reserve(size-f.held) {
		return false
	}
	f.held = size
	return true
}

// more waits for more bytes. The room for a frame grows with what has come of it, not with what it says that will come.
func (f *frames) more() (int, error) {
	left := f.chunk[f.start:]
	if room := cap(f.chunk) - len(f.chunk); room < minChunk/4 || len(left) == 0 && cap(f.chunk) > 4*f.size {
		size := max(f.size, 2*len(left))
		if !f.hold(size) {
			return 0, errNoRoom
		}
		f.chunk = append(make([]byte, 0, size), left...)
		f.start = 0
	}
	n, err := f.from.Read(f.chunk[len(f.chunk):cap(f.chunk)])
	f.chunk = f.chunk[:len(f.chunk)+n]
	switch {
	case len(f.chunk) == cap(f.chunk):
		f.size = min(2*f.size, maxChunk)
	case n < f.size/4:
		f.size = max(f.size/2, minChunk)
	}
	if n > 0 {
		err = nil
	}
	return n, err
}
