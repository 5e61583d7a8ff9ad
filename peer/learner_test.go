package peer

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/synctest"

	quorumv1 "github.com/quorate/quorate/gen/quorate/quorum/v1"
	txnv1 "github.com/quorate/quorate/gen/quorate/txn/v1"
	"github.com/quorate/quorate/store/epochs"
	"github.com/quorate/quorate/store/tree"
	"github.com/quorate/quorate/store/txn"
	"github.com/quorate/quorate/store/vfs"
)

// isRejected tells whether err is a rejection for a reason.
func isRejected(err error, why quorumv1.RefusalReason) bool {
	var r *Rejection
	return errors.As(err, &r) && r.Reason == why
}

// TestPromised is P1: a promise counts if it is a new one, or a repeat to the same candidacy.
func TestPromised(t *testing.T) {
	old := epochs.Record{Accepted: 5, From: 1, Incarnation: 77, Current: 4}
	for _, c := range []struct {
		name        string
		from        txn.ServerID
		epoch       txn.Epoch
		incarnation uint64
		next        epochs.Record
		counts      bool
		refused     bool
	}{
		{"a later epoch", 3, 6, 9, epochs.Record{Accepted: 6, From: 3, Incarnation: 9, Current: 4}, true, false},
		{"a much later epoch", 1, txn.MaxEpoch, 77, epochs.Record{Accepted: txn.MaxEpoch, From: 1, Incarnation: 77, Current: 4}, true, false},
		{"the same candidacy again", 1, 5, 77, old, true, false},
		{"the same epoch of another server", 3, 5, 77, old, false, false},
		{"the same epoch of the same server's next candidacy", 1, 5, 78, old, false, false},
		{"an earlier epoch", 1, 4, 77, old, false, true},
	} {
		next, counts, err := promised(old, c.from, c.epoch, c.incarnation)
		if next != c.next || counts != c.counts || (err != nil) != c.refused {
			t.Errorf("%s: %+v, counts %t, %v", c.name, next, counts, err)
		}
		if c.refused && !isRejected(err, quorumv1.RefusalReason_REFUSAL_REASON_EPOCH) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

// TestPromiseOnTheWire: what is durable, and what AckEpoch says of it, for a candidacy that comes
// again and for another one of the same epoch.
func TestPromiseOnTheWire(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := awake(t, vfs.NewMem())
		defer f.asleep()
		for _, c := range []struct {
			incarnation uint64
			counts      bool
		}{{incarnation, true}, {incarnation, true}, {incarnation + 1, false}, {incarnation, true}} {
			s, ended := f.follow(Following)
			s.hear()
			m := leaderInfo(7)
			m.GetInfo().Incarnation = c.incarnation
			s.say(m)
			if ack := s.hear().GetAckEpoch(); ack.GetCounts() != c.counts {
				t.Errorf("incarnation %d: AckEpoch %v", c.incarnation, ack)
			}
			if r := f.store.Epochs(); r != (epochs.Record{Accepted: 7, From: leaderID, Incarnation: incarnation}) {
				t.Errorf("on the disk stands %+v", r)
			}
			s.end(io.EOF)
			<-ended
		}
	})
}

