package resync_test

import (
	"errors"
	"fmt"
	"slices"

	"github.com/quorate/quorate/peer/resync"
	"github.com/quorate/quorate/store/txn"
)

// world is a leader and a learner with all that nobody but the test sees: both
// histories whole, also what has been purged.
type world struct {
	leader       []txn.Zxid // the history from the beginning
	base         txn.Zxid   // the log begins after it
	snapshot     txn.Zxid
	learner      []txn.Zxid // its history from the beginning
	floor        txn.Zxid
	durable, ask bool
}

func (w world) String() string {
	return fmt.Sprintf("leader %v base %v snapshot %v, learner %v floor %v durable %t resync %t",
		w.leader, w.base, w.snapshot, w.learner, w.floor, w.durable, w.ask)
}

func last(log []txn.Zxid) txn.Zxid {
	if len(log) == 0 {
		return 0
	}
	return log[len(log)-1]
}

// upTo returns the records of a history up to z.
func upTo(log []txn.Zxid, z txn.Zxid) []txn.Zxid {
	n := 0
	for n < len(log) && log[n] <= z {
		n++
	}
	return log[:n:n]
}

// has tells whether z is a record of the history, or its beginning.
func has(log []txn.Zxid, z txn.Zxid) bool { return z == 0 || slices.Contains(log, z) }

// numbers are what the leader and its learner know of the world, which is all that Decide is told.
func (w world) numbers() (resync.History, resync.Learner) {
	h := resync.History{Base: w.base, Last: last(w.leader), Snapshot: w.snapshot}
	l := resync.Learner{Last: last(w.learner), Floor: w.floor, Resync: w.ask, Durable: w.durable}
	if l.Last >= h.Base {
		h.Common = last(upTo(w.leader, l.Last))
	}
	return h, l
}

var (
	errMismatch = errors.New("the learner refuses: not in its log, or not its last record")
	errFloor    = errors.New("the learner cannot cut below its floor")
	errPurged   = errors.New("the leader does not have these records any more")
	errSilent   = errors.New("nobody noticed, and the logs differ")
)

// execute carries out a plan as leader and learner do, with the learner's checks
// (P8), and returns the learner's history afterwards. What is below the learner's
// floor may have left its log, so a place there cannot be found in it.
func (w world) execute(p resync.Plan) ([]txn.Zxid, error) {
	log := slices.Clone(w.learner)
	switch p.Kind {
	case resync.Diff:
		if p.After != last(log) {
			return nil, errMismatch
		}
	case resync.Trunc:
		if p.After < w.floor {
			return nil, errFloor
		}
		if !w.durable || !has(log, p.After) {
			return nil, errMismatch
		}
		log = upTo(log, p.After)
	case resync.Snap:
		log = upTo(w.leader, p.After)
	}
	return w.feed(log, p.After)
}

// feed sends the leader's records after a zxid, each with its predecessor's.
func (w world) feed(log []txn.Zxid, after txn.Zxid) ([]txn.Zxid, error) {
	if after < w.base {
		return nil, errPurged
	}
	log = slices.Clip(log)
	prev := after
	for _, z := range w.leader[len(upTo(w.leader, after)):] {
		if last(log) != prev {
			return nil, errMismatch
		}
		log = append(log, z)
		prev = z
	}
	if !slices.Equal(log, w.leader) {
		return nil, errSilent
	}
	return log, nil
}

// cheapest tries every plan there could be, from the cheapest on, and returns the
// first that makes the learner's history the leader's. It sees both logs whole,
// and knows nothing of Decide.
func (w world) cheapest() resync.Plan {
	try := []resync.Plan{{Kind: resync.Diff, After: last(w.learner)}}
	for _, z := range slices.Backward(w.learner) {
		try = append(try, resync.Plan{Kind: resync.Trunc, After: z})
	}
	try = append(try, resync.Plan{Kind: resync.Trunc, After: 0})
	if w.ask {
		try = nil
	}
	for _, p := range try {
		if _, err := w.execute(p); err == nil {
			return p
		}
	}
	return resync.Plan{Kind: resync.Snap, After: w.snapshot}
}

// matching tells whether no two leaders wrote: a zxid that both histories have
// has the same records before it in both.
func matching(a, b []txn.Zxid) bool {
	for i, z := range a {
		if j := slices.Index(b, z); j >= 0 && (j != i || !slices.Equal(a[:i], b[:j])) {
			return false
		}
	}
	return true
}

// forked tells whether the leader has a record that the learner, though it went
// further, passed over. Between honest servers that cannot be: see doc.go.
func forked(leader, learner []txn.Zxid) bool {
	n := 0
	for n < len(leader) && n < len(learner) && leader[n] == learner[n] {
		n++
	}
	return n < len(leader) && leader[n] < last(learner)
}

// histories returns every history over the epochs 1 to epochs with at most most
// records each: those of an epoch from 1 on without a hole, so that holes are at the ends of epochs.
func histories(epochs txn.Epoch, most uint32) [][]txn.Zxid {
	all := [][]txn.Zxid{nil}
	for e := txn.Epoch(1); e <= epochs; e++ {
		for _, h := range slices.Clone(all) {
			for c := uint32(1); c <= most; c++ {
				h = append(slices.Clip(h), txn.MakeZxid(e, c))
				all = append(all, h)
			}
		}
	}
	return all
}
