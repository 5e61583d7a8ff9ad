package peer

import (
	"bytes"
	"context"
	"errors"
	"hash/crc32"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	quorumv1 "github.com/quorate/quorate/gen/quorate/quorum/v1"
	txnv1 "github.com/quorate/quorate/gen/quorate/txn/v1"
	"github.com/quorate/quorate/store/txn"
	"github.com/quorate/quorate/store/vfs"
)

// What may happen to a learner. The first byte of an input chooses what it has, and each that follows what happens
// next; those behind it, how exactly.
const (
	learnerDials = iota
	tellsRight
	tellsInfo
	tellsDiff
	tellsTrunc
	tellsSnapshot
	tellsPart
	tellsProposal
	tellsNewLeader
	tellsUpToDate
	tellsCommit
	tellsReply
	tellsOther
	tellsPing
	leaderEnds
	hoursPass
	clientAsks
	powerFails
	learnerHappenings
)

// FuzzLearnerStream lets a leader say anything in any order to a real learner. Whatever comes, the stream goes on or
// ends with a reason that is no fault of the disk, the learner's own words are in order and true, its log is a history
// that it was sent, without holes, what it has applied is committed and durable and never changes but by
// a snapshot, a power cut takes nothing away, and a leader that keeps to the protocol brings it up to date.
func FuzzLearnerStream(f *testing.F) {
	for _, seed := range learnerSeeds {
		f.Add(seed.data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		synctest.Test(t, func(t *testing.T) { misled(t, data) })
	})
}

// misled lets happen what a fuzzer's bytes say, and returns what was written down of it.
func misled(t *testing.T, data []byte) string {
	i := newImpostor(t, data)
	defer func() { i.asleep() }()
	for n := 0; n < 50 && i.more(); n++ {
		i.something()
		i.looks()
	}
	story := i.story.String()
	i.comesToItsSenses()
	return story
}

// learnerSeeds bring a fuzzer to each part of the conversation; that it is reached is seen in the story.
var learnerSeeds = map[string]struct {
	data    []byte
	reaches string
}{
	"discovery":            {[]byte{1, learnerDials, 0, tellsRight}, "→ AckEpoch"},
	"a promise forgotten":  {append(append([]byte{5, learnerDials, 1}, rights(4)...), tellsOther, 0, learnerDials, 1, tellsInfo, 22, 0, learnerDials, 1, tellsRight, tellsRight, tellsRight), "has promised epoch 4"},
	"another leader":       {[]byte{1, learnerDials, 0, tellsInfo, 0, 3, 1}, "server 2 answers"},
	"an earlier epoch":     {[]byte{5, learnerDials, 0, tellsRight, leaderEnds, 1, learnerDials, 0, tellsInfo, 16, 0}, "has promised epoch 4"},
	"diff":                 {append([]byte{3, learnerDials, 0}, rights(4)...), "role follower"},
	"broadcast":            {append([]byte{3, learnerDials, 0}, rights(8)...), "← Commit"},
	"an observer":          {append([]byte{7, learnerDials, 0}, rights(6)...), "role observer"},
	"trunc":                {append([]byte{2, learnerDials, 1}, rights(9)...), "← Trunc"},
	"below what is shown":  {append([]byte{3, learnerDials, 1}, rights(12)...), "installed snapshot 2.1"},
	"blank":                {append([]byte{0, learnerDials, 4}, rights(9)...), "→ AckNewLeader"},
	"a part of a snapshot": {[]byte{0, learnerDials, 1, tellsRight, tellsPart, 3, 0, 0, tellsPart, 3, 1, 0, leaderEnds, 1}, "← Snapshot chunk"},
	"a snapshot":           {[]byte{1, learnerDials, 1, tellsRight, tellsSnapshot, 4, powerFails, 2}, "installed"},
	"a tree that differs":  {append(append([]byte{0, learnerDials, 3}, rights(11)...), learnerDials, 3, tellsRight, tellsDiff, 14), "differs"},
	"a hole":               {[]byte{1, learnerDials, 0, tellsRight, tellsRight, tellsProposal, 1, 1, 1, 8, 0, 3, 0, 0}, "does not fit"},
	"a proposal":           {append(append([]byte{2, learnerDials, 0}, rights(4)...), tellsProposal, 1, 2, 0, 2, 1, 28, 0, powerFails, 0), "← Proposal"},
	"questions":            {append(append([]byte{3, learnerDials, 0}, rights(4)...), clientAsks, 0, clientAsks, 1, tellsReply, 0, 7, 0, tellsReply, 42, 0, 1, tellsReply, 0, 0, 0), "← Reply"},
	"a cut too deep":       {[]byte{3, learnerDials, 0, tellsRight, tellsTrunc, 44}, "and 1.5 is applied"},
	"a later epoch":        {append([]byte{2, learnerDials, 1, tellsInfo, 15, 0}, rights(5)...), "in epoch 2"},
	"a wrong predecessor":  {append(append([]byte{2, learnerDials, 1}, rights(2)...), tellsProposal, 0, 1, 16, 0, 1, 0), "does not fit"},
	"a damaged chunk":      {[]byte{0, learnerDials, 1, tellsRight, tellsPart, 3, 0, 0, tellsPart, 3, 1, 3}, "does not match its checksum"},
	"an answer ahead":      {append(append([]byte{3, learnerDials, 0}, rights(4)...), clientAsks, 0, clientAsks, 1, tellsReply, 43, 0, 0, hoursPass, 0, tellsReply, 43, 7, 1, tellsRight, tellsRight), "← Reply 1 at 1.6"},
	"silence":              {append(append([]byte{3, learnerDials, 0}, rights(4)...), tellsPing, 1, hoursPass, 3, hoursPass, 3), "silent"},
	"a quick end":          {append([]byte{1, leaderEnds, 0, learnerDials, 0, leaderEnds, 2, powerFails, 1, learnerDials, 2}, rights(3)...), "wakes up"},
	"nothing":              {append(append([]byte{2, learnerDials, 0}, rights(3)...), tellsOther, 0), "a message without a step"},
}

