package peer

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	quorumv1 "github.com/quorate/quorate/gen/quorate/quorum/v1"
	"github.com/quorate/quorate/store/txn"
)

// What may happen in an uproar. The first byte of an input chooses the world, and each that follows
// what happens next; those behind it, to whom and how exactly.
const (
	enters = iota
	saysRight
	saysInfo
	saysAckEpoch
	saysAckNewLeader
	saysAck
	saysPing
	asksRequest
	asksSync
	asksRevalidate
	saysNothing
	goesAway
	timePasses
	leaderWrites
	leaderDoes
	threeComes
	happenings
)

// FuzzLeaderStream lets several learners say anything in any order to a real leader, which serves one that
// keeps to the protocol meanwhile. Whatever comes, a stream goes on or ends with a refusal, the leader's own words are
// in order, nothing is committed that no quorum has, nothing acknowledged is lost, and that learner is served.
func FuzzLeaderStream(f *testing.F) {
	for _, seed := range leaderSeeds {
		f.Add(seed.data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		synctest.Test(t, func(t *testing.T) { inUproar(t, data) })
	})
}

// inUproar lets happen what a fuzzer's bytes say, and returns what was written down of it.
func inUproar(t *testing.T, data []byte) string {
	u := newUproar(t, data)
	defer u.rises()
	for n := 0; n < 50 && u.more(); n++ {
		u.happens(u.something)
	}
	story := u.record.String()
	u.calmsDown()
	return story
}

