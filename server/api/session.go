package api

import (
	"context"
	"errors"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/protobuf/proto"

	apiv1 "github.com/quorate/quorate/gen/quorate/api/v1"
	"github.com/quorate/quorate/server/order"
	"github.com/quorate/quorate/server/session"
	"github.com/quorate/quorate/server/watch"
	"github.com/quorate/quorate/store/fault"
	"github.com/quorate/quorate/store/tree"
	"github.com/quorate/quorate/store/txn"
)

// Session serves a session's stream. Two goroutines live as long as it: listen takes what the client says, and run
// carries it out and says everything that is said.
//
//	client ──▶ listen ──▶ calls ──▶ run ──▶ pipeline ─ ─▶ finished ─┐
//	                                 │ ◀────────────────────────────┘
//	client ◀──────────── run ◀── out ┤
//	                                 └── events, as the hub delivers them
func (k *Keeper) Session(stream apiv1.Keeper_SessionServer) error {
	first, err := stream.Recv()
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	if first.GetOpen() == nil {
		return Error(fault.New(fault.BadArguments, "", "the first message of a session says open"))
	}
	c := newConversation(k, stream)
	defer c.end()
	opened, err := c.begin(first.GetOpen())
	if err != nil {
		return Error(err)
	}
	if err := stream.Send(&apiv1.SessionResponse{Opened: opened, Zxid: opened.GetZxid()}); err != nil {
		return err
	}
	go c.listen(first.GetCalls())
	return Error(c.run())
}

const (
	// maxItems and maxItemBytes bound what is put into one message.
	maxItems     = 1000
	maxItemBytes = 256 << 10
	// maxUnsent is how many bytes of answers may wait before no more requests are carried out, and maxEvents how
	// many bytes of events before a client that does not read them is cut.
	maxUnsent = 1 << 20
	maxEvents = 16 << 20
)

// conversation is one stream of a session.
type conversation struct {
	keeper *Keeper
	stream apiv1.Keeper_SessionServer
	ctx    context.Context
	fail   context.CancelCauseFunc
	caller atomic.Pointer[tree.Caller]
	wake   chan struct{} // one token when run should look again
	room   chan struct{} // a token for each request without an answer

	id      txn.SessionID   // 0: for reads only
	writer  *session.Writer // nil then
	watcher *watch.Watcher
	void    atomic.Bool // what has not been sent to the leader yet must not be any more

	// For run alone.
	last   int64                          // number of the last call
	line   order.Line[*apiv1.SessionCall] // begun and not answered: writes, or one read
	closed bool                           // the session is: nothing follows
	// watching tells that there is, or was, a watch: events and answers have to keep their order.
	watching bool

	mu struct {
		sync.Mutex
		calls  []*apiv1.SessionCall // heard and not begun
		out    []outgoing           // to be sent
		bytes  int                  // of these and of held
		pinged bool                 // a ping waits for its answer
		heard  bool                 // the client has said its last
		holds  bool                 // an answer is being made that goes before any event
		held   []outgoing           // these events
	}
}

// outgoing is an item with about how many bytes it takes.
type outgoing struct {
	item *apiv1.SessionItem
	size int
}

func newConversation(k *Keeper, stream apiv1.Keeper_SessionServer) *conversation {
	c := &conversation{keeper: k, stream: stream, wake: make(chan struct{}, 1), room: make(chan struct{}, k.unsent)}
	c.line = order.NewLine[*apiv1.SessionCall](&c.void, c.poke)
	c.ctx, c.fail = context.WithCancelCause(stream.Context())
	caller := CallerOf(stream.Context())
	c.caller.Store(&caller)
	return c
}

// begin opens the session, takes it up, or does without.
func (c *conversation) begin(open *apiv1.OpenSessionRequest) (*apiv1.OpenSessionResponse, error) {
	if err := c.keeper.notBefore(c.ctx, txn.Zxid(open.GetLastZxid())); err != nil {
		return nil, err
	}
	opened := &apiv1.OpenSessionResponse{ReadOnly: true, Zxid: uint64(c.keeper.pipeline.Version().Zxid())}
	if !open.GetReadOnly() || c.keeper.led() {
		cred, s, err := c.take(open)
		if err != nil {
			return nil, err
		}
		c.id = s.ID
		if c.writer, err = c.keeper.sessions.NewWriter(s, c.cut, &c.void); err != nil {
			return nil, err
		}
		opened = c.keeper.opened(cred, s)
		c.last = s.Last.Cxid
	} else if open.GetCredential() != "" {
		return nil, fault.New(fault.Unavailable, "", "there is no quorum: the session cannot be taken up")
	} else {
		go c.untilLed()
	}
	c.watcher = c.keeper.watches.NewWatcher(c.deliver, func() tree.Caller { return *c.caller.Load() }, c.cut)
	c.watcher.Belongs(c.id)
	return opened, nil
}

// take opens a session, or takes one up.
func (c *conversation) take(open *apiv1.OpenSessionRequest) (session.Credential, session.Session, error) {
	if open.GetCredential() == "" && c.keeper.sessions.Local() {
		cred, s := c.keeper.sessions.OpenLocal(time.Duration(open.GetTimeoutMs()) * time.Millisecond)
		return cred, s, nil
	}
	if open.GetCredential() == "" {
		return c.keeper.openSession(c.ctx, open)
	}
	cred, err := session.ParseCredential(open.GetCredential())
	if err != nil {
		return cred, session.Session{}, err
	}
	s, err := c.keeper.sessions.Resume(c.ctx, cred)
	return cred, s, err
}

