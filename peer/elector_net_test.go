package peer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"testing/synctest"
	"time"

	quorumv1 "github.com/quorate/quorate/gen/quorate/quorum/v1"
	"github.com/quorate/quorate/store/txn"
)

var (
	errRefused = errors.New("connection refused")
	errReset   = errors.New("connection reset")
)

// route is one way between two servers.
type route struct{ from, to txn.ServerID }

func (p route) back() route { return route{p.to, p.from} }

// network carries Election.Exchange between the electors of one bubble. A way may be refused or
// lead nowhere.
type network struct {
	mu struct {
		sync.Mutex
		latency time.Duration                               // of every way
		serve   map[txn.ServerID]func(ExchangeServer) error // who listens
		nowhere map[route]bool                              // what is sent here is lost
		calls   []*exchangeCall
		dials   map[route]int
	}
}

func newNetwork() *network {
	n := &network{}
	n.mu.latency = 1013 * time.Microsecond
	n.mu.serve = map[txn.ServerID]func(ExchangeServer) error{}
	n.mu.nowhere = map[route]bool{}
	n.mu.dials = map[route]int{}
	return n
}

// arrival returns how long what is sent now is under way. No two wires share an instant of
// arrival, ever, so that nothing but the instants decides what happens: own is the wire's, in nanoseconds.
func (n *network) arrival(own time.Duration) time.Duration {
	n.mu.Lock()
	defer n.mu.Unlock()
	now := time.Now()
	return now.Add(n.mu.latency).Truncate(time.Microsecond).Add(own).Sub(now)
}

// The nanoseconds of what a client sends and of what it receives; ids are below 8.
func (p route) there() time.Duration   { return time.Duration(p.from)*8 + time.Duration(p.to) }
func (p route) andBack() time.Duration { return 64 + p.there() }

// slow makes every way take that long.
func (n *network) slow(latency time.Duration) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.mu.latency = latency
}

// listen makes a server reachable; nil makes its connections refused.
func (n *network) listen(id txn.ServerID, serve func(ExchangeServer) error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.mu.serve[id] = serve
}

// lose makes all that is sent from one server to another get lost, or no longer so.
func (n *network) lose(from, to txn.ServerID, lost bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.mu.nowhere[route{from, to}] = lost
}

// lost tells whether what is sent on this way is.
func (n *network) lost(p route) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.mu.nowhere[p]
}

// dials tells how often a server has been dialled by another.
func (n *network) dials(from, to txn.ServerID) int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.mu.dials[route{from, to}]
}

// reset ends the streams that concern two servers, at both ends; 0 stands for any.
func (n *network) reset(a, b txn.ServerID) {
	n.mu.Lock()
	calls := slices.Clone(n.mu.calls)
	n.mu.Unlock()
	for _, c := range calls {
		if is := func(id, end txn.ServerID) bool { return id == 0 || id == end }; is(a, c.way.from) && is(b, c.way.to) || is(b, c.way.from) && is(a, c.way.to) {
			c.fail(errReset)
			synctest.Wait() // one after the other
		}
	}
}

// dialer is one server's door to the network.
type dialer struct {
	*network
	from txn.ServerID
}

func (d dialer) Sync(context.Context, txn.Member) (LearnerStream, error) {
	return nil, errors.New("elections only")
}

// Exchange takes a round trip, as connecting does.
func (d dialer) Exchange(ctx context.Context, to txn.Member) (ExchangeClient, error) {
	way := route{d.from, to.ID}
	d.mu.Lock()
	d.mu.dials[way]++
	d.mu.Unlock()
	for _, own := range []time.Duration{way.there(), way.andBack()} {
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(d.arrival(own)):
		}
	}
	if d.lost(way) || d.lost(way.back()) {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	d.mu.Lock()
	serve := d.mu.serve[to.ID]
	d.mu.Unlock()
	if serve == nil {
		return nil, fmt.Errorf("server %d: %w", to.ID, errRefused)
	}
	return d.open(ctx, way, serve), nil
}

