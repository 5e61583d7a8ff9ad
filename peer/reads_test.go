package peer

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/quorate/quorate/store/epochs"
	"github.com/quorate/quorate/store/txn"
	"github.com/quorate/quorate/store/vfs"
	"github.com/quorate/quorate/store/wal"
)

// TestSyncWaitsForWhatIsCommitted: what a quorum has committed may not be applied here
// yet, and may have been acknowledged elsewhere (P10).
func TestSyncWaitsForWhatIsCommitted(t *testing.T) {
	bubble(t, func(t *testing.T) {
		l := candidate(t, vfs.NewMem(), epochs.Record{}, nil)
		l.who = voters(1, 2, 3)
		l.rounds.elect(l.who)
		term := &Term{lead: l, over: make(chan struct{}), acks: newAcks(1, l.disk, l.who, 3, l.news)}
		l.become(Standing{Role: Leading, Term: term})
		l.applied.raise(3)
		term.acks.set(2, 22, 5)
		term.acks.set(3, 33, 5)
		var z txn.Zxid
		var err error
		go func() { z, err = l.Sync(t.Context()) }()
		synctest.Wait()
		l.applied.raise(4)
		synctest.Wait()
		if z != 0 || err != nil {
			t.Fatalf("synced to %v, %v; nobody else has echoed the round", z, err)
		}
		l.rounds.echo(2, 22, 1)
		synctest.Wait()
		if z != 0 || err != nil {
			t.Fatalf("synced to %v, %v; only 4 is applied", z, err)
		}
		l.applied.raise(5)
		synctest.Wait()
		if z != 5 || err != nil {
			t.Errorf("synced to %v, %v; want 5", z, err)
		}
	})
}

// TestWhoSeesAReignEndIsNotGivenItAgain: at the moment a batch learns that its reign is over,
// the peer no longer gives it out; nor does it take anything more.
func TestWhoSeesAReignEndIsNotGivenItAgain(t *testing.T) {
	bubble(t, func(t *testing.T) {
		l := candidate(t, vfs.NewMem(), epochs.Record{}, nil)
		term := newTerm(l, l.store.Version().Edit())
		l.epoch, l.term = 1, term
		l.take()
		var order []string
		for _, name := range []string{"first", "second"} {
			b := &Batch{Zxid: 9, Done: func(err error) {
				order = append(order, name)
				if l.Standing().Term == term {
					t.Error("the reign is given out")
				}
			}}
			if err := term.push(b); err != nil {
				t.Fatal(err)
			}
		}
		cause := errors.New("enough")
		l.leave(cause)
		if got := strings.Join(order, " "); got != "first second" {
			t.Errorf("done in the order %q", got)
		}
		if err := term.Propose(t.Context(), &Batch{Done: func(error) { t.Error("done") }}); !errors.Is(err, cause) {
			t.Errorf("proposed after the end: %v", err)
		}
		if err := term.Ready(); !errors.Is(err, cause) {
			t.Errorf("ready after the end: %v", err)
		}
	})
}

// TestTailThatDoesNotFit: a log whose tail contradicts the tree is not led from.
func TestTailThatDoesNotFit(t *testing.T) {
	bubble(t, func(t *testing.T) {
		l := candidate(t, vfs.NewMem(), epochs.Record{}, nil)
		z := txn.MakeZxid(1, 1)
		x := &txn.Txn{Header: txn.Header{Zxid: z}, Op: &txn.Delete{Path: "/missing"}}
		if err := l.store.Append(t.Context(), []wal.Record{{Zxid: z, Payload: x.Append(nil)}}); err != nil {
			t.Fatal(err)
		}
		for _, r := range []*rendezvous{l.infos, l.epochAcks, l.synced} {
			_ = r.arrive(2, 22, nil)
		}
		l.mu.disks[2] = 22
		if err := l.lead(t.Context()); err == nil || !strings.Contains(err.Error(), "does not fit the tree") {
			t.Errorf("led from a tail that does not fit: %v", err)
		}
		if at := l.store.Version().Zxid(); at != 0 {
			t.Errorf("published %v", at)
		}
	})
}
