package snap

import (
	"errors"
	"fmt"
	"io"
	"path"

	"github.com/klauspost/compress/zstd"

	"github.com/quorate/quorate/store/tree"
	"github.com/quorate/quorate/store/vfs"
)

// Load reads a snapshot and builds its version. Everything is checked: names,
// checksums, order, counts, and the digest of the tree that came out. An error
// with [ErrInvalid] in its chain is the snapshot's fault, any other the file system's.
// One chunk is decompressed while the one before it is put into the tree; no goroutine outlives the call.
func Load(fs vfs.FS, name string) (*tree.Version, Info, error) {
	v, info, err := load(fs, name)
	if err != nil {
		return nil, Info{}, fmt.Errorf("%s: %w", name, err)
	}
	if path.Base(name) != Name(info.Zxid) {
		return nil, Info{}, fmt.Errorf("%s: %w", name, invalid("it holds the snapshot at %s", info.Zxid))
	}
	return v, info, nil
}

// Check reads a snapshot and checks all but what lies behind the compression:
// every checksum, the order and the counts. It is cheap, and needs no memory.
func Check(fs vfs.FS, name string) (Info, error) {
	info, err := scan(fs, name, func(frame) ([]byte, error) { return nil, nil })
	if err == nil && path.Base(name) != Name(info.Zxid) {
		err = invalid("it holds the snapshot at %s", info.Zxid)
	}
	if err != nil {
		return Info{}, fmt.Errorf("%s: %w", name, err)
	}
	return info, nil
}

// scan hands all chunks to each, which returns memory for the next one.
func scan(fs vfs.FS, name string, each func(frame) ([]byte, error)) (Info, error) {
	file, err := fs.Open(name)
	if err != nil {
		return Info{}, err
	}
	info, err := scanFile(file, name, each)
	return info, errors.Join(err, file.Close())
}

func scanFile(file vfs.File, name string, each func(frame) ([]byte, error)) (Info, error) {
	size, err := file.Size()
	if err != nil {
		return Info{}, err
	}
	s, err := newScanner(file, size)
	if err != nil {
		return Info{}, err
	}
	for buf := []byte(nil); ; {
		f, more, err := s.next(buf)
		if err != nil {
			return Info{}, err
		}
		if !more {
			return s.seen.info(name, s.header, size), nil
		}
		if buf, err = each(f); err != nil {
			return Info{}, err
		}
	}
}

// load checks all but the file's name.
func load(fs vfs.FS, name string) (*tree.Version, Info, error) {
	p := &producer{chunks: make(chan []byte, 2), free: make(chan []byte, 4), stop: make(chan struct{}), done: make(chan struct{})}
	go p.run(fs, name)
	loader := tree.NewLoader()
	var err error
	for chunk := range p.chunks {
		if err = loader.Add(chunk); err != nil {
			break
		}
		p.recycle(chunk)
	}
	close(p.stop)
	<-p.done
	if err != nil {
		return nil, Info{}, invalid("%w", err)
	}
	if p.err != nil {
		return nil, Info{}, p.err
	}
	return finish(loader, p.info)
}

// finish builds the version and holds it against what the file says of it.
func finish(loader *tree.Loader, info Info) (*tree.Version, Info, error) {
	v, err := loader.Finish()
	if err != nil {
		return nil, Info{}, invalid("%w", err)
	}
	if v.Zxid() != info.Zxid || uint64(v.Len()) != info.Nodes || v.Digest() != info.Digest {
		return nil, Info{}, invalid("it should be at %s with %d nodes and digest %016x, and is at %s with %d nodes and digest %016x",
			info.Zxid, info.Nodes, info.Digest, v.Zxid(), v.Len(), v.Digest())
	}
	return v, info, nil
}

// producer reads and decompresses the chunks of a file for load.
type producer struct {
	chunks chan []byte   // in order; closed at the end or at an error
	free   chan []byte   // memory of chunks that are in the tree
	stop   chan struct{} // closed when nobody wants any more
	done   chan struct{} // closed when run has ended; info and err are valid then
	info   Info
	err    error
}

var errStopped = errors.New("stopped")

func (p *producer) run(fs vfs.FS, name string) {
	defer close(p.done)
	defer close(p.chunks)
	unzip, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(maxChunk))
	if err != nil {
		p.err = fmt.Errorf("starting the decompression: %w", err)
		return
	}
	defer unzip.Close()
	p.info, p.err = scan(fs, name, func(f frame) ([]byte, error) {
		chunk, err := decompress(unzip, f, p.memory())
		if err != nil {
			return nil, err
		}
		select {
		case p.chunks <- chunk:
			return f.payload, nil
		case <-p.stop:
			return nil, errStopped
		}
	})
}

// memory returns the memory of a chunk that is no longer used, or nil.
func (p *producer) memory() []byte {
	select {
	case b := <-p.free:
		return b[:0]
	default:
		return nil
	}
}

// recycle gives the memory of a chunk back. The loader keeps nothing of it.
func (p *producer) recycle(b []byte) {
	select {
	case p.free <- b:
	default:
	}
}

// decompress appends f's payload, decompressed, to b. The length was not
// believed until now: only what comes out is kept.
func decompress(unzip *zstd.Decoder, f frame, b []byte) ([]byte, error) {
	b, err := unzip.DecodeAll(f.payload, b)
	if err != nil {
		return nil, invalid("a chunk cannot be decompressed: %w", err)
	}
	if len(b) != int(f.raw) {
		return nil, invalid("a chunk should have %d bytes, and has %d: %w", f.raw, len(b), io.ErrUnexpectedEOF)
	}
	return b, nil
}
