package zkwire

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/quorate/quorate/server/order"
	"github.com/quorate/quorate/server/sasl"
	"github.com/quorate/quorate/server/session"
	"github.com/quorate/quorate/server/traffic"
	"github.com/quorate/quorate/server/watch"
	"github.com/quorate/quorate/store/tree"
	"github.com/quorate/quorate/store/txn"
)

const (
	// flushAt is how many bytes of replies are gathered before they are written though there is more to do.
	flushAt = 64 << 10
	// keptBuffer is the greatest buffer for replies that an idle connection keeps.
	keptBuffer = 512
	// maxUnread is how many bytes of requests may wait before no more are read, and maxEvents how many
	// bytes of events before a client that does not read them is cut.
	maxUnread = 4 << 20
	maxEvents = 16 << 20
	// eventOverhead is what an event takes beyond its path.
	eventOverhead = 64
)

// conn is one connection.
type conn struct {
	server  *Server
	net     net.Conn
	in      frames
	traffic *traffic.Conn
	ctx     context.Context
	fail    context.CancelCauseFunc
	caller  atomic.Pointer[tree.Caller]
	wake    chan struct{} // one token when run should look again
	room    chan struct{} // one token when listen may go on

	// Set by the handshake.
	id       txn.SessionID
	writer   *session.Writer
	watcher  *watch.Watcher
	readOnly bool        // there is no leader
	shaken   atomic.Bool // the handshake is done

	void atomic.Bool // what has not been sent to the leader yet must not be any more

	// For run alone.
	line   order.Line[begun] // begun and not answered: writes, or one sync
	login  *sasl.Exchange    // that has begun and not ended; nil without
	seen   txn.Zxid          // how far the client has seen the tree
	out    []byte            // replies and events, not written yet
	closed bool              // the session is: nothing follows

	mu struct {
		sync.Mutex
		calls   []call // heard and not begun
		bytes   int    // of these
		waiting int    // requests without an answer
		blocked bool   // listen waits for room
		pings   int    // without an answer
		quiet   bool   // the client is heard no more
		events  []watch.Event
		told    int // bytes of these
	}
}

// call is a request as it came.
type call struct {
	xid  int32
	op   opcode
	body []byte
	came time.Time
}

func newConn(s *Server, nc net.Conn, who tree.Caller) *conn {
	c := &conn{
		server: s, net: nc, in: frames{from: nc, limit: s.cfg.MaxPacket, size: minChunk, reserve: s.reserve},
		wake: make(chan struct{}, 1), room: make(chan struct{}, 1),
	}
	c.line = order.NewLine[begun](&c.void, c.poke)
	c.ctx, c.fail = context.WithCancelCause(context.Background())
	c.caller.Store(&who)
	c.traffic = s.cfg.Traffic.Enter(nc.RemoteAddr())
	c.traffic.Closer(func() { c.cut(errShed) })
	return c
}

// errShed is why a connection ends that an operator has ended.
var errShed = errors.New("the operator has ended the connection")

// cut ends the connection. It never blocks.
func (c *conn) cut(err error) {
	c.void.Store(true)
	c.fail(err)
	c.net.Close()
}

// hush hears no more of the client: the connection ends when what was heard is answered.
func (c *conn) hush() {
	c.mu.Lock()
	c.mu.quiet = true
	c.mu.Unlock()
	_ = c.net.SetReadDeadline(time.Unix(1, 0)) // wakes listen, or the handshake
	c.poke()
}

// end lets go of all that the connection has.
func (c *conn) end() {
	c.cut(io.EOF)
	if c.watcher != nil {
		c.watcher.Close()
	}
	if c.writer != nil {
		c.writer.Detach()
	}
	c.traffic.Leave()
	c.in.hold(0)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.server.waiting.Add(-int64(c.mu.bytes))
}

func (c *conn) poke() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// listen takes what the client says until it says no more.
func (c *conn) listen() {
	defer c.survive()
	for {
		if !c.hear() {
			return
		}
		n, err := c.in.more()
		if err != nil {
			c.hush()
			return
		}
		c.traffic.In(n)
		c.writer.Touch()
	}
}

