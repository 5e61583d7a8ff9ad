package peer

import (
	"context"
	"errors"
	"hash/crc32"
	"time"

	quorumv1 "github.com/quorate/quorate/gen/quorate/quorum/v1"
	"github.com/quorate/quorate/peer/resync"
	"github.com/quorate/quorate/store/tree"
	"github.com/quorate/quorate/store/txn"
	"github.com/quorate/quorate/store/wal"
)

const (
	// maxBatchBytes bounds the txns of one message, unless one alone is larger: a
	// heartbeat never waits behind more.
	maxBatchBytes = 256 << 10
	// chunkBytes is the size of a snapshot's chunks.
	chunkBytes = 128 << 10
)

// plan is what brings one learner to the leader's history.
type plan struct {
	resync.Plan
	mark    txn.Zxid      // where synchronization ends and broadcast goes on
	cursor  *cursor       // after what Plan brings about
	version *tree.Version // what is sent, of a Snap
}

func (p *plan) close() { _ = p.cursor.close() } // it was only read from

// subscribe decides and takes the learner's place in the log, which is kept from being purged from
// there on: nothing is lost between the two, and nothing comes twice.
func (l *leader) subscribe(s *session, ack *quorumv1.AckEpoch) (*plan, error) {
	p := &plan{version: l.store.Version(), mark: l.feed.last()}
	base := l.store.Base() // before the lookup: see resync.History
	common, err := l.feed.floor(txn.Zxid(ack.GetLastZxid()))
	if err != nil && !errors.Is(err, wal.ErrCompacted) {
		return nil, err
	}
	p.Plan = resync.Decide(
		resync.History{Base: base, Last: p.mark, Snapshot: p.version.Zxid(), Common: common},
		resync.Learner{Last: txn.Zxid(ack.GetLastZxid()), Floor: txn.Zxid(ack.GetFloor()), Resync: ack.GetResync(), Durable: s.durable},
	)
	if p.Kind == resync.Diff && p.After == 0 && p.preferSnapshot(s.durable, l.feed) {
		p.Plan = resync.Plan{Kind: resync.Snap, After: p.version.Zxid(), Reason: resync.Purged}
	}
	if p.Kind == resync.Snap && p.After == 0 {
		return nil, tooEarly()
	}
	if !s.durable {
		p.mark = min(p.mark, p.After) // the rest when it is committed
	}
	if p.cursor, err = l.feed.cursor(p.After); err != nil {
		return nil, compacted(err)
	}
	l.emit(LearnerPlanned{s.id, p.Plan, p.mark})
	return p, nil
}

// tooEarly is for a learner that wants a snapshot of a candidate that does not know of anything committed yet: there is none that would help it
// before a quorum of others has come.
func tooEarly() error {
	r := reject(quorumv1.RefusalReason_REFUSAL_REASON_THROTTLED, "the leader has no tree to send yet: come back when a quorum of others is there")
	r.RetryAfter = throttleRetry
	return r
}

// preferSnapshot tells whether a blank learner gets a snapshot rather than the whole log: one
// without a log of its own does, and any if the log is not all in the window, since the history of a
// tree is mostly longer than the tree.
func (p *plan) preferSnapshot(durable bool, f *feed) bool {
	_, inWindow := f.since(0, 0, 0)
	return p.version.Zxid() > 0 && (!durable || !inWindow)
}

// compacted turns the log's word that records are gone into what the learner is told.
func compacted(err error) error {
	if errors.Is(err, wal.ErrCompacted) {
		return reject(quorumv1.RefusalReason_REFUSAL_REASON_COMPACTED, "the records that the learner needs have been purged from the leader's log")
	}
	return err
}

// execute carries the plan out, up to the mark.
func (s *session) execute(ctx context.Context, p *plan) error {
	s.syncBegins()
	if err := s.prepare(ctx, p); err != nil {
		return err
	}
	for p.cursor.at < p.mark {
		if err := s.pingIfDue(); err != nil {
			return err
		}
		prev := p.cursor.at
		recs, err := p.cursor.next(p.mark, maxBatchBytes)
		if err != nil {
			return compacted(err)
		}
		if len(recs) == 0 {
			return errors.New("the log ends before its mark")
		}
		if err := s.send(proposal(prev, recs, 0)); err != nil {
			return err
		}
		s.advance(p.Kind, size(recs))
	}
	return ctx.Err()
}

