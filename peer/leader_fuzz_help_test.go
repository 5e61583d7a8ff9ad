package peer

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	quorumv1 "github.com/quorate/quorate/gen/quorate/quorum/v1"
	"github.com/quorate/quorate/store/txn"
)

// uproar is a court in which hecklers say anything, one of three voters among them, and server 3 keeps to the
// protocol. After each thing that happens the leader must hold what it may hold, and no more.
type uproar struct {
	*court
	choices
	archive  *archive
	three    *voice      // nil before it comes
	heeds    *ear        // its
	idle     txn.Zxid    // up to where it has acknowledged; 0: all that it was sent
	hecklers [3]*heckler // who may speak
	all      []*heckler  // who spoke to this candidacy
	own      txn.Epoch   // accepted when it began
	resigned bool        // asked to
	disk     *stallingDisk
	stalled  bool // it is now
	tough    bool // it was in this candidacy
	writes   int

	before  upheld
	allowed txn.Zxid // how far a quorum has acknowledged, at most
}

// upheld is what never goes back.
type upheld struct {
	accepted, current        txn.Epoch
	last, committed, applied txn.Zxid
}

// heckler is a learner whose words a fuzzer chooses.
type heckler struct {
	*voice
	ear  *ear
	left bool // it has ended the stream itself
	held bool // it takes nothing any more

	// What it has said, so far as it may be counted for that.
	introduced bool
	accepted   txn.Epoch
	promises   bool        // AckEpoch that counts
	promised   bool        // AckEpoch
	syncs      []txn.Epoch // AckNewLeader
	acks       txn.Zxid    // Ack of what had come by then
	early      txn.Zxid    // Ack before broadcast: it may be read in it
}

// personae are who hecklers are: a voter, another process and another disk of it, a server of no
// list with and without a log, and another process of server 3.
var personae = []struct {
	id     txn.ServerID
	change func(*voice)
}{
	{2, func(*voice) {}},
	{2, func(v *voice) { v.nonce = 2001 }},
	{2, func(v *voice) { v.disk, v.nonce = 23, 2002 }},
	{4, func(*voice) {}},
	{9, keepsNoLog},
	{3, func(v *voice) { v.nonce = 3001 }},
}

// newUproar begins a candidacy: the founding of an ensemble, or one that server 3 follows at once, or later.
func newUproar(t *testing.T, data []byte) *uproar {
	u := &uproar{choices: choices{data}, archive: newArchive(), disk: newStallingDisk()}
	p := premise{fs: u.disk, timing: brisk, past: func(h *annals) { h.adds(1, "/a", "/b", "/c", "/d") }, applied: txn.MakeZxid(1, 4)}
	world := u.of(8)
	if world%4 == 0 {
		p.past = nil
	}
	if world >= 4 {
		p.limits = Limits{Snapshots: 1, Diffs: 1, Window: 100, Feed: 100, SnapshotRate: 1000}
	}
	u.court = convene(t, p)
	u.stands()
	if world%4 != 2 { // a founder that comes late waits for the others' word
		u.threeComes()
	}
	return u
}

// stands begins a candidacy. Who has come a little too early is in it.
func (u *uproar) stands() {
	u.all = slices.DeleteFunc(u.all, func(h *heckler) bool { return closed(h.over) })
	u.own, u.resigned, u.tough = u.store.Epochs().Accepted, false, u.stalled
	u.opens()
}

// threeComes lets server 3 in, with what it had.
func (u *uproar) threeComes() {
	has := u.current()
	if u.three != nil {
		has = u.three.has()
	}
	u.idle = 0
	u.three = u.dials(3, func(v *voice) {
		v.mu.log, v.mu.obeys, v.mu.acks, v.mu.pongs = has, true, true, true
		u.heeds = u.listens(v)
	})
	u.three.introduces()
}

// idles lets server 3 acknowledge nothing for a moment, so that the hecklers' words decide what is committed.
func (u *uproar) idles() {
	if u.three != nil && u.three.serves() && u.idle == 0 {
		u.record.step("server 3 is slow")
		u.idle = u.heeds.heard().last
		u.three.set(doesNotAck)
	}
}

