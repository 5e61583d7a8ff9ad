package zkwire

import (
	"context"
	"errors"
	"io"
	"net"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/quorate/quorate/peer"
	"github.com/quorate/quorate/server/identity"
	"github.com/quorate/quorate/server/meter"
	"github.com/quorate/quorate/server/pipeline"
	"github.com/quorate/quorate/server/sasl"
	"github.com/quorate/quorate/server/session"
	"github.com/quorate/quorate/server/traffic"
	"github.com/quorate/quorate/server/watch"
	"github.com/quorate/quorate/store/fault"
	"github.com/quorate/quorate/store/tree"
)

// Config is what a server works on and within.
type Config struct {
	// Pipeline carries writes and holds the version that reads see.
	Pipeline *pipeline.Pipeline
	// Sessions are those of this server's clients, and Watches tells them of changes.
	Sessions *session.Table
	Watches  *watch.Hub
	// Standing is what the server is in its ensemble: without a leader there are only clients that read.
	Standing func() peer.Standing
	// Prover judges what clients show, and Meter how much they ask.
	Prover *identity.Prover
	Meter  *meter.Meter
	// SASL logs clients in; nil: nobody can log in by it.
	SASL *sasl.Server
	// Traffic counts what goes over the wire.
	Traffic *traffic.Traffic
	// Tick is how long a client is held that comes before this server has a leader, or has come as far as the client has.
	Tick time.Duration
	// MaxPacket is the greatest frame of a client in bytes, its length not counted: one that announces more is cut.
	MaxPacket int
	// MaxRequests is how many requests of one connection may be without an answer: no more are read.
	MaxRequests int
	// ReadOnly: clients that say they can do with it are served without a leader.
	ReadOnly bool
	// MaxWaiting is how many bytes the requests of all connections may take that are not begun: beyond it, no more are read of those that have
	// a part in it, and none that is large is taken.
	MaxWaiting int64
	// Panicked is told of a request that panicked: its connection ends, and the server goes on.
	Panicked func(value any, stack []byte)
	// TTLNodes: clients may create nodes that live for a time.
	TTLNodes bool
}

// Server serves ZooKeeper's clients. Its methods may be called by anybody.
type Server struct {
	cfg     Config
	buffers sync.Pool    // of *[]byte, in which replies are written
	waiting atomic.Int64 // bytes of requests that are not begun, or not all there

	mu struct {
		sync.Mutex
		open     map[*conn]struct{}
		stopping bool
	}
}

// New returns a server without connections.
func New(c Config) *Server {
	s := &Server{cfg: c}
	s.buffers.New = func() any { return new([]byte) }
	s.mu.open = map[*conn]struct{}{}
	return s
}

// Serve serves one connection, and returns when it has ended and is closed. who is its client, by its address and certificate.
func (s *Server) Serve(nc net.Conn, who tree.Caller) {
	c := newConn(s, nc, who)
	defer c.end()
	if !s.enter(c) {
		return
	}
	defer s.leave(c)
	var listening sync.WaitGroup
	defer listening.Wait()
	defer c.survive()
	if !c.shake() {
		return
	}
	listening.Go(c.listen)
	if c.run() {
		c.hush()
		c.fail(io.EOF) // listen may wait for room
		listening.Wait()
		HangUp(nc, hangUpLimit)
	}
	c.cut(io.EOF)
}

// reserve asks for room for a large frame that is not all there yet, or gives it back.
func (s *Server) reserve(bytes int) bool {
	if s.waiting.Add(int64(bytes)) > s.cfg.MaxWaiting && bytes > 0 {
		s.waiting.Add(-int64(bytes))
		return false
	}
	return true
}

// hangUpLimit is how long a client may take to take its last answers.
const hangUpLimit = time.Second

// survive has a panic end a connection and not the server.
func (c *conn) survive() {
	if value := recover(); value != nil {
		c.server.cfg.Panicked(value, debug.Stack())
		c.cut(errPanicked)
	}
}

// errPanicked is why a connection ends with which this server could not cope.
var errPanicked = errors.New("the server failed while it handled a request")

// enter notes a connection, unless the server stops.
func (s *Server) enter(c *conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.mu.stopping {
		return false
	}
	s.mu.open[c] = struct{}{}
	return true
}

func (s *Server) leave(c *conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.mu.open, c)
}

// led tells whether there is a leader that this server can ask.
func (s *Server) led() bool {
	now := s.cfg.Standing()
	return now.Term != nil || now.Upstream != nil
}

// RoleChanged ends the connections that were made in another role, as ZooKeeper does: those of sessions when there is no leader any more, so
// that their clients take them to servers that have one; those for reads alone when there is one again.
func (s *Server) RoleChanged() {
	led := s.led()
	for _, c := range s.all() {
		if c.shaken.Load() && c.readOnly == led {
			c.cut(&fault.Error{Kind: fault.Unavailable, Detail: "this server's role has changed"})
		}
	}
}

// all returns the connections there are.
func (s *Server) all() []*conn {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make([]*conn, 0, len(s.mu.open))
	for c := range s.mu.open {
		all = append(all, c)
	}
	return all
}

// Stop lets no more connections in, reads no more requests, and returns when those that were read are answered and all connections
// are gone; those that are left when ctx ends are cut.
func (s *Server) Stop(ctx context.Context) {
	s.mu.Lock()
	s.mu.stopping = true
	s.mu.Unlock()
	for _, c := range s.all() {
		c.hush()
	}
	pulse := time.NewTicker(stopPulse)
	defer pulse.Stop()
	for left := s.all(); len(left) > 0; left = s.all() {
		select {
		case <-pulse.C:
		case <-ctx.Done():
			for _, c := range left {
				c.cut(context.Cause(ctx))
			}
			<-pulse.C // they take a moment to go
		}
	}
}

// stopPulse is how often a stopping server looks whether its connections are gone.
const stopPulse = 5 * time.Millisecond
