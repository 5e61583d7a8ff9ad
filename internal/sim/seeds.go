package sim

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/quorate/quorate/peer"
)

// Plan is a random run.
type Plan struct {
	// Seed is where all chance comes from, the sizes below too where they are 0.
	Seed uint64
	// For is how long harm is done, in simulated time. Default 60 s.
	For time.Duration
	// Voters and Observers are how many servers there are, together at most [MaxServers]; below 0: no observers.
	// Clients are how many ask them.
	Voters, Observers, Clients int
	// Messages puts those that arrive into the trace, too.
	Messages bool
	// GRPC lets the servers speak over the transport of production; a seed is not a run then.
	GRPC bool
}

// tenants is how many clients of a run have sessions.
const tenants = 2

// Result is what became of a run.
type Result struct {
	// Plan is the run's, with all that its seed has drawn.
	Plan Plan
	// Took is how long the run took, in real time.
	Took time.Duration
	// Sum is the trace's: the same for the same plan. Steps is its length.
	Sum   uint64
	Steps int
	// Tally counts what the clients were answered, Txns what was committed, Epochs the leaders.
	Tally  Tally
	Txns   int
	Epochs int
	// Sessions were opened, and Expired of them.
	Sessions, Expired int
	// Err says which rule was broken first, or what did not come about in the end.
	Err error
	// Trace is what happened.
	Trace *Trace
}

// String returns the figures in one line.
func (r Result) String() string {
	t := r.Tally
	return fmt.Sprintf("voters %d, observers %d; %d txns in %d epochs, %d of %d sessions expired; %d writes and %d reads done, %d refused, %d unknown; %d steps, sum %016x; %v",
		r.Plan.Voters, r.Plan.Observers, r.Txns, r.Epochs, r.Expired, r.Sessions, t.Done, t.Read, t.Refused, t.Unknown, r.Steps, r.Sum, r.Took.Round(time.Millisecond))
}

// complete draws what is not given.
func (p Plan) complete() Plan {
	if p.For == 0 {
		p.For = time.Minute
	}
	if p.Voters == 0 {
		p.Voters = []int{3, 3, 3, 5, 1}[mix(p.Seed, 10)%5]
	}
	if p.Observers == 0 {
		p.Observers = []int{0, 0, 0, 1, 2}[mix(p.Seed, 11)%5]
	}
	p.Observers = max(0, min(p.Observers, MaxServers-p.Voters))
	if p.Clients == 0 {
		p.Clients = 3
	}
	return p
}

func (p Plan) world() *World {
	return NewWorld(Config{
		Seed: p.Seed, Members: Members(p.Voters, p.Observers),
		Network:      NetworkConfig{Latency: Span{200 * time.Microsecond, 5 * time.Millisecond}, Detect: time.Second},
		Disk:         Span{500 * time.Microsecond, 5 * time.Millisecond},
		Timing:       peer.Timing{InitLimit: 3 * time.Second, SyncLimit: time.Second},
		Limits:       limitsOf(p.Seed),
		Messages:     p.Messages,
		GRPC:         p.GRPC,
		SnapshotTxns: []int64{0, 50, 200}[mix(p.Seed, 12)%3],
	})
}

// Run does a random run: servers are started, clients ask them, harm is done; then all harm ends, and
// the ensemble has to find itself: a leader, a write, and the same tree everywhere. The harm ends early when ctx ends,
// which may be one from outside of the bubble that this is for.
func Run(ctx context.Context, p Plan) Result {
	p = p.complete()
	w := p.world()
	for _, h := range w.hosts {
		h.Start()
	}
	clients := make([]*client, p.Clients)
	asking, stop := context.WithCancel(context.Background())
	for i := range clients {
		c := newClient(w, i, Span{time.Millisecond, 60 * time.Millisecond})
		clients[i] = c
		w.lives.Go(func() { c.run(asking) }) // not clients[i]: the slice grows below
	}
	for i := range tenants {
		t := newTenant(w, p.Clients+i, Span{time.Millisecond, 120 * time.Millisecond})
		clients = append(clients, t.client)
		w.lives.Go(func() { t.run(asking) })
	}
	n := newNemesis(w, Span{50 * time.Millisecond, 3 * time.Second}, p.Voters > 2)
	n.run(p.For, func() bool { return ctx.Err() != nil })
	err := w.recovers()
	w.checker.calm()
	w.Run(2 * leaseTimes.Max)
	stop()
	w.Run(leaseTimes.Max + 2*time.Second)
	err = errors.Join(err, w.agrees())
	w.Close()
	return w.result(p, clients, err)
}

// recovers tells whether an ensemble without faults works within half a minute.
func (w *World) recovers() error {
	if !w.Await(30*time.Second, w.serving) {
		return ruleBroken("Liveness", "30 s after the last fault not every server serves")
	}
	if _, err := newClient(w, 99, Span{50 * time.Millisecond, 50 * time.Millisecond}).mustWrite(10 * time.Second); err != nil {
		return ruleBroken("Liveness", "40 s after the last fault nothing can be written: %w", err)
	}
	return nil
}

// agrees tells whether all servers show the same in the end: all that was committed.
func (w *World) agrees() error {
	w.checker.look()
	last := w.checker.mu.history.last()
	for _, h := range w.hosts {
		r := h.server()
		if r == nil {
			return ruleBroken("Liveness", "server %d is down in the end", h.ID)
		}
		if at := r.store.Version().Zxid(); at != last {
			return ruleBroken("Liveness", "server %d shows %v in the end, and %v is committed", h.ID, at, last)
		}
	}
	if id, _ := w.checker.left(); id != 0 {
		return ruleBroken("Liveness", "session %v has not expired, and nothing was heard of it for %v", id, leaseTimes.Max+2*time.Second)
	}
	return nil
}

func (w *World) result(p Plan, clients []*client, err error) Result {
	r := Result{Plan: p, Trace: w.trace, Err: err, Txns: len(w.checker.mu.history.entries), Epochs: len(w.checker.mu.leaders)}
	r.Sum, r.Steps = w.trace.Sum()
	r.Sessions = len(w.checker.mu.tenancies)
	_, r.Expired = w.checker.left()
	for _, c := range clients {
		r.Tally.add(c.tally)
	}
	if broken := w.Broken(); len(broken) > 0 {
		r.Err = errors.New(broken[0]) // the others may follow from it
	}
	return r
}
