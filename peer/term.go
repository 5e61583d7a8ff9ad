package peer

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/quorate/quorate/peer/election"
	"github.com/quorate/quorate/store"
	"github.com/quorate/quorate/store/fault"
	"github.com/quorate/quorate/store/tree"
	"github.com/quorate/quorate/store/txn"
	"github.com/quorate/quorate/store/wal"
)

// ErrRollover ends a reign whose zxid counter has come to its end (P13). The
// next epoch starts a new count; nothing is lost by it.
var ErrRollover = errors.New("the epoch's counter has come to its end")

// Batch is what is proposed, logged, committed and applied as one. It is not
// changed after Propose.
type Batch struct {
	// Records are the encoded txns in order. None: the batch only marks a place,
	// and is done when everything before it is applied.
	Records []wal.Record
	// Zxid is that of the last record, or of the tip if there are none.
	Zxid txn.Zxid
	// Version is the tree after the last record; what is published. Not needed without records.
	Version *tree.Version
	// Changes are what the records do to nodes: see [store.AddChange].
	Changes  []store.Change
	reshapes bool // it changes the membership
	// Done is called exactly once if Propose succeeded, in the order of proposal: with nil
	// when the batch is applied on this server, or with a *fault.Error. It must not block.
	Done func(error)
}

// Term is one established reign of this server. Tip, Ready, Log and Propose are
// for one goroutine, the proposer; the others may be called by anybody.
type Term struct {
	lead     *leader
	acks     *acks
	tip      *tree.Draft
	counter  uint32
	reshaped bool          // the batch in the making changes the membership
	over     chan struct{} // closed when the reign has ended
	resign   chan error    // at most one cause

	mu struct {
		sync.Mutex
		inflight []*Batch // in the order of proposal
		ended    error    // why nothing more is taken
	}
}

func newTerm(l *leader, tip *tree.Draft) *Term {
	return &Term{
		lead: l, tip: tip, acks: newAcks(l.id, l.disk, l.who, tip.Zxid(), l.news),
		over: make(chan struct{}), resign: make(chan error, 1),
	}
}

// Epoch returns the reign's epoch.
func (t *Term) Epoch() txn.Epoch { return t.lead.epoch }

// Over is closed when the reign has ended, every batch's Done has been called, and
// [Peer.Term] no longer returns it.
func (t *Term) Over() <-chan struct{} { return t.over }

// Committed returns the greatest zxid known to be committed.
func (t *Term) Committed() txn.Zxid { return t.acks.committed() }

// Tip is the tree with everything proposed in it. The proposer prepares and
// applies the next txns on it; it is dropped with the reign.
func (t *Term) Tip() *tree.Draft { return t.tip }

// Next returns the zxid that the next txn will have. For the proposer.
func (t *Term) Next() txn.Zxid { return txn.MakeZxid(t.lead.epoch, t.counter+1) }

// Ready tells whether another batch may be prepared. An error ends the reign at
// this batch boundary: what is in flight is still finished, since a full disk
// stops only the log's next segment, and a counter at its end only the next txn.
func (t *Term) Ready() error {
	t.mu.Lock()
	ended := t.mu.ended
	t.mu.Unlock()
	switch {
	case ended != nil:
		return ended
	case t.lead.store.Full():
		return t.end(fault.New(fault.NoSpace, "", "the disk of the txn log is full: writes wait until there is room, reads go on"))
	case t.counter >= txn.MaxCounter:
		return t.end(ErrRollover)
	}
	return nil
}

// Log makes the next txn of an operation that was prepared on the tip, applies it
// there and encodes it. The header's zxid, time, watermark and digest are set here.
// For the proposer, who then proposes the record. The txn's size was judged when
// the operation was prepared.
func (t *Term) Log(h txn.Header, op txn.Op) (wal.Record, tree.Outcome) {
	t.counter++
	h.Zxid = txn.MakeZxid(t.lead.epoch, t.counter)
	h.Time = t.tip.Clamp(time.Now().UnixMilli())
	h.Committed = t.Committed()
	h.Author = strings.ToValidUTF8(h.Author, "\uFFFD") // or nobody could decode the txn
	x := &txn.Txn{Header: h, Op: op}
	if _, ok := op.(*txn.Membership); ok {
		t.reshaped = true
	}
	out := t.tip.Apply(x)
	x.Digest = t.tip.Digest()
	return wal.Record{Zxid: x.Zxid, Payload: x.Append(make([]byte, 0, x.Size()))}, out
}

// end takes no more batches and asks run to finish.
func (t *Term) end(cause error) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.mu.ended == nil {
		t.mu.ended = cause
		t.resign <- cause
		t.acks.nudge()
	}
	return t.mu.ended
}

// Propose hands a batch on: it is in flight, appended to the log, and done when
// it is applied. It blocks while the log's buffer is full. After an error the
// batch was not proposed, its Done is not called, and the reign is over: the tip
// holds txns that will never be. A batch of which the log took only a part counts
// as proposed, and as the last of its reign: the next one may find that part and
// commit it, so Done says that the outcome is unknown.
func (t *Term) Propose(ctx context.Context, b *Batch) error {
	b.reshapes, t.reshaped = t.reshaped, false
	if err := t.push(b); err != nil {
		return err
	}
	if len(b.Records) == 0 {
		t.acks.nudge()
		return nil
	}
	err := t.lead.store.Append(ctx, b.Records)
	if err == nil {
		// Only now: what the learners log must not be taken back here.
		t.lead.feed.append(b.Records)
		return nil
	}
	if t.lead.store.Last() < b.Records[0].Zxid && t.drop(b) {
		return t.end(err)
	}
	_ = t.end(err) // Done tells it
	return nil
}