// TestOutOfStep is P8: whoever sends what does not fit the log's end loses the learner, which comes
// back, asks for a snapshot, takes nothing else, and has forgotten it afterwards.
func TestOutOfStep(t *testing.T) {
	own := newAnnals(t).adds(1, "/a", "/b", "/c")
	h := own.fork(2).adds(2, "/d", "/e")
	for name, said := range map[string][]*quorumv1.SyncResponse{
		"DIFF after another zxid":           {diff(own.recs[1].Zxid)},
		"TRUNC after a zxid it lacks":       {trunc(txn.MakeZxid(1, 9))},
		"TRUNC below what is applied":       {trunc(0)},
		"a gap in the history":              {diff(own.last()), proposal(own.last()+1, newAnnals(t).adds(2, "/z").recs, 0)},
		"a history that overlaps":           {diff(own.last()), proposal(own.recs[1].Zxid, h.recs[2:], 0)},
		"NewLeader beyond what was sent":    {diff(own.last()), newLeaderMsg(3, own.last()+1)},
		"NewLeader before what was sent":    {diff(own.last()), newLeaderMsg(3, own.last()-1)},
		"a gap in broadcast":                {diff(own.last()), newLeaderMsg(3, own.last()), upToDate(0), proposal(own.last()+1, h.recs[2:], 0)},
		"a tree that turns out differently": {trunc(own.recs[1].Zxid), proposal(own.recs[1].Zxid, spoilt(h).recs[2:], 0), newLeaderMsg(3, h.last()), upToDate(h.last())},
	} {
		synctest.Test(t, func(t *testing.T) {
			f := awake(t, vfs.NewMem())
			defer f.asleep()
			f.has(epochs.Record{Accepted: 1, From: 3, Current: 1}, own.recs, own.recs[0].Zxid)
			s, ended := f.follow(Following)
			s.greet(3)
			for _, m := range said {
				s.say(m)
			}
			if err := <-ended; !errors.Is(err, errOutOfStep) && !errors.Is(err, tree.ErrMismatch) {
				t.Errorf("%s: %v", name, err)
			}
			if at := f.store.Version().Zxid(); at > h.recs[1].Zxid {
				t.Errorf("%s: the tree is at %v", name, at)
			}

			s, ended = f.follow(Following)
			if ack := s.greet(3); !ack.GetResync() {
				t.Errorf("%s: the learner comes back without asking for a snapshot", name)
			}
			s.say(diff(f.store.Last()))
			if err := <-ended; !isRejected(err, quorumv1.RefusalReason_REFUSAL_REASON_MALFORMED) {
				t.Errorf("%s: DIFF where a snapshot was asked for: %v", name, err)
			}

			s, ended = f.follow(Following)
			s.teach(3, h, 3)
			f.isAt(h)
			s.end(io.EOF)
			<-ended
			s, ended = f.follow(Following)
			if ack := s.greet(3); ack.GetResync() || txn.Zxid(ack.GetLastZxid()) != h.last() {
				t.Errorf("%s: after the snapshot it says %v", name, ack)
			}
			s.end(io.EOF)
			<-ended
		})
	}
}

// spoilt returns a history whose last txn but one carries another digest.
func spoilt(h *annals) *annals {
	bad := h.fork(len(h.recs))
	i := len(bad.recs) - 2
	x, err := txn.Decode(bad.recs[i].Payload)
	if err != nil {
		h.t.Fatal(err)
	}
	x.Digest++
	bad.recs[i].Payload = x.Append(nil)
	return bad
}

// TestPromiseIsForgotten is P5: a server that is told that it is ahead in epoch goes back to what is current, and comes in, if
// nobody has counted its promise; else never.
func TestPromiseIsForgotten(t *testing.T) {
	ahead := reject(quorumv1.RefusalReason_REFUSAL_REASON_EPOCH, "ahead")
	uncounted, counted := epochs.Record{Accepted: 9, Current: 2}, epochs.Record{Accepted: 9, From: 3, Incarnation: 1, Current: 2}
	current := epochs.Record{Accepted: 2, Current: 2}
	for _, c := range []struct {
		promise epochs.Record
		role    Role
		err     error
		want    epochs.Record
	}{
		{uncounted, Observing, ahead, current},
		{uncounted, Observing, reject(quorumv1.RefusalReason_REFUSAL_REASON_NOT_LEADER, "not me"), uncounted},
		{uncounted, Observing, io.EOF, uncounted},
		{counted, Observing, ahead, counted}, // it did count: its view may be older than another's
		{counted, Following, ahead, counted},
	} {
		synctest.Test(t, func(t *testing.T) {
			f := awake(t, vfs.NewMem())
			defer f.asleep()
			f.has(c.promise, nil, 0)
			s, ended := f.follow(c.role)
			s.hear()
			s.end(c.err)
			if err := <-ended; err == nil {
				t.Error("follow returned nil")
			}
			if got := f.store.Epochs(); got != c.want {
				t.Errorf("%v with %+v told %v: %+v, want %+v", c.role, c.promise, c.err, got, c.want)
			}
			if c.want != current {
				return
			}
			s, ended = f.follow(c.role)
			if ack := s.greet(4); ack.GetCounts() || ack.GetCurrentEpoch() != 2 {
				t.Errorf("afterwards: %v", ack)
			}
			s.end(io.EOF)
			<-ended
		})
	}
}

