package resync_test

import (
	"slices"
	"testing"

	"github.com/quorate/quorate/peer/resync"
	"github.com/quorate/quorate/store/txn"
)

// row is a case of ZooKeeper's LearnerHandlerTest in this design. ZooKeeper keeps
// the last committed txns in memory beside the log on disk; here there is one log.
// Where it knows the least zxid it holds but not what came before, that zxid is our
// Base, for Base is what a learner must have at least. Where its test then looks at
// what was queued and from where the live proposals go on ("forward from"), ours
// follow from one cursor.
type row struct {
	name    string
	base    txn.Zxid
	log     []txn.Zxid
	learner []txn.Zxid // empty: it has nothing
	want    resync.Plan
	follow  []txn.Zxid
}

func (r row) check(t *testing.T) {
	t.Helper()
	history := r.log
	if r.base != 0 {
		history = append([]txn.Zxid{r.base}, r.log...)
	}
	w := world{leader: history, base: r.base, snapshot: last(history), learner: r.learner, durable: true}
	h, l := w.numbers()
	p := resync.Decide(h, l)
	if p != r.want {
		t.Errorf("%s: plan %v, want %v", r.name, p, r.want)
	}
	if follow := history[len(upTo(history, p.After)):]; !slices.Equal(follow, r.follow) {
		t.Errorf("%s: %v follow, want %v", r.name, follow, r.follow)
	}
}

type zs = []txn.Zxid

// at makes a zxid of the epochs that the cases are about.
func at(e txn.Epoch, c uint32) txn.Zxid { return txn.MakeZxid(e, c) }

// snap is the snapshot at z for a learner that is too late.
func snap(z txn.Zxid) resync.Plan {
	return resync.Plan{Kind: resync.Snap, After: z, Reason: resync.Purged}
}

// diff is a DIFF from z for a learner that is behind.
func diff(z txn.Zxid) resync.Plan {
	return resync.Plan{Kind: resync.Diff, After: z, Reason: resync.Behind}
}

// cut is a TRUNC to z in the middle of the leader's history.
func cut(z txn.Zxid) resync.Plan {
	return resync.Plan{Kind: resync.Trunc, After: z, Reason: resync.Diverged}
}

// current is a DIFF with nothing to send.
func current(z txn.Zxid) resync.Plan {
	return resync.Plan{Kind: resync.Diff, After: z, Reason: resync.Current}
}

// LearnerHandlerTest.testEmptyCommittedLog: last 1, nothing held.
func TestLearnerHandlerEmptyCommittedLog(t *testing.T) {
	for _, r := range []row{
		{"3: TRUNC(1)", 1, nil, zs{1, 2, 3}, resync.Plan{Kind: resync.Trunc, After: 1, Reason: resync.Ahead}, nil},
		{"1: DIFF only", 1, nil, zs{1}, current(1), nil},
		{"0: SNAP", 1, nil, nil, snap(1), nil},
	} {
		r.check(t)
	}
}

// LearnerHandlerTest.testCommittedLog: in memory 2, 3, 5. Theirs ends the queue at
// 5 and forwards from there, where 6 is waiting; ours has 6 in its log.
func TestLearnerHandlerCommittedLog(t *testing.T) {
	log := zs{3, 5, 6}
	for _, r := range []row{
		{"4: TRUNC(3), 5", 2, log, zs{2, 3, 4}, cut(3), zs{5, 6}},
		{"2: DIFF, 3, 5", 2, log, zs{2}, diff(2), zs{3, 5, 6}},
		{"1, log on disk not used: SNAP", 2, log, zs{1}, snap(6), nil},
		// Better: ZooKeeper does not know what came before the first txn it holds. Our log does.
		{"1, the log begins after it: DIFF", 1, zs{2, 3, 5, 6}, zs{1}, diff(1), zs{2, 3, 5, 6}},
	} {
		r.check(t)
	}
}

// LearnerHandlerTest.testTxnLog: on disk 2, 3, 5 to 9, in memory 6, 7, 8.
func TestLearnerHandlerTxnLog(t *testing.T) {
	log := zs{3, 5, 6, 7, 8, 9}
	for _, r := range []row{
		{"4: TRUNC(3), 5 to 8", 2, log, zs{2, 3, 4}, cut(3), zs{5, 6, 7, 8, 9}},
		{"3: DIFF, 5 to 8", 2, log, zs{2, 3}, diff(3), zs{5, 6, 7, 8, 9}},
	} {
		r.check(t)
	}
}

