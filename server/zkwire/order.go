package zkwire

import (
	"errors"
	"math"
	"time"

	"github.com/quorate/quorate/server/identity"
	"github.com/quorate/quorate/server/order"
	"github.com/quorate/quorate/server/pipeline"
	"github.com/quorate/quorate/server/watch"
	"github.com/quorate/quorate/store/fault"
	"github.com/quorate/quorate/store/tree"
	"github.com/quorate/quorate/store/txn"
)

const maxZxid = txn.Zxid(math.MaxUint64)

// slot is a request that was begun and is not answered yet.
type slot = order.Slot[begun]

// begun is what there is to know of it.
type begun struct {
	call
	parts multiParts // a multi's
}

// advance answers what has become of requests, in their order, and begins those that may be begun: a write when only writes
// are ahead of it, anything else when nothing is. An error ends the connection, when what was answered until then is written.
func (c *conn) advance() error {
	for {
		if err := c.release(); err != nil || c.closed {
			return err
		}
		call, ok := c.next()
		if !ok {
			return nil
		}
		if err := c.start(call); err != nil {
			return err
		}
		if len(c.out) >= flushAt {
			if err := c.flush(); err != nil {
				return err
			}
		}
	}
}

// next takes the next call, if it may be begun.
func (c *conn) next() (call, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.mu.calls) == 0 {
		return call{}, false
	}
	next := c.mu.calls[0]
	if !c.line.May(next.op.writes()) {
		return call{}, false
	}
	c.mu.calls[0] = call{}
	if c.mu.calls = c.mu.calls[1:]; len(c.mu.calls) == 0 {
		c.mu.calls = nil
	}
	c.mu.bytes -= len(next.body)
	c.server.waiting.Add(-int64(len(next.body)))
	c.unblock()
	return next, true
}

// writes tells whether a request goes to the leader.
func (op opcode) writes() bool {
	switch op {
	case opCreate, opCreate2, opCreateContainer, opCreateTTL, opDelete, opDeleteContainer, opSetData, opSetACL, opMulti, opCloseSession:
		return true
	}
	return false
}

// release answers the requests at the head of the order that are ready.
func (c *conn) release() error {
	for {
		s, err := c.line.Next()
		if s == nil || err != nil {
			return err
		}
		if order.Ends(s.Err) { // a sync's
			return s.Err
		}
		c.settle(s)
	}
}

// settle answers a request that the leader has had its part in.
func (c *conn) settle(s *slot) {
	switch {
	case s.Err != nil:
		c.failed(s)
	case s.Write:
		c.tell(c.takeEvents(s.Reply.Zxid))
		c.wrote(s)
	default:
		c.synced(&s.Call.call)
	}
	c.closed = s.Call.op == opCloseSession && s.Err == nil
}

// failed answers a request that the leader has refused: by what was seen there then, since writes behind it may be done already, and their
// answers are still to come.
func (c *conn) failed(s *slot) {
	at := c.seen
	var f *fault.Error
	if errors.As(s.Err, &f) {
		at = max(at, f.Zxid)
	}
	if c.line.Len() == 0 {
		at = c.now().Zxid()
	}
	c.tell(c.takeEvents(at))
	if s.Call.op == opMulti && c.refuseMulti(s, at) {
		return
	}
	c.refuse(&s.Call.call, at, s.Err)
}

// start begins a call. An error ends the connection.
func (c *conn) start(call call) error {
	switch {
	case call.op == opAuth:
		return c.authenticate(&call)
	case call.op == opSASL && c.server.cfg.SASL != nil:
		return c.logIn(&call)
	case !call.op.known():
		c.finish(c.begin(call.xid, -1, codeUnimplemented))
		return codeUnimplemented // and so ends the connection, as in ZooKeeper
	}
	if err := c.server.cfg.Meter.Admit(*c.caller.Load()); err != nil && call.op != opCloseSession {
		c.line.Land(c.line.Begin(begun{call: call}, true), pipeline.Reply{}, err)
		return nil
	}
	switch {
	case call.op.writes():
		c.write(call)
	case call.op == opSync:
		c.sync(call)
	default:
		c.read(&call)
	}
	return nil
}

// known tells whether a request may be asked for on its own.
func (op opcode) known() bool {
	switch op {
	case opExists, opGetData, opGetACL, opGetChildren, opGetChildren2, opMultiRead, opGetEphemerals, opAllChildrenNumber, opWhoAmI,
		opSync, opReconfig, opSetWatches, opSetWatches2, opAddWatch, opCheckWatches, opRemoveWatches:
		return true
	}
	return op.writes()
}

// write sends a write to the leader.
func (c *conn) write(call call) {
	if !c.line.Writing() {
		c.tell(c.takeEvents(maxZxid))
	}
	op, parts, err := c.request(&call)
	s := c.line.Begin(begun{call, parts}, true)
	if err == nil && c.readOnly && call.op != opCloseSession {
		err = codeNotReadOnly
	}
	if err != nil {
		c.line.Land(s, pipeline.Reply{}, err)
		return
	}
	caller := *c.caller.Load()
	cxid := int64(uint32(call.xid)) // a client may count from where it likes; what a session remembers is not below zero
	c.writer.Write(op, cxid, caller, identity.Author(caller), func(reply pipeline.Reply, err error) { c.line.Land(s, reply, err) })
}

