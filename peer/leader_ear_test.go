package peer

import (
	"bytes"
	"cmp"
	"fmt"
	"sync"

	quorumv1 "github.com/quorate/quorate/gen/quorate/quorum/v1"
	"github.com/quorate/quorate/store/txn"
)

// hearing is how far the leader has come on a stream, by its own words.
type hearing uint8

const (
	hearsNothing   hearing = iota // LeaderInfo comes next
	hearsEpoch                    // a plan comes next
	hearsSnapshot                 // within one
	hearsHistory                  // proposals, and then NewLeader
	hearsNewLeader                // UpToDate comes next
	hearsBroadcast
)

// ear holds what a leader says on one stream against the order of the conversation, whatever is said to it.
type ear struct {
	archive *archive
	log     bool // the learner keeps one

	mu struct {
		sync.Mutex
		at     hearing
		epoch  txn.Epoch
		last   txn.Zxid // the last record that came
		mark   txn.Zxid // where the history ended
		told   txn.Zxid // the last zxid that was said to be committed
		chunks uint64
		asked  map[uint64]int // questions without an answer; a Revalidate's number is inverted
		wrong  error          // the first thing that was
	}
}

func newEar(a *archive, log bool) *ear {
	e := &ear{archive: a, log: log}
	e.mu.asked = map[uint64]int{}
	return e
}

// archive holds the records that came on any stream: a zxid names one txn.
type archive struct {
	mu struct {
		sync.Mutex
		txns map[txn.Zxid][]byte
	}
}

func newArchive() *archive {
	a := &archive{}
	a.mu.txns = map[txn.Zxid][]byte{}
	return a
}

// file tells whether a txn is what its zxid has always been.
func (a *archive) file(z txn.Zxid, payload []byte) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	old, known := a.mu.txns[z]
	if !known {
		a.mu.txns[z] = bytes.Clone(payload)
	}
	return !known || bytes.Equal(old, payload)
}

// all returns what was filed.
func (a *archive) all() map[txn.Zxid][]byte {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.mu.txns
}

// hears takes a message as it is sent.
func (e *ear) hears(m *quorumv1.SyncResponse) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if err := e.judge(m); err != nil && e.mu.wrong == nil {
		e.mu.wrong = fmt.Errorf("%s: %w", toldTo(m), err)
	}
}

// asks notes a question.
func (e *ear) asks(id uint64) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.mu.asked[id]++
}

// heard is what has come on a stream.
type heard struct {
	at         hearing
	mark, last txn.Zxid
	told       txn.Zxid
	wrong      error
}

func (e *ear) heard() heard {
	e.mu.Lock()
	defer e.mu.Unlock()
	return heard{e.mu.at, e.mu.mark, e.mu.last, e.mu.told, e.mu.wrong}
}

// judge needs mu.
func (e *ear) judge(m *quorumv1.SyncResponse) error {
	if m.GetPing() != nil {
		return check(e.mu.at > hearsNothing, "a ping before LeaderInfo")
	}
	switch e.mu.at {
	case hearsNothing:
		info := m.GetInfo()
		e.mu.at, e.mu.epoch = hearsEpoch, txn.Epoch(info.GetEpoch())
		return check(info.GetEpoch() > 0 && info.GetEpoch() <= uint32(txn.MaxEpoch) && info.GetIncarnation() != 0, "no LeaderInfo that makes sense")
	case hearsEpoch:
		return e.plan(m)
	case hearsSnapshot:
		return e.snapshot(m.GetSnapshot())
	case hearsHistory:
		return e.history(m)
	case hearsNewLeader:
		e.mu.at, e.mu.told = hearsBroadcast, txn.Zxid(m.GetUpToDate().GetCommitted())
		return check(m.GetUpToDate() != nil, "UpToDate comes next")
	}
	return e.broadcast(m)
}