// led tells whether there is a leader that this server can ask.
func (k *Keeper) led() bool {
	s := k.standing()
	return s.Term != nil || s.Upstream != nil
}

// untilLed ends a stream for reads only when there is more to be had.
func (c *conversation) untilLed() {
	for !c.keeper.led() {
		select {
		case <-c.keeper.standing().Changed:
		case <-c.ctx.Done():
			return
		}
	}
	c.cut(fault.New(fault.Unavailable, "", "there is a quorum again: open a session"))
}

// cut ends the stream. It never blocks.
func (c *conversation) cut(err error) {
	c.void.Store(true)
	c.fail(err)
}

// end lets go of all that the stream has.
func (c *conversation) end() {
	c.cut(io.EOF)
	if c.watcher != nil {
		c.watcher.Close()
	}
	if c.writer != nil {
		c.writer.Detach()
	}
}

// listen takes what the client says, until it has said its last or the stream ends.
func (c *conversation) listen(calls []*apiv1.SessionCall) {
	for {
		if !c.hear(calls) {
			return
		}
		m, err := c.stream.Recv()
		switch {
		case errors.Is(err, io.EOF):
			c.mu.Lock()
			c.mu.heard = true
			c.mu.Unlock()
			c.poke()
			return
		case err != nil:
			c.cut(err)
			return
		}
		if c.writer != nil {
			c.writer.Touch()
		}
		if m.GetOpen() != nil {
			c.cut(fault.New(fault.BadArguments, "", "open comes first, and once"))
			return
		}
		if calls = m.GetCalls(); len(calls) == 0 {
			c.mu.Lock()
			c.mu.pinged = true
			c.mu.Unlock()
			c.poke()
		}
	}
}

// hear hands calls on, and waits when there are too many without an answer: nothing more is read of this client then. False when
// the stream has ended.
func (c *conversation) hear(calls []*apiv1.SessionCall) bool {
	for _, call := range calls {
		select {
		case c.room <- struct{}{}:
		case <-c.ctx.Done():
			return false
		}
		c.mu.Lock()
		c.mu.calls = append(c.mu.calls, call)
		c.mu.Unlock()
		c.poke()
	}
	return true
}

func (c *conversation) poke() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// run carries out what was heard and sends what there is to send, until the stream ends.
func (c *conversation) run() error {
	for {
		full, failed := c.advance()
		if err := c.flush(); err != nil {
			return err
		}
		switch {
		case failed != nil:
			return failed
		case c.closed || c.finished():
			return nil
		case full:
			continue
		}
		select {
		case <-c.wake:
		case <-c.ctx.Done():
			return context.Cause(c.ctx)
		}
	}
}

// finished tells whether the client has said its last and has all its answers.
func (c *conversation) finished() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.mu.heard && len(c.mu.calls) == 0 && c.line.Len() == 0
}

// flush sends all answers and events, in messages of a fair size.
func (c *conversation) flush() error {
	for {
		m, answers := c.message()
		if m == nil {
			return nil
		}
		if err := c.stream.Send(m); err != nil {
			return err
		}
		for range answers {
			<-c.room
		}
	}
}

// message takes what fits into one message; nil if there is nothing to say. answers is how many requests it answers.
func (c *conversation) message() (m *apiv1.SessionResponse, answers int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.mu.out) == 0 && !c.mu.pinged {
		return nil, 0
	}
	m = &apiv1.SessionResponse{}
	n, bytes := 0, 0
	for n < len(c.mu.out) && n < maxItems && (n == 0 || bytes+c.mu.out[n].size <= maxItemBytes) {
		o := c.mu.out[n]
		if a := o.item.GetAnswer(); a != nil && !a.GetMore() {
			answers++
		}
		m.Items = append(m.Items, o.item)
		bytes += o.size
		n++
	}
	c.mu.out = c.mu.out[n:]
	c.mu.bytes -= bytes
	c.mu.pinged = false
	// The hub tells of a version before it is what is read; and cuts a stream that it cannot tell of one.
	if at := c.keeper.pipeline.Version().Zxid(); len(c.mu.out) == 0 && !c.mu.holds && c.ctx.Err() == nil {
		m.Zxid = uint64(at)
	}
	return m, answers
}

// deliver takes an event of a watch. It is called under the hub's lock.
func (c *conversation) deliver(e watch.Event) {
	told := &apiv1.WatchEvent{Zxid: uint64(e.Zxid), Type: apiv1.EventType(e.Type), Path: e.Path}
	if e.Missed {
		told.MissedBy = c.last // the add_watch that run is at
	}
	item := &apiv1.SessionItem{Item: &apiv1.SessionItem_Event{Event: told}}
	o := outgoing{item, len(e.Path) + entryOverhead}
	c.mu.Lock()
	c.mu.bytes += o.size
	tooMuch := c.mu.bytes > maxEvents
	if c.mu.holds {
		c.mu.held = append(c.mu.held, o)
	} else {
		c.mu.out = append(c.mu.out, o)
	}
	c.mu.Unlock()
	if tooMuch {
		c.cut(&fault.Error{Kind: fault.Overloaded, RetryAfter: time.Second, Detail: "the client does not read its events"})
		return
	}
	c.poke()
}

// answer adds the answer to the oldest request, or a piece of it.
func (c *conversation) answer(a *apiv1.SessionAnswer) {
	o := outgoing{&apiv1.SessionItem{Item: &apiv1.SessionItem_Answer{Answer: a}}, proto.Size(a)}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.mu.out = append(c.mu.out, o)
	c.mu.bytes += o.size
}
