package snap

import (
	"context"
	"errors"
	"fmt"
	"path"
	"runtime"
	"time"

	"github.com/klauspost/compress/zstd"
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/quorate/quorate/store/tree"
	"github.com/quorate/quorate/store/txn"
	"github.com/quorate/quorate/store/vfs"
)

// Info describes a snapshot.
type Info struct {
	// Path is the file.
	Path string
	// Zxid is the last txn in it.
	Zxid txn.Zxid
	// Network says that it was received from another server.
	Network bool
	// Chunks and Nodes are what it holds.
	Chunks, Nodes uint64
	// Digest is that of the tree.
	Digest uint64
	// Bytes is the size of the file, Raw that of its chunks before compression.
	Bytes, Raw int64
}

// Options say how a snapshot is written. The zero Options are usable.
type Options struct {
	// ChunkSize is about how many bytes go into a chunk before compression; default 128 KiB.
	ChunkSize int
	// SyncEvery is the number of bytes after which what was written is synced,
	// so that the log's fdatasync never waits behind a whole snapshot; default 8 MiB.
	SyncEvery int64
	// Pace, if set, is called after each chunk with the time it took to make. It
	// may wait, so that traffic gets its share of processor and disk; its error
	// ends the write. Without it the write yields the processor after each chunk.
	Pace func(ctx context.Context, took time.Duration) error
}

func (o *Options) fill() {
	if o.ChunkSize <= 0 {
		o.ChunkSize = 128 << 10
	}
	if o.SyncEvery <= 0 {
		o.SyncEvery = 8 << 20
	}
	if o.Pace == nil {
		o.Pace = func(ctx context.Context, _ time.Duration) error {
			runtime.Gosched()
			return ctx.Err()
		}
	}
}

// Write writes v to a directory. When it returns without error the snapshot is
// durable under its final name, in place of one at the same zxid. After an error or the end of ctx
// no new snapshot is there and no temporary file, save for an error of the last step, the sync of
// the directory: then the snapshot may be there, and is whole.
// It holds a few chunks in memory, whatever the size of v. Two writes
// of the same zxid to one directory must not overlap.
func Write(ctx context.Context, fs vfs.FS, dir string, v *tree.Version, o Options) (Info, error) {
	o.fill()
	w, err := newWriter(fs, dir, header{zxid: v.Zxid()}, suffix, o.SyncEvery)
	if err != nil {
		return Info{}, err
	}
	if err := w.addAll(ctx, v, o); err != nil {
		return Info{}, errors.Join(err, w.abort())
	}
	if err := w.finish(); err != nil {
		return Info{}, errors.Join(err, w.abort())
	}
	return w.publish()
}

// writer makes one file, under a temporary name until it is published.
type writer struct {
	fs      vfs.FS
	dir     string
	tmp     string
	file    vfs.File // nil once closed
	zip     *zstd.Encoder
	header  header
	counts  end
	trailer bool // the chunk with the trailer has been added
	zipped  []byte
	framed  []byte
	size    int64 // bytes written
	synced  int64 // of them, those that are surely on disk
	every   int64
}

func newWriter(fs vfs.FS, dir string, h header, ending string, every int64) (*writer, error) {
	zip, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithEncoderLevel(zstd.SpeedFastest),
		zstd.WithEncoderCRC(false), zstd.WithWindowSize(256<<10), zstd.WithLowerEncoderMem(true))
	if err != nil {
		return nil, fmt.Errorf("starting the compression: %w", err)
	}
	w := &writer{fs: fs, dir: dir, tmp: path.Join(dir, Name(h.zxid)+ending), zip: zip, header: h, every: every}
	if w.file, err = fs.Create(w.tmp); err != nil {
		return nil, fmt.Errorf("creating %s: %w", w.tmp, err)
	}
	if err := w.write(h.encode()); err != nil {
		return nil, errors.Join(err, w.abort())
	}
	return w, nil
}

