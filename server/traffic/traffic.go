package traffic

import (
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/quorate/quorate/server/summary"
)

// Traffic is that of one server. Its methods may be called by anybody.
type Traffic struct {
	received, sent, events atomic.Uint64
	bytesIn, bytesOut      atomic.Uint64
	sessions, refused      atomic.Uint64
	outstanding            atomic.Int64
	ops                    [256]atomic.Uint64 // by the low byte of their number
	unknown                atomic.Uint64

	latency, reads, updates, sizes *summary.Summary
	lastSize                       atomic.Int64

	mu struct {
		sync.Mutex
		open map[*Conn]struct{}
		next uint64
	}
}

// New returns traffic that nobody has made yet.
func New() *Traffic {
	t := &Traffic{latency: summary.New(), reads: summary.New(), updates: summary.New(), sizes: summary.New()}
	t.lastSize.Store(-1)
	t.mu.open = map[*Conn]struct{}{}
	return t
}

// Enter notes that a connection has come.
func (t *Traffic) Enter(remote net.Addr) *Conn {
	c := &Conn{all: t, remote: remote, came: time.Now()}
	t.mu.Lock()
	defer t.mu.Unlock()
	c.number = t.mu.next
	t.mu.next++
	t.mu.open[c] = struct{}{}
	return c
}

// Conns returns the connections that are open, those first that came first.
func (t *Traffic) Conns() []*Conn {
	t.mu.Lock()
	defer t.mu.Unlock()
	all := make([]*Conn, 0, len(t.mu.open))
	for c := range t.mu.open {
		all = append(all, c)
	}
	slices.SortFunc(all, func(a, b *Conn) int { return int(a.number) - int(b.number) })
	return all
}

// Stats is what was counted since the start, or since [Traffic.Reset].
type Stats struct {
	// Received and Sent are packets, events among those sent; Events is those alone.
	Received, Sent, Events uint64
	// BytesIn and BytesOut are what went over the wire, as far as it was told.
	BytesIn, BytesOut uint64
	// Connections are open; Outstanding are requests without an answer.
	Connections, Outstanding int64
	// Sessions is how many connections have got a session, a new one or their old one.
	Sessions uint64
	// Refused is how often a client did not prove who it is.
	Refused uint64
	// Latency is from reading a request to having its answer, in milliseconds, of reads and of changes.
	Latency summary.Reading
	// Sizes are those of answers in bytes; LastSize that of the last, -1 before the first.
	Sizes    summary.Reading
	LastSize int64
}

// Stats returns what was counted.
func (t *Traffic) Stats() Stats {
	t.mu.Lock()
	open := int64(len(t.mu.open))
	t.mu.Unlock()
	return Stats{
		Received: t.received.Load(), Sent: t.sent.Load(), Events: t.events.Load(), BytesIn: t.bytesIn.Load(), BytesOut: t.bytesOut.Load(),
		Connections: open, Outstanding: t.outstanding.Load(), Sessions: t.sessions.Load(), Refused: t.refused.Load(),
		Latency: t.latency.Read(), Sizes: t.sizes.Read(), LastSize: t.lastSize.Load(),
	}
}

// Reads is the latencies of reads, pings not among them, in milliseconds, since the start. It is not to be added to.
func (t *Traffic) Reads() *summary.Summary { return t.reads }

// Updates is those of changes.
func (t *Traffic) Updates() *summary.Summary { return t.updates }

// Count returns how often an operation was asked for since the start; of those that there are not, all together.
func (t *Traffic) Count(op int32) uint64 { return t.counter(op).Load() }

func (t *Traffic) counter(op int32) *atomic.Uint64 {
	if known(op) {
		return &t.ops[uint8(op)]
	}
	return &t.unknown
}

// Reset forgets packets and latency, as the word `srst` has it. What is open or outstanding stays, and so does the number of each operation,
// which counters have to keep.
func (t *Traffic) Reset() {
	for _, n := range []*atomic.Uint64{&t.received, &t.sent} {
		n.Store(0)
	}
	t.latency.Reset()
	t.sizes.Reset()
	t.lastSize.Store(-1)
}

// ResetConns forgets what each open connection has done, as the word `crst` has it.
func (t *Traffic) ResetConns() {
	for _, c := range t.Conns() {
		c.reset()
	}
}