// rights is so many right words.
func rights(n int) []byte { return bytes.Repeat([]byte{tellsRight}, n) }

// TestLearnerSeeds: each reaches what it is for.
func TestLearnerSeeds(t *testing.T) {
	for name, seed := range learnerSeeds {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				if story := misled(t, seed.data); !strings.Contains(story, seed.reaches) {
					t.Errorf("%q does not come about:\n%s", seed.reaches, story)
				}
			})
		})
	}
}

// something happens.
func (i *impostor) something() {
	what := i.of(learnerHappenings)
	if i.script == nil && what != powerFails {
		if what == learnerDials {
			i.dials(i.books[i.of(len(i.books))])
		}
		return
	}
	switch what {
	case learnerDials:
	case leaderEnds:
		i.hangsUp(i.of(6))
	case hoursPass:
		i.passInBubble([]time.Duration{time.Millisecond, brisk.Tick / 2, brisk.SyncLimit / 2, brisk.SyncLimit, brisk.InitLimit}[i.of(5)])
	case clientAsks:
		i.isAsked(i.of(2))
	case powerFails:
		i.loses([]vfs.CrashMode{vfs.KeepSynced, vfs.KeepAll, vfs.KeepSome}[i.of(3)])
	case tellsRight:
		i.tells(i.right())
	case tellsSnapshot:
		v := i.book.versions[i.of(len(i.book.versions))]
		for _, m := range snapshot(v, 64) {
			i.tells(m)
		}
	default:
		i.tells(i.word(what))
	}
}

// word is what the leader says.
func (i *impostor) word(what int) *quorumv1.SyncResponse {
	e := i.store.Epochs()
	zxid := func() txn.Zxid { return i.zxid(i.store.Last(), i.book.last(), i.store.Version().Zxid()) }
	epoch := func() uint32 { return i.epoch(i.mouth.offered(), e.Accepted, e.Current) }
	switch what {
	case tellsInfo:
		return i.info(epoch())
	case tellsDiff:
		return diff(zxid())
	case tellsTrunc:
		return trunc(zxid())
	case tellsPart:
		return i.part()
	case tellsProposal:
		return i.proposal(zxid)
	case tellsNewLeader:
		return i.newLeader(epoch(), zxid())
	case tellsUpToDate:
		return upToDate(zxid())
	case tellsCommit:
		return commit(zxid())
	case tellsReply:
		return i.reply(zxid())
	case tellsPing:
		return ping(i.near(0, 5))
	}
	return []*quorumv1.SyncResponse{
		{},
		{Step: &quorumv1.SyncResponse_Inform{Inform: &quorumv1.Inform{PrevZxid: uint64(i.store.Last()), Txns: payloads(i.book.recs)}}},
		{Step: &quorumv1.SyncResponse_Revalidated{Revalidated: &quorumv1.Revalidated{Id: 1, Valid: true}}},
		{Step: &quorumv1.SyncResponse_Snapshot{Snapshot: &quorumv1.Snapshot{}}},
	}[i.of(4)]
}

