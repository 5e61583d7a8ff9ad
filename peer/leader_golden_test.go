package peer

import (
	"fmt"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	quorumv1 "github.com/quorate/quorate/gen/quorate/quorum/v1"
	"github.com/quorate/quorate/internal/golden"
	"github.com/quorate/quorate/store/tree"
	"github.com/quorate/quorate/store/txn"
)

// TestConversations are the leader's conversations with scripted learners, to be read: below each line
// of the script stands what it brought about ("·" an event, "→ 2" said to learner 2, "✕ 2" the end of its
// stream; pings only where they are the subject). Run with -rewrite after a change, and read the diff.
func TestConversations(t *testing.T) {
	for name, story := range conversations {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := story(t)
				defer c.rises()
				golden.Check(t, *rewrite, filepath.Join("testdata", "leader", name+".txt"), c.record.String())
			})
		})
	}
}

var conversations = map[string]func(t *testing.T) *court{
	"first-start":  firstStart,
	"diff":         toldDiff,
	"trunc":        toldTrunc,
	"trunc-diff":   toldTruncDiff,
	"snap-blank":   toldSnapBlank,
	"snap-purged":  toldSnapPurged,
	"snap-asked":   toldSnapAsked,
	"late-joiner":  lateJoiner,
	"observers":    observers,
	"broadcast":    broadcast,
	"questions":    questions,
	"readmission":  readmission,
	"resign":       handsOver,
	"lost-quorum":  losesItsQuorum,
	"epoch-beyond": promisedBeyond,
}

// firstStart founds an ensemble of three; the third server comes when it stands.
func firstStart(t *testing.T) *court {
	c := convene(t, premise{}).opens()
	two, three := c.dials(2), c.dials(3)
	two.says(two.info(0))
	three.says(three.info(0))
	two.says(ackEpoch(0, 0, 0, true))
	two.says(ackNewLeader(1))
	two.says(ackOf(c.store.Last()))
	three.says(ackEpoch(0, 0, 0, true))
	three.says(ackNewLeader(1))
	three.says(ackOf(c.store.Last()))
	return c
}

// planned opens a candidacy over five txns of epoch 1, of which three are known to be committed, and
// brings server 2 up to date, which has what is given.
func planned(t *testing.T, current txn.Epoch, last, floor txn.Zxid) *court {
	c := convene(t, premise{past: func(h *annals) { h.adds(1, "/a", "/b", "/c", "/d") }, applied: txn.MakeZxid(1, 3)}).opens()
	two := c.dials(2)
	two.says(two.info(1))
	two.says(ackEpoch(current, last, floor, true))
	two.says(ackNewLeader(2))
	return c
}

// toldDiff: it lacks records.
func toldDiff(t *testing.T) *court {
	return planned(t, 1, txn.MakeZxid(1, 2), txn.MakeZxid(1, 1))
}

// toldTrunc: a late joiner has what the leader's reign knows nothing of.
func toldTrunc(t *testing.T) *court {
	c, _ := reign(t, premise{}, 2)
	three := c.dials(3)
	three.says(three.info(1))
	three.says(ackEpoch(1, txn.MakeZxid(1, 4), txn.MakeZxid(1, 1), true))
	three.says(ackNewLeader(2))
	return c
}

// toldTruncDiff: it went on otherwise in an epoch that nobody else took part in.
func toldTruncDiff(t *testing.T) *court {
	c := convene(t, premise{past: func(h *annals) { h.adds(1, "/a", "/b").adds(3, "/c", "/d") }}).opens()
	two := c.dials(2)
	two.says(two.info(3))
	two.says(ackEpoch(2, txn.MakeZxid(2, 7), txn.MakeZxid(1, 2), true))
	two.says(ackNewLeader(4))
	return c
}

// toldSnapBlank: it has nothing, and the log's beginning is in the leader's files only.
func toldSnapBlank(t *testing.T) *court {
	return planned(t, 0, 0, 0)
}

// toldSnapPurged: the leader's log begins after what it has.
func toldSnapPurged(t *testing.T) *court {
	c := convene(t, premise{
		past: func(h *annals) {
			for i := range 60 {
				h.does(1, &tree.CreateRequest{Path: fmt.Sprintf("/%02d", i), ACL: tree.OpenACL(), Data: make([]byte, small/20)})
			}
		},
		applied: txn.MakeZxid(1, 30),
	})
	for _, n := range []int{40, 50} { // the log is kept back to the second newest snapshot
		_, err := c.store.Snapshot(t.Context())
		c.must(err)
		c.store.Publish(c.past.versions[n-1], nil, 0)
	}
	_, err := c.store.Snapshot(t.Context())
	c.must(err)
	c.opens()
	two := c.dials(2)
	two.says(two.info(1))
	two.says(ackEpoch(1, txn.MakeZxid(1, 2), txn.MakeZxid(1, 2), true))
	two.says(ackNewLeader(2))
	return c
}

