package peer

import (
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"sync"
	"time"

	"google.golang.org/protobuf/proto"

	quorumv1 "github.com/quorate/quorate/gen/quorate/quorum/v1"
	txnv1 "github.com/quorate/quorate/gen/quorate/txn/v1"
	"github.com/quorate/quorate/peer/resync"
	"github.com/quorate/quorate/store"
	"github.com/quorate/quorate/store/snap"
	"github.com/quorate/quorate/store/txn"
	"github.com/quorate/quorate/store/wal"
)

// How a learner comes to have the leader's history. It takes nobody's word: each step names
// what it stands on, and that must be the end of the log here (P8).

// prepare carries out the leader's plan, up to where the records follow.
func (l *learner) prepare(ctx context.Context) error {
	m, err := l.recv(ctx)
	if err != nil {
		return err
	}
	if l.resync && m.GetSnapshot() == nil {
		return unexpected(m, "the snapshot that was asked for")
	}
	switch step := m.GetStep().(type) {
	case *quorumv1.SyncResponse_Diff:
		return l.diff(txn.Zxid(step.Diff.GetAfter()))
	case *quorumv1.SyncResponse_Trunc:
		return l.truncate(ctx, txn.Zxid(step.Trunc.GetAfter()))
	case *quorumv1.SyncResponse_Snapshot:
		return l.install(ctx, step.Snapshot)
	}
	return unexpected(m, "a plan")
}

func (l *learner) diff(after txn.Zxid) error {
	l.emit(Resyncing{resync.Diff, after})
	if after != l.last {
		return fmt.Errorf("%w: it continues %v, the log ends at %v", errOutOfStep, after, l.last)
	}
	return nil
}

// truncate cuts the log. The tree is never touched: what is applied cannot be cut.
func (l *learner) truncate(ctx context.Context, after txn.Zxid) error {
	l.emit(Resyncing{resync.Trunc, after})
	if at := l.store.Version().Zxid(); after < at {
		return fmt.Errorf("%w: it is to be cut after %v, and %v is applied", errOutOfStep, after, at)
	}
	err := l.store.TruncateAfter(ctx, after)
	switch {
	case errors.Is(err, wal.ErrNotInLog):
		return fmt.Errorf("%w: it is to be cut after %v, which it does not have", errOutOfStep, after)
	case err != nil:
		return stored(ctx, err)
	}
	l.last = after
	return nil
}

// install replaces all there is by the leader's snapshot. Whatever ends it before the snapshot
// is whole and checked leaves all as it was.
func (l *learner) install(ctx context.Context, first *quorumv1.Snapshot) error {
	begin, began := first.GetBegin(), time.Now()
	if begin == nil || begin.GetZxid() == 0 {
		return malformed("a snapshot that does not begin, or holds nothing")
	}
	z := txn.Zxid(begin.GetZxid())
	l.emit(Resyncing{resync.Snap, z})
	in, err := l.store.Install(z)
	if err != nil {
		return stored(ctx, err)
	}
	if err := l.receive(ctx, in); err != nil {
		return errors.Join(err, in.Abort())
	}
	// The stream's end must not end this: half an installation is for the next open to finish.
	if err := in.Commit(context.WithoutCancel(ctx)); err != nil {
		return installed(err)
	}
	l.last, l.resync = z, false
	l.applied.raise(z)
	l.emit(SnapshotInstalled{z, time.Since(began)})
	if now := l.store.Identity().Storage; now != l.disk {
		return fmt.Errorf("the snapshot at %v took back what was acknowledged: the storage identity is now %v", z, now)
	}
	return nil
}

// receive adds the snapshot's chunks up to its end.
func (l *learner) receive(ctx context.Context, in *store.Install) error {
	var chunks uint64
	var last []byte
	for {
		m, err := l.recv(ctx)
		if err != nil {
			return err
		}
		switch part := m.GetSnapshot().GetPart().(type) {
		case *quorumv1.Snapshot_Chunk:
			if err := l.addChunk(ctx, in, part.Chunk); err != nil {
				return err
			}
			chunks, last = chunks+1, part.Chunk.GetData()
		case *quorumv1.Snapshot_End:
			return checkEnd(part.End, chunks, last)
		default:
			return unexpected(m, "the snapshot's next chunk")
		}
	}
}

func (l *learner) addChunk(ctx context.Context, in *store.Install, chunk *quorumv1.SnapshotChunk) error {
	data := chunk.GetData()
	if crc32.Checksum(data, castagnoli) != chunk.GetCrc() {
		return malformed("a chunk of the snapshot does not match its checksum")
	}
	err := in.Add(data)
	switch {
	case errors.Is(err, snap.ErrInvalid):
		return malformed("a chunk of the snapshot: %v", err)
	case err != nil:
		return stored(ctx, err)
	}
	l.outbox.advance(int64(len(data)))
	return nil
}

