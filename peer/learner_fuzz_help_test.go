package peer

import (
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	quorumv1 "github.com/quorate/quorate/gen/quorate/quorum/v1"
	"github.com/quorate/quorate/peer/resync"
	"github.com/quorate/quorate/store"
	"github.com/quorate/quorate/store/epochs"
	"github.com/quorate/quorate/store/tree"
	"github.com/quorate/quorate/store/txn"
	"github.com/quorate/quorate/store/vfs"
	"github.com/quorate/quorate/store/wal"
)

// impostor is a leader that says anything to a real learner. After each thing that happens the learner must
// hold what it may hold, and no less than it has said.
type impostor struct {
	*follower
	choices
	t     *testing.T
	disk  *vfs.Mem
	role  Role
	books []*annals // histories from which it tells

	script   *script // nil without a stream
	ended    <-chan error
	book     *annals                  // what it takes for the history on this stream
	queue    []*quorumv1.SyncResponse // the next words of a leader that keeps to the protocol
	mouth    *mouth
	asks     []*asking
	replied  map[uint64]txn.Zxid // the first reply to each question
	mark     txn.Zxid            // what UpToDate said is committed
	timed    bool                // time has passed
	hung     bool                // the leader has ended the stream
	quit     bool                // the learner's role was ended
	installs int                 // snapshots, since it was last looked

	before held     // when it was last looked
	seen   held     // when it was last asked for
	told   txn.Zxid // the greatest zxid that was ever said to be committed
	// promised is the greatest epoch that ever was: an observer forgets a promise, and not the records that came with it.
	promised txn.Epoch
}

// held is what the learner has.
type held struct {
	epochs  epochs.Record
	storage txn.StorageID
	base    txn.Zxid
	log     []wal.Record
	durable txn.Zxid
	version *tree.Version
}

// asking is a question of a client.
type asking struct {
	id      uint64
	dones   int
	err     error
	applied txn.Zxid // by the learner when it was answered
}

// newImpostor wakes a learner that has nothing, or a log of which nothing, a part or all is applied.
func newImpostor(t *testing.T, data []byte) *impostor {
	i := &impostor{choices: choices{data}, t: t, disk: vfs.NewMem(), books: library(t)}
	world := i.of(8)
	i.role = []Role{Following, Observing}[world/4]
	i.wakes(i.disk)
	if n := world % 4; n > 0 {
		own := i.books[0]
		i.has(epochs.Record{Accepted: 1, From: 3, Current: 1}, own.recs, []txn.Zxid{0, own.recs[1].Zxid, own.last()}[n-1])
		i.told = i.store.Version().Zxid()
	}
	i.before = i.holds()
	return i
}

// library is a history, those that go on otherwise in the same and in a later epoch, one of them with a txn whose digest
// is wrong, and a quite different one.
func library(t *testing.T) []*annals {
	founding := txn.Membership{Ensemble: 77, Members: trio()}
	first := newAnnals(t).does(1, &tree.MembershipRequest{Membership: founding}).adds(1, "/a", "/b", "/c", "/d")
	later := first.fork(3).adds(2, "/e", "/f").does(2, &tree.CreateSessionRequest{CreateSession: txn.CreateSession{Session: aSession, Timeout: 4000}}).adds(3, "/g")
	return []*annals{
		first,
		later,
		first.fork(3).adds(1, "/h", "/i"),
		spoilt(later),
		newAnnals(t).adds(1, "/x", "/x/y", "/z").does(2, &tree.MembershipRequest{Membership: founding}),
	}
}

// wakes begins a life on a disk.
func (i *impostor) wakes(disk *vfs.Mem) {
	i.disk = disk
	i.follower = awake(i.t, disk, func(_ *store.Config, c *Config) {
		note := c.Events
		c.Timing, c.Events = brisk, func(e Event) {
			note(e)
			if _, ok := e.(SnapshotInstalled); ok {
				i.installs++
			}
		}
	})
}

// dials lets the learner open a stream to a leader with a history.
func (i *impostor) dials(book *annals) {
	i.mouth, i.book, i.queue = &mouth{f: i.follower}, book, nil
	i.asks, i.replied, i.mark = nil, map[uint64]txn.Zxid{}, 0
	i.quit, i.hung, i.timed = false, false, false
	i.sent = i.mouth.says
	i.story.note("dials")
	i.script, i.ended = i.follow(i.role)
	synctest.Wait()
}

