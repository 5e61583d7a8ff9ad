package peer

import (
	"errors"
	"io"
	"testing"
	"testing/synctest"

	"github.com/quorate/quorate/store/epochs"
	"github.com/quorate/quorate/store/txn"
	"github.com/quorate/quorate/store/vfs"
)

// TestConversationDiff is a whole conversation with a learner that lacks records: discovery,
// synchronization, broadcast, the end.
func TestConversationDiff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newAnnals(t).adds(1, "/a", "/b", "/c")
		f := awake(t, vfs.NewMem())
		defer f.asleep()
		f.has(epochs.Record{Accepted: 1, From: 3, Current: 1}, h.recs[:1], h.recs[0].Zxid)
		s, ended := f.follow(Following)
		s.greet(2)
		s.say(diff(h.recs[0].Zxid))
		s.say(proposal(h.recs[0].Zxid, h.recs[1:], 0))
		s.settle(2, h.last(), h.last())
		f.isAt(h)

		before := h.last()
		h.adds(2, "/d", "/e")
		s.say(proposal(before, h.after(before), 0))
		s.hear()
		s.say(commit(h.last() - 1))
		synctest.Wait()
		if at := f.store.Version().Zxid(); at != h.last()-1 {
			t.Errorf("the tree is at %v, committed is %v", at, h.last()-1)
		}
		s.say(commit(h.last()))
		synctest.Wait()
		f.isAt(h)
		s.end(io.EOF)
		<-ended
		f.tells(`→ LearnerInfo server 2, accepted epoch 1, durable true
			← LeaderInfo epoch 2
			· leader 1 proposes epoch 2
			· accepted epoch 2
			→ AckEpoch current epoch 1, last 1.1, floor 1.1, counts
			← Diff after 1.1
			· DIFF after 1.1
			← Proposal of 2 after 1.1, committed 0.0
			← NewLeader epoch 2, last 1.3
			· history durable up to 1.3
			· current epoch 2
			→ AckNewLeader epoch 2
			← UpToDate committed 1.3
			· up to date: committed 1.3
			· role follower
			← Proposal of 2 after 1.3, committed 0.0
			→ Ack 2.2
			← Commit 2.1
			← Commit 2.2
			· role looking: the leader has ended the stream
			· leader 1 lost: the leader has ended the stream`)
	})
}

// TestConversationTrunc cuts what was never committed, across an epoch, and follows another history.
func TestConversationTrunc(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		old := newAnnals(t).adds(1, "/a", "/b", "/x", "/y")
		h := old.fork(2).adds(2, "/c")
		f := awake(t, vfs.NewMem())
		defer f.asleep()
		f.has(epochs.Record{Accepted: 1, From: 3, Current: 1}, old.recs, old.recs[0].Zxid)
		s, ended := f.follow(Observing)
		s.greet(3)
		s.say(trunc(h.recs[1].Zxid))
		s.say(proposal(h.recs[1].Zxid, h.recs[2:], 0))
		s.settle(3, h.last(), h.last())
		f.isAt(h)
		s.end(reject(1, "gone"))
		<-ended
		f.tells(`→ LearnerInfo server 2, accepted epoch 1, durable true
			← LeaderInfo epoch 3
			· leader 1 proposes epoch 3, not counted
			· accepted epoch 3
			→ AckEpoch current epoch 1, last 1.4, floor 1.1
			← Trunc after 1.2
			· TRUNC after 1.2
			← Proposal of 1 after 1.2, committed 0.0
			← NewLeader epoch 3, last 2.1
			· history durable up to 2.1
			· current epoch 3
			→ AckNewLeader epoch 3
			← UpToDate committed 2.1
			· up to date: committed 2.1
			· role observer
			· role looking: gone
			· leader 1 lost: gone`)
	})
}

// TestConversationSnap replaces a blank server's state, and goes on with records.
func TestConversationSnap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newAnnals(t).adds(1, "/a", "/b", "/c", "/d")
		f := awake(t, vfs.NewMem())
		defer f.asleep()
		s, ended := f.follow(Following)
		s.greet(1)
		for _, m := range snapshot(h.versions[2], 64) {
			s.say(m)
		}
		s.say(proposal(h.recs[2].Zxid, h.recs[3:], 0))
		s.settle(1, h.last(), h.last())
		f.isAt(h)
		s.quit(errors.New("stopped"))
		<-ended
		f.tells(`→ LearnerInfo server 2, accepted epoch 0, durable true
			← LeaderInfo epoch 1
			· leader 1 proposes epoch 1
			· accepted epoch 1
			→ AckEpoch current epoch 0, last 0.0, floor 0.0, counts
			← Snapshot at 1.3
			· SNAP after 1.3
			← Snapshot chunk
			← Snapshot chunk
			← Snapshot chunk
			← Snapshot chunk
			← Snapshot end, 4 chunk(s)
			· installed snapshot 1.3
			← Proposal of 1 after 1.3, committed 0.0
			← NewLeader epoch 1, last 1.4
			· history durable up to 1.4
			· current epoch 1
			→ AckNewLeader epoch 1
			← UpToDate committed 1.4
			· up to date: committed 1.4
			· role follower
			· role looking: stopped
			· leader 1 lost: stopped`)
	})
}

// TestServesOnceApplied: UpToDate may speak of more than the learner has yet; it serves when it
// has that (P12), and meanwhile logs and acknowledges.
func TestServesOnceApplied(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newAnnals(t).adds(1, "/a", "/b", "/c")
		f := awake(t, vfs.NewMem())
		defer f.asleep()
		s, ended := f.follow(Following)
		s.greet(1)
		s.say(diff(0))
		s.settle(1, 0, h.recs[1].Zxid)
		prev := txn.Zxid(0)
		for i, r := range h.recs[:2] {
			if now := f.peer.Standing(); now.Role != Looking || now.Upstream != nil {
				t.Fatalf("it serves with %d of 2 txns applied: %v", i, now.Role)
			}
			s.say(proposal(prev, h.recs[i:i+1], 0))
			prev = r.Zxid
			if s.hear().GetAck().GetZxid() != uint64(r.Zxid) {
				t.Fatalf("%v is not acknowledged", r.Zxid)
			}
			synctest.Wait()
		}
		now := f.peer.Standing()
		if now.Role != Following || now.Leader != leaderID || now.Upstream == nil {
			t.Errorf("it is up to date, and stands as %+v", now)
		}
		s.end(io.EOF)
		<-ended
		select {
		case <-now.Changed:
		default:
			t.Error("the standing has not changed with the stream's end")
		}
		select {
		case <-now.Upstream.Over():
		default:
			t.Error("the upstream is not over")
		}
	})
}
