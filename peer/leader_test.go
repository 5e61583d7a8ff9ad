package peer

import (
	"context"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/quorate/quorate/peer/election"
	"github.com/quorate/quorate/store"
	"github.com/quorate/quorate/store/epochs"
	"github.com/quorate/quorate/store/tree"
	"github.com/quorate/quorate/store/txn"
	"github.com/quorate/quorate/store/vfs"
	"github.com/quorate/quorate/store/wal"
)

// candidate is a leader of servers 1 and 2 of which nothing runs: what 2 does, the test says.
func candidate(t *testing.T, disk *vfs.Mem, promised epochs.Record, e func(Event)) *leader {
	t.Helper()
	st, err := store.Open(context.Background(), store.Config{
		FS: disk, Dir: "/data", Server: 1, SegmentSize: small, Reserve: -1, Random: rand.Uint64,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = st.Close() })
	if err := st.SetEpochs(promised); err != nil {
		t.Fatal(err)
	}
	members := []txn.Member{{ID: 1}, {ID: 2}}
	p, err := New(Config{ID: 1, Members: members, Store: st, Random: rand.Uint64, Events: e})
	if err != nil {
		t.Fatal(err)
	}
	return newLeader(p, election.View{Membership: txn.Membership{Members: members}})
}

// TestLeaderKeepsItsOrder holds a leader at each rendezvous and looks at what it has done by then,
// and has not (P2, P3). Its log ends with a txn that is not durable yet.
func TestLeaderKeepsItsOrder(t *testing.T) {
	bubble(t, func(t *testing.T) {
		disk := vfs.NewMem()
		tr := &trace{}
		events := func(e Event) {
			tr.add(e)
			if _, ok := e.(EpochCurrent); !ok {
				return
			}
			if last := afterPowerCut(t, disk).Last(); last != txn.MakeZxid(3, 1) {
				t.Errorf("the epoch is durable on a log that ends at %v, want 3.1", last)
			}
		}
		l := candidate(t, disk, epochs.Record{Accepted: 7, From: 2, Incarnation: 9, Current: 3}, events)
		appendTxn(t, l.store, txn.MakeZxid(3, 1))
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- l.lead(ctx) }()

		want := func(trace string, accepted, current txn.Epoch, last txn.Zxid) {
			t.Helper()
			synctest.Wait()
			if got := tr.String(); got != trace {
				t.Errorf("trace:\n%s\n\nwant:\n%s", got, trace)
			}
			held := afterPowerCut(t, disk)
			if e := held.Epochs(); e.Accepted != accepted || e.Current != current {
				t.Errorf("the disk holds %+v, want accepted %d, current %d", e, accepted, current)
			}
			if held.Last() < last {
				t.Errorf("the disk's log ends at %v, want %v", held.Last(), last)
			}
		}
		steps := "role looking: elected; the voters are being collected"
		want(steps, 7, 3, 0)
		l.mu.Lock()
		l.mu.disks[2] = 22
		l.mu.Unlock()
		l.roster.news.light()
		_ = l.infos.arrive(2, 22, nil)
		steps += "\naccepted epoch 8"
		want(steps, 8, 3, 0)
		if e := l.store.Epochs(); e.From != 1 || e.Incarnation != l.incarnation {
			t.Errorf("the epoch was accepted from %d, incarnation %x, not from this candidacy (P1)", e.From, e.Incarnation)
		}
		_ = l.epochAcks.arrive(2, 22, nil)
		steps += "\ncurrent epoch 8"
		want(steps, 8, 8, txn.MakeZxid(3, 1))
		if z := l.store.Version().Zxid(); z != 0 {
			t.Errorf("applied up to %v before a quorum has the log", z)
		}
		_ = l.synced.arrive(2, 22, nil)
		steps += "\nestablished in epoch 8: committed 3.1, tail 1\nfounded with 2 member(s)\nrole leader"
		want(steps, 8, 8, txn.MakeZxid(3, 1))
		if z := l.store.Version().Zxid(); z != txn.MakeZxid(3, 1) {
			t.Errorf("applied up to %v, want all of the log", z)
		}
		cancel()
		<-ended
	})
}

// appendTxn logs a creation, without making it durable.
func appendTxn(t *testing.T, st *store.Store, z txn.Zxid) {
	t.Helper()
	draft := st.Version().Edit()
	op, err := draft.Prepare(&tree.CreateRequest{Path: "/tail", ACL: tree.OpenACL()}, nil, tree.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	x := &txn.Txn{Header: txn.Header{Zxid: z}, Op: op}
	draft.Apply(x)
	x.Digest = draft.Digest()
	if err := st.Append(t.Context(), []wal.Record{{Zxid: z, Payload: x.Append(nil)}}); err != nil {
		t.Fatal(err)
	}
}

// TestLastEpoch: there is none after the greatest, and the one before may still be followed by it.
func TestLastEpoch(t *testing.T) {
	for accepted, refused := range map[txn.Epoch]bool{txn.MaxEpoch - 1: false, txn.MaxEpoch: true} {
		bubble(t, func(t *testing.T) {
			l := candidate(t, vfs.NewMem(), epochs.Record{Accepted: accepted, From: 1, Current: accepted}, nil)
			l.mu.disks[2] = 22
			_ = l.infos.arrive(2, 22, nil)
			err := l.proposeEpoch(t.Context())
			epoch := l.epoch
			if refused && (err == nil || !strings.Contains(err.Error(), "the last there is")) {
				t.Errorf("after epoch %d comes %d, %v", accepted, epoch, err)
			}
			if !refused && (err != nil || epoch != txn.MaxEpoch) {
				t.Errorf("after epoch %d comes %d, %v", accepted, epoch, err)
			}
		})
	}
}
