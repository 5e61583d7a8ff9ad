package sim

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/quorate/quorate/peer"
	"github.com/quorate/quorate/peer/resync"
	"github.com/quorate/quorate/store"
	"github.com/quorate/quorate/store/txn"
	"github.com/quorate/quorate/store/wal"
)

// checker watches a world from outside: at each event of a server, at each answer to a client and
// at each crash it looks at what the servers show and have on their disks, and holds it against one
// history. Its rules have the names of ZooKeeper's TLA+ invariants where there is such a one:
//
//	Leadership                 an epoch has one established leader
//	PrefixConsistency          what two servers have applied agrees; so do Agreement and TotalOrder
//	Integrity                  what is applied was asked for by a client, once, in the epoch of an established leader
//	LocalPrimaryOrder          an epoch's txns are applied in the order of their counters, none left out
//	GlobalPrimaryOrder         epochs are applied in their order
//	PrimaryIntegrity           a leader is established when it has applied all that was committed in earlier epochs
//	LeaderLogCompleteness      so does its log, already when its epoch becomes current
//	CommittedLogDurability     no log is cut, and no snapshot installed, below what is committed
//	CommonPrefix               a log is cut where it parts from the leader's, at a record of its own
//	CommittedLogMonotonicity   what a server shows does not go back while it runs
//	ProcessConsistency         the history that a learner has taken over is its leader's
//	CommittedOnQuorumOfDisks   what is applied anywhere is durable on a quorum of the voters' disks
//	MemoryNotAheadOfDisk       a power cut takes back nothing that was applied, accepted or current
//	Digests                    at the same zxid trees are the same, and as their leader said
//	NoLostAck                  what a client was told is committed, and what it was refused is not
//	Linearizability            a write, or a read after Sync, comes after all that was answered before it was asked
//	SessionsEndOnce            what a client is told of the end of its session is so, and nothing comes after it
//	MovedSessionsAreFenced     what comes for a session from a server that it has left is not carried out
//	EphemeralsDieWithSessions  no version shows an ephemeral node without its session
//	TouchedSessionsLive        no session expires that the leader has heard of within its timeout
//	BoundedMemory              what servers hold for each other is within its bounds, whenever a client is answered
//	Recovery                   a server whose disk is whole starts, and does not end by itself
type checker struct {
	world *World
	mu    struct {
		sync.Mutex
		history  *history
		leaders  map[txn.Epoch]txn.ServerID // established ones
		watched  map[txn.ServerID]*watched
		asked    map[string]bool // what clients have asked for: true once it was refused
		answered txn.Zxid        // the greatest that any client was answered with
		broken   []string        // the rules that were, with when and how
		wiped    bool            // a disk was lost, so that a quorum of them may not have all

		tenancies map[txn.SessionID]*tenancy
		calm      time.Time // since when no more harm is done; zero before
	}
}

// watched is what the checker knows of a server.
type watched struct {
	life     uint64
	at       txn.Zxid     // up to here what it has applied is checked
	leader   txn.ServerID // whom it follows, as far as it has said
	down     onDisk       // what its disk held when it went down
	accepted txn.Epoch    // what it has said is durable, in any life
	current  txn.Epoch
}

func newChecker(w *World) *checker {
	c := &checker{world: w}
	c.mu.history, c.mu.leaders = newHistory(), map[txn.Epoch]txn.ServerID{}
	c.mu.tenancies = map[txn.SessionID]*tenancy{}
	c.mu.watched, c.mu.asked = map[txn.ServerID]*watched{}, map[string]bool{}
	for _, m := range w.config.Members {
		c.mu.watched[m.ID] = &watched{}
	}
	return c
}

// failLocked notes that a rule was broken.
func (c *checker) failLocked(server txn.ServerID, format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	c.world.trace.note(server, "BROKEN %s", text)
	c.mu.broken = append(c.mu.broken, fmt.Sprintf("server %d: %s", server, text))
}

// Broken returns the rules that were broken so far.
func (c *checker) Broken() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.mu.broken
}

// look holds all that servers show against the history.
func (c *checker) look() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lookLocked()
}

func (c *checker) lookLocked() {
	var ahead []*life // whose log begins after what is known to be committed
	for _, h := range c.world.hosts {
		if l := h.current(); l != nil && !c.lookAtLocked(l) {
			ahead = append(ahead, l)
		}
	}
	for _, l := range ahead { // the others may have told what they have
		if !c.lookAtLocked(l) {
			c.failLocked(l.host.ID, "PrefixConsistency: it shows %v, which nobody has committed", l.running().store.Version().Zxid())
		}
	}
}

