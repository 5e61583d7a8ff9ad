package peer

import (
	"io"
	"strings"
	"testing"
	"testing/synctest"

	quorumv1 "github.com/quorate/quorate/gen/quorate/quorum/v1"
	"github.com/quorate/quorate/store/epochs"
	"github.com/quorate/quorate/store/vfs"
	"github.com/quorate/quorate/store/wal"
)

// TestRefusedLeaders: what a learner does not follow, and that it promises nothing then.
func TestRefusedLeaders(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*quorumv1.LeaderInfo)
		why    quorumv1.RefusalReason
	}{
		{"another protocol", func(i *quorumv1.LeaderInfo) { i.Protocol = 2 }, quorumv1.RefusalReason_REFUSAL_REASON_PROTOCOL},
		{"another ensemble", func(i *quorumv1.LeaderInfo) { i.Ensemble = 13 }, quorumv1.RefusalReason_REFUSAL_REASON_WRONG_ENSEMBLE},
		{"another server", func(i *quorumv1.LeaderInfo) { i.Leader = 3 }, quorumv1.RefusalReason_REFUSAL_REASON_NOT_LEADER},
		{"an earlier epoch", func(i *quorumv1.LeaderInfo) { i.Epoch = 4 }, quorumv1.RefusalReason_REFUSAL_REASON_EPOCH},
		{"no epoch", func(i *quorumv1.LeaderInfo) { i.Epoch = 0 }, quorumv1.RefusalReason_REFUSAL_REASON_MALFORMED},
		{"an epoch beyond the last", func(i *quorumv1.LeaderInfo) { i.Epoch = 1 << 31 }, quorumv1.RefusalReason_REFUSAL_REASON_MALFORMED},
		{"a port beyond the last", func(i *quorumv1.LeaderInfo) { i.ClientPort = 1 << 16 }, quorumv1.RefusalReason_REFUSAL_REASON_MALFORMED},
		{"no incarnation", func(i *quorumv1.LeaderInfo) { i.Incarnation = 0 }, quorumv1.RefusalReason_REFUSAL_REASON_MALFORMED},
	} {
		synctest.Test(t, func(t *testing.T) {
			f := awake(t, vfs.NewMem())
			defer f.asleep()
			before := epochs.Record{Accepted: 5, From: 3, Current: 5}
			f.has(before, nil, 0)
			if err := f.store.SetEnsemble(12); err != nil {
				t.Fatal(err)
			}
			s, ended := f.follow(Following)
			if got := s.hear().GetInfo().GetEnsemble(); got != 12 {
				t.Errorf("LearnerInfo says ensemble %d", got)
			}
			m := leaderInfo(6)
			m.GetInfo().Ensemble = 12
			c.change(m.GetInfo())
			s.say(m)
			if err := <-ended; !isRejected(err, c.why) {
				t.Errorf("%s: %v", c.name, err)
			}
			if f.store.Epochs() != before {
				t.Errorf("%s: promised %+v", c.name, f.store.Epochs())
			}
		})
	}
}

// TestOutOfPhase sends each message where it does not belong, and messages that make no sense. Each ends the stream.
func TestOutOfPhase(t *testing.T) {
	h := newAnnals(t).adds(1, "/a", "/b")
	good := proposal(0, h.recs, 0)
	chunk := snapshot(h.tree(), 1<<20)
	every := map[string]*quorumv1.SyncResponse{
		"nothing": {}, "LeaderInfo": leaderInfo(1), "Diff": diff(0), "Trunc": trunc(0), "Snapshot begin": chunk[0], "Snapshot chunk": chunk[1], "Snapshot end": chunk[2],
		"NewLeader": newLeaderMsg(1, 0), "UpToDate": upToDate(0), "Proposal": good, "Commit": commit(0), "Ping": ping(1),
		"Reply":       replyAt(1, 0),
		"Inform":      {Step: &quorumv1.SyncResponse_Inform{Inform: &quorumv1.Inform{Txns: good.GetProposal().GetTxns()}}},
		"Revalidated": {Step: &quorumv1.SyncResponse_Revalidated{Revalidated: &quorumv1.Revalidated{Id: 1}}},
	}
	for _, phase := range []struct {
		name  string
		enter func(*script)
		legal string
	}{
		{"discovery", func(s *script) { s.hear() }, "LeaderInfo"},
		{"planning", func(s *script) { s.greet(1) }, "Diff Trunc Snapshot begin Ping"},
		{"a snapshot", func(s *script) { s.greet(1); s.say(chunk[0]) }, "Snapshot chunk Ping"},
		{"history", func(s *script) { s.greet(1); s.say(diff(0)) }, "Proposal NewLeader Ping"},
		{"waiting for UpToDate", func(s *script) { s.greet(1); s.say(diff(0)); s.say(newLeaderMsg(1, 0)); s.hear() }, "UpToDate Ping"},
		{"broadcast", func(s *script) { s.greet(1); s.say(diff(0)); s.settle(1, 0, 0) }, "Proposal Commit Ping"},
	} {
		for name, m := range every {
			synctest.Test(t, func(t *testing.T) {
				f := awake(t, vfs.NewMem())
				defer f.asleep()
				s, ended := f.follow(Following)
				phase.enter(s)
				s.say(m)
				synctest.Wait()
				legal := strings.Contains(" "+phase.legal+" ", " "+name+" ")
				select {
				case err := <-ended:
					if legal || !isRejected(err, quorumv1.RefusalReason_REFUSAL_REASON_MALFORMED) {
						t.Errorf("%s in %s: %v", name, phase.name, err)
					}
				default:
					if !legal {
						t.Errorf("%s in %s is taken", name, phase.name)
					}
					s.end(io.EOF)
					<-ended
				}
			})
		}
	}
}