// open begins a call and lets it be served.
func (n *network) open(ctx context.Context, way route, serve func(ExchangeServer) error) *exchangeCall {
	c := &exchangeCall{way: way, client: ctx}
	c.requests = newLane[quorumv1.ExchangeRequest](n, way, way.there())
	c.responses = newLane[quorumv1.ExchangeResponse](n, way.back(), way.andBack())
	c.server, c.over = context.WithCancel(context.Background())
	n.mu.Lock()
	n.mu.calls = append(n.mu.calls, c)
	n.mu.Unlock()
	context.AfterFunc(ctx, func() { time.AfterFunc(n.arrival(way.there()), func() { c.requests.end(context.Canceled); c.over() }) })
	go func() {
		if err := serve((*servedCall)(c)); !n.lost(c.responses.way) {
			c.responses.end(err)
		}
		c.requests.end(errors.New("the call is over"))
		c.over()
		n.forget(c)
	}()
	return c
}

func (n *network) forget(c *exchangeCall) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.mu.calls = slices.DeleteFunc(n.mu.calls, func(o *exchangeCall) bool { return o == c })
}

// exchangeCall is a stream. It is the client's end; servedCall is the other.
type exchangeCall struct {
	way       route
	client    context.Context
	server    context.Context
	over      context.CancelFunc // ends server
	requests  *lane[quorumv1.ExchangeRequest]
	responses *lane[quorumv1.ExchangeResponse]
}

type servedCall exchangeCall

// fail ends both ends.
func (c *exchangeCall) fail(err error) {
	c.requests.end(err)
	c.responses.end(err)
	c.over()
}

func (c *exchangeCall) Context() context.Context { return c.client }
func (c *exchangeCall) Recv() (*quorumv1.ExchangeResponse, error) {
	return c.responses.receive(c.client)
}

// Send to a server that knows nothing of the stream is answered by a reset.
func (c *exchangeCall) Send(m *quorumv1.ExchangeRequest) error {
	err := c.requests.send(c.client, m)
	if errors.Is(err, io.EOF) {
		c.responses.end(errReset)
	}
	return err
}

func (c *servedCall) Context() context.Context                { return c.server }
func (c *servedCall) Send(m *quorumv1.ExchangeResponse) error { return c.responses.send(c.server, m) }

func (c *servedCall) Recv() (*quorumv1.ExchangeRequest, error) { return c.requests.receive(c.server) }

// lane is one way of a stream.
type lane[T any] struct {
	network *network
	way     route
	own     time.Duration // see arrival
	filled  chan struct{}

	mu struct {
		sync.Mutex
		under []parcel[T] // in the order in which they were sent
		ended bool
		err   error
	}
}

type parcel[T any] struct {
	at time.Time
	m  *T
}

func newLane[T any](n *network, way route, own time.Duration) *lane[T] {
	return &lane[T]{network: n, way: way, own: own, filled: make(chan struct{}, 1)}
}

func (w *lane[T]) send(ctx context.Context, m *T) error {
	lost := w.network.lost(w.way)
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case lost:
		return nil
	case w.mu.ended:
		return io.EOF // as gRPC: Recv knows why
	}
	after := w.network.arrival(w.own)
	w.mu.under = append(w.mu.under, parcel[T]{time.Now().Add(after), m})
	time.AfterFunc(after, func() { poke(w.filled) })
	return nil
}

// end makes receive return err once, nil as io.EOF; what is under way is lost.
func (w *lane[T]) end(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.mu.ended {
		w.mu.ended, w.mu.err = true, err
		if err == nil {
			w.mu.err = io.EOF
		}
	}
	poke(w.filled)
}

func (w *lane[T]) receive(ctx context.Context) (*T, error) {
	for {
		if m, err, ok := w.arrived(); ok {
			return m, err
		}
		select {
		case <-w.filled:
		case <-ctx.Done():
			if m, err, ok := w.arrived(); ok {
				return m, err
			}
			return nil, ctx.Err()
		}
	}
}

func (w *lane[T]) arrived() (*T, error, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.mu.ended {
		return nil, w.mu.err, true
	}
	if len(w.mu.under) == 0 || time.Now().Before(w.mu.under[0].at) {
		return nil, nil, false
	}
	m := w.mu.under[0].m
	w.mu.under = w.mu.under[1:]
	return m, nil, true
}