// LearnerHandlerTest.testTxnLogOnly: on disk 2, 3, 5 to 8, last processed 7. They stop
// at 7, since 8 is not applied yet and comes as a live proposal. Here what is
// logged is the history (P3): 8 is sent like the others, and committed like the others.
func TestLearnerHandlerTxnLogOnly(t *testing.T) {
	for _, r := range txnLogOnly(0) {
		r.check(t)
	}
}

// LearnerHandlerTest.testTxnLogWithNegativeZxid: the same in an epoch whose zxids are
// negative as signed numbers. Ours are unsigned, and epochs end before that (MaxEpoch).
func TestLearnerHandlerTxnLogWithNegativeZxid(t *testing.T) {
	for _, e := range []txn.Epoch{0xf000_0000, txn.MaxEpoch} {
		for _, r := range txnLogOnly(at(e, 0)) {
			r.check(t)
		}
	}
}

func txnLogOnly(o txn.Zxid) []row {
	log := zs{o + 3, o + 5, o + 6, o + 7, o + 8}
	return []row{
		{"4: TRUNC(3), 5, 6, 7", o + 2, log, zs{o + 2, o + 3, o + 4}, cut(o + 3), log[1:]},
		{"2: DIFF, 3, 5, 6, 7", o + 2, log, zs{o + 2}, diff(o + 2), log},
		{"1: SNAP", o + 2, log, zs{o + 1}, snap(o + 8), nil},
	}
}

// LearnerHandlerTest.testNewEpochZxid: on disk 0.1, 1.1, 1.2, leader at 2.0. In ZooKeeper a
// server that has joined an epoch says e.0 until the first txn. Here a learner
// says what its log ends with, and no record has the counter 0: for (1,0) read
// 0.1, for (2,0) read 1.2.
func TestLearnerHandlerNewEpochZxid(t *testing.T) {
	log := zs{at(1, 1), at(1, 2)}
	for _, r := range []row{
		{"(0,0): SNAP", at(0, 1), log, nil, snap(at(1, 2)), nil},
		// Better: our log knows that it holds everything from the beginning, theirs does not.
		{"(0,0), whole log: DIFF", 0, append(zs{at(0, 1)}, log...), nil, diff(0), append(zs{at(0, 1)}, log...)},
		{"(1,0): DIFF, (1,1), (1,2)", at(0, 1), log, zs{at(0, 1)}, diff(at(0, 1)), log},
		{"(2,0): DIFF only", at(0, 1), log, zs{at(0, 1), at(1, 1), at(1, 2)}, current(at(1, 2)), nil},
		// Should somebody say 1.0 all the same, it is told to cut what it does not have, and goes on.
		{"1.0 itself", at(0, 1), log, zs{at(0, 1), at(1, 0)}, cut(at(0, 1)), log},
	} {
		r.check(t)
	}
}

// LearnerHandlerTest.testDuplicatedTxn: txns that stand twice on disk, and in memory
// too, are sent once. One log, strictly ascending, read by one cursor: there
// are no duplicates to leave out.
func TestLearnerHandlerDuplicatedTxn(t *testing.T) {
	log := zs{at(1, 1), at(1, 2)}
	row{"(1,0): each once", at(0, 1), log, zs{at(0, 1)}, diff(at(0, 1)), log}.check(t)
}

// LearnerHandlerTest.testCrossEpochTrunc: on disk (1,1), (2,1), (2,2), (4,1), the learner
// at (3,1). They send a snapshot, since TRUNC must not cross an epoch. Better: it may,
// because both are sure to have (2,2); doc.go says why, and worlds of three
// servers below find no exception.
func TestLearnerHandlerCrossEpochTrunc(t *testing.T) {
	log := zs{at(2, 1), at(2, 2), at(4, 1)}
	learner := zs{at(1, 1), at(2, 1), at(2, 2), at(3, 1)}
	row{"(3,1): TRUNC(2,2), (4,1)", at(1, 1), log, learner, cut(at(2, 2)), zs{at(4, 1)}}.check(t)
}

// LearnerHandlerTest.testTxnLogGap (ZOOKEEPER-2418): on disk 2, 3, 4, in memory 7, 8. The
// log on disk ends before the memory begins, so a snapshot it is. One log has no
// such gap: what was installed as a snapshot at 7 begins there.
func TestLearnerHandlerTxnLogGap(t *testing.T) {
	row{"3: SNAP", 7, zs{8}, zs{2, 3}, snap(8), nil}.check(t)
}

// LearnerHandlerTest.testTxnLogProposalIteratorClosure: the log on disk has nothing to
// offer. (That iterators are closed is the matter of those who read the log.)
func TestLearnerHandlerTxnLogProposalIteratorClosure(t *testing.T) {
	row{"4: SNAP", 5, nil, zs{2, 4}, snap(5), nil}.check(t)
}