// prepare sends what comes before the records.
func (s *session) prepare(ctx context.Context, p *plan) error {
	switch p.Kind {
	case resync.Diff:
		return s.send(&quorumv1.SyncResponse{Step: &quorumv1.SyncResponse_Diff{Diff: &quorumv1.Diff{After: uint64(p.After), LastZxid: uint64(p.mark)}}})
	case resync.Trunc:
		return s.send(&quorumv1.SyncResponse{Step: &quorumv1.SyncResponse_Trunc{Trunc: &quorumv1.Trunc{After: uint64(p.After), LastZxid: uint64(p.mark)}}})
	default:
		return s.sendSnapshot(ctx, p.version)
	}
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// sendSnapshot sends a version of the tree. Nobody waits for it: versions never change.
func (s *session) sendSnapshot(ctx context.Context, v *tree.Version) error {
	begin := &quorumv1.SnapshotBegin{Zxid: uint64(v.Zxid()), Nodes: uint64(v.Len())}
	if err := s.sendPart(&quorumv1.Snapshot{Part: &quorumv1.Snapshot_Begin{Begin: begin}}); err != nil {
		return err
	}
	began, bytes, chunks := time.Now(), int64(0), uint64(0)
	for data := range v.Chunks(chunkBytes) {
		if err := s.pingIfDue(); err != nil {
			return err
		}
		chunk := &quorumv1.SnapshotChunk{Data: data, Crc: crc32.Checksum(data, castagnoli)}
		if err := s.sendPart(&quorumv1.Snapshot{Part: &quorumv1.Snapshot_Chunk{Chunk: chunk}}); err != nil {
			return err
		}
		chunks++
		bytes += int64(len(data))
		s.advance(resync.Snap, len(data))
		if err := s.pace(ctx, began, bytes); err != nil {
			return err
		}
	}
	return s.sendPart(&quorumv1.Snapshot{Part: &quorumv1.Snapshot_End{End: &quorumv1.SnapshotEnd{Chunks: chunks, Digest: v.Digest()}}})
}

func (s *session) sendPart(part *quorumv1.Snapshot) error {
	return s.send(&quorumv1.SyncResponse{Step: &quorumv1.SyncResponse_Snapshot{Snapshot: part}})
}

// pace waits until so many bytes may have been sent.
func (s *session) pace(ctx context.Context, began time.Time, bytes int64) error {
	rate := s.lead.limits.SnapshotRate
	if rate <= 0 {
		return nil
	}
	early := time.Duration(float64(bytes)/float64(rate)*float64(time.Second)) - time.Since(began)
	if early <= 0 {
		return nil
	}
	due := make(chan struct{})
	timer := time.AfterFunc(early, func() { close(due) })
	defer timer.Stop()
	s.waiting(true)
	defer s.waiting(false)
	return s.waitPinging(ctx, due)
}

func (s *session) pingIfDue() error {
	if due, _ := s.pingDue(); due {
		return s.ping()
	}
	return nil
}

// proposal is the message with these records.
func proposal(prev txn.Zxid, recs []wal.Record, committed txn.Zxid) *quorumv1.SyncResponse {
	m := &quorumv1.Proposal{PrevZxid: uint64(prev), Txns: payloads(recs), Committed: uint64(committed)}
	return &quorumv1.SyncResponse{Step: &quorumv1.SyncResponse_Proposal{Proposal: m}}
}

func payloads(recs []wal.Record) [][]byte {
	all := make([][]byte, len(recs))
	for i, r := range recs {
		all[i] = r.Payload
	}
	return all
}

func size(recs []wal.Record) (n int) {
	for _, r := range recs {
		n += len(r.Payload)
	}
	return n
}