// lookAtLocked checks what a server has applied since the last look. false: that begins
// after what is known to be committed.
func (c *checker) lookAtLocked(l *life) bool {
	r, w := l.running(), c.mu.watched[l.host.ID]
	if r == nil {
		return true
	}
	if w.life != l.number {
		w.life, w.at = l.number, 0
	}
	v := r.store.Version()
	z := v.Zxid()
	if z == w.at {
		return true
	}
	if z < w.at {
		c.failLocked(l.host.ID, "CommittedLogMonotonicity: it shows %v after %v", z, w.at)
	}
	known := c.mu.history.last()
	if !c.readLocked(l.host.ID, r.store, w.at, z) {
		return false
	}
	c.ephemeralsLocked(l.host.ID, v, w.at)
	w.at = z
	if i, ok := c.mu.history.find(z); !ok {
		c.failLocked(l.host.ID, "PrefixConsistency: it shows %v, which is not committed", z)
	} else if e := c.mu.history.entries[i]; e.digest != v.Digest() {
		c.failLocked(l.host.ID, "Digests: its tree at %v has %x, its leader's had %x", z, v.Digest(), e.digest)
	} else if z > known {
		c.onQuorumLocked(l.host.ID, e.record)
	}
	return true
}

// readLocked holds a log up to what is applied against the history, which it may extend.
// false: the log begins after the history ends.
func (c *checker) readLocked(id txn.ServerID, st *store.Store, from, to txn.Zxid) bool {
	if from > c.mu.history.last() || !c.mu.history.holds(from) {
		from = 0
	}
	err := eachRecord(st, from, func(r wal.Record) bool {
		return r.Zxid <= to && c.matchLocked(id, r)
	})
	if errors.Is(err, wal.ErrCompacted) { // it was installed by a snapshot, or purged
		return c.mu.history.last() >= to
	}
	if err != nil && !errors.Is(err, errDead) {
		c.failLocked(id, "Recovery: its log cannot be read: %v", err)
	}
	return true
}

// matchLocked holds an applied record against the history.
func (c *checker) matchLocked(id txn.ServerID, r wal.Record) bool {
	i, ok := c.mu.history.find(r.Zxid)
	switch {
	case ok && c.mu.history.entries[i].sum == sumOf(r.Payload):
		return true
	case ok || i < len(c.mu.history.entries):
		c.failLocked(id, "PrefixConsistency: it has applied another %v than was committed", r.Zxid)
		return false
	}
	e, err := entryOf(r.Payload)
	if err == nil {
		err = c.mu.history.extend(e)
	}
	if err != nil {
		c.failLocked(id, "%v", err)
		return false
	}
	c.integrityLocked(id, e)
	c.sessionLocked(id, e)
	return true
}

func (c *checker) integrityLocked(id txn.ServerID, e entry) {
	refused, asked := c.mu.asked[e.op]
	switch {
	case c.mu.leaders[e.zxid.Epoch()] == 0:
		c.failLocked(id, "Integrity: it has applied %v, and nobody was established in that epoch", e.zxid)
	case e.op != "" && !asked:
		c.failLocked(id, "Integrity: it has applied %q, which nobody asked for", e.op)
	case refused:
		c.failLocked(id, "NoLostAck: it has applied %q, which was refused", e.op)
	}
}

// onQuorumLocked: a quorum of the voters has the record on their disks.
func (c *checker) onQuorumLocked(id txn.ServerID, r record) {
	if c.mu.wiped {
		return
	}
	voters, have := 0, []txn.ServerID{}
	for _, m := range c.world.config.Members {
		if m.Role == txn.Observer {
			continue
		}
		voters++
		if c.durableLocked(c.world.Host(m.ID), r) {
			have = append(have, m.ID)
		}
	}
	if len(have) <= voters/2 {
		c.failLocked(id, "CommittedOnQuorumOfDisks: it has applied %v, which is durable on %v of %d", r.zxid, have, voters)
	}
}

// durableLocked tells whether a server has a committed record on its disk.
func (c *checker) durableLocked(h *Host, r record) bool {
	running := h.server()
	if running == nil {
		return c.mu.watched[h.ID].down.has(r)
	}
	return logHas(running.store, r)
}

// logHas tells whether a log has the record, durably, or is continued from there.
func logHas(st *store.Store, r record) bool {
	if st.Version().Zxid() >= r.zxid {
		return true
	}
	found := false
	err := eachRecord(st, r.zxid-1, func(rec wal.Record) bool {
		found = rec.Zxid == r.zxid && sumOf(rec.Payload) == r.sum
		return false
	})
	return found && err == nil
}

