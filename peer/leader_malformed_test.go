package peer

import (
	"testing"
	"testing/synctest"

	quorumv1 "github.com/quorate/quorate/gen/quorate/quorum/v1"
	"github.com/quorate/quorate/store/fault"
	"github.com/quorate/quorate/store/txn"
)

// stages are how far a learner's conversation has come, each in a reign that server 3 follows.
var stages = []struct {
	name  string
	enter func(c *court) *voice
	legal map[string]bool // the words that belong there
}{
	{"opening", func(c *court) *voice { return c.dials(2) }, legal("LearnerInfo")},
	{"discovery", func(c *court) *voice {
		v := c.dials(2)
		v.says(v.info(1))
		return v
	}, legal("AckEpoch", "Ping")},
	{"synchronization", func(c *court) *voice {
		return c.meets(2, 1, ackEpoch(1, c.past.last(), c.past.last(), true))
	}, legal("AckNewLeader", "Ping")},
	{"history", func(c *court) *voice {
		v := c.dials(2)
		v.says(v.info(1))
		v.set(stalls)
		v.says(ackEpoch(1, txn.MakeZxid(1, 1), txn.MakeZxid(1, 1), true))
		return v
	}, legal("Ping")},
	{"broadcast", func(c *court) *voice { return c.comes(2, c.current()) }, legal("Ack", "Request", "Request without an operation", "Sync", "Revalidate", "Ping")},
	{"broadcast without a log", func(c *court) *voice {
		return c.comes(9, c.current(), keepsNoLog)
	}, legal("Request", "Request without an operation", "Sync", "Revalidate", "Ping")},
}

func legal(words ...string) map[string]bool {
	all := map[string]bool{}
	for _, w := range words {
		all[w] = true
	}
	return all
}

// words are every message that a learner has, as it would be right where it belongs; and some that
// are right nowhere. A request that makes no sense is a client's, and is answered.
func words(c *court, v *voice) map[string]*quorumv1.SyncRequest {
	bad := func(change func(*quorumv1.LearnerInfo)) *quorumv1.SyncRequest {
		m := v.info(1)
		change(m.GetInfo())
		return m
	}
	request := creation(7, "/b")
	request.GetRequest().Operation = nil
	return map[string]*quorumv1.SyncRequest{
		"LearnerInfo":  v.info(1),
		"AckEpoch":     ackEpoch(1, c.past.last(), c.past.last(), true),
		"AckNewLeader": ackNewLeader(c.lead.epoch),
		"Ack":          ackOf(c.past.last()),
		"Request":      creation(7, "/b"),
		"Sync":         syncOf(7),
		"Revalidate":   revalidation(7, aSession),
		"Ping":         pong(0, 0),

		"no step":                        {},
		"LearnerInfo of server 0":        bad(func(m *quorumv1.LearnerInfo) { m.Id = 0 }),
		"LearnerInfo of server 254":      bad(func(m *quorumv1.LearnerInfo) { m.Id = 254 }),
		"LearnerInfo of server 258":      bad(func(m *quorumv1.LearnerInfo) { m.Id = 256 + 2 }),
		"LearnerInfo without a disk":     bad(func(m *quorumv1.LearnerInfo) { m.Storage = 0 }),
		"LearnerInfo without a nonce":    bad(func(m *quorumv1.LearnerInfo) { m.Nonce = 0 }),
		"LearnerInfo beyond the epochs":  bad(func(m *quorumv1.LearnerInfo) { m.AcceptedEpoch = uint32(txn.MaxEpoch) + 1 }),
		"LearnerInfo of a voter, no log": bad(func(m *quorumv1.LearnerInfo) { m.Id, m.Durable = 2, false }),
		"AckEpoch of a later epoch":      ackEpoch(c.lead.epoch+1, 0, 0, true),
		"AckEpoch with a high floor":     ackEpoch(1, 5, 6, true),
		"AckNewLeader of another epoch":  ackNewLeader(c.lead.epoch - 1),
		"Ack beyond what was sent":       ackOf(c.store.Last() + 1),
		"Request without an operation":   request,
	}
}