// goesOn ends that.
func (u *uproar) goesOn() {
	if u.idle != 0 {
		u.idle = 0
		u.three.set(func(v *voice) { v.mu.acks = true; v.up <- ackOf(v.mu.log.last) })
	}
}

// listens gives a stream its ear.
func (u *uproar) listens(v *voice) *ear {
	e := newEar(u.archive, v.durable)
	v.mu.sees = e.hears
	return e
}

// enters opens a heckler's stream, in the place of the one who had its place.
func (u *uproar) enters(place, persona int) {
	if persona == 5 && (u.three == nil || !u.three.serves()) {
		persona = 0 // one that waits is silent, and would be replaced (P11)
	}
	h := &heckler{}
	h.voice = u.dials(personae[persona].id, personae[persona].change, func(v *voice) { h.ear = u.listens(v) })
	u.hecklers[place] = h
	u.all = append(u.all, h)
}

// says lets a heckler say something.
func (u *uproar) says(h *heckler, m *quorumv1.SyncRequest) {
	now, wrong := h.ear.heard(), u.belongsNot(h, m)
	switch s := m.GetStep().(type) {
	case *quorumv1.SyncRequest_Info:
		if !h.introduced {
			h.introduced, h.accepted = true, txn.Epoch(s.Info.GetAcceptedEpoch())
			h.id, h.disk, h.durable = txn.ServerID(s.Info.GetId()), txn.StorageID(s.Info.GetStorage()), s.Info.GetDurable()
			h.ear.log = h.durable
		}
	case *quorumv1.SyncRequest_AckEpoch:
		h.promised = true
		h.promises = h.promises || s.AckEpoch.GetCounts()
	case *quorumv1.SyncRequest_AckNewLeader:
		h.syncs = append(h.syncs, txn.Epoch(s.AckNewLeader.GetEpoch()))
	case *quorumv1.SyncRequest_Ack:
		switch z := txn.Zxid(s.Ack.GetZxid()); {
		case now.at < hearsBroadcast:
			h.early = max(h.early, z)
		case z <= now.last || h.held && z <= u.store.Last(): // what was not taken may still have been sent
			h.acks = max(h.acks, z)
		}
	case *quorumv1.SyncRequest_Request:
		h.ear.asks(s.Request.GetId())
	case *quorumv1.SyncRequest_Sync:
		h.ear.asks(s.Sync.GetId())
	case *quorumv1.SyncRequest_Revalidate:
		h.ear.asks(^s.Revalidate.GetId())
	}
	h.voice.says(m)
	if wrong && h.stands() {
		u.fails("server %d may go on", h.id)
	}
}

// belongsNot tells of what a learner that has its history must not say; of one before that it depends on whether it
// is read yet.
func (u *uproar) belongsNot(h *heckler, m *quorumv1.SyncRequest) bool {
	now := h.ear.heard()
	if now.at < hearsNewLeader || h.held {
		return false
	}
	switch s := m.GetStep().(type) {
	case *quorumv1.SyncRequest_Ping:
		return false
	case *quorumv1.SyncRequest_AckNewLeader:
		return now.at == hearsBroadcast || len(h.syncs) > 0 || txn.Epoch(s.AckNewLeader.GetEpoch()) != u.lead.epoch
	case *quorumv1.SyncRequest_Ack:
		return now.at < hearsBroadcast || !h.durable || txn.Zxid(s.Ack.GetZxid()) > now.last
	case *quorumv1.SyncRequest_Request, *quorumv1.SyncRequest_Sync, *quorumv1.SyncRequest_Revalidate:
		return now.at < hearsBroadcast
	}
	return true
}

// has is what the leader may take it to have on its disk.
func (h *heckler) has(epoch txn.Epoch) txn.Zxid {
	now := h.ear.heard()
	if !h.durable || now.at < hearsNewLeader || !slices.Contains(h.syncs, epoch) {
		return 0
	}
	return max(now.mark, h.acks, min(h.early, now.last))
}