// TestWhoPledges: an observer's promise counts for nobody, and is one to nobody. But a voter that takes itself for an
// observer, since it does not know of its readmission's commit, may be counted by those who do: if it has that txn.
func TestWhoPledges(t *testing.T) {
	for _, c := range []struct {
		name string
		role Role
		disk int // whose disk the newest membership in the log names, 0: none is logged; 1: another one; 2: its own
		want bool
	}{
		{"a follower", Following, 0, true},
		{"an observer", Observing, 0, false},
		{"readmitted, as its log says", Observing, 2, true},
		{"another disk readmitted", Observing, 1, false},
	} {
		synctest.Test(t, func(t *testing.T) {
			f := awake(t, vfs.NewMem())
			defer f.asleep()
			h := newAnnals(t).adds(1, "/a")
			if c.disk > 0 {
				m := txn.Membership{Ensemble: 77, Members: trio()}
				for i := range m.Members {
					m.Members[i].Storage = 5
					if m.Members[i].ID == followerID && c.disk == 2 {
						m.Members[i].Storage = f.store.Identity().Storage
					}
				}
				h.does(1, &tree.MembershipRequest{Membership: m})
			}
			f.has(epochs.Record{Accepted: 1, Current: 1}, h.recs, h.recs[0].Zxid)
			s, ended := f.follow(c.role)
			if ack := s.greet(4); ack.GetCounts() != c.want {
				t.Errorf("%s: %v", c.name, ack)
			}
			if got := f.store.Epochs(); (got.From != 0) != c.want || (got.Incarnation != 0) != c.want || got.Accepted != 4 {
				t.Errorf("%s: its promise is %+v", c.name, got)
			}
			s.end(io.EOF)
			<-ended
		})
	}
}

// TestSnapshotThatTakesBack: a snapshot older than what is applied costs the disk its identity (P6). The
// stream, on which the old one counts, ends before anything is acknowledged.
func TestSnapshotThatTakesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		own := newAnnals(t).adds(1, "/a", "/b", "/c")
		h := own.fork(1)
		f := awake(t, vfs.NewMem())
		defer f.asleep()
		f.has(epochs.Record{Accepted: 1, From: 3, Current: 1}, own.recs, own.recs[2].Zxid)
		before := f.store.Identity().Storage
		f.peer.resync = true
		s, ended := f.follow(Following)
		s.greet(2)
		for _, m := range snapshot(h.tree(), 64) {
			s.say(m)
		}
		if err := <-ended; err == nil || !strings.Contains(err.Error(), "storage identity") {
			t.Errorf("the stream went on: %v", err)
		}
		after := f.store.Identity().Storage
		s, ended = f.follow(Following)
		if info := s.hear().GetInfo(); after == before || info.GetStorage() != uint64(after) {
			t.Errorf("identity %v, then %v; LearnerInfo says %016x", before, after, info.GetStorage())
		}
		s.say(leaderInfo(2))
		if ack := s.hear().GetAckEpoch(); ack.GetResync() || ack.GetCurrentEpoch() != 1 || txn.Zxid(ack.GetLastZxid()) != h.last() {
			t.Errorf("it comes back with %v", ack)
		}
		s.end(io.EOF)
		<-ended
	})
}

