package peer

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/quorate/quorate/peer/election"
	"github.com/quorate/quorate/store"
	"github.com/quorate/quorate/store/epochs"
	"github.com/quorate/quorate/store/tree"
	"github.com/quorate/quorate/store/txn"
	"github.com/quorate/quorate/store/vfs"
	"github.com/quorate/quorate/store/wal"
)

// court is a real leader, server 1, with a real store, and what a test lets the others say to it.
type court struct {
	t       *testing.T
	fs      vfs.FS
	store   *store.Store
	peer    *Peer
	lead    *leader
	past    *annals // what the log begins with
	record  minutes
	depose  context.CancelCauseFunc // ends the candidacy from outside
	ended   chan error              // what lead returned
	running sync.WaitGroup
	stop    context.CancelFunc // of the store
	tip     sync.Mutex         // for who proposes
}

// premise is what a court begins with. The zero value is three blank servers.
type premise struct {
	fs       vfs.FS // default: an empty one in memory
	members  []txn.Member
	past     func(*annals) // makes a history, after the founding txn; nil: blank
	applied  txn.Zxid      // how much of it is applied; 0: all
	promised epochs.Record // default: the epoch of the history's last txn
	timing   Timing
	limits   Limits
	random   func() uint64
}

// storageOf is the storage identity of the test's learners.
func storageOf(id txn.ServerID) txn.StorageID { return txn.StorageID(id) * 11 }

// convene opens the leader's store and fills it.
func convene(t *testing.T, p premise) *court {
	t.Helper()
	if p.fs == nil {
		p.fs = vfs.NewMem()
	}
	if p.members == nil {
		p.members = trio()
	}
	if p.random == nil {
		rng, mu := rand.New(rand.NewPCG(11, 12)), sync.Mutex{}
		p.random = func() uint64 { mu.Lock(); defer mu.Unlock(); return rng.Uint64() }
	}
	c := &court{t: t, fs: p.fs}
	var err error
	c.store, err = store.Open(t.Context(), store.Config{FS: p.fs, Dir: "/data", Server: 1, SegmentSize: small, Reserve: -1, Random: p.random})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	c.stop = stop
	c.running.Go(func() { _ = c.store.Run(ctx) })
	c.furnish(p)
	c.peer, err = New(Config{
		ID: 1, Members: p.members, Store: c.store, Random: p.random, Timing: p.timing, Limits: p.limits, Events: c.record.event,
		Yield: lastInBubble,
	})
	if err != nil {
		t.Fatal(err)
	}
	c.peer.Handle(c.carryOut)
	return c
}

// lastInBubble lets everything else of this instant happen first, so that the story is the same each time.
func lastInBubble(ctx context.Context) {
	instant := time.NewTimer(1)
	defer instant.Stop()
	select {
	case <-instant.C:
	case <-ctx.Done():
	}
}

// restInBubble waits until nothing more happens by itself; the pumps have their turn, too.
func restInBubble() {
	for range 3 {
		synctest.Wait()
		time.Sleep(10 * time.Nanosecond)
	}
	synctest.Wait()
}

// furnish gives the store its past.
func (c *court) furnish(p premise) {
	c.t.Helper()
	c.past = newAnnals(c.t)
	if p.past == nil {
		if p.promised != (epochs.Record{}) {
			c.must(c.store.SetEpochs(p.promised))
		}
		return
	}
	c.past.does(1, &tree.MembershipRequest{Membership: c.membership(p.members)})
	p.past(c.past)
	if p.promised == (epochs.Record{}) {
		e := c.past.last().Epoch()
		p.promised = epochs.Record{Accepted: e, From: 1, Current: e}
	}
	c.must(c.store.SetEnsemble(77), c.store.SetEpochs(p.promised), c.store.Append(c.t.Context(), c.past.recs), c.store.Sync(c.t.Context()))
	for i, r := range c.past.recs {
		if r.Zxid == cmp.Or(p.applied, c.past.last()) {
			c.store.Publish(c.past.versions[i], nil, 0)
		}
	}
}

