package pipeline

import (
	"context"
	"time"

	"github.com/quorate/quorate/peer"
	"github.com/quorate/quorate/store"
	"github.com/quorate/quorate/store/fault"
	"github.com/quorate/quorate/store/tree"
	"github.com/quorate/quorate/store/txn"
)

// Request is a change that a client asks for.
type Request struct {
	// Op is the change.
	Op tree.Request
	// Caller is who asks: the identities that permissions are judged by.
	Caller tree.Caller
	// Author is the caller's name in the log, as "scheme:id".
	Author string
	// Session asks, with its number for the request; 0 outside a session.
	Session txn.SessionID
	Cxid    int64
}

// Reply is the outcome of a request that was carried out.
type Reply struct {
	// Zxid is its txn.
	Zxid txn.Zxid
	// Results has one entry for each operation: one, or those of a Multi. A check has an empty one.
	Results []tree.Result
}

// Config is what a pipeline works on and within.
type Config struct {
	// Peer proposes and Store holds the published version.
	Peer  *peer.Peer
	Store *store.Store
	// Limits are those of a request: of its data, and of its whole txn.
	Limits tree.Limits
	// Outstanding is how many requests may wait at once; more are refused as
	// OVERLOADED. Default 10,000; at least 1.
	Outstanding int
	// Events listens to the steps.
	Events Events
}

// Events are the observable steps. A nil function is not called; none may block.
type Events struct {
	// Proposed: a batch went to the peer.
	Proposed func(requests, txns, bytes int)
	// SoftQuota: a change went beyond the soft quota of a path.
	SoftQuota func(path string)
}

const (
	defaultOutstanding = 10_000
	// maxBatch bounds the requests of one batch, so that a reply never waits for
	// more than this many others to be prepared.
	maxBatch = 1024
	// maxBatchBytes bounds a batch's encoding: beyond it a bigger write is no cheaper a byte.
	maxBatchBytes = 1 << 20
	// window is how many batches may be on their way at once: one on the disk, and one
	// filling the buffer behind it. More would only make batches smaller.
	window = 2
	// busyRetry is what a client is told to wait when the queue is full.
	busyRetry = 50 * time.Millisecond
)

// Pipeline carries requests. Its methods may be called by anybody.
type Pipeline struct {
	peer    *peer.Peer
	store   *store.Store
	limits  tree.Limits
	events  Events
	queue   chan *job
	slots   chan struct{} // a token for each batch on its way
	stopped chan struct{} // closed when Run has returned
}

// New returns a pipeline that carries nothing until Run.
func New(c Config) *Pipeline {
	if c.Outstanding == 0 {
		c.Outstanding = defaultOutstanding
	}
	return &Pipeline{
		peer: c.Peer, store: c.Store, limits: c.Limits, events: c.Events,
		queue: make(chan *job, c.Outstanding), slots: make(chan struct{}, window), stopped: make(chan struct{}),
	}
}

// Version returns what reads see: the newest version that is committed, durable
// and applied here. It never changes, and takes no lock.
func (p *Pipeline) Version() *tree.Version { return p.store.Version() }

// Sync returns a zxid that this server has applied and that holds whatever was
// acknowledged by any server before the call.
func (p *Pipeline) Sync(ctx context.Context) (txn.Zxid, error) { return p.peer.Sync(ctx) }

// Submit carries a request out and returns when it is committed, durable and
// applied here. Errors are *fault.Error; after Unknown, and only then, the
// request may or may not have taken effect. It waits for ctx no longer than
// for the outcome.
func (p *Pipeline) Submit(ctx context.Context, r Request) (Reply, error) {
	j := &job{Request: r, done: make(chan struct{})}
	select {
	case p.queue <- j:
	case <-p.stopped:
		return Reply{}, stopping()
	default:
		return Reply{}, &fault.Error{Kind: fault.Overloaded, RetryAfter: busyRetry, Detail: "too many requests are waiting on this server"}
	}
	select {
	case <-j.done:
		return j.reply, j.err
	case <-ctx.Done():
		return j.outcome(unknown(context.Cause(ctx)))
	case <-p.stopped:
		// If it is not done now, it was never taken from the queue.
		return j.outcome(stopping())
	}
}

func stopping() *fault.Error {
	return &fault.Error{Kind: fault.Unavailable, Detail: "this server is stopping"}
}

func unknown(cause error) *fault.Error {
	return &fault.Error{Kind: fault.Unknown, Detail: "gave up waiting; the request may still take effect", Cause: cause}
}

// Run carries requests until ctx ends. Then it refuses those not yet proposed,
// waits for those that are, and returns nil.
func (p *Pipeline) Run(ctx context.Context) error {
	defer close(p.stopped)
	for ctx.Err() == nil {
		now := p.peer.Standing()
		if now.Term == nil {
			p.refuse(ctx, now.Changed, peer.Refusal(now.Reason))
			continue
		}
		p.sequence(ctx, now.Term)
	}
	return nil
}

// refuse answers requests while there is no leader.
func (p *Pipeline) refuse(ctx context.Context, changed <-chan struct{}, why error) {
	for {
		select {
		case j := <-p.queue:
			j.finish(Reply{}, why)
		case <-changed:
			return
		case <-ctx.Done():
			return
		}
	}
}

// sequence proposes batch after batch while the reign lasts, and returns when
// every one of them is done.
func (p *Pipeline) sequence(ctx context.Context, term *peer.Term) {
	defer p.settle()
	for {
		first := p.next(ctx, term)
		if first == nil {
			return
		}
		if err := p.propose(ctx, term, first); err != nil {
			<-p.slots
			p.await(ctx, term)
			return
		}
	}
}

// next waits until a batch may be on its way and there is a request for it. It
// returns nil, and holds no slot, when ctx or the reign has ended.
func (p *Pipeline) next(ctx context.Context, term *peer.Term) *job {
	select {
	case p.slots <- struct{}{}:
	case <-term.Over():
		return nil
	case <-ctx.Done():
		return nil
	}
	select {
	case j := <-p.queue:
		return j
	case <-term.Over():
	case <-ctx.Done():
	}
	<-p.slots
	return nil
}

// propose makes one batch of what is waiting. After an error nothing of it was
// proposed, and its callers know that.
func (p *Pipeline) propose(ctx context.Context, term *peer.Term, first *job) error {
	if err := term.Ready(); err != nil {
		first.finish(Reply{}, peer.Refusal(err))
		return err
	}
	b := &batch{pipeline: p, term: term}
	b.add(first)
	for b.room() {
		select {
		case j := <-p.queue:
			b.add(j)
			continue
		default:
		}
		break
	}
	// Stopping must not end the reign: a batch that was made is still proposed.
	err := term.Propose(context.WithoutCancel(ctx), b.finished())
	if err != nil {
		b.done(peer.Refusal(err))
		return err
	}
	if p.events.Proposed != nil {
		p.events.Proposed(len(b.jobs), len(b.records), b.bytes)
	}
	return nil
}

// await returns when the reign is over, or ctx: another one has to be asked for.
func (p *Pipeline) await(ctx context.Context, term *peer.Term) {
	select {
	case <-term.Over():
	case <-ctx.Done():
	}
}

// settle returns when no batch is on its way.
func (p *Pipeline) settle() {
	for range window {
		p.slots <- struct{}{}
	}
	for range window {
		<-p.slots
	}
}
