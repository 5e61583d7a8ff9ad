package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"

	"github.com/quorate/quorate/store/txn"
	"github.com/quorate/quorate/store/wal"
)

// Append hands records to the log, in the order of their zxids; they become
// durable in the background. See [wal.Log.Append].
func (s *Store) Append(ctx context.Context, recs []wal.Record) error {
	return s.log.Append(ctx, recs...)
}

// Sync returns when everything appended so far is durable.
func (s *Store) Sync(ctx context.Context) error { return s.log.Sync(ctx) }

// Durable returns the last zxid that is durable in the log.
func (s *Store) Durable() txn.Zxid { return s.log.Durable() }

// WaitDurable returns when z is durable, or with the error that makes that impossible.
func (s *Store) WaitDurable(ctx context.Context, z txn.Zxid) error { return s.log.WaitDurable(ctx, z) }

// WaitProgress returns the last durable zxid as soon as it is after since.
func (s *Store) WaitProgress(ctx context.Context, since txn.Zxid) (txn.Zxid, error) {
	return s.log.WaitProgress(ctx, since)
}

// Last returns the last zxid appended, or the one after which an empty log starts.
func (s *Store) Last() txn.Zxid { return s.log.Last() }

// Full tells whether the disk is full: what is appended may soon be refused, and
// reads go on.
func (s *Store) Full() bool { return s.log.Full() }

// WaitRoom returns when the disk is no longer full.
func (s *Store) WaitRoom(ctx context.Context) error { return s.log.WaitRoom(ctx) }

// Reader reads the durable records after a zxid, beside all else. See [wal.Log.Reader].
func (s *Store) Reader(after txn.Zxid) (*wal.Reader, error) { return s.log.Reader(after) }

// Tail returns what is logged after the published version, in order: durable, not
// applied, and perhaps never committed. The txns may be kept.
func (s *Store) Tail() iter.Seq2[*txn.Txn, error] {
	return func(yield func(*txn.Txn, error) bool) {
		err := s.each(s.Version().Zxid(), func(rec wal.Record) (bool, error) {
			t, err := decode(wal.Record{Zxid: rec.Zxid, Payload: bytes.Clone(rec.Payload)})
			return err == nil && yield(t, nil), err
		})
		if err != nil {
			yield(nil, err)
		}
	}
}

// each calls do for the durable records after a zxid until it says no.
func (s *Store) each(after txn.Zxid, do func(wal.Record) (bool, error)) error {
	r, err := s.log.Reader(after)
	if err != nil {
		return fmt.Errorf("reading the log after %s: %w", after, err)
	}
	for {
		rec, ok, err := r.Next()
		if err == nil && ok {
			ok, err = do(rec)
		}
		if err != nil || !ok {
			return errors.Join(err, r.Close())
		}
	}
}

// decode returns the txn in a record, which it aliases.
func decode(rec wal.Record) (*txn.Txn, error) {
	t, err := txn.Decode(rec.Payload)
	if err == nil && t.Zxid != rec.Zxid {
		err = fmt.Errorf("it says that it is %s", t.Zxid)
	}
	if err != nil {
		return nil, fmt.Errorf("the record at %s in the log is no txn this program can read: %w", rec.Zxid, err)
	}
	return t, nil
}

// TruncateAfter removes what is logged after z, durably. It refuses to go below
// the published version: the tree is never touched. Nothing may be appended meanwhile.
func (s *Store) TruncateAfter(ctx context.Context, z txn.Zxid) error {
	if at := s.Version().Zxid(); z < at {
		return fmt.Errorf("the log cannot be truncated to %s: the tree has applied up to %s", z, at)
	}
	return s.reserve.spend(func() error { return s.log.TruncateAfter(ctx, z) })
}

// Stats are figures about a store.
type Stats struct {
	// First and Last are the first and the last zxid in the log; 0 if it is empty.
	First, Last txn.Zxid
	// Durable is the last zxid durable in the log, Applied that of the published version.
	Durable, Applied txn.Zxid
	// Snapshot is the zxid of the newest snapshot known to be valid; 0 without one.
	Snapshot txn.Zxid
	// SnapshotBytes is the size of that snapshot's file.
	SnapshotBytes int64
	// TxnsSince and BytesSince are what has been applied since then.
	TxnsSince, BytesSince int64
	// LogBytes is the size of the log on disk.
	LogBytes int64
	// Full tells whether the disk is full.
	Full bool
	// Reserve tells whether the reserve is there.
	Reserve bool
}

// Stats returns the figures of the moment; each is right, together they may be of different moments.
func (s *Store) Stats() Stats {
	st := Stats{
		First: s.log.First(), Last: s.log.Last(), Durable: s.log.Durable(), Applied: s.Version().Zxid(),
		LogBytes: s.log.Size(), Full: s.log.Full(), Reserve: !s.reserve.missing(),
	}
	s.snaps.fill(&st)
	return st
}

// Base returns the zxid after which the log begins.
func (s *Store) Base() txn.Zxid { return s.log.Base() }

// Floor returns the greatest durable zxid of the log, its Base included, that is not greater
// than z. wal.ErrCompacted: the log begins after z.
func (s *Store) Floor(z txn.Zxid) (txn.Zxid, error) { return s.log.Floor(z) }