// TestEachWordInEachStage says each word in each stage. What does not belong there ends that stream with a refusal,
// and touches nothing else.
func TestEachWordInEachStage(t *testing.T) {
	for _, stage := range stages {
		t.Run(stage.name, func(t *testing.T) {
			for word := range allWords(t) {
				t.Run(word, func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) { saysInStage(t, stage.enter, word, stage.legal[word]) })
				})
			}
		})
	}
}

// allWords returns the names of the words.
func allWords(t *testing.T) (names map[string]bool) {
	synctest.Test(t, func(t *testing.T) {
		names = map[string]bool{}
		c, _ := reign(t, premise{}, 3)
		defer c.rises()
		for word := range words(c, c.dials(2)) {
			names[word] = true
		}
	})
	return names
}

func saysInStage(t *testing.T, enter func(*court) *voice, word string, belongs bool) {
	c, followers := reign(t, premise{}, 3)
	defer c.rises()
	v := enter(c)
	if !v.stands() {
		t.Fatalf("the stage is not reached\n%v", &c.record)
	}
	before, acked := c.holds(), c.lead.term.acks.of(v.id)
	v.says(words(c, v)[word])
	switch {
	case belongs && !v.stands():
		t.Errorf("refused with %v: %v", v.refused(), v.err)
	case !belongs && v.refused() != refusedMalformed:
		t.Errorf("refused with %v, want MALFORMED\n%v", v.refused(), &c.record)
	case !belongs && c.holds() != before:
		t.Errorf("the leader holds %+v, before %+v", c.holds(), before)
	case !belongs && c.lead.term.acks.of(v.id) > acked:
		t.Error("it was counted")
	}
	if c.over() || !followers[0].serves() {
		t.Errorf("server 3 is no longer served\n%v", &c.record)
	}
	if z := c.creates("/z"); c.committed() != z {
		t.Error("nothing is committed any more")
	}
}

// TestEachWordToACandidate says each word while the learner waits for others: when it has promised, where it
// is read once the others have, and when it has the history. A candidate loses that stream and nothing else.
func TestEachWordToACandidate(t *testing.T) {
	for word := range allWords(t) {
		for stage, acks := range map[string]bool{"promised": false, "synchronized": true} {
			if word == "AckNewLeader" && !acks {
				continue // it may be that NewLeader was sent before it is read
			}
			t.Run(stage+"/"+word, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) { saysToCandidate(t, word, acks) })
			})
		}
	}
}

func saysToCandidate(t *testing.T, word string, acks bool) {
	five := append(trio(), txn.Member{ID: 4, Role: txn.Voter}, txn.Member{ID: 5, Role: txn.Voter})
	c := convene(t, premise{members: five, past: worlds["founded"]}).opens()
	defer c.rises()
	promise := ackEpoch(1, c.past.last(), c.past.last(), true)
	all := map[txn.ServerID]*voice{}
	for _, id := range []txn.ServerID{2, 3, 4} {
		all[id] = c.dials(id)
		all[id].says(all[id].info(1))
	}
	two := all[2]
	two.says(promise)
	if acks {
		all[3].says(promise)
		two.says(ackNewLeader(2))
	}
	two.says(words(c, two)[word])
	if !acks {
		all[3].says(promise)
	}
	all[4].says(promise)
	if belongs := word == "Ping"; two.stands() != belongs || !belongs && two.refused() != refusedMalformed {
		t.Errorf("it stands: %v, refused with %v\n%v", two.stands(), two.refused(), &c.record)
	}
	if c.over() || c.reigns() {
		t.Fatalf("over: %v, established: %v\n%v", c.over(), c.reigns(), &c.record)
	}
	all[4].says(ackNewLeader(2))
	all[3].says(ackNewLeader(2))
	if !c.reigns() {
		t.Errorf("not established\n%v", &c.record)
	}
}