// leaderSeeds bring a fuzzer to each part of the conversation; that it is reached is seen in the minutes.
var leaderSeeds = map[string]struct {
	data    []byte
	reaches string
}{
	"founding":         {[]byte{0, enters, 0, 0, saysRight, 0, timePasses, 4, saysRight, 0, saysRight, 0, saysRight, 0}, "→ 2 NewLeader epoch 1"},
	"discovery":        {[]byte{2, enters, 0, 0, saysRight, 0}, "→ 2 LeaderInfo"},
	"an Ack too high":  {[]byte{1, enters, 0, 0, saysRight, 0, saysRight, 0, saysRight, 0, saysAck, 0, 15}, "MALFORMED"},
	"the only one":     {[]byte{1, enters, 0, 0, saysRight, 0, saysRight, 0, saysRight, 0, leaderDoes, 3, leaderWrites, saysRight, 0, timePasses, 1}, "→ 2 Commit 2.1"},
	"a late word":      {[]byte{1, enters, 0, 0, saysRight, 0, saysRight, 0, leaderDoes, 3, leaderWrites, saysRight, 0, saysRight, 0, timePasses, 1}, "→ 2 Commit 2.1"},
	"a candidate":      {[]byte{2, enters, 0, 0, saysRight, 0, saysRight, 0, saysRight, 0, leaderWrites, saysRight, 0, leaderWrites}, "→ 2 Commit"},
	"broadcast":        {[]byte{1, enters, 0, 0, saysRight, 0, saysRight, 0, saysRight, 0, leaderWrites, saysRight, 0}, "→ 2 Proposal"},
	"history":          {[]byte{5, enters, 0, 0, saysRight, 0, saysAckEpoch, 0, 14, 49, 49, 1, 0, saysRight, 0}, "→ 2 Proposal"},
	"trunc":            {[]byte{1, enters, 0, 0, saysRight, 0, saysAckEpoch, 0, 14, 43, 0, 1, 0, saysRight, 0}, "→ 2 Trunc"},
	"snapshot":         {[]byte{1, enters, 0, 3, saysRight, 0, saysAckEpoch, 0, 14, 0, 0, 1, 1, saysRight, 0, saysRight, 0}, "→ 4 Snapshot end"},
	"a slow snapshot":  {[]byte{5, enters, 0, 3, saysRight, 0, saysAckEpoch, 0, 14, 0, 0, 1, 1, enters, 1, 4, saysRight, 1, saysAckEpoch, 1, 14, 0, 0, 1, 1, timePasses, 4}, "THROTTLED"},
	"without a log":    {[]byte{1, enters, 0, 4, saysRight, 0, saysRight, 0, saysRight, 0, leaderWrites, saysPing, 0, 0, 0}, "→ 9 Inform"},
	"questions":        {[]byte{1, enters, 0, 0, saysRight, 0, saysRight, 0, saysRight, 0, asksRequest, 0, 0, 1, 0, asksSync, 0, 1, asksRevalidate, 0, 0, 0, saysRight, 0}, "→ 2 Revalidated"},
	"left out":         {[]byte{1, enters, 0, 0, saysInfo, 0, 10, 0, threeComes}, "promised a later epoch"},
	"another disk":     {[]byte{1, enters, 0, 2, saysRight, 0, saysRight, 0, saysRight, 0, timePasses, 2, saysRight, 0}, "readmitting"},
	"replaced":         {[]byte{1, enters, 0, 0, saysRight, 0, enters, 1, 0, saysRight, 1, saysRight, 1}, "REPLACED"},
	"a duplicate":      {[]byte{1, enters, 0, 5, saysRight, 0}, "DUPLICATE"},
	"handed over":      {[]byte{1, enters, 0, 0, saysRight, 0, saysRight, 0, saysRight, 0, leaderWrites, leaderDoes, 1, timePasses, 1, saysRight, 0, threeComes}, "RESIGNED"},
	"stalled":          {[]byte{1, enters, 0, 0, saysRight, 0, saysRight, 0, saysRight, 0, goesAway, 0, 2, leaderWrites, timePasses, 4, timePasses, 2}, "TOO_SLOW"},
	"a stalled disk":   {[]byte{1, enters, 0, 0, saysRight, 0, saysRight, 0, saysRight, 0, leaderDoes, 4, leaderWrites, saysRight, 0, timePasses, 1, leaderDoes, 5, leaderWrites}, "→ 3 Commit 2.2"},
	"stalled too long": {[]byte{1, enters, 0, 0, saysRight, 0, saysRight, 0, saysRight, 0, leaderDoes, 4, leaderWrites, saysRight, 0, timePasses, 5, leaderDoes, 5, threeComes, leaderWrites}, "the leader's disk is stalled"},
	"deserted":         {[]byte{2, enters, 0, 0, saysRight, 0, saysRight, 0, saysRight, 0, goesAway, 0, 1, timePasses, 3, threeComes, leaderWrites}, "no quorum"},
	"too late":         {[]byte{2, timePasses, 5, timePasses, 2, enters, 0, 0, saysRight, 0, timePasses, 3, threeComes, saysRight, 0}, "NOT_LEADER"},
}

// TestLeaderSeeds: each reaches what it is for.
func TestLeaderSeeds(t *testing.T) {
	for name, seed := range leaderSeeds {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				if story := inUproar(t, seed.data); !strings.Contains(story, seed.reaches) {
					t.Errorf("%q does not come about:\n%s", seed.reaches, story)
				}
			})
		})
	}
}

// something happens.
func (u *uproar) something() {
	switch what := u.of(happenings); what {
	case enters:
		u.enters(u.of(3), u.of(len(personae)))
	case timePasses:
		u.goesOn()
		u.waitInBubble([]time.Duration{time.Millisecond, brisk.Tick / 2, brisk.Tick, brisk.SyncLimit / 2, brisk.SyncLimit, brisk.InitLimit}[u.of(6)])
	case leaderWrites:
		u.proposes()
	case leaderDoes:
		u.leads(u.of(6))
	case threeComes:
		if u.over() {
			u.stands()
		}
		if u.three == nil || !u.three.stands() {
			u.threeComes()
		}
	default:
		h := u.hecklers[u.of(3)]
		switch {
		case h == nil || closed(h.over):
		case what == goesAway:
			u.goes(h, u.of(3))
		default:
			u.says(h, u.word(h, what))
		}
	}
}

