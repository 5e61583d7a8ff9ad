package pipeline

import (
	"cmp"
	"context"
	"sync/atomic"
	"time"

	"github.com/quorate/quorate/peer"
	"github.com/quorate/quorate/server/lease"
	"github.com/quorate/quorate/store"
	"github.com/quorate/quorate/store/fault"
	"github.com/quorate/quorate/store/tree"
	"github.com/quorate/quorate/store/txn"
)

type (
	// Request is a change that a client asks for.
	Request = peer.Request
	// Reply is what became of a request.
	Reply = peer.Reply
)

// Config is what a pipeline works on and within.
type Config struct {
	// Peer says who leads, and Store holds the published version.
	Peer  *peer.Peer
	Store *store.Store
	// Limits are those of a request: of its data, and of its whole txn.
	Limits tree.Limits
	// Outstanding is how many requests may wait for their turn, and how many of a
	// follower's for the leader's answer; more are refused as OVERLOADED. Default 10,000; at least 1.
	Outstanding int
	// Bytes is how much memory the requests may take that have come and are not done, learners' among them; more are refused as
	// OVERLOADED. Default 256 MiB; at least as much as the largest request.
	Bytes int64
	// Tick is how exact the expiry of sessions is: the peer's. Default 200 ms.
	Tick time.Duration
	// Touched returns which sessions were heard of since it was last called, as [peer.Peer.HandleTouches] has it; nil: none. It is
	// called at least every half tick while this server leads.
	Touched func() []txn.SessionID
	// Sweep says how the leader deletes nodes that go by themselves.
	Sweep Sweep
	// Events listens to the steps.
	Events Events
}

// Events are the observable steps. A nil function is not called; none may block.
type Events struct {
	// Proposed: a batch went to the peer.
	Proposed func(requests, txns, bytes int)
	// Applied: a batch with txns is committed and applied here, so long after it was proposed.
	Applied func(txns int, took time.Duration)
	// Forwarded: a request went to the leader.
	Forwarded func()
	// SoftQuota: a change went beyond the soft quota of a path.
	SoftQuota func(path string)
	// Expired: this leader closes a session of which nothing was heard for too long.
	Expired func(session txn.SessionID)
	// ExpiryPaused: this server has begun to lead, or has stood still: no session expires until all learners were heard.
	ExpiryPaused func()
}

const (
	defaultOutstanding = 10_000
	defaultBytes       = 256 << 20
	defaultTick        = 200 * time.Millisecond
	// maxBatch bounds the requests of one batch, so that a reply never waits for
	// more than this many others to be prepared.
	maxBatch = 1024
	// maxBatchBytes bounds a batch's encoding: beyond it a bigger write is no cheaper a byte.
	maxBatchBytes = 1 << 20
	// window is how many batches may be on their way at once: one on the disks, and one
	// filling the buffers behind it. More would only make batches smaller.
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
	tick    time.Duration
	touched func() []txn.SessionID
	sweeps  Sweep
	leases  atomic.Pointer[lease.Leases] // of the reign there is; nil without one
	slots   chan struct{}                // a token for each batch on its way
	asked   chan struct{}                // a token for each request that waits for the leader's answer
	stopped chan struct{}                // closed when Run has returned
	bytes   int64                        // the most that held may be
	held    atomic.Int64                 // of the requests that are not done
}

// New returns a pipeline that carries nothing until Run. [Pipeline.Forwarded] is for [peer.Peer.Handle], and
// [Pipeline.Heard] for [peer.Peer.HandleTouches].
func New(c Config) *Pipeline {
	if c.Outstanding == 0 {
		c.Outstanding = defaultOutstanding
	}
	if c.Bytes == 0 {
		c.Bytes = defaultBytes
	}
	if c.Touched == nil {
		c.Touched = func() []txn.SessionID { return nil }
	}
	return &Pipeline{
		peer: c.Peer, store: c.Store, bytes: c.Bytes, limits: c.Limits, events: c.Events, queue: make(chan *job, c.Outstanding),
		tick: cmp.Or(c.Tick, defaultTick), touched: c.Touched, sweeps: c.Sweep.complete(),
		slots: make(chan struct{}, window), asked: make(chan struct{}, c.Outstanding), stopped: make(chan struct{}),
	}
}