// TestJoinsEnsemble: the directory becomes that of the ensemble in the tree once the founding is
// applied, durably, and no tree of another one is served.
func TestJoinsEnsemble(t *testing.T) {
	founded := func(t *testing.T, e txn.EnsembleID) *annals {
		return newAnnals(t).does(1, &tree.MembershipRequest{Membership: txn.Membership{Ensemble: e, Members: trio()}})
	}
	synctest.Test(t, func(t *testing.T) {
		disk := vfs.NewMem()
		f := awake(t, disk)
		s, ended := f.follow(Following)
		s.lead(1, newAnnals(t))
		h := founded(t, 12)
		s.say(proposal(0, h.recs, 0))
		s.hear()
		if got := f.store.Identity().Ensemble; got != 0 {
			t.Errorf("the directory is of ensemble %v before the founding is committed", got)
		}
		s.say(commit(h.last()))
		synctest.Wait()
		if got := f.store.Identity().Ensemble; got != 12 {
			t.Errorf("the directory is of ensemble %v", got)
		}
		s.end(io.EOF)
		<-ended
		f.asleep()

		f = awake(t, disk.CrashClone(nil, vfs.KeepSynced))
		s, ended = f.follow(Following)
		if got := s.hear().GetInfo().GetEnsemble(); got != 12 {
			t.Errorf("after a power cut LearnerInfo says ensemble %d", got)
		}
		s.end(io.EOF)
		<-ended
		f.asleep()
	})
	for name, said := range map[string][]*quorumv1.SyncResponse{
		"a membership of another ensemble": {diff(0), {Step: &quorumv1.SyncResponse_NewLeader{NewLeader: &quorumv1.NewLeader{Epoch: 1, Membership: &txnv1.Membership{Ensemble: 12}}}}},
		"a founding of another ensemble":   {diff(0), proposal(0, founded(t, 12).recs, 0), newLeaderMsg(1, txn.MakeZxid(1, 1)), upToDate(txn.MakeZxid(1, 1))},
	} {
		synctest.Test(t, func(t *testing.T) {
			f := awake(t, vfs.NewMem())
			defer f.asleep()
			if err := f.store.SetEnsemble(13); err != nil {
				t.Fatal(err)
			}
			s, ended := f.follow(Following)
			s.greet(1)
			for _, m := range said {
				s.say(m)
			}
			if err := <-ended; !isRejected(err, quorumv1.RefusalReason_REFUSAL_REASON_WRONG_ENSEMBLE) {
				t.Errorf("%s: %v", name, err)
			}
			if f.peer.Standing().Role != Looking || f.store.Identity().Ensemble != 13 {
				t.Errorf("%s: it serves, or has changed ensembles", name)
			}
		})
	}
}

// TestNoLeader: a leader that cannot be reached, or that sends the learner away, is named.
func TestNoLeader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := awake(t, vfs.NewMem())
		defer f.asleep()
		f.refuse = reject(quorumv1.RefusalReason_REFUSAL_REASON_SECRET, "the secret is wrong")
		_, ended := f.follow(Following)
		if err := <-ended; !isRejected(err, quorumv1.RefusalReason_REFUSAL_REASON_SECRET) || !strings.Contains(err.Error(), "server 1") {
			t.Errorf("refused: %v", err)
		}
		f.refuse = nil
		s, ended := f.follow(Following)
		s.greet(1)
		why := reject(quorumv1.RefusalReason_REFUSAL_REASON_THROTTLED, "too many")
		s.end(why)
		if err := <-ended; !errors.Is(err, why) {
			t.Errorf("sent away: %v", err)
		}
		s, ended = f.follow(Following)
		s.greet(1)
		s.quit(context.Canceled)
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("stopped: %v", err)
		}
	})
}