// happens lets something happen, and looks at what has come of it.
func (u *uproar) happens(what func()) {
	who := u.lead.electorate()
	var there []*heckler
	for _, h := range u.all {
		if !closed(h.over) {
			there = append(there, h)
		}
	}
	what()
	u.settle()
	u.candidacy()
	u.looks(who, there)
	u.listen()
	if u.over() {
		u.ended()
	}
}

// candidacy checks what each step of the leader's own way stands on.
func (u *uproar) candidacy() {
	u.t.Helper()
	who := u.lead.who
	reported, promised, synced := []txn.Epoch{u.own}, map[txn.ServerID]bool{1: true}, map[txn.ServerID]bool{1: true}
	for _, h := range u.all {
		if h.introduced && who.counts(h.id, h.disk) {
			if h.accepted <= u.own+maxEpochJump {
				reported = append(reported, h.accepted)
			}
			promised[h.id] = promised[h.id] || h.promises
			synced[h.id] = synced[h.id] || slices.Contains(h.syncs, u.lead.epoch)
		}
		if h.ear.heard().at == hearsBroadcast && !slices.Contains(h.syncs, u.lead.epoch) {
			u.fails("server %d is up to date without AckNewLeader", h.id)
		}
	}
	if u.three != nil {
		at := u.heeds.heard().at
		promised[3] = promised[3] || at >= hearsEpoch
		synced[3] = synced[3] || at >= hearsNewLeader
	}
	reached := func(in map[txn.ServerID]bool) bool {
		return who.Reached(func(id txn.ServerID) bool { return in[id] })
	}
	switch {
	case closed(u.lead.announced) && !slices.Contains(reported, u.lead.epoch-1):
		u.fails("epoch %d was announced, reported were %v", u.lead.epoch, reported)
	case u.lead.epochAcks.complete() && !reached(promised):
		u.fails("the quorum of promises is complete with %v", promised)
	case u.reigns() && !reached(synced):
		u.fails("established with %v", synced)
	}
}

// looks holds the leader against what was said to it. who is the electorate from before, there are those who
// had streams then.
func (u *uproar) looks(who *electorate, there []*heckler) {
	u.t.Helper()
	e, b := u.store.Epochs(), u.before
	now := upheld{e.Accepted, e.Current, u.store.Last(), b.committed, u.store.Version().Zxid()}
	if u.reigns() {
		next := u.lead.electorate()
		u.allowed = max(u.allowed, u.lead.last, who.Committed(u.claimed(who, there)), next.Committed(u.claimed(next, there)))
		now.committed = u.lead.term.Committed()
	}
	switch {
	case now.accepted < b.accepted || now.current < b.current || now.current > now.accepted:
		u.fails("the epochs were %d, %d and are %d, %d", b.accepted, b.current, now.accepted, now.current)
	case now.last < b.last || now.committed < b.committed || now.applied < b.applied:
		u.fails("something has gone back: %+v, before %+v", now, b)
	case now.committed > u.allowed:
		u.fails("%v is committed, a quorum has acknowledged %v", now.committed, u.allowed)
	case now.applied > u.store.Durable() || u.reigns() && now.applied > now.committed:
		u.fails("%v is applied, %v durable, %v committed", now.applied, u.store.Durable(), now.committed)
	}
	u.before = now
}

// claimed is what each server was heard to have on a disk that counts.
func (u *uproar) claimed(who *electorate, there []*heckler) func(txn.ServerID) txn.Zxid {
	return func(id txn.ServerID) (z txn.Zxid) {
		if id == 1 {
			return u.store.Durable()
		}
		for _, h := range there {
			if h.id == id && who.counts(id, h.disk) {
				z = max(z, h.has(u.lead.epoch))
			}
		}
		if u.three != nil && id == 3 && who.counts(3, u.three.disk) {
			if now := u.heeds.heard(); now.at >= hearsNewLeader {
				z = max(z, cmp.Or(u.idle, now.last))
			}
		}
		return z
	}
}