func (w *writer) addAll(ctx context.Context, v *tree.Version, o Options) error {
	start := time.Now()
	for chunk := range v.Chunks(o.ChunkSize) {
		if err := w.add(chunk); err != nil {
			return err
		}
		if err := o.Pace(ctx, time.Since(start)); err != nil {
			return err
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		start = time.Now()
	}
	return nil
}

// add compresses and writes one chunk, which it does not keep.
func (w *writer) add(chunk []byte) error {
	if w.trailer {
		return invalid("a chunk follows the one with the trailer")
	}
	if len(chunk) > maxChunk {
		return invalid("a chunk has %d bytes", len(chunk))
	}
	var err error
	if w.trailer, err = w.counts.readTrailer(chunk); err != nil {
		return err
	}
	w.zipped = w.zip.EncodeAll(chunk, w.zipped[:0])
	w.framed = appendFrame(w.framed[:0], w.header.zxid, w.counts.chunks,
		frame{kind: kindChunk, raw: uint32(len(chunk)), payload: w.zipped})
	w.counts.chunks++
	w.counts.raw += uint64(len(chunk))
	return w.write(w.framed)
}

func (w *writer) write(b []byte) error {
	if _, err := w.file.WriteAt(b, w.size); err != nil {
		return fmt.Errorf("writing %s: %w", w.tmp, err)
	}
	w.size += int64(len(b))
	if w.size-w.synced < w.every {
		return nil
	}
	return w.sync()
}

func (w *writer) sync() error {
	if err := w.file.Sync(); err != nil {
		return fmt.Errorf("syncing %s: %w", w.tmp, err)
	}
	w.synced = w.size
	return nil
}

// finish writes the end, syncs and closes. The file is whole, and not published.
func (w *writer) finish() error {
	if !w.trailer {
		return invalid("the chunk with the trailer is missing")
	}
	w.framed = appendFrame(w.framed[:0], w.header.zxid, w.counts.chunks,
		frame{kind: kindEnd, raw: endSize, payload: w.counts.encode()})
	if err := w.write(w.framed); err != nil {
		return err
	}
	if err := w.sync(); err != nil {
		return err
	}
	file := w.file
	w.file = nil
	if err := file.Close(); err != nil {
		return fmt.Errorf("closing %s: %w", w.tmp, err)
	}
	return nil
}

// publish gives a finished file its final name, durably.
func (w *writer) publish() (Info, error) {
	final := path.Join(w.dir, Name(w.header.zxid))
	if err := w.fs.Rename(w.tmp, final); err != nil {
		return Info{}, errors.Join(fmt.Errorf("renaming %s: %w", w.tmp, err), w.abort())
	}
	if err := w.fs.SyncDir(w.dir); err != nil {
		return Info{}, fmt.Errorf("syncing %s: %w", w.dir, err)
	}
	return w.counts.info(final, w.header, w.size), nil
}

// abort removes the temporary file.
func (w *writer) abort() error {
	var errs []error
	if w.file != nil {
		errs = append(errs, w.file.Close())
		w.file = nil
	}
	return errors.Join(append(errs, w.fs.Remove(w.tmp))...)
}

func (e end) info(name string, h header, size int64) Info {
	return Info{
		Path: name, Zxid: h.zxid, Network: h.network,
		Chunks: e.chunks, Nodes: e.nodes, Digest: e.digest, Bytes: size, Raw: int64(e.raw),
	}
}

// The numbers of SnapshotChunk.trailer and of the fields of SnapshotTrailer.
const (
	fieldTrailer = 5
	fieldNodes   = 1
	fieldDigest  = 2
)

// readTrailer takes count and digest from the trailer if chunk has one.
func (e *end) readTrailer(chunk []byte) (bool, error) {
	for len(chunk) > 0 {
		field, kind, n := protowire.ConsumeTag(chunk)
		if n < 0 {
			return false, invalid("a chunk is no SnapshotChunk")
		}
		size := protowire.ConsumeFieldValue(field, kind, chunk[n:])
		if size < 0 {
			return false, invalid("a chunk is no SnapshotChunk")
		}
		if field == fieldTrailer && kind == protowire.BytesType {
			body, _ := protowire.ConsumeBytes(chunk[n:])
			return true, e.readCounts(body)
		}
		chunk = chunk[n+size:]
	}
	return false, nil
}

func (e *end) readCounts(b []byte) error {
	for len(b) > 0 {
		field, kind, n := protowire.ConsumeTag(b)
		if n < 0 {
			return invalid("the trailer is no SnapshotTrailer")
		}
		size := protowire.ConsumeFieldValue(field, kind, b[n:])
		if size < 0 {
			return invalid("the trailer is no SnapshotTrailer")
		}
		switch {
		case field == fieldNodes && kind == protowire.VarintType:
			e.nodes, _ = protowire.ConsumeVarint(b[n:])
		case field == fieldDigest && kind == protowire.Fixed64Type:
			e.digest, _ = protowire.ConsumeFixed64(b[n:])
		}
		b = b[n+size:]
	}
	return nil
}
