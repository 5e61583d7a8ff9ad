package pipeline_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"

	"github.com/quorate/quorate/server/pipeline"
	"github.com/quorate/quorate/store/fault"
	"github.com/quorate/quorate/store/tree"
	"github.com/quorate/quorate/store/txn"
	"github.com/quorate/quorate/store/vfs"
	"github.com/quorate/quorate/store/wal"
)

// TestFailedBatchAnswersNobodyFromItsTip: the log is poisoned under a creation and a refusal
// that rests on it. The creation may have happened or not; so there is nothing to say of the other.
func TestFailedBatchAnswersNobodyFromItsTip(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gate, holding := make(chan struct{}), false
		s := boot(t, vfs.NewFaults(vfs.NewMem(), func(op vfs.Op) error {
			if holding && op.Kind == vfs.OpSync {
				<-gate
				return errors.New("the disk is gone")
			}
			return nil
		}))
		holding = true
		var errs [2]error
		var replies [2]pipeline.Reply
		done := make(chan struct{}, 2)
		for i := range errs {
			go func() { replies[i], errs[i] = s.submit(create("/a")); done <- struct{}{} }()
			synctest.Wait()
		}
		close(gate)
		<-done
		<-done
		if !fault.Is(errs[0], fault.Unknown) || !fault.Is(errs[1], fault.Unavailable) {
			t.Errorf("%v, %v; want UNKNOWN, and UNAVAILABLE for the refusal", errs[0], errs[1])
		}
		for i, r := range replies {
			if r.Zxid != 0 || r.Results != nil {
				t.Errorf("request %d failed, and has the reply %+v", i, r)
			}
		}
		if _, err := s.submit(create("/b")); !fault.Is(err, fault.Unavailable) {
			t.Errorf("without a leader: %v", err)
		}
		s.down()
	})
}

// TestBatchesAreBounded in requests and in bytes, however many wait.
func TestBatchesAreBounded(t *testing.T) {
	for name, c := range map[string]struct{ requests, data, batch, bytes int }{
		"requests": {2500, 0, 1024, 1 << 20},
		"bytes":    {60, wal.MinSegmentSize / 2, 1024, 1<<20 + wal.MinSegmentSize},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				total, batches := 0, 0
				s := prepare(t, vfs.NewMem(), func(pc *pipeline.Config) {
					pc.Events.Proposed = func(requests, txns, bytes int) {
						if total, batches = total+requests, batches+1; requests > c.batch || bytes > c.bytes || txns != requests {
							t.Errorf("a batch of %d requests, %d txns, %d bytes; at most %d and %d", requests, txns, bytes, c.batch, c.bytes)
						}
					}
				})
				s.run(func(ctx context.Context) { _ = s.peer.Run(ctx) })
				s.run(func(ctx context.Context) { _ = s.store.Run(ctx) })
				for i := range c.requests {
					r := &tree.CreateRequest{Path: fmt.Sprintf("/%04d", i), ACL: tree.OpenACL(), Data: make([]byte, c.data)}
					go func() {
						if _, err := s.submit(r); err != nil {
							t.Error(err)
						}
					}()
				}
				synctest.Wait()
				s.run(func(ctx context.Context) { _ = s.pipe.Run(ctx) })
				synctest.Wait()
				if total != c.requests || batches < 2 || batches > 4 {
					t.Errorf("%d requests went in %d batches", total, batches)
				}
				s.stops[2]()
				s.stops = s.stops[:2]
				s.down()
			})
		})
	}
}

// TestTxnSaysWhoAsked: the header that is logged is what an audit and a replica see.
func TestTxnSaysWhoAsked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := boot(t, vfs.NewMem())
		defer s.down()
		reply, err := s.pipe.Submit(t.Context(), pipeline.Request{Op: create("/a"), Author: "digest:ann", Session: s.opens(1000), Cxid: 8})
		if err != nil {
			t.Fatal(err)
		}
		r, err := s.store.Reader(reply.Zxid - 1)
		if err != nil {
			t.Fatal(err)
		}
		rec, _, err := r.Next()
		if err != nil {
			t.Fatal(err)
		}
		h, err := txn.PeekHeader(rec.Payload)
		if err != nil || h.Author != "digest:ann" || h.Session != txn.MakeSessionID(1, reply.Zxid-1) || h.Cxid != 8 || h.Zxid != reply.Zxid {
			t.Errorf("logged as %+v, %v", h, err)
		}
		_ = r.Close()
	})
}