// TestMalformed: messages of the right kind that make no sense.
func TestMalformed(t *testing.T) {
	h := newAnnals(t).adds(1, "/a", "/b")
	later := newAnnals(t).adds(2, "/a")
	words := snapshot(h.tree(), 32)
	last := len(words) - 1
	flipped, sum, short, digest := snapshot(h.tree(), 32), snapshot(h.tree(), 32), snapshot(h.tree(), 32), snapshot(h.tree(), 32)
	sum[1].GetSnapshot().GetChunk().Crc++
	flipped[1].GetSnapshot().GetChunk().Data[3] ^= 1
	short[last].GetSnapshot().GetEnd().Chunks--
	digest[last].GetSnapshot().GetEnd().Digest++
	empty := snapshot(h.tree(), 32)[:1]
	empty[0].GetSnapshot().GetBegin().Zxid = 0
	other := snapshot(h.tree(), 32) // holds another zxid than it says
	other[0].GetSnapshot().GetBegin().Zxid++
	for name, said := range map[string][]*quorumv1.SyncResponse{
		"a flipped bit":                    flipped,
		"a wrong checksum":                 sum,
		"a wrong number of chunks":         short,
		"a wrong digest":                   digest,
		"a snapshot of nothing":            empty,
		"a snapshot of another zxid":       other,
		"chunks in another order":          {words[0], words[2], words[1], words[last]},
		"a snapshot without its trailer":   {words[0], words[1], {Step: &quorumv1.SyncResponse_Snapshot{Snapshot: &quorumv1.Snapshot{Part: &quorumv1.Snapshot_End{End: &quorumv1.SnapshotEnd{Chunks: 1}}}}}},
		"a chunk after the trailer":        append(append([]*quorumv1.SyncResponse{}, words[:last]...), words[last-1]),
		"a proposal of nothing":            {diff(0), proposal(0, nil, 0)},
		"a proposal of bytes":              {diff(0), proposal(0, []wal.Record{{Payload: []byte("no txn")}}, 0)},
		"a proposal backwards":             {diff(0), proposal(0, []wal.Record{h.recs[1], h.recs[0]}, 0)},
		"a proposal that repeats":          {diff(0), proposal(0, []wal.Record{h.recs[0], h.recs[0]}, 0)},
		"a proposal of a later epoch":      {diff(0), proposal(0, later.recs, 0)},
		"NewLeader of another epoch":       {diff(0), newLeaderMsg(2, 0)},
		"an answer to what was not asked":  {diff(0), newLeaderMsg(1, 0), upToDate(0), replyAt(1, 0)},
		"a broadcast of what is not a txn": {diff(0), newLeaderMsg(1, 0), upToDate(0), proposal(0, []wal.Record{{Payload: nil}}, 0)},
	} {
		synctest.Test(t, func(t *testing.T) {
			f := awake(t, vfs.NewMem())
			defer f.asleep()
			s, ended := f.follow(Following)
			s.greet(1)
			for _, m := range said {
				s.say(m)
			}
			if err := <-ended; !isRejected(err, quorumv1.RefusalReason_REFUSAL_REASON_MALFORMED) {
				t.Errorf("%s: %v", name, err)
			}
			if f.store.Last() != 0 || f.store.Version().Zxid() != 0 || f.peer.resync {
				t.Errorf("%s: the log ends at %v, the tree is at %v, resync %t", name, f.store.Last(), f.store.Version().Zxid(), f.peer.resync)
			}
		})
	}
}