// membership is the ensemble of these members, with the disks that they have.
func (c *court) membership(members []txn.Member) txn.Membership {
	m := txn.Membership{Ensemble: 77, Members: slices.Clone(members)}
	for i := range m.Members {
		m.Members[i].Storage = storageOf(m.Members[i].ID)
		if m.Members[i].ID == 1 {
			m.Members[i].Storage = c.store.Identity().Storage
		}
	}
	return m
}

func (c *court) must(errs ...error) {
	c.t.Helper()
	if err := errors.Join(errs...); err != nil {
		c.t.Fatal(err)
	}
}

// opens begins a candidacy.
func (c *court) opens() *court {
	c.t.Helper()
	view, err := c.peer.view()
	c.must(err)
	return c.opensBy(view)
}

// opensBy begins a candidacy that is judged by a membership.
func (c *court) opensBy(view election.View) *court {
	ctx, depose := context.WithCancelCause(context.Background())
	c.depose, c.ended = depose, make(chan error, 1)
	c.lead = newLeader(c.peer, view)
	c.record.step("elected")
	ended, lead := c.ended, c.lead
	go func() { ended <- lead.lead(ctx) }()
	c.settle()
	return c
}

// reign is an established reign over a past of two txns, with these followers; each does by itself
// what it should.
func reign(t *testing.T, p premise, followers ...txn.ServerID) (*court, []*voice) {
	t.Helper()
	if p.past == nil {
		p.past = func(h *annals) { h.adds(1, "/a") }
	}
	c := convene(t, p).opens()
	var all []*voice
	for _, id := range followers {
		all = append(all, c.comes(id, c.current()))
	}
	if !c.reigns() {
		t.Fatalf("the leader is not established\n%v", &c.record)
	}
	for _, v := range all {
		if !v.serves() {
			t.Fatalf("learner %d is not up to date\n%v", v.id, &c.record)
		}
	}
	c.record.begin("a reign of epoch %d over a log up to %v; followers: %v", c.lead.epoch, c.store.Last(), followers)
	return c, all
}

// committed is how far the reign has.
func (c *court) committed() txn.Zxid {
	restInBubble()
	return c.lead.term.Committed()
}

// settle waits until nothing more happens by itself, and writes down what has.
func (c *court) settle() {
	restInBubble()
	c.record.flush()
}

// reigns tells whether the leader is established.
func (c *court) reigns() bool { return closed(c.lead.established) }

// outcome returns why the candidacy has ended; it is an error that it has not.
func (c *court) outcome() error {
	c.t.Helper()
	c.settle()
	select {
	case err := <-c.ended:
		c.ended <- err
		return err
	default:
		c.t.Errorf("the leader is still there\n%v", &c.record)
		return nil
	}
}

// over tells whether the candidacy has ended.
func (c *court) over() bool {
	c.settle()
	return len(c.ended) == 1
}

// rises ends everything, in order. Nothing may be left running in the bubble.
func (c *court) rises() {
	if c.depose != nil {
		c.depose(errors.New("the test is over"))
		<-c.ended
	}
	if d, ok := c.fs.(*stallingDisk); ok {
		d.goOn()
	}
	c.peer.serving.Wait()
	c.stop()
	c.running.Wait()
	_ = c.store.Close()
}

// waitInBubble lets virtual time pass.
func (c *court) waitInBubble(d time.Duration) {
	c.record.step("%v pass", d)
	time.Sleep(d)
	c.settle()
}

// carryOut is the pipeline of this test: it proposes what it is asked for.
func (c *court) carryOut(r Request, done func(Reply, error)) {
	term := c.peer.Standing().Term
	if term == nil {
		done(Reply{}, Refusal(errors.New("no reign")))
		return
	}
	c.tip.Lock()
	defer c.tip.Unlock()
	op, err := term.Tip().Prepare(r.Op, r.Caller, tree.Limits{})
	if err != nil {
		done(Reply{Zxid: term.Tip().Zxid()}, err)
		return
	}
	if op == nil {
		done(Reply{Zxid: term.Tip().Zxid()}, nil)
		return
	}
	rec, out := term.Log(txn.Header{Author: r.Author, Session: r.Session, Cxid: r.Cxid}, op)
	b := &Batch{Records: []wal.Record{rec}, Zxid: rec.Zxid, Version: term.Tip().Publish(), Done: func(error) {}}
	if err := term.Propose(c.t.Context(), b); err != nil {
		done(Reply{}, Refusal(err))
		return
	}
	done(Reply{Zxid: rec.Zxid, Results: out.Results}, nil)
}