// info is a first message in which something may be wrong.
func (i *impostor) info(epoch uint32) *quorumv1.SyncResponse {
	m := leaderInfo(epoch)
	switch n := m.GetInfo(); i.of(8) {
	case 1:
		n.Incarnation = i.near(0, incarnation)
	case 2:
		n.Protocol = uint32(i.near(1))
	case 3:
		n.Leader = uint32(i.near(leaderID))
	case 4:
		n.Ensemble = i.near(77)
	}
	return m
}

// newLeader may name a membership, of this ensemble or of another one.
func (i *impostor) newLeader(epoch uint32, last txn.Zxid) *quorumv1.SyncResponse {
	m := newLeaderMsg(epoch, last)
	if i.yes() {
		m.GetNewLeader().Membership = &txnv1.Membership{Ensemble: i.near(77)}
	}
	return m
}

// part is one message of a snapshot, or what is much like one.
func (i *impostor) part() *quorumv1.SyncResponse {
	all := snapshot(i.book.versions[i.of(len(i.book.versions))], 64)
	m := all[i.of(len(all))]
	s := m.GetSnapshot()
	switch i.of(8) {
	case 1:
		if b := s.GetBegin(); b != nil {
			b.Zxid = uint64(i.zxid(i.store.Last(), i.store.Version().Zxid()))
		}
	case 2:
		if c := s.GetChunk(); c != nil {
			c.Data = i.spoils(c.Data)
			c.Crc = crc32.Checksum(c.Data, castagnoli)
		}
	case 3:
		if c := s.GetChunk(); c != nil {
			c.Crc++
		}
	case 4:
		if e := s.GetEnd(); e != nil {
			e.Digest++
		}
	case 5:
		if e := s.GetEnd(); e != nil {
			e.Chunks = i.near(e.GetChunks())
		}
	}
	return m
}

// spoils returns other bytes.
func (i *impostor) spoils(b []byte) []byte {
	b = slices.Clone(b)
	if at := i.of(256); at < len(b) {
		b[at] ^= byte(1 << i.of(8))
	} else {
		b = b[:len(b)/2]
	}
	return b
}

// proposal is records of some history, which mostly continue what the learner has.
func (i *impostor) proposal(zxid func() txn.Zxid) *quorumv1.SyncResponse {
	book := i.book
	if i.yes() {
		book = i.books[i.of(len(i.books))]
	}
	recs, prev := book.after(i.store.Last()), i.store.Last()
	if i.yes() {
		prev = zxid()
	}
	if i.yes() {
		recs = book.after(min(prev, zxid()))
	}
	recs = slices.Clone(recs[:min(len(recs), i.of(4))])
	m := proposal(prev, recs, 0)
	if i.yes() {
		m.GetProposal().Committed = uint64(zxid())
	}
	if i.of(8) == 7 && len(recs) > 0 {
		n := i.of(len(recs))
		m.GetProposal().Txns[n] = i.spoils(recs[n].Payload)
	}
	return m
}

// reply is one to a question, or to none.
func (i *impostor) reply(at txn.Zxid) *quorumv1.SyncResponse {
	m := replyAt(i.near(uint64(len(i.asks)), 1), at)
	if i.yes() {
		m.GetReply().Fault = &quorumv1.Fault{Kind: "NODE_EXISTS", Path: "/a"}
	}
	return m
}

// hangsUp ends the stream.
func (i *impostor) hangsUp(how int) {
	refused := func(why quorumv1.RefusalReason) error { return reject(why, "sent away") }
	if i.hung {
		return
	}
	i.hung = how > 0
	switch how {
	case 0:
		i.quit = true
		i.script.quit(context.Canceled)
	case 1:
		i.script.end(io.EOF)
	case 2:
		i.script.end(refused(refusedEpoch))
	case 3:
		i.script.end(refused(refusedResigned))
	case 4:
		i.script.end(refused(refusedThrottled))
	default:
		i.script.end(errors.New("connection lost"))
	}
	synctest.Wait()
}
