package peer

import (
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/quorate/quorate/store/epochs"
	"github.com/quorate/quorate/store/fault"
	"github.com/quorate/quorate/store/tree"
	"github.com/quorate/quorate/store/txn"
	"github.com/quorate/quorate/store/vfs"
)

// TestBatchTakenInPart: the log takes the first frames of a large batch, and has no room for the
// rest. What was taken is committed by the next reign, so nobody may be told that nothing was done.
func TestBatchTakenInPart(t *testing.T) {
	bubble(t, func(t *testing.T) {
		disk := vfs.NewMem()
		s := boot(t, disk)
		term := s.term()
		synctest.Wait()
		disk.SetLimit(2 * small) // the segment that lies ready is the last
		b, done := bigBatch(t, term, 0, 40, 8<<10)
		if err := term.Propose(t.Context(), b); err != nil {
			t.Fatalf("a batch that was taken in part is not proposed: %v", err)
		}
		if err := <-done; !fault.Is(err, fault.Unknown) || !fault.Is(errors.Unwrap(err), fault.NoSpace) {
			t.Errorf("done with %v, want an unknown outcome, because of NO_SPACE", err)
		}
		<-term.Over()
		if last := s.store.Last(); last < b.Records[0].Zxid || last >= b.Zxid {
			t.Fatalf("the log ends at %v: the batch was not taken in part", last)
		}
		disk.SetLimit(100 * small)
		s.term()
		if _, ok := s.store.Version().Get("/00"); !ok {
			t.Error("the next reign did not commit the part that was logged")
		}
		if err := s.down(); err != nil {
			t.Fatal(err)
		}
	})
}

// bigBatch is a batch of n creations, from /from on, with so many bytes each.
func bigBatch(t *testing.T, term *Term, from, n, bytes int) (*Batch, <-chan error) {
	t.Helper()
	done := make(chan error, 1)
	b := &Batch{Done: func(err error) { done <- err }}
	for i := from; i < from+n; i++ {
		r := &tree.CreateRequest{Path: fmt.Sprintf("/%02d", i), ACL: tree.OpenACL(), Data: make([]byte, bytes)}
		op, err := term.Tip().Prepare(r, nil, tree.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		rec, _ := term.Log(txn.Header{}, op)
		b.Records = append(b.Records, rec)
	}
	b.Zxid, b.Version = term.Tip().Zxid(), term.Tip().Publish()
	return b, done
}

// TestReignEndsUnderPropose: a batch waits for room in the log when the reign is given
// up. Its Done is called then, so Propose must not say that it was not proposed.
func TestReignEndsUnderPropose(t *testing.T) {
	bubble(t, func(t *testing.T) {
		gate, holding := make(chan struct{}), false
		s := boot(t, vfs.NewFaults(vfs.NewMem(), func(op vfs.Op) error {
			if holding && op.Kind == vfs.OpSync {
				<-gate
				return errors.New("the disk is gone")
			}
			return nil
		}))
		term := s.term()
		synctest.Wait()
		holding = true
		calls := 0
		proposed := make(chan error, 3)
		for i := range 3 { // into this segment, into the next one, and waiting for another
			b, _ := bigBatch(t, term, i, 1, 3*small/4)
			b.Done = func(error) { calls++ }
			go func() { proposed <- term.Propose(t.Context(), b) }()
			synctest.Wait()
		}
		if len(proposed) != 2 {
			t.Fatalf("%d batches are in the log, want 2 and one waiting", len(proposed))
		}
		s.stop()
		synctest.Wait()
		if calls != 3 {
			t.Errorf("the reign is over, and %d of 3 batches are done", calls)
		}
		close(gate)
		for range 3 {
			if err := <-proposed; err != nil {
				t.Errorf("Done was called, and Propose says: %v", err)
			}
		}
		_ = s.down()
	})
}

// TestBatchThatIsNotTaken: nothing of it is in the log, so its caller is told, Done is not
// called, and the reign ends when what came before is done.
func TestBatchThatIsNotTaken(t *testing.T) {
	bubble(t, func(t *testing.T) {
		disk := vfs.NewMem()
		s := boot(t, disk)
		term := s.term()
		synctest.Wait()
		disk.SetLimit(2 * small)
		var before []<-chan error
		for i := range 2 {
			b, done := bigBatch(t, term, i, 1, 3*small/4)
			if err := term.Propose(t.Context(), b); err != nil {
				t.Fatal(err)
			}
			before = append(before, done)
		}
		b, done := bigBatch(t, term, 2, 1, 3*small/4)
		if err := term.Propose(t.Context(), b); !fault.Is(err, fault.NoSpace) {
			t.Errorf("proposed with %v, want NO_SPACE", err)
		}
		<-term.Over()
		for i, done := range before {
			if err := <-done; err != nil {
				t.Errorf("batch %d: %v", i, err)
			}
		}
		select {
		case err := <-done:
			t.Errorf("a batch that was not proposed is done: %v", err)
		default:
		}
		if err := s.down(); err != nil {
			t.Fatal(err)
		}
	})
}

// TestLogStampsTheHeader: a record's own header is what recovery and replicas go by.
func TestLogStampsTheHeader(t *testing.T) {
	bubble(t, func(t *testing.T) {
		l := candidate(t, vfs.NewMem(), epochs.Record{}, nil)
		tip := l.store.Version().Edit()
		future := time.Now().Add(time.Hour).UnixMilli()
		tip.Apply(createAt(t, tip, txn.MakeZxid(3, 1), "/a", future))
		l.epoch = 4
		term := newTerm(l, tip)
		op := createAt(t, tip, 0, "/b", 0).Op
		rec, out := term.Log(txn.Header{Author: "x", Session: 7, Cxid: 8}, op)
		got, err := txn.Decode(rec.Payload)
		if err != nil {
			t.Fatal(err)
		}
		want := txn.Header{
			Zxid: txn.MakeZxid(4, 1), Time: future, Committed: txn.MakeZxid(3, 1), Digest: tip.Digest(),
			Author: "x", Session: 7, Cxid: 8,
		}
		if got.Header != want || rec.Zxid != want.Zxid {
			t.Errorf("record %v with the header %+v,\nwant %+v: a clock that goes back, and nothing committed but the base", rec.Zxid, got.Header, want)
		}
		if len(out.Results) != 1 || out.Results[0].Stat.Czxid != rec.Zxid {
			t.Errorf("outcome %+v", out)
		}
	})
}

// createAt is a txn that creates a node on the tip.
func createAt(t *testing.T, tip *tree.Draft, z txn.Zxid, path string, ms int64) *txn.Txn {
	t.Helper()
	op, err := tip.Prepare(&tree.CreateRequest{Path: path, ACL: tree.OpenACL()}, nil, tree.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	return &txn.Txn{Header: txn.Header{Zxid: z, Time: ms}, Op: op}
}
