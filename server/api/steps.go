package api

import (
	apiv1 "github.com/quorate/quorate/gen/quorate/api/v1"
	"github.com/quorate/quorate/server/identity"
	"github.com/quorate/quorate/server/pipeline"
	"github.com/quorate/quorate/store/fault"
	"github.com/quorate/quorate/store/tree"
	"github.com/quorate/quorate/store/txn"
)

// advance answers what has become of requests, in their order, and begins those that may be begun: a write when only writes
// are ahead of it, a read when nothing is. It is full when it has stopped because enough waits to be sent. An error ends the stream, when
// what was answered until then has been sent.
func (c *conversation) advance() (full bool, err error) {
	for !c.full() {
		if err := c.release(); err != nil || c.closed {
			return false, err
		}
		call, begun := c.next()
		if !begun {
			return false, nil
		}
		if call.GetCxid() <= c.last {
			return false, fault.New(fault.BadArguments, "", "request %d comes after request %d: the numbers of a session grow", call.GetCxid(), c.last)
		}
		c.last = call.GetCxid()
		c.start(call)
	}
	return true, nil
}

// full tells whether so much waits to be sent that nothing more may be done.
func (c *conversation) full() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.mu.bytes >= maxUnsent
}

// next takes the next call, if it may be begun.
func (c *conversation) next() (*apiv1.SessionCall, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.mu.calls) == 0 {
		return nil, false
	}
	call := c.mu.calls[0]
	if !c.line.May(writes(call)) {
		return nil, false
	}
	c.mu.calls[0] = nil
	c.mu.calls = c.mu.calls[1:]
	return call, true
}

// release answers the requests at the head of the order that are ready.
func (c *conversation) release() error {
	for !c.full() {
		s, err := c.line.Next()
		if err != nil {
			c.cut(err)
			return err
		}
		if s == nil {
			return nil
		}
		switch {
		case s.Err != nil:
			c.refuse(s.Call, s.Err)
		case s.Write:
			c.answer(written(s.Call, s.Reply))
		default:
			c.read(s.Call)
		}
		c.closed = s.Err == nil && s.Call.GetClose() != nil
	}
	return nil
}

// writes tells whether a call goes to the leader as a request.
func writes(call *apiv1.SessionCall) bool {
	switch call.GetOp().(type) {
	case *apiv1.SessionCall_Create, *apiv1.SessionCall_Delete, *apiv1.SessionCall_Set, *apiv1.SessionCall_SetAcl,
		*apiv1.SessionCall_Multi, *apiv1.SessionCall_Close:
		return true
	}
	return false
}

// start begins a call.
func (c *conversation) start(call *apiv1.SessionCall) {
	if err := c.keeper.meter.Admit(*c.caller.Load()); err != nil && call.GetClose() == nil {
		c.line.Land(c.line.Begin(call, true), pipeline.Reply{}, err)
		return
	}
	if writes(call) {
		c.write(call)
		return
	}
	o := optionsOf(call)
	if call.GetSync() != nil {
		o = &apiv1.ReadOptions{Consistency: apiv1.Consistency_CONSISTENCY_LINEARIZABLE}
	}
	if o.GetConsistency() != apiv1.Consistency_CONSISTENCY_LINEARIZABLE && txn.Zxid(o.GetMinZxid()) <= c.keeper.pipeline.Version().Zxid() {
		c.read(call)
		return
	}
	s := c.line.Begin(call, false)
	go func() { // the only kind of request with a goroutine of its own
		c.line.Land(s, pipeline.Reply{}, c.keeper.await(c.ctx, o))
	}()
}

// write sends a write to the leader.
func (c *conversation) write(call *apiv1.SessionCall) {
	s := c.line.Begin(call, true)
	op, err := c.request(call)
	if err != nil {
		c.line.Land(s, pipeline.Reply{}, err)
		return
	}
	caller := *c.caller.Load()
	c.writer.Write(op, call.GetCxid(), caller, identity.Author(caller), func(reply pipeline.Reply, err error) { c.line.Land(s, reply, err) })
}

// request translates a write.
func (c *conversation) request(call *apiv1.SessionCall) (tree.Request, error) {
	if c.id == 0 {
		return nil, fault.New(fault.ReadOnly, "", "this server has no quorum: only reads are answered")
	}
	switch op := call.GetOp().(type) {
	case *apiv1.SessionCall_Create:
		return c.keeper.create(op.Create, c.id)
	case *apiv1.SessionCall_Delete:
		return deletion(op.Delete), nil
	case *apiv1.SessionCall_Set:
		return c.keeper.set(op.Set)
	case *apiv1.SessionCall_SetAcl:
		return setACL(op.SetAcl), nil
	case *apiv1.SessionCall_Multi:
		return c.keeper.multi(op.Multi, c.id)
	default:
		return &tree.CloseSessionRequest{CloseSession: txn.CloseSession{Session: c.id}}, nil
	}
}

// written is the answer to a write.
func written(call *apiv1.SessionCall, reply pipeline.Reply) *apiv1.SessionAnswer {
	a := &apiv1.SessionAnswer{Cxid: call.GetCxid()}
	zxid := uint64(reply.Zxid)
	switch op := call.GetOp().(type) {
	case *apiv1.SessionCall_Create:
		a.Result = &apiv1.SessionAnswer_Create{Create: createdBy(reply)}
	case *apiv1.SessionCall_Delete:
		a.Result = &apiv1.SessionAnswer_Delete{Delete: &apiv1.DeleteResponse{Zxid: zxid}}
	case *apiv1.SessionCall_Set:
		a.Result = &apiv1.SessionAnswer_Set{Set: &apiv1.SetResponse{Zxid: zxid, Stat: statOf(reply.Results[0].Stat)}}
	case *apiv1.SessionCall_SetAcl:
		a.Result = &apiv1.SessionAnswer_SetAcl{SetAcl: &apiv1.SetAclResponse{Zxid: zxid, Stat: statOf(reply.Results[0].Stat)}}
	case *apiv1.SessionCall_Multi:
		a.Result = &apiv1.SessionAnswer_Multi{Multi: resultsOf(op.Multi, reply)}
	case *apiv1.SessionCall_Close:
		a.Result = &apiv1.SessionAnswer_Close{Close: &apiv1.CloseSessionResponse{Zxid: zxid}}
	}
	return a
}

// refuse answers that a request failed.
func (c *conversation) refuse(call *apiv1.SessionCall, err error) {
	c.answer(&apiv1.SessionAnswer{Cxid: call.GetCxid(), Result: &apiv1.SessionAnswer_Failure{Failure: failureOf(err)}})
}
