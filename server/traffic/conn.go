package traffic

import (
	"net"
	"sync"
	"time"

	"github.com/quorate/quorate/store/txn"
)

// Conn is one connection. Its methods may be called by anybody.
type Conn struct {
	all    *Traffic
	remote net.Addr
	came   time.Time
	number uint64

	mu struct {
		sync.Mutex
		session txn.SessionID
		timeout time.Duration
		close   func()
		left    bool
		waiting int64
		Answers
	}
}

// Answers is what a connection has done, since it came or was reset.
type Answers struct {
	// Received and Sent are packets.
	Received, Sent uint64
	// Op is the last that was answered, 0 before the first; Xid its number, unless a special one; Zxid what the answer told.
	Op   int32
	Xid  int32
	Zxid txn.Zxid
	// At is when that was; the zero time before the first.
	At time.Time
	// Last, Min and Max are latencies, Total their sum, Measured how many there were.
	Last, Min, Max, Total time.Duration
	Measured              int64
}

// Avg returns the mean latency; 0 without any.
func (a Answers) Avg() time.Duration {
	if a.Measured == 0 {
		return 0
	}
	return a.Total / time.Duration(a.Measured)
}

// Info is what there is to know of a connection.
type Info struct {
	Remote net.Addr
	// Came is when the connection did.
	Came time.Time
	// Session is 0 while there is none.
	Session txn.SessionID
	// Timeout is the session's.
	Timeout time.Duration
	// Outstanding is how many requests have no answer yet.
	Outstanding int64
	Answers
}

// Info returns what there is to know of the connection.
func (c *Conn) Info() Info {
	c.mu.Lock()
	defer c.mu.Unlock()
	return Info{Remote: c.remote, Came: c.came, Session: c.mu.session, Timeout: c.mu.timeout, Outstanding: c.mu.waiting, Answers: c.mu.Answers}
}

// Opened notes that the connection has a session now: its connect request was received and answered.
func (c *Conn) Opened(s txn.SessionID, timeout time.Duration) {
	c.all.received.Add(1)
	c.all.sent.Add(1)
	c.all.sessions.Add(1)
	c.all.counter(opCreateSession).Add(1)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.mu.session, c.mu.timeout = s, timeout
	c.mu.Received++
	c.mu.Sent++
	c.mu.Op, c.mu.At = opCreateSession, time.Now()
}

// Closer says how the connection is ended. close is called by whoever calls [Conn.Close], and must not block.
func (c *Conn) Closer(close func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.mu.close = close
}

// Close ends the connection, if it has said how; false if not.
func (c *Conn) Close() bool {
	c.mu.Lock()
	end := c.mu.close
	c.mu.Unlock()
	if end == nil {
		return false
	}
	end()
	return true
}

// Came notes that a request was read: there is no answer to it yet.
func (c *Conn) Came(op, _ int32) {
	c.all.received.Add(1)
	c.all.counter(op).Add(1)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.mu.Received++
	if !c.mu.left {
		c.mu.waiting++
		c.all.outstanding.Add(1)
	}
}

// Went notes that a request was answered: took after it was read, with zxid in the answer's header. A ping has no latency, since
// it does not wait for anything.
func (c *Conn) Went(op, xid int32, zxid txn.Zxid, took time.Duration) {
	c.all.sent.Add(1)
	if op != opPing {
		c.all.took(op, took)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.mu.Sent++
	if c.mu.waiting > 0 {
		c.mu.waiting--
		c.all.outstanding.Add(-1)
	}
	a := &c.mu.Answers
	a.Op, a.Zxid, a.At = op, zxid, time.Now()
	if xid >= 0 {
		a.Xid = xid
	}
	if op == opPing {
		return
	}
	if a.Measured == 0 || took < a.Min {
		a.Min = took
	}
	a.Last, a.Max = took, max(a.Max, took)
	a.Total += took
	a.Measured++
}

// took notes a latency.
func (t *Traffic) took(op int32, took time.Duration) {
	ms := float64(took) / float64(time.Millisecond)
	t.latency.Observe(ms)
	if changes(op) {
		t.updates.Observe(ms)
	} else {
		t.reads.Observe(ms)
	}
}

// Told notes that so many events were sent.
func (c *Conn) Told(events int) {
	c.all.sent.Add(uint64(events))
	c.all.events.Add(uint64(events))
	c.mu.Lock()
	defer c.mu.Unlock()
	c.mu.Sent += uint64(events)
}

// In notes bytes that were read.
func (c *Conn) In(bytes int) { c.all.bytesIn.Add(uint64(bytes)) }

// Out notes an answer or an event of so many bytes, its length field among them.
func (c *Conn) Out(bytes int) {
	c.all.bytesOut.Add(uint64(bytes))
	c.all.sizes.Observe(float64(bytes))
	c.all.lastSize.Store(int64(bytes))
}

// Refused notes that the client did not prove who it is.
func (c *Conn) Refused() { c.all.refused.Add(1) }

// Leave notes that the connection is gone: nothing more is outstanding. Again is harmless.
func (c *Conn) Leave() {
	c.mu.Lock()
	c.all.outstanding.Add(-c.mu.waiting)
	c.mu.waiting, c.mu.left, c.mu.close = 0, true, nil
	c.mu.Unlock()
	c.all.mu.Lock()
	defer c.all.mu.Unlock()
	delete(c.all.mu.open, c)
}

func (c *Conn) reset() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.mu.Answers = Answers{}
}
