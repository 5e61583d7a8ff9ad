package peer

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"

	"google.golang.org/protobuf/proto"

	quorumv1 "github.com/quorate/quorate/gen/quorate/quorum/v1"
	"github.com/quorate/quorate/store/fault"
	"github.com/quorate/quorate/store/tree"
	"github.com/quorate/quorate/store/txn"
)

// maxOutstanding is how many requests of a learner may wait for an answer, and
// busyRetry when one beyond that is to come back.
const (
	maxOutstanding = 10_000
	busyRetry      = 100 * time.Millisecond
)

// Upstream is an up-to-date learner's stream to its leader, as those see it who have
// something to ask. Its methods may be called by anybody.
type Upstream struct {
	outbox  *outbox
	applier *applier // calls release
	over    chan struct{}

	mu struct {
		sync.Mutex
		number uint64           // of the last request
		asked  map[uint64]*call // without an answer yet
		held   []*call          // answered, but not applied here up to there; in the order of at, number
		ended  error            // why nothing more is asked
	}
}

// call is one request to the leader.
type call struct {
	message  *quorumv1.SyncRequest
	bytes    int64 // of the message
	done     func(Reply, error)
	harmless bool // it changes nothing: never an unknown outcome
	sent     bool // the outbox has given it to the stream; read once that has ended

	number uint64
	at     txn.Zxid // the answer holds once this is applied
	reply  Reply
	err    error
}

func newUpstream(o *outbox, a *applier) *Upstream {
	u := &Upstream{outbox: o, applier: a, over: make(chan struct{})}
	u.mu.asked = map[uint64]*call{}
	return u
}

// Submit forwards a request to the leader. It never blocks. done is called once, on any goroutine and
// perhaps before Submit returns: with the reply once its txn is applied on this server, or with
// a *fault.Error. A refusal by the leader comes once the state that it was judged by is applied
// here. Overloaded: too many requests are waiting. When the stream ends, Unknown for what
// was sent, which is never sent again, and Unavailable for what was not.
func (u *Upstream) Submit(r Request, done func(Reply, error)) {
	if attach, ok := r.Op.(*tree.AttachRequest); ok { // whether it did anything is the same to who asks again
		u.ask(&call{message: encodeRevalidate(attach), done: done, harmless: true})
		return
	}
	m, err := encodeRequest(r)
	if err != nil {
		done(Reply{}, err)
		return
	}
	u.ask(&call{message: &quorumv1.SyncRequest{Step: &quorumv1.SyncRequest_Request{Request: m}}, done: done})
}

// Over is closed when the stream has ended, [Peer.Standing] no longer has it, and every done has been called.
func (u *Upstream) Over() <-chan struct{} { return u.over }

// sync returns how far the ensemble is, once that is applied here (P10).
func (u *Upstream) sync(ctx context.Context) (txn.Zxid, error) {
	type answer struct {
		at  txn.Zxid
		err error
	}
	answered := make(chan answer, 1)
	u.ask(&call{
		message:  &quorumv1.SyncRequest{Step: &quorumv1.SyncRequest_Sync{Sync: &quorumv1.Sync{}}},
		done:     func(r Reply, err error) { answered <- answer{r.Zxid, err} },
		harmless: true,
	})
	select {
	case a := <-answered:
		return a.at, a.err
	case <-ctx.Done():
		return 0, context.Cause(ctx)
	}
}

// ask sends a call, or ends it.
func (u *Upstream) ask(c *call) {
	c.bytes = int64(proto.Size(c.message))
	if err := u.enter(c); err != nil {
		c.done(Reply{}, err)
	}
}

// enter numbers a call and queues it: the order of the numbers is that of sending.
func (u *Upstream) enter(c *call) error {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.mu.ended != nil {
		return Refusal(u.mu.ended)
	}
	c.number = u.mu.number + 1
	switch step := c.message.GetStep().(type) {
	case *quorumv1.SyncRequest_Request:
		step.Request.Id = c.number
	case *quorumv1.SyncRequest_Sync:
		step.Sync.Id = c.number
	case *quorumv1.SyncRequest_Revalidate:
		step.Revalidate.Id = c.number
	}
	if len(u.mu.asked)+len(u.mu.held) >= maxOutstanding || !u.outbox.post(c) {
		return &fault.Error{Kind: fault.Overloaded, Detail: "too many requests are on their way to the leader", RetryAfter: busyRetry}
	}
	u.mu.number = c.number
	u.mu.asked[c.number] = c
	return nil
}

// reply takes the leader's answer to a Request or a Sync.
func (u *Upstream) reply(m *quorumv1.Reply) error {
	reply, err := decodeReply(m)
	return u.answer(m.GetId(), false, txn.Zxid(m.GetAtZxid()), reply, err)
}

// revalidated takes the leader's answer to a Revalidate.
func (u *Upstream) revalidated(m *quorumv1.Revalidated) error {
	reply, err := decodeRevalidated(m)
	return u.answer(m.GetId(), true, txn.Zxid(m.GetAtZxid()), reply, err)
}

// answer keeps an answer until it holds here. All dones are called by who calls release, so that they
// keep their order.
func (u *Upstream) answer(id uint64, revalidates bool, at txn.Zxid, reply Reply, err error) error {
	u.mu.Lock()
	defer u.mu.Unlock()
	c := u.mu.asked[id]
	if c == nil || (c.message.GetRevalidate() != nil) != revalidates {
		return malformed("an answer to question %d, which nobody asked", id)
	}
	delete(u.mu.asked, c.number)
	c.at, c.reply, c.err = at, reply, err
	i, _ := slices.BinarySearchFunc(u.mu.held, c, func(a, b *call) int {
		return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.number, b.number))
	})
	u.mu.held = slices.Insert(u.mu.held, i, c)
	u.applier.poke()
	return nil
}

// release gives out the answers that hold now that z is applied. For one goroutine.
func (u *Upstream) release(z txn.Zxid) {
	u.mu.Lock()
	n := 0
	for n < len(u.mu.held) && u.mu.held[n].at <= z {
		n++
	}
	ready := slices.Clone(u.mu.held[:n])
	u.mu.held = slices.Delete(u.mu.held, 0, n)
	u.mu.Unlock()
	for _, c := range ready {
		c.done(c.reply, c.err)
	}
}

// end finishes what has no answer. The outbox and who calls release have ended.
func (u *Upstream) end(cause error) {
	u.mu.Lock()
	u.mu.ended = cause
	left := u.mu.held
	for _, c := range u.mu.asked {
		left = append(left, c)
	}
	u.mu.asked, u.mu.held = nil, nil
	u.mu.Unlock()
	slices.SortFunc(left, func(a, b *call) int { return cmp.Compare(a.number, b.number) })
	for _, c := range left {
		c.done(Reply{}, c.fate(cause))
	}
	close(u.over)
}

// fate is what the caller is told whose request has no answer.
func (c *call) fate(cause error) error {
	if c.harmless || !c.sent {
		return Refusal(cause)
	}
	return &fault.Error{Kind: fault.Unknown, Detail: "the stream to the leader ended before the outcome was known", Cause: cause}
}