// checkEnd compares what the leader says of the whole with what came.
func checkEnd(end *quorumv1.SnapshotEnd, chunks uint64, last []byte) error {
	if end.GetChunks() != chunks {
		return malformed("a snapshot of %d chunks, of which %d came", end.GetChunks(), chunks)
	}
	var c txnv1.SnapshotChunk
	if err := proto.Unmarshal(last, &c); err != nil || c.GetTrailer() == nil {
		return malformed("a snapshot whose last chunk has no trailer")
	}
	if c.GetTrailer().GetDigest() != end.GetDigest() {
		return malformed("a snapshot of digest %016x, whose trailer says %016x", end.GetDigest(), c.GetTrailer().GetDigest())
	}
	return nil
}

// installed tells what an error of an installation's last step means: if the snapshot is at
// fault nothing has been done; after any other error only opening the directory tells what is there.
func installed(err error) error {
	if errors.Is(err, snap.ErrInvalid) {
		return malformed("the leader's snapshot: %v", err)
	}
	return &storeError{err}
}

// takeHistory logs what follows the plan, up to NewLeader.
func (l *learner) takeHistory(ctx context.Context) error {
	for {
		m, err := l.recv(ctx)
		if err != nil {
			return err
		}
		switch step := m.GetStep().(type) {
		case *quorumv1.SyncResponse_Proposal:
			if err := l.log(ctx, step.Proposal, func([]logged) {}); err != nil {
				return err
			}
		case *quorumv1.SyncResponse_NewLeader:
			return l.checkNewLeader(step.NewLeader)
		default:
			return unexpected(m, "history or NewLeader")
		}
	}
}

func (l *learner) checkNewLeader(m *quorumv1.NewLeader) error {
	own := uint64(l.store.Identity().Ensemble)
	switch {
	case m.GetEpoch() != uint32(l.epoch):
		return malformed("NewLeader of epoch %d in epoch %d", m.GetEpoch(), l.epoch)
	case m.GetLastZxid() != uint64(l.last):
		return fmt.Errorf("%w: the history ends at %v, the log at %v", errOutOfStep, txn.Zxid(m.GetLastZxid()), l.last)
	case m.GetMembership() != nil && own != 0 && own != m.GetMembership().GetEnsemble():
		return reject(quorumv1.RefusalReason_REFUSAL_REASON_WRONG_ENSEMBLE, "the leader's membership is of ensemble %v, this server of %v",
			txn.EnsembleID(m.GetMembership().GetEnsemble()), txn.EnsembleID(own))
	}
	return nil
}

// logged is a txn that was handed to the log, and its size there.
type logged struct {
	txn   *txn.Txn
	bytes int64
}

// log appends a batch. A txn that cannot be read is not logged, since the log could then not be
// opened again. All are shown to before they are appended, so that none is durable that was not shown.
func (l *learner) log(ctx context.Context, m *quorumv1.Proposal, before func([]logged)) error {
	if prev := txn.Zxid(m.GetPrevZxid()); prev != l.last {
		return fmt.Errorf("%w: a proposal continues %v, the log ends at %v", errOutOfStep, prev, l.last)
	}
	txns, err := l.decode(m.GetTxns())
	if err != nil {
		return err
	}
	before(txns)
	records, bytes := make([]wal.Record, len(txns)), int64(0)
	for i, t := range txns {
		records[i] = wal.Record{Zxid: t.txn.Zxid, Payload: m.GetTxns()[i]}
		bytes += t.bytes
	}
	l.last = records[len(records)-1].Zxid
	l.ledger.enter(l.last, bytes)
	if err := l.store.Append(ctx, records); err != nil {
		return stored(ctx, err)
	}
	return nil
}

// decode reads a batch, whose zxids must ascend from the log's end and be of no later epoch than the leader's.
func (l *learner) decode(payloads [][]byte) ([]logged, error) {
	if len(payloads) == 0 {
		return nil, malformed("a proposal without txns")
	}
	txns, last := make([]logged, len(payloads)), l.last
	for i, b := range payloads {
		t, err := txn.Decode(b)
		if err != nil {
			return nil, malformed("a proposal after %v: %v", last, err)
		}
		if t.Zxid <= last || t.Zxid.Epoch() > l.epoch {
			return nil, malformed("a proposal of %v after %v in epoch %d", t.Zxid, last, l.epoch)
		}
		txns[i], last = logged{t, int64(len(b))}, t.Zxid
	}
	return txns, nil
}

// ledger tells how many bytes of what was appended are durable.
type ledger struct {
	mu struct {
		sync.Mutex
		entries []ledgerEntry // not durable yet, in order
	}
}

type ledgerEntry struct {
	last  txn.Zxid
	bytes int64
}

func (d *ledger) enter(last txn.Zxid, bytes int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.mu.entries = append(d.mu.entries, ledgerEntry{last, bytes})
}

// settle returns the bytes that have become durable now that the log is up to z.
func (d *ledger) settle(z txn.Zxid) (bytes int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	n := 0
	for n < len(d.mu.entries) && d.mu.entries[n].last <= z {
		bytes += d.mu.entries[n].bytes
		n++
	}
	d.mu.entries = d.mu.entries[n:]
	return bytes
}