// listen checks what was said on each stream, and with what those have ended that have.
func (u *uproar) listen() {
	u.t.Helper()
	for _, h := range u.all {
		u.judge(h.voice, h.ear)
		var r *Rejection
		if closed(h.over) && !h.left && !errors.As(h.err, &r) {
			u.fails("the stream of server %d ended without a refusal: %v", h.id, h.err)
		}
	}
	if u.three == nil {
		return
	}
	u.judge(u.three, u.heeds)
	if !u.over() && !u.three.stands() {
		u.fails("server 3 is not served any more: %v", u.three.err)
	}
}

func (u *uproar) judge(v *voice, e *ear) {
	u.t.Helper()
	if now := e.heard(); now.wrong != nil || now.told > u.before.committed {
		u.fails("server %d was told that %v is committed, %v is; %v", v.id, now.told, u.before.committed, now.wrong)
	}
}

// ended checks why a candidacy or reign has: nobody's nonsense ends one that has a quorum without the hecklers.
func (u *uproar) ended() {
	u.t.Helper()
	err := u.outcome()
	var asked *resignation
	var may bool
	switch {
	case u.resigned && errors.As(err, &asked):
		may = true
	case u.reigns():
		may = u.tough && errors.Is(err, errStalled) || errors.Is(err, errLeftOut) || errors.Is(err, errNoQuorum) && u.three == nil
	default:
		may = errors.Is(err, errAhead) || errors.Is(err, errHopeless) || errors.Is(err, errNobody) && u.three == nil
	}
	if !may {
		u.fails("the leader has ended: %v", err)
	}
}

func (u *uproar) fails(format string, args ...any) {
	u.t.Helper()
	u.t.Fatalf("%s\n%v", fmt.Sprintf(format, args...), &u.record)
}

// leaves ends a heckler's stream.
func (u *uproar) leaves(h *heckler, inOrder bool) {
	if h.left {
		return
	}
	h.left = true
	if inOrder {
		u.record.step("%d closes its side", h.id)
		close(h.quit)
		return
	}
	h.voice.leaves()
}

// proposes lets the leader write something.
func (u *uproar) proposes() {
	term := u.peer.Standing().Term
	if term == nil || term.Ready() != nil {
		return
	}
	u.writes++
	u.record.step("the leader writes")
	u.tip.Lock()
	defer u.tip.Unlock()
	b, _ := batchOf(u.t, term, fmt.Sprintf("/w%d", u.writes))
	if err := term.Propose(u.t.Context(), b); err != nil && term.Ready() == nil {
		u.fails("the leader cannot write: %v", err)
	}
}

// calmsDown sends the hecklers away. The leader, or the next one, serves who keeps to the protocol, and has
// lost nothing.
func (u *uproar) calmsDown() {
	u.happens(func() {
		u.goesOn()
		u.disk.goOn()
		u.stalled = false
		for _, h := range u.all {
			u.leaves(h, false)
		}
	})
	for n := 0; u.three == nil || !u.three.serves(); n++ {
		if n > 3 {
			u.fails("server 3 is not served")
		}
		u.happens(func() {
			if u.over() {
				u.stands()
			}
			u.threeComes()
		})
		u.happens(func() { u.waitInBubble(1500 * time.Millisecond) }) // a founder is waited for
	}
	u.happens(u.proposes)
	if z := u.store.Last(); u.committed() != z || u.three.has().last != z || u.store.Version().Zxid() != z {
		u.fails("the log ends at %v; committed %v, applied %v, server 3 has %v", z, u.committed(), u.store.Version().Zxid(), u.three.has().last)
	}
	u.keepsAll()
}

// keepsAll checks that every record that ever came on a stream is in the log as it came.
func (u *uproar) keepsAll() {
	sent := u.archive.all()
	r, err := u.store.Reader(u.store.Base())
	u.must(err)
	defer func() { u.must(r.Close()) }()
	inLog := map[txn.Zxid]bool{}
	for {
		rec, ok, err := r.Next()
		u.must(err)
		if !ok {
			break
		}
		inLog[rec.Zxid] = true
		if b, was := sent[rec.Zxid]; was && !bytes.Equal(b, rec.Payload) {
			u.fails("the log has another %v than was sent", rec.Zxid)
		}
	}
	for z := range sent {
		if !inLog[z] && z > u.store.Base() {
			u.fails("%v was sent, and is not in the log", z)
		}
	}
}