// holdings are what a leader has that a learner could change.
type holdings struct {
	last, committed, applied, tip txn.Zxid
	rounds                        uint64
	epochs                        any
	synced                        int
}

func (c *court) holds() holdings {
	restInBubble()
	return holdings{
		c.store.Last(), c.lead.term.Committed(), c.store.Version().Zxid(), c.lead.term.Tip().Zxid(), c.lead.rounds.latest(), c.store.Epochs(),
		len(c.lead.synced.mu.joined),
	}
}

// TestStrangersAtTheDoor are told why, each with the reason that says whether coming back is of use.
func TestStrangersAtTheDoor(t *testing.T) {
	for name, tt := range map[string]struct {
		change func(*quorumv1.LearnerInfo)
		want   quorumv1.RefusalReason
	}{
		"another ensemble":  {func(m *quorumv1.LearnerInfo) { m.Ensemble = 78 }, quorumv1.RefusalReason_REFUSAL_REASON_WRONG_ENSEMBLE},
		"another protocol":  {func(m *quorumv1.LearnerInfo) { m.Protocol = 2 }, quorumv1.RefusalReason_REFUSAL_REASON_PROTOCOL},
		"an older protocol": {func(m *quorumv1.LearnerInfo) { m.Protocol = 0 }, quorumv1.RefusalReason_REFUSAL_REASON_PROTOCOL},
		"the leader itself": {func(m *quorumv1.LearnerInfo) { m.Id = 1 }, refusedDuplicate},
		"this ensemble":     {func(m *quorumv1.LearnerInfo) { m.Ensemble = 77 }, 0},
		"no ensemble yet":   {func(m *quorumv1.LearnerInfo) { m.Ensemble = 0 }, 0},
		"the last server":   {func(m *quorumv1.LearnerInfo) { m.Id = 253 }, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, _ := reign(t, premise{}, 3)
				defer c.rises()
				v := c.dials(2)
				m := v.info(1)
				tt.change(m.GetInfo())
				v.says(m)
				if v.refused() != tt.want || v.stands() != (tt.want == 0) {
					t.Errorf("told %v\n%v", v.refused(), &c.record)
				}
			})
		})
	}
}

// TestFoundedByWord: an ensemble whose directory is not marked yet is known by its logged membership.
func TestFoundedByWord(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := convene(t, premise{})
		defer c.rises()
		view, err := c.peer.view()
		c.must(err)
		view.Membership, view.Version = c.membership(trio()), txn.MakeZxid(1, 1)
		c.opensBy(view)
		for ensemble, want := range map[uint64]quorumv1.RefusalReason{78: quorumv1.RefusalReason_REFUSAL_REASON_WRONG_ENSEMBLE, 77: 0} {
			v := c.dials(2)
			m := v.info(1)
			m.GetInfo().Ensemble = ensemble
			v.says(m)
			if v.refused() != want {
				t.Errorf("ensemble %d: told %v", ensemble, v.refused())
			}
		}
	})
}

// TestUnknownRequestIsAnswered: what the leader cannot read of a client's request, such as an operation of a
// newer release, is refused to that client; the learner's stream goes on.
func TestUnknownRequestIsAnswered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, followers := reign(t, premise{}, 2)
		defer c.rises()
		two := followers[0]
		two.heard()
		m := creation(7, "/b")
		m.GetRequest().Operation = nil
		two.says(m)
		got := two.heard()
		if len(got) != 1 || got[0].GetReply().GetId() != 7 || got[0].GetReply().GetFault().GetKind() != fault.BadArguments.String() {
			t.Fatalf("answered with %v, want a fault", got)
		}
		if !two.serves() {
			t.Error("server 2 is no longer served")
		}
	})
}