// Version returns what reads see: the newest version that is committed, durable
// and applied here. It never changes, and takes no lock.
func (p *Pipeline) Version() *tree.Version { return p.store.Version() }

// Sync returns a zxid that this server has applied and that holds whatever was
// acknowledged by any server before the call.
func (p *Pipeline) Sync(ctx context.Context) (txn.Zxid, error) { return p.peer.Sync(ctx) }

// Submit carries a request out, here or on the leader, and returns when it is committed,
// durable and applied here. Errors are *fault.Error; after Unknown, and only then, the
// request may or may not have taken effect. It waits for ctx no longer than
// for the outcome.
func (p *Pipeline) Submit(ctx context.Context, r Request) (Reply, error) {
	type outcome struct {
		reply Reply
		err   error
	}
	done := make(chan outcome, 1)
	p.Start(r, func(reply Reply, err error) { done <- outcome{reply, err} })
	select {
	case o := <-done:
		return o.reply, o.err
	case <-ctx.Done():
	}
	select {
	case o := <-done:
		return o.reply, o.err
	default:
		return Reply{}, unknown(context.Cause(ctx))
	}
}

// Start is Submit for who does not wait. done is called once, on any goroutine, perhaps before Start returns; it must not
// block. Requests that are started one after the other are carried out in this order; but each succeeds or fails
// by itself, also when the leader changes between them.
func (p *Pipeline) Start(r Request, done func(Reply, error)) {
	r.Via = p.peer.ID()
	p.start(&job{Request: r, done: done})
}

// Await returns nil when this server has applied z, and what is seen in [Pipeline.Version] then holds it. It
// waits as long as ctx.
func (p *Pipeline) Await(ctx context.Context, z txn.Zxid) error { return p.peer.Await(ctx, z) }

// Forwarded carries out a request that a learner has forwarded to this server, the leader. It
// never waits. done is called once, on any goroutine, perhaps before Forwarded returns: with the reply as soon as the
// request is proposed, since it is the learner that waits until it is applied there; or with a
// *fault.Error. One that was found on the tip has the tip's zxid, for the learner to
// wait for as well. A request is carried out in the reign in which it came, or not at all.
func (p *Pipeline) Forwarded(r Request, done func(Reply, error)) {
	now := p.peer.Standing()
	if now.Term == nil {
		done(Reply{}, peer.Refusal(now.Reason))
		return
	}
	p.start(&job{Request: r, term: now.Term, done: done})
}

// hold counts what a request takes in memory until it is done, unless that would be too much together with the others'.
func (p *Pipeline) hold(j *job) error {
	weight := int64(j.Weight())
	if p.held.Add(weight) > p.bytes {
		p.held.Add(-weight)
		return &fault.Error{Kind: fault.Overloaded, RetryAfter: busyRetry, Detail: "the requests that wait on this server take too much memory"}
	}
	done := j.done
	j.done = func(r Reply, err error) {
		p.held.Add(-weight)
		done(r, err)
	}
	return nil
}

// start queues a job, or finishes it. One that comes while the pipeline stops is finished here if Run has not seen it.
func (p *Pipeline) start(j *job) {
	err := p.hold(j)
	if err == nil {
		err = p.enter(j)
	}
	if err != nil {
		j.done(Reply{}, err)
		return
	}
	if isClosed(p.stopped) {
		p.clear()
	}
}

// enter queues a job, or says why not.
func (p *Pipeline) enter(j *job) error {
	if isClosed(p.stopped) {
		return stopping()
	}
	select {
	case p.queue <- j:
		return nil
	default:
		return &fault.Error{Kind: fault.Overloaded, RetryAfter: busyRetry, Detail: "too many requests are waiting on this server"}
	}
}

func stopping() *fault.Error {
	return &fault.Error{Kind: fault.Unavailable, Detail: "this server is stopping"}
}

func unknown(cause error) *fault.Error {
	return &fault.Error{Kind: fault.Unknown, Detail: "gave up waiting; the request may still take effect", Cause: cause}
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}