// leads is what the leader does by itself.
func (u *uproar) leads(what int) {
	switch what {
	case 0:
		if !u.stalled { // or it would wait for the log
			_, err := u.store.Snapshot(u.t.Context())
			u.must(err)
		}
	case 1, 2:
		if term := u.peer.Standing().Term; term != nil {
			u.resigned = true
			_ = term.end(&resignation{txn.ServerID(what + 1)})
		}
	case 3:
		u.idles()
	case 4:
		u.disk.stall()
		u.stalled, u.tough = true, true
	case 5:
		u.disk.goOn()
		u.stalled = false
	}
}

// goes is how a heckler stops listening.
func (u *uproar) goes(h *heckler, how int) {
	if how == 2 {
		h.held = true
		h.set(stalls)
		return
	}
	u.leaves(h, how == 1)
}

// word is what a heckler says.
func (u *uproar) word(h *heckler, what int) *quorumv1.SyncRequest {
	last := h.ear.heard().last
	zxid := func() txn.Zxid { return u.zxid(last, u.store.Last(), u.past.last()) }
	epoch := func() uint32 { return u.epoch(u.lead.epoch, u.store.Epochs().Current) }
	switch what {
	case saysRight:
		return u.right(h)
	case saysInfo:
		return u.info(h, epoch())
	case saysAckEpoch:
		m := ackEpoch(txn.Epoch(epoch()), zxid(), zxid(), u.yes())
		m.GetAckEpoch().Resync = u.yes()
		return m
	case saysAckNewLeader:
		return ackNewLeader(txn.Epoch(epoch()))
	case saysAck:
		return ackOf(zxid())
	case saysPing:
		return pong(u.near(0, u.lead.rounds.latest()), u.near(0, 1<<20))
	case asksRequest:
		return u.request()
	case asksSync:
		return syncOf(u.near(1))
	case asksRevalidate:
		return revalidation(u.near(1), txn.SessionID(u.near(0, aSession)))
	}
	return &quorumv1.SyncRequest{}
}

// right is what a learner says that keeps to the protocol and has what server 3 began with, or nothing; who has said
// all acknowledges what has come.
func (u *uproar) right(h *heckler) *quorumv1.SyncRequest {
	now := h.ear.heard()
	epoch := u.past.last().Epoch()
	switch {
	case now.at == hearsNothing:
		return h.voice.info(epoch)
	case now.at == hearsEpoch && !h.promised:
		return ackEpoch(epoch, u.past.last(), u.past.last(), true)
	case now.at == hearsNewLeader && !slices.Contains(h.syncs, u.lead.epoch):
		return ackNewLeader(u.lead.epoch)
	case now.at == hearsBroadcast && h.durable:
		return ackOf(now.last)
	}
	return pong(u.lead.rounds.latest(), uint64(now.last))
}

// info is a first message in which something may be wrong.
func (u *uproar) info(h *heckler, accepted uint32) *quorumv1.SyncRequest {
	m := h.voice.info(txn.Epoch(accepted))
	switch i := m.GetInfo(); u.of(12) {
	case 1:
		i.Id = []uint32{0, 1, 253, 254, 258}[u.of(5)]
	case 2:
		i.Protocol = uint32(u.near(1))
	case 3:
		i.Ensemble = u.near(77)
	case 4:
		i.Storage = u.near(22)
	case 5:
		i.Nonce = u.near(2000)
	case 6:
		i.Durable = !i.Durable
	case 7:
		i.AcceptedEpoch = uint32(u.lead.epoch) + maxEpochJump - 1 + uint32(u.of(3))
	}
	return m
}

// request is a client's, or none at all.
func (u *uproar) request() *quorumv1.SyncRequest {
	m := creation(u.near(1), []string{"/a", "/b", "/x", "/x/y", "/x/z", "x", "/zookeeper/config", "/"}[u.of(8)])
	switch u.of(4) {
	case 1:
		m.GetRequest().Operation = nil
	case 2:
		m.GetRequest().Operation = &quorumv1.Operation{Op: &quorumv1.Operation_CreateSession{CreateSession: sessionOf(aSession)}}
	}
	return m
}