// tells lets the leader say something, if the learner still takes it.
func (i *impostor) tells(m *quorumv1.SyncResponse) {
	if m == nil || i.script.ctx.Err() != nil {
		return
	}
	i.mouth.hears(m)
	if up := m.GetUpToDate(); up != nil && i.mark == 0 {
		i.mark = txn.Zxid(up.GetCommitted())
	}
	if r := m.GetReply(); r != nil {
		if _, known := i.replied[r.GetId()]; !known {
			i.replied[r.GetId()] = txn.Zxid(r.GetAtZxid())
		}
	}
	for _, z := range []uint64{m.GetUpToDate().GetCommitted(), m.GetProposal().GetCommitted(), m.GetCommit().GetZxid()} {
		i.told = max(i.told, txn.Zxid(z))
	}
	was, from := i.seen, i.store.Last()
	if i.script.say(m) {
		i.took(m, was, from)
		if belongsNowhere(m) && i.script.ctx.Err() == nil {
			i.fails("it goes on after %s", told(m))
		}
	}
}

// belongsNowhere tells of a message that no learner with a log takes, wherever it comes.
func belongsNowhere(m *quorumv1.SyncResponse) bool {
	c := m.GetSnapshot().GetChunk()
	return m.GetStep() == nil || m.GetInform() != nil || m.GetRevalidated() != nil || m.GetSnapshot() != nil && m.GetSnapshot().GetPart() == nil ||
		c != nil && crc32.Checksum(c.GetData(), castagnoli) != c.GetCrc()
}

// took checks that the log is what it was, but for what the message may have done to it.
func (i *impostor) took(m *quorumv1.SyncResponse, was held, last txn.Zxid) {
	i.t.Helper()
	now, want := i.holds(), was.log
	if now.same(was.base, want) {
		return
	}
	switch s := m.GetStep().(type) {
	case *quorumv1.SyncResponse_Proposal:
		if txn.Zxid(s.Proposal.GetPrevZxid()) == last {
			want = slices.Clone(want)
			for _, b := range s.Proposal.GetTxns() {
				h, _ := txn.PeekHeader(b)
				want = append(want, wal.Record{Zxid: h.Zxid, Payload: b})
			}
		}
	case *quorumv1.SyncResponse_Trunc:
		after := txn.Zxid(s.Trunc.GetAfter())
		if n := slices.IndexFunc(want, func(r wal.Record) bool { return r.Zxid > after }); n >= 0 && after >= was.version.Zxid() {
			want = want[:n]
		}
	case *quorumv1.SyncResponse_Snapshot:
		if s.Snapshot.GetEnd() != nil && now.base == now.version.Zxid() {
			was.base, want = now.base, nil
		}
	}
	if !now.same(was.base, want) {
		i.fails("the log was %v, and is %v", was, now)
	}
}

func (h held) same(base txn.Zxid, log []wal.Record) bool {
	return h.base == base && slices.EqualFunc(h.log, log, func(a, b wal.Record) bool { return a.Zxid == b.Zxid && string(a.Payload) == string(b.Payload) })
}

// last returns the last zxid of the log.
func (h held) last() txn.Zxid {
	if len(h.log) == 0 {
		return h.base
	}
	return h.log[len(h.log)-1].Zxid
}

func (h held) String() string {
	zxids := make([]txn.Zxid, len(h.log))
	for n, r := range h.log {
		zxids[n] = r.Zxid
	}
	return fmt.Sprintf("%+v on disk %v, applied %v, log after %v: %v", h.epochs, h.storage, h.version.Zxid(), h.base, zxids)
}