// logHolds tells whether a log has a record at z, or begins there.
func logHolds(st *store.Store, z txn.Zxid) (holds bool, err error) {
	if z == 0 || z == st.Base() {
		return true, nil
	}
	err = eachRecord(st, z-1, func(rec wal.Record) bool {
		holds = rec.Zxid == z
		return false
	})
	return holds, err
}

// event is called at each event of a server that lives, on the goroutine that made the step.
func (c *checker) event(l *life, e peer.Event) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lookLocked()
	w := c.mu.watched[l.host.ID]
	switch e := e.(type) {
	case peer.EpochAccepted:
		w.accepted = max(w.accepted, e.Epoch)
	case peer.EpochCurrent:
		w.current = max(w.current, e.Epoch)
		c.completeLocked(l, e.Epoch)
	case peer.Established:
		c.establishedLocked(l, e)
	case peer.LeaderMet:
		w.leader = e.Leader
	case peer.Resyncing:
		c.resyncLocked(l, e)
	case peer.HistoryDurable:
		c.sameHistoryLocked(l, w.leader, e.Last)
	}
}

// completeLocked: whose current epoch is e has in its log all that was committed before e.
func (c *checker) completeLocked(l *life, e txn.Epoch) {
	if r := c.mu.history.before(e); r.zxid != 0 && !logHas(l.running().store, r) {
		c.failLocked(l.host.ID, "LeaderLogCompleteness: it has come into epoch %d without %v, which is committed", e, r.zxid)
	}
}

func (c *checker) establishedLocked(l *life, e peer.Established) {
	if other := c.mu.leaders[e.Epoch]; other != 0 {
		c.failLocked(l.host.ID, "Leadership: it is established in epoch %d, as server %d was", e.Epoch, other)
	}
	c.mu.leaders[e.Epoch] = l.host.ID
	before := c.mu.history.before(e.Epoch).zxid
	if at := l.running().store.Version().Zxid(); at != e.Committed || at < before {
		c.failLocked(l.host.ID, "PrimaryIntegrity: it is established with %v applied and %v committed; %v is", at, e.Committed, before)
	}
}

// resyncLocked: what goes from a learner's log is not committed.
func (c *checker) resyncLocked(l *life, e peer.Resyncing) {
	st := l.running().store
	if e.Kind == resync.Diff {
		return
	}
	if at := st.Version().Zxid(); e.After < at {
		c.failLocked(l.host.ID, "CommittedLogDurability: %v after %v, and it has applied %v", e.Kind, e.After, at)
	}
	if has, err := logHolds(st, e.After); e.Kind == resync.Trunc && err == nil && !has {
		c.failLocked(l.host.ID, "CommonPrefix: TRUNC after %v, which is not in its log", e.After)
	}
	i, ok := c.mu.history.find(e.After)
	if ok {
		i++
	}
	if i < len(c.mu.history.entries) && e.Kind == resync.Trunc && logHas(st, c.mu.history.entries[i].record) {
		c.failLocked(l.host.ID, "CommittedLogDurability: %v after %v cuts %v, which is committed", e.Kind, e.After, c.mu.history.entries[i].zxid)
	}
}

// sameHistoryLocked: a learner's log is its leader's, as far as it goes.
func (c *checker) sameHistoryLocked(l *life, leader txn.ServerID, last txn.Zxid) {
	if leader == 0 {
		return
	}
	r := c.world.Host(leader).server()
	if r == nil {
		return
	}
	from := min(c.mu.history.last(), l.running().store.Version().Zxid(), r.store.Version().Zxid())
	from = max(from, l.running().store.Base(), r.store.Base()) // what lies in a snapshot is told by its digest
	if from >= last {
		return
	}
	mine, err := tail(l.running().store, from, last)
	if errors.Is(err, wal.ErrCompacted) || errors.Is(err, errDead) {
		return
	}
	if err != nil {
		c.failLocked(l.host.ID, "Recovery: its log cannot be read: %v", err)
	}
	theirs, err := tail(r.store, from, last)
	if err != nil {
		return // it has ended meanwhile
	}
	for i := range min(len(mine), len(theirs)) { // a leader sends what is not durable at home yet, too
		if mine[i] != theirs[i] {
			c.failLocked(l.host.ID, "ProcessConsistency: its log and that of its leader, server %d, differ from %v on", leader, mine[i].zxid)
			return
		}
	}
}

// tail returns the records after one zxid and up to another.
func tail(st *store.Store, after, to txn.Zxid) ([]record, error) {
	var all []record
	err := eachRecord(st, after, func(r wal.Record) bool {
		if r.Zxid > to {
			return false
		}
		all = append(all, record{r.Zxid, sumOf(r.Payload)})
		return true
	})
	return all, err
}