func (t *Term) push(b *Batch) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.mu.ended != nil {
		return t.mu.ended
	}
	t.mu.inflight = append(t.mu.inflight, b)
	return nil
}

// drop takes back the newest batch, of which nothing was appended. It returns false
// if the reign has ended meanwhile and called its Done.
func (t *Term) drop(b *Batch) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	n := len(t.mu.inflight)
	if n == 0 || t.mu.inflight[n-1] != b {
		return false
	}
	t.mu.inflight = t.mu.inflight[:n-1]
	return true
}

// run carries the reign until ctx or the reign ends, and returns why. abandon must follow.
func (t *Term) run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return t.watchDisk(ctx) })
	g.Go(func() error { return t.apply(ctx) })
	return g.Wait()
}

// watchDisk turns the own log's progress into the own acknowledgement.
func (t *Term) watchDisk(ctx context.Context) error {
	z := t.lead.store.Durable()
	for {
		t.acks.set(t.lead.id, t.lead.disk, z)
		next, err := t.lead.store.WaitProgress(ctx, z)
		if err != nil {
			return stored(ctx, err)
		}
		z = next
	}
}

// apply publishes what has become applicable, in order. When the reign is to
// end it first waits for what is in flight.
func (t *Term) apply(ctx context.Context) error {
	var cause error
	for {
		t.publish(t.take(t.acks.applicable()))
		if cause != nil && t.idle() {
			return t.handOver(ctx, cause)
		}
		select {
		case <-t.acks.wake:
		case cause = <-t.resign:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// take removes the batches that may be applied at z.
func (t *Term) take(z txn.Zxid) []*Batch {
	t.mu.Lock()
	defer t.mu.Unlock()
	n := 0
	for n < len(t.mu.inflight) && t.mu.inflight[n].Zxid <= z {
		n++
	}
	ready := t.mu.inflight[:n:n]
	t.mu.inflight = t.mu.inflight[n:]
	return ready
}

// publish makes the newest of the batches' versions what reads see, and only
// then tells those who wait. One publication serves them all.
func (t *Term) publish(ready []*Batch) {
	var last *tree.Version
	var changes []store.Change
	var bytes int64
	reshaped := false
	for _, b := range ready {
		reshaped = reshaped || b.reshapes
		if len(b.Records) > 0 {
			last = b.Version
		}
		changes = append(changes, b.Changes...)
		for _, r := range b.Records {
			bytes += int64(len(r.Payload))
		}
	}
	if last != nil {
		t.lead.store.Publish(last, changes, bytes)
		t.lead.applied.raise(last.Zxid())
	}
	if reshaped {
		v, _ := viewOf(last)
		t.elect(v)
	}
	for _, b := range ready {
		b.Done(nil)
	}
}

// elect puts a committed and applied membership in force: from here on its disks count (P6).
func (t *Term) elect(v election.View) {
	who := newElectorate(v, t.lead.quorum)
	t.acks.elect(who)
	t.lead.rounds.elect(who)
	t.lead.elector.changed(v)
}

// sync is P10 on the leader.
func (t *Term) sync(ctx context.Context) (txn.Zxid, error) {
	type answer struct {
		at  txn.Zxid
		err error
	}
	answered := make(chan answer, 1)
	t.lead.rounds.begin(t.Committed(), func(at txn.Zxid, err error) { answered <- answer{at, err} })
	select {
	case a := <-answered:
		if a.err != nil {
			return 0, a.err
		}
		return a.at, t.await(ctx, a.at)
	case <-ctx.Done():
		return 0, context.Cause(ctx)
	}
}

// Confirm calls done with nil when a quorum has said, after Confirm was called, that it still follows: until then nobody else was established
// (P10). Or with the *fault.Error that ended the reign; once, perhaps before Confirm returns. done must not block.
func (t *Term) Confirm(done func(error)) {
	t.lead.rounds.begin(t.Committed(), func(_ txn.Zxid, err error) { done(err) })
}

// await returns when z is applied here; what is committed when the reign ends may not be any more.
func (t *Term) await(ctx context.Context, z txn.Zxid) error {
	for {
		changed := t.lead.applied.poll(z)
		if changed == nil {
			return nil
		}
		select {
		case <-changed:
		case <-t.over:
			return Refusal(errors.New("the reign has ended"))
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// idle tells whether nothing is in flight that can still be finished: a batch beyond
// the log's end was not appended to its end, and nothing comes after it.
func (t *Term) idle() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.mu.inflight) == 0 || t.mu.inflight[0].Zxid > t.lead.store.Last()
}

// abandon ends the reign: what is in flight may or may not come to be.
func (t *Term) abandon(cause error) {
	t.mu.Lock()
	if t.mu.ended == nil {
		t.mu.ended = cause
	}
	left := t.mu.inflight
	t.mu.inflight = nil
	t.mu.Unlock()
	for _, b := range left {
		b.Done(&fault.Error{Kind: fault.Unknown, Detail: "the reign ended before the outcome was known", Cause: cause})
	}
	close(t.over)
}