// holds is what the learner has now, when nothing more happens by itself.
func (i *impostor) holds() held {
	i.t.Helper()
	synctest.Wait()
	st := i.store
	h := held{epochs: st.Epochs(), storage: st.Identity().Storage, base: st.Base(), durable: st.Durable(), version: st.Version()}
	if st.Durable() != st.Last() {
		i.fails("the log ends at %v, durable is %v", st.Last(), st.Durable())
	}
	r, err := st.Reader(h.base)
	if err != nil {
		i.fails("the log cannot be read: %v", err)
	}
	defer func() { _ = r.Close() }()
	i.promised = max(i.promised, h.epochs.Accepted)
	last := h.base
	for {
		rec, ok, err := r.Next()
		if err != nil {
			i.fails("the log cannot be read: %v", err)
		}
		if !ok {
			i.seen = h
			return h
		}
		x, err := txn.Decode(rec.Payload)
		if err != nil || x.Zxid != rec.Zxid || x.Zxid <= last || x.Zxid.Epoch() > i.promised {
			i.fails("in the log stands %v after %v, %v", x, last, err)
		}
		h.log, last = append(h.log, wal.Record{Zxid: rec.Zxid, Payload: slices.Clone(rec.Payload)}), rec.Zxid
	}
}

// looks holds the learner against what was said to it.
func (i *impostor) looks() {
	i.t.Helper()
	now, b := i.holds(), i.before
	installed := i.installs > 0
	if installed {
		i.told = max(i.told, now.base)
	}
	lowered := i.role == Observing && now.epochs == (epochs.Record{Accepted: now.epochs.Current, Current: now.epochs.Current})
	switch {
	case now.epochs.Accepted < b.epochs.Accepted && !lowered, now.epochs.Current < b.epochs.Current, now.epochs.Current > now.epochs.Accepted:
		i.fails("the epochs were %+v, and are %+v", b.epochs, now.epochs)
	case now.storage != b.storage && (!installed || now.base >= max(b.last(), b.version.Zxid())):
		i.fails("the storage identity was %v, and is %v", b.storage, now.storage)
	case !installed && now.version.Zxid() < b.version.Zxid(), !installed && now.version.Zxid() == b.version.Zxid() && now.version != b.version:
		i.fails("the tree was at %v, and is at %v", b.version.Zxid(), now.version.Zxid())
	case now.version.Zxid() > min(i.told, now.durable):
		i.fails("%v is applied, durable is %v, committed %v", now.version.Zxid(), now.durable, i.told)
	}
	i.before, i.installs = now, 0
	i.listens()
}

// listens checks what the learner says, and why it has ended the stream if it has.
func (i *impostor) listens() {
	i.t.Helper()
	if i.script == nil {
		return
	}
	if _, _, wrong := i.mouth.heard(); wrong != nil {
		i.fails("the learner says %v", wrong)
	}
	at := i.before.version.Zxid()
	if role := i.peer.Standing().Role; role != Looking && (at < i.mark || i.script.ctx.Err() != nil) {
		i.fails("it is %v, has applied %v, and %v was committed", role, at, i.mark)
	}
	select {
	case err := <-i.ended:
		i.closes(err)
	default:
		i.answered(false)
	}
}

// closes checks how a stream has ended.
func (i *impostor) closes(err error) {
	i.t.Helper()
	var disk *storeError
	var r *Rejection
	typed := errors.As(err, &r) || errors.Is(err, errOutOfStep) || errors.Is(err, tree.ErrMismatch)
	expected := i.hung || i.quit && errors.Is(err, context.Canceled) ||
		i.timed && strings.Contains(err.Error(), "silent") || strings.Contains(err.Error(), "took back what was acknowledged")
	if errors.As(err, &disk) || !typed && !expected || i.peer.Standing().Role != Looking {
		i.fails("the stream has ended, and it is %v: %v", i.peer.Standing().Role, err)
	}
	i.script = nil
	i.answered(true)
}

// answered checks that each question is answered once, no later than the stream ends, and never before what
// the answer stands on is applied.
func (i *impostor) answered(all bool) {
	i.t.Helper()
	for _, a := range i.asks {
		at, replied := i.replied[a.id]
		switch {
		case a.dones > 1 || all && a.dones == 0:
			i.fails("question %d was answered %d times", a.id, a.dones)
		case a.dones == 1 && a.err == nil && (!replied || at > a.applied):
			i.fails("question %d was answered at %v, the reply was %v for %v", a.id, a.applied, replied, at)
		}
	}
}

// isAsked lets a client ask, if the learner serves.
func (i *impostor) isAsked(how int) {
	up := i.peer.Standing().Upstream
	if up == nil {
		return
	}
	a := &asking{id: uint64(len(i.asks) + 1)}
	i.asks = append(i.asks, a)
	st := i.store
	done := func(_ Reply, err error) {
		a.dones++
		a.err, a.applied = err, st.Version().Zxid()
	}
	if how == 0 {
		up.Submit(Request{Op: creationOf("/asked"), Caller: tree.Super(), Author: "test:2"}, done)
		return
	}
	i.running.Go(func() {
		at, err := up.sync(context.Background())
		done(Reply{Zxid: at}, err)
	})
}