// creates proposes the creation of nodes, in one batch, and returns the last one's zxid.
func (c *court) creates(paths ...string) txn.Zxid {
	c.t.Helper()
	c.record.step("creates %s", strings.Join(paths, " "))
	c.tip.Lock()
	b, _ := batchOf(c.t, c.lead.term, paths...)
	err := c.lead.term.Propose(c.t.Context(), b)
	c.tip.Unlock()
	c.must(err)
	c.settle()
	return b.Zxid
}

// minutes are the story of a court: below each step what it brought about, the leader's own steps
// first, then learner by learner. Within one of them the order is that of time. Between two it is not
// told, since nothing decides it.
type minutes struct {
	mu struct {
		sync.Mutex
		lines []string
		since map[txn.ServerID][]string // the last step, by whom
	}
}

// step begins a step.
func (m *minutes) step(format string, args ...any) {
	m.flush()
	m.mu.Lock()
	defer m.mu.Unlock()
	m.mu.lines = append(m.mu.lines, fmt.Sprintf(format, args...))
}

// begin begins the story here.
func (m *minutes) begin(format string, args ...any) {
	m.flush()
	m.mu.Lock()
	defer m.mu.Unlock()
	m.mu.lines = []string{fmt.Sprintf(format, args...)}
}

// note writes down what somebody did.
func (m *minutes) note(who txn.ServerID, format string, args ...any) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.mu.since == nil {
		m.mu.since = map[txn.ServerID][]string{}
	}
	m.mu.since[who] = append(m.mu.since[who], "    "+fmt.Sprintf(format, args...))
}

// event is a listener.
func (m *minutes) event(e Event) {
	who := txn.ServerID(1)
	switch e := e.(type) {
	case LearnerCame:
		who = e.ID
	case LearnerPromised:
		who = e.ID
	case LearnerPlanned:
		who = e.ID
	case LearnerSynced:
		who = e.ID
	case LearnerServes:
		who = e.ID
	case LearnerGone:
		who = e.ID
	}
	m.note(who, "· %v", e)
}

// flush ends a step.
func (m *minutes) flush() {
	m.mu.Lock()
	defer m.mu.Unlock()
	var who []txn.ServerID
	for id := range m.mu.since {
		who = append(who, id)
	}
	slices.Sort(who)
	for _, id := range who {
		m.mu.lines = append(m.mu.lines, m.mu.since[id]...)
	}
	clear(m.mu.since)
}

func (m *minutes) String() string {
	m.flush()
	m.mu.Lock()
	defer m.mu.Unlock()
	return strings.Join(m.mu.lines, "\n") + "\n"
}

// stallingDisk is a file system in memory whose log stalls on demand: an fdatasync does not return.
type stallingDisk struct {
	*vfs.Faults
	mem *vfs.Mem
	mu  struct {
		sync.Mutex
		gate chan struct{} // nil while nothing stalls
	}
}

func newStallingDisk() *stallingDisk {
	d := &stallingDisk{mem: vfs.NewMem()}
	d.Faults = vfs.NewFaults(d.mem, func(op vfs.Op) error {
		if op.Kind != vfs.OpSync || !strings.Contains(op.Name, "/log/") {
			return nil
		}
		d.mu.Lock()
		gate := d.mu.gate
		d.mu.Unlock()
		if gate != nil {
			<-gate
		}
		return nil
	})
	return d
}

func (d *stallingDisk) stall() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.mu.gate == nil {
		d.mu.gate = make(chan struct{})
	}
}

func (d *stallingDisk) goOn() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.mu.gate != nil {
		close(d.mu.gate)
		d.mu.gate = nil
	}
}