// hear hands on the frames that have come, and waits when there are too many requests without an answer. False when the
// connection has ended.
func (c *conn) hear() bool {
	for came := time.Now(); ; {
		frame, err := c.in.next()
		if err != nil {
			c.cut(err)
			return false
		}
		if frame == nil {
			return true
		}
		d := decoder{left: frame}
		call := call{xid: d.i32(), op: opcode(d.i32()), body: d.left, came: came}
		if d.bad {
			c.cut(errHeader)
			return false
		}
		c.traffic.Came(int32(call.op), call.xid)
		if !c.note(call) {
			return false
		}
	}
}

// errHeader is why a connection ends whose client sends a frame that is no request.
var errHeader = errors.New("a frame is too short for a request")

// note queues a request. A ping is answered out of turn: it tells that the server is alive, whatever it is busy with.
func (c *conn) note(call call) bool {
	c.mu.Lock()
	if call.op == opPing {
		c.mu.pings++
	} else {
		c.mu.calls = append(c.mu.calls, call)
		c.mu.bytes += len(call.body)
		c.server.waiting.Add(int64(len(call.body)))
		c.mu.waiting++
	}
	full := c.full()
	c.mu.blocked = full
	c.mu.Unlock()
	c.poke()
	if !full {
		return true
	}
	select {
	case <-c.room:
		return true
	case <-c.ctx.Done():
		return false
	}
}

// full tells whether no more requests are to be read: this connection's are too many, or those of all together, and this one has its
// part in it. The caller holds mu.
func (c *conn) full() bool {
	if c.mu.bytes > 0 && c.server.waiting.Load() >= c.server.cfg.MaxWaiting {
		return true
	}
	return c.mu.waiting >= c.server.cfg.MaxRequests || c.mu.pings >= c.server.cfg.MaxRequests || c.mu.bytes >= maxUnread
}

// answered notes that there is one request less without an answer.
func (c *conn) answered() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.mu.waiting--
	c.unblock()
}

// unblock lets listen go on if it waits and there is room again. The caller holds mu.
func (c *conn) unblock() {
	if c.mu.blocked && !c.full() {
		c.mu.blocked = false
		c.room <- struct{}{} // it has room: it is emptied before blocked is set again
	}
}

// run carries out what was heard and writes what there is to write, until the connection ends; true if all that was to be said is.
func (c *conn) run() bool {
	for {
		c.pong()
		err := c.advance()
		if !c.line.Writing() { // what has happened behind a write that is not answered is told after it: the client would see time go back
			c.tell(c.takeEvents(maxZxid))
		}
		last := err != nil || c.closed || c.finished()
		if last { // who does not read what ends the connection is not waited for
			_ = c.net.SetWriteDeadline(time.Now().Add(hangUpLimit))
		}
		if c.flush() != nil {
			return false
		}
		if last {
			return true
		}
		c.rest()
		select {
		case <-c.wake:
		case <-c.ctx.Done():
			return false
		}
	}
}

// finished tells whether the client is heard no more and has all its answers.
func (c *conn) finished() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.mu.quiet && len(c.mu.calls) == 0 && c.line.Len() == 0
}

// flush writes what there is to write.
func (c *conn) flush() error {
	if len(c.out) == 0 {
		return nil
	}
	_, err := c.net.Write(c.out)
	c.out = c.out[:0]
	return err
}

// rest gives back what an idle connection does not need.
func (c *conn) rest() {
	if cap(c.out) > keptBuffer {
		c.server.giveBuffer(c.out)
		c.out = nil
	}
}

// takeBuffer returns an empty buffer that somebody else no longer needs.
func (s *Server) takeBuffer() []byte { return (*s.buffers.Get().(*[]byte))[:0] }

func (s *Server) giveBuffer(b []byte) {
	if cap(b) <= 4*flushAt {
		s.buffers.Put(&b)
	}
}