// passInBubble lets time pass.
func (i *impostor) passInBubble(d time.Duration) {
	i.timed = true
	time.Sleep(d)
}

// loses cuts the power: nothing that was durable is lost.
func (i *impostor) loses(mode vfs.CrashMode) {
	i.t.Helper()
	was, story := i.holds(), i.story.String()
	i.leaves()
	i.asleep()
	i.wakes(i.disk.CrashClone(rand.New(rand.NewPCG(1, 2)), mode))
	i.story.note("%s\nwakes up after a power cut", story)
	now := i.holds()
	if now.epochs != was.epochs || now.storage != was.storage || !now.same(was.base, was.log) || now.version.Zxid() > i.told {
		i.fails("after a power cut it has %v, before %v", now, was)
	}
	i.before = now
}

// leaves ends the learner's role, if it has one.
func (i *impostor) leaves() {
	i.t.Helper()
	if i.script == nil {
		return
	}
	i.quit = true
	i.script.quit(context.Canceled)
	err := <-i.ended
	synctest.Wait()
	i.closes(err)
}

// right is what a leader says next that keeps to the protocol and has this stream's history.
func (i *impostor) right() *quorumv1.SyncResponse {
	plans, synced, _ := i.mouth.heard()
	switch {
	case plans == nil:
		return leaderInfo(i.nextEpoch())
	case i.queue == nil:
		i.queue = i.course(plans)
	}
	if len(i.queue) > 0 {
		m := i.queue[0]
		i.queue = i.queue[1:]
		return m
	}
	last := i.book.last()
	if !synced || i.store.Last() < last || i.store.Version().Zxid() < last {
		return commit(last)
	}
	i.book.adds(i.mouth.offered(), fmt.Sprintf("/new%d", len(i.book.recs)))
	return proposal(last, i.book.after(last), last)
}

// nextEpoch is one that the learner can promise, and not before those in the library.
func (i *impostor) nextEpoch() uint32 {
	return uint32(min(max(i.store.Epochs().Accepted, 3)+1, txn.MaxEpoch))
}

// course is what brings a learner up to date that is where it says.
func (i *impostor) course(ack *quorumv1.AckEpoch) (all []*quorumv1.SyncResponse) {
	h, last, common := i.book, txn.Zxid(ack.GetLastZxid()), txn.Zxid(0)
	for _, r := range h.recs {
		if r.Zxid <= last {
			common = r.Zxid
		}
	}
	v := h.versions[len(h.versions)/2]
	plan := resync.Decide(resync.History{Last: h.last(), Snapshot: v.Zxid(), Common: common},
		resync.Learner{Last: last, Floor: txn.Zxid(ack.GetFloor()), Resync: ack.GetResync(), Durable: true})
	switch plan.Kind {
	case resync.Diff:
		all = append(all, diff(plan.After))
	case resync.Trunc:
		all = append(all, trunc(plan.After))
	default:
		all = snapshot(v, 64)
	}
	prev := plan.After
	for _, r := range h.after(prev) {
		all = append(all, proposal(prev, []wal.Record{r}, 0))
		prev = r.Zxid
	}
	return append(all, newLeaderMsg(uint32(i.mouth.offered()), h.last()), upToDate(h.last()))
}

// comesToItsSenses lets a leader that keeps to the protocol bring the learner up to date, which may take it a
// few streams: what it was told before may not fit.
func (i *impostor) comesToItsSenses() {
	i.t.Helper()
	i.leaves()
	h := i.books[1]
	for n := 0; ; n++ {
		if n > 5 {
			i.fails("it is not brought up to date")
		}
		i.dials(h)
		for i.script != nil && i.peer.Standing().Role == Looking {
			i.tells(i.right())
			i.looks()
		}
		if i.script != nil {
			break
		}
	}
	i.isAt(h)
	i.loses(vfs.KeepSynced)
}

func (i *impostor) fails(format string, args ...any) {
	i.t.Helper()
	i.t.Fatalf("%s\n%v", fmt.Sprintf(format, args...), &i.story)
}