// sync asks the leader how far the ensemble is: what follows sees it. The path is told back, and stands for nothing.
func (c *conn) sync(call call) {
	s := c.line.Begin(begun{call: call}, false)
	if c.readOnly {
		c.line.Land(s, pipeline.Reply{}, codeNotReadOnly)
		return
	}
	go func() { // the only kind of request with a goroutine of its own
		_, err := c.server.cfg.Pipeline.Sync(c.ctx)
		c.line.Land(s, pipeline.Reply{}, err)
	}()
}

// synced answers a sync.
func (c *conn) synced(call *call) {
	d := decoder{left: call.body}
	path, null := d.str()
	switch {
	case d.bad || null:
		c.refuse(call, c.now().Zxid(), codeMarshallingError)
	default:
		c.answer(call, c.now().Zxid(), func(b []byte) []byte { return putString(b, path) })
	}
}

// version returns the newest version that the client may be shown: none older than what it has seen.
func (c *conn) version() *tree.Version {
	v := c.server.cfg.Pipeline.Version()
	if v.Zxid() < c.seen { // the hub has told of a newer one, which is about to be what is read
		v = c.server.cfg.Watches.Version()
	}
	return v
}

// deliver takes an event of a watch. It is called under the hub's lock.
func (c *conn) deliver(e watch.Event) {
	c.mu.Lock()
	c.mu.events = append(c.mu.events, e)
	c.mu.told += len(e.Path) + eventOverhead
	tooMuch := c.mu.told > maxEvents
	c.mu.Unlock()
	if tooMuch {
		c.cut(&fault.Error{Kind: fault.Overloaded, Detail: "the client does not read its events"})
		return
	}
	c.poke()
}

// takeEvents takes the events that are not younger than a version: those that are told before what is read from it. They came in the
// order of their versions.
func (c *conn) takeEvents(upTo txn.Zxid) []watch.Event {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := 0
	for n < len(c.mu.events) && c.mu.events[n].Zxid <= upTo {
		c.mu.told -= len(c.mu.events[n].Path) + eventOverhead
		n++
	}
	taken := c.mu.events[:n:n]
	if c.mu.events = c.mu.events[n:]; len(c.mu.events) == 0 {
		c.mu.events = nil
	}
	return taken
}

// tell writes events.
func (c *conn) tell(events []watch.Event) {
	for _, e := range events {
		at := c.begin(xidEvent, int64(e.Zxid), codeOK)
		c.out = putI32(c.out, int32(e.Type))
		c.out = putI32(c.out, stateSyncConnected)
		c.out = putString(c.out, e.Path)
		c.finish(at)
		c.seen = max(c.seen, e.Zxid)
	}
	if len(events) > 0 {
		c.traffic.Told(len(events))
	}
}

// pong answers pings.
func (c *conn) pong() {
	c.mu.Lock()
	n := c.mu.pings
	c.mu.pings = 0
	c.unblock()
	c.mu.Unlock()
	at := c.seen
	if !c.line.Writing() {
		at = c.version().Zxid()
	}
	for range n {
		c.finish(c.begin(xidPing, int64(at), codeOK))
		c.traffic.Went(int32(opPing), xidPing, at, 0)
	}
}

// begin begins a frame with the header of a reply.
func (c *conn) begin(xid int32, zxid int64, code errorCode) (at int) {
	if c.out == nil {
		c.out = c.server.takeBuffer()
	}
	at = len(c.out)
	c.out = putI32(c.out, 0) // the length is known in the end
	c.out = putI32(c.out, xid)
	c.out = putI64(c.out, zxid)
	c.out = putI32(c.out, int32(code))
	return at
}

// finish ends the frame that begins at a place.
func (c *conn) finish(at int) {
	n := len(c.out) - at - lengthSize
	putI32(c.out[:at], int32(n))
	c.traffic.Out(lengthSize + n)
}

// went notes that a request is answered.
func (c *conn) went(call *call, zxid txn.Zxid) {
	c.seen = max(c.seen, zxid)
	c.answered()
	c.traffic.Went(int32(call.op), call.xid, zxid, time.Since(call.came))
}

// refuse answers that a request failed, by what is seen at a zxid.
func (c *conn) refuse(call *call, at txn.Zxid, err error) {
	c.finish(c.begin(call.xid, int64(at), codeOf(err)))
	c.went(call, at)
}

// answer answers a request with what is seen at a zxid.
func (c *conn) answer(call *call, at txn.Zxid, body func(b []byte) []byte) {
	frame := c.begin(call.xid, int64(at), codeOK)
	if body != nil {
		c.out = body(c.out)
	}
	c.finish(frame)
	c.went(call, at)
}