// toldSnapAsked: its log did not fit what it was sent.
func toldSnapAsked(t *testing.T) *court {
	c, _ := reign(t, premise{}, 2)
	three := c.dials(3)
	three.says(three.info(1))
	ack := ackEpoch(1, c.past.last(), c.past.last(), true)
	ack.GetAckEpoch().Resync = true
	three.says(ack)
	three.says(ackNewLeader(2))
	return c
}

// lateJoiner comes to a reign in which txns are underway, and to some more while it is synchronized.
func lateJoiner(t *testing.T) *court {
	c, _ := reign(t, premise{}, 2)
	c.creates("/b", "/c")
	three := c.dials(3)
	three.says(three.info(1))
	three.says(ackEpoch(1, txn.MakeZxid(1, 1), txn.MakeZxid(1, 1), true))
	c.creates("/d")
	three.says(ackNewLeader(2))
	three.says(ackOf(c.store.Last()))
	return c
}

// observers: one with a disk is a follower that nobody counts; one without gets what is committed.
func observers(t *testing.T) *court {
	c, followers := reign(t, premise{}, 2)
	four, five := c.dials(4), c.dials(5, keepsNoLog)
	four.says(four.info(0))
	four.says(ackEpoch(1, c.past.last(), c.past.last(), true))
	four.says(ackNewLeader(2))
	five.says(five.info(0))
	five.says(ackEpoch(0, 0, 0, true))
	five.says(ackNewLeader(2))
	followers[0].set(doesNotAck)
	z := c.creates("/b")
	four.says(ackOf(z))
	followers[0].says(ackOf(z))
	return c
}

// broadcast is txns, commits, acknowledgements and the pings between.
func broadcast(t *testing.T) *court {
	c, followers := reign(t, premise{}, 2, 3)
	two, three := followers[0], followers[1]
	two.set(doesNotAck)
	three.set(doesNotAck)
	two.set(tellsPings)
	first := c.creates("/b")
	second := c.creates("/c", "/d")
	two.says(ackOf(first))
	three.says(ackOf(second))
	two.says(ackOf(second))
	c.waitInBubble(250 * time.Millisecond)
	return c
}

// aSession is one that server 2 gave out.
const aSession = 2<<56 | 5

// questions are those that a learner may ask: writes, one of which is refused, a Sync, whether a session lives.
func questions(t *testing.T) *court {
	c, followers := reign(t, premise{}, 2)
	two := followers[0]
	two.set(tellsPings)
	two.says(creation(1, "/b"))
	two.says(creation(2, "/b"))
	two.says(syncOf(3))
	two.says(revalidation(1, aSession))
	two.says(&quorumv1.SyncRequest{Step: &quorumv1.SyncRequest_Request{Request: &quorumv1.Request{
		Id: 4, Operation: &quorumv1.Operation{Op: &quorumv1.Operation_CreateSession{CreateSession: sessionOf(aSession)}},
	}}})
	two.says(revalidation(2, aSession))
	return c
}

// readmission takes server 3, whose disk is new, into the membership.
func readmission(t *testing.T) *court {
	c, followers := reign(t, premise{}, 2)
	followers[0].set(doesNotAck)
	three := c.comes(3, learnt{}, onDisk(34), doesNotAck)
	c.waitInBubble(100 * time.Millisecond)
	followers[0].says(ackOf(c.store.Last()))
	three.says(ackOf(c.store.Last()))
	return c
}

// handsOver ends a reign in favour of server 3, which is behind.
func handsOver(t *testing.T) *court {
	c, followers := reign(t, premise{}, 2, 3)
	for _, v := range followers {
		v.set(doesNotAck)
	}
	z := c.creates("/b")
	followers[0].says(ackOf(z))
	c.record.step("resigns in favour of server 3")
	_ = c.lead.term.end(&resignation{3})
	c.settle()
	followers[1].says(ackOf(z))
	return c
}

// losesItsQuorum: a follower that comes back within a tick ends nothing, one that stays away does.
func losesItsQuorum(t *testing.T) *court {
	c, followers := reign(t, premise{}, 2)
	followers[0].leaves()
	c.waitInBubble(150 * time.Millisecond)
	two := c.comes(2, followers[0].has())
	c.waitInBubble(300 * time.Millisecond)
	two.leaves()
	c.waitInBubble(300 * time.Millisecond)
	return c
}

// promisedBeyond: an established leader makes room for a voter that has promised a later epoch.
func promisedBeyond(t *testing.T) *court {
	c, _ := reign(t, premise{}, 2)
	three := c.dials(3)
	three.says(three.info(7))
	return c
}