func (e *ear) plan(m *quorumv1.SyncResponse) error {
	e.mu.at = hearsHistory
	switch s := m.GetStep().(type) {
	case *quorumv1.SyncResponse_Diff:
		e.mu.last = txn.Zxid(s.Diff.GetAfter())
	case *quorumv1.SyncResponse_Trunc:
		e.mu.last = txn.Zxid(s.Trunc.GetAfter())
		return check(e.log, "nothing is to be cut")
	case *quorumv1.SyncResponse_Snapshot:
		e.mu.at, e.mu.last = hearsSnapshot, txn.Zxid(s.Snapshot.GetBegin().GetZxid())
		return check(s.Snapshot.GetBegin() != nil, "it does not begin")
	default:
		return check(false, "a plan comes next")
	}
	return nil
}

func (e *ear) snapshot(m *quorumv1.Snapshot) error {
	if m.GetChunk() != nil {
		e.mu.chunks++
		return nil
	}
	e.mu.at = hearsHistory
	return check(m.GetEnd() != nil && m.GetEnd().GetChunks() == e.mu.chunks && e.mu.chunks > 0, "the end of a snapshot of %d chunks comes next", e.mu.chunks)
}

func (e *ear) history(m *quorumv1.SyncResponse) error {
	if p := m.GetProposal(); p != nil {
		if err := e.records(p.GetPrevZxid(), p.GetTxns()); err != nil {
			return err
		}
		return check(p.GetCommitted() == 0 && e.log, "nothing is committed in synchronization, and who keeps no log gets nothing to log")
	}
	n := m.GetNewLeader()
	e.mu.at, e.mu.mark = hearsNewLeader, e.mu.last
	return check(n != nil && txn.Zxid(n.GetLastZxid()) == e.mu.last && txn.Epoch(n.GetEpoch()) == e.mu.epoch,
		"NewLeader of epoch %d at %v comes next", e.mu.epoch, e.mu.last)
}

func (e *ear) broadcast(m *quorumv1.SyncResponse) error {
	switch s := m.GetStep().(type) {
	case *quorumv1.SyncResponse_Proposal:
		if err := e.records(s.Proposal.GetPrevZxid(), s.Proposal.GetTxns()); err != nil {
			return err
		}
		old := e.mu.told
		e.mu.told = txn.Zxid(s.Proposal.GetCommitted())
		return check(e.log && old <= e.mu.told, "%v was committed, it keeps a log: %v", old, e.log)
	case *quorumv1.SyncResponse_Commit:
		old := e.mu.told
		e.mu.told = txn.Zxid(s.Commit.GetZxid())
		return check(old < e.mu.told && e.mu.told <= e.mu.last, "%v was committed, and %v sent", old, e.mu.last)
	case *quorumv1.SyncResponse_Inform:
		return cmp.Or(check(!e.log, "it keeps a log"), e.records(s.Inform.GetPrevZxid(), s.Inform.GetTxns()))
	case *quorumv1.SyncResponse_Reply:
		return e.answered(s.Reply.GetId())
	case *quorumv1.SyncResponse_Revalidated:
		return e.answered(^s.Revalidated.GetId())
	}
	return check(false, "it does not belong into broadcast")
}

// answered: each question once.
func (e *ear) answered(id uint64) error {
	e.mu.asked[id]--
	return check(e.mu.asked[id] >= 0, "nobody asked")
}

// records must continue the last one, and be what they have always been (P8).
func (e *ear) records(prev uint64, txns [][]byte) error {
	if txn.Zxid(prev) != e.mu.last || len(txns) == 0 {
		return fmt.Errorf("%d txns after %v, the last was %v", len(txns), txn.Zxid(prev), e.mu.last)
	}
	for _, b := range txns {
		x, err := txn.Decode(b)
		if err != nil || x.Zxid <= e.mu.last || !e.archive.file(x.Zxid, b) {
			return fmt.Errorf("after %v comes %v, or it is another than before: %v", e.mu.last, x, err)
		}
		e.mu.last = x.Zxid
	}
	return nil
}

// check returns an error unless something is so.
func check(is bool, format string, args ...any) error {
	if is {
		return nil
	}
	return fmt.Errorf(format, args...)
}
