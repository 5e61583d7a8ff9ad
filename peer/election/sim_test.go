package election

import (
	"container/heap"
	"math/rand"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/quorate/quorate/store/txn"
)

// world is servers in virtual time: it drives Machines as the peer package would, over links
// with a latency each.
type world struct {
	t       *testing.T
	now     time.Duration
	seq     int
	queue   queue
	servers []*server // by id - 1
	latency func(from, to txn.ServerID) time.Duration
	lose    func() bool
	trace   *strings.Builder // if not nil, see trace_test.go
}

// server is one of them.
type server struct {
	id      txn.ServerID
	cfg     Config
	creds   Look
	m       *Machine // nil while down
	life    int      // counts its starts: timers of a former life do not fire
	timer   int      // number of its last SetTimer
	silent  bool     // up, but nothing comes in or goes out
	looked  time.Duration
	decided time.Duration
	links   map[txn.ServerID]bool          // connected, as far as it knows
	last    map[txn.ServerID]time.Duration // links keep their order
}

// due is something that will happen.
type due struct {
	at  time.Duration
	seq int
	do  func()
}

type queue []due

func (q queue) Len() int { return len(q) }
func (q queue) Less(i, j int) bool {
	return q[i].at < q[j].at || q[i].at == q[j].at && q[i].seq < q[j].seq
}
func (q queue) Swap(i, j int) { q[i], q[j] = q[j], q[i] }
func (q *queue) Push(x any)   { *q = append(*q, x.(due)) }
func (q *queue) Pop() any {
	old := *q
	x := old[len(old)-1]
	*q = old[:len(old)-1]
	return x
}

// newWorld has the voters and observers of the view, all down; each stands on zxid 1.5.
func newWorld(t *testing.T, v View) *world {
	w := &world{t: t, latency: func(_, _ txn.ServerID) time.Duration { return ms }, lose: func() bool { return false }}
	for _, m := range v.Membership.Members {
		s := &server{id: m.ID, cfg: Config{ID: m.ID, View: v}, last: map[txn.ServerID]time.Duration{}}
		s.creds = Look{Epoch: 1, Zxid: txn.MakeZxid(1, 5), Storage: disk(m.ID)}
		w.servers = append(w.servers, s)
	}
	return w
}

func (w *world) server(id txn.ServerID) *server { return w.servers[id-1] }

func (w *world) at(t time.Duration, do func()) {
	w.seq++
	heap.Push(&w.queue, due{max(t, w.now), w.seq, do})
}

func (w *world) after(d time.Duration, do func()) { w.at(w.now+d, do) }

// run lets time pass.
func (w *world) run(d time.Duration) {
	end := w.now + d
	for len(w.queue) > 0 && w.queue[0].at <= end {
		e := heap.Pop(&w.queue).(due)
		w.now = e.at
		e.do()
	}
	w.now = end
}

// up starts servers together. They dial each other; who is down refuses.
func (w *world) up(ids ...txn.ServerID) {
	for _, id := range ids {
		s := w.server(id)
		s.life++
		s.m, s.silent, s.links = machine(w.t, s.cfg), false, map[txn.ServerID]bool{}
	}
	for _, id := range ids {
		for _, o := range w.servers {
			if o.id != id && (o.id > id || !slices.Contains(ids, o.id)) {
				w.dial(w.server(id), o)
			}
		}
	}
	for _, id := range ids {
		w.look(id)
	}
}

// dial connects two servers, for both after a round trip.
func (w *world) dial(a, b *server) {
	trip := w.latency(a.id, b.id) + w.latency(b.id, a.id)
	switch {
	case a.silent || b.silent:
	case b.m == nil:
		w.later(a, trip, Unreachable{b.id})
	default:
		w.later(a, trip, Reachable{b.id, trip})
		w.later(b, trip, Reachable{a.id, trip})
	}
}

func (w *world) look(id txn.ServerID) {
	s := w.server(id)
	s.looked = w.now
	w.step(s, s.creds)
}

// down ends a process: its connections close.
func (w *world) down(id txn.ServerID) {
	s := w.server(id)
	s.m = nil
	for _, o := range w.servers {
		if o.m != nil && !s.silent {
			w.later(o, w.latency(id, o.id), Unreachable{id})
		}
	}
}

// later gives an event to a server, unless it has been restarted by then.
func (w *world) later(s *server, d time.Duration, e Event) {
	life := s.life
	w.after(d, func() {
		if s.life == life && s.m != nil {
			w.step(s, e)
		}
	})
}

func (w *world) step(s *server, e Event) {
	before := s.m.state
	switch e := e.(type) {
	case Reachable:
		s.links[e.ID] = true
	case Unreachable:
		delete(s.links, e.ID)
	}
	actions := s.m.Step(w.now, e)
	if w.trace != nil {
		w.tell(s, e, before, actions)
	}
	for _, a := range actions {
		switch a := a.(type) {
		case Send:
			w.send(s, a)
		case SetTimer:
			s.timer++
			n, life := s.timer, s.life
			w.at(a.At, func() {
				if s.life == life && s.timer == n && s.m != nil {
					w.step(s, Tick{})
				}
			})
		case Decide:
			s.decided = w.now
		}
	}
}

func (w *world) send(from *server, a Send) {
	for _, to := range w.servers {
		if to == from || a.To != All && a.To != to.id || !from.links[to.id] || from.silent || to.silent || w.lose() {
			continue
		}
		at := max(w.now+w.latency(from.id, to.id), from.last[to.id])
		from.last[to.id] = at
		w.later(to, at-w.now, Received{from.id, a.Notification})
	}
}

// leader returns whom all of these servers follow or lead as; 0 if they differ or look.
func (w *world) leader(ids ...txn.ServerID) txn.ServerID {
	leader := txn.ServerID(0)
	for _, id := range ids {
		m := w.server(id).m
		if m == nil || m.state == Looking || leader != 0 && m.vote.Leader != leader {
			return 0
		}
		leader = m.vote.Leader
	}
	return leader
}

// supervise makes servers look again as the peer package would: followers whose leader does not lead, leaders
// whom no quorum follows, each after it has tried for a while.
func (w *world) supervise(patience time.Duration) {
	for _, s := range w.servers {
		if s.m == nil || s.m.state == Looking || w.now-s.decided < patience || w.content(s) {
			continue
		}
		w.look(s.id)
	}
}

func (w *world) content(s *server) bool {
	leader := w.server(s.m.vote.Leader)
	if s != leader {
		return leader.m != nil && !leader.silent && leader.m.state == Leading
	}
	return s.m.quorum.Reached(func(id txn.ServerID) bool {
		o := w.server(id)
		return o == s || o.m != nil && !o.silent && o.m.state == Following && o.m.vote.Leader == s.id
	})
}

var everybody = []txn.ServerID{1, 2, 3, 4, 5, 6}

// random are five voters and an observer with latencies of their own (0.1 to 2 ms, the greatest
// round trip is returned) and logs of their own.
func random(t *testing.T, r *rand.Rand) (w *world, trip time.Duration) {
	w = newWorld(t, viewOf(founding, 5, 1))
	var lat [7][7]time.Duration
	for a := range lat {
		for b := range lat {
			lat[a][b] = time.Duration(100+r.Intn(1900)) * time.Microsecond
		}
	}
	w.latency = func(a, b txn.ServerID) time.Duration { return lat[a][b] }
	for a := range lat {
		for b := range lat {
			trip = max(trip, lat[a][b]+lat[b][a])
		}
	}
	for _, s := range w.servers {
		s.creds.Epoch = txn.Epoch(1 + r.Intn(2))
		s.creds.Zxid = txn.MakeZxid(s.creds.Epoch, uint32(5+r.Intn(3)))
	}
	return w, trip
}

// best is the server that these should elect.
func (w *world) best(ids ...txn.ServerID) txn.ServerID {
	best := Vote{}
	for _, id := range ids {
		c := w.server(id).creds
		if v := (Vote{Leader: id, Epoch: c.Epoch, Zxid: c.Zxid}); w.server(id).cfg.View.votes(id) && v.Beats(best) {
			best = v
		}
	}
	return best.Leader
}

// connectedWorld has everybody running and connected, under a leader that is lost at the
// end: the start of a failover.
func connectedWorld(t *testing.T, seed int64) (*world, time.Duration, *rand.Rand) {
	r := rand.New(rand.NewSource(seed))
	w, trip := random(t, r)
	w.up(everybody...)
	w.run(time.Second)
	if w.leader(everybody...) == 0 {
		t.Fatalf("seed %d: no leader in the beginning", seed)
	}
	return w, trip, r
}

// TestSimAllUp: when everybody is there it takes a few round trips, and the greatest wins.
func TestSimAllUp(t *testing.T) {
	for seed := range int64(300) {
		w, trip, r := connectedWorld(t, seed)
		start := w.now
		spread := time.Duration(r.Intn(2000)) * time.Microsecond // they do not notice at the same instant
		for _, id := range everybody {
			w.after(time.Duration(r.Int63n(int64(spread)+1)), func() { w.look(id) })
		}
		w.run(time.Second)
		if got, want := w.leader(everybody...), w.best(everybody...); got != want {
			t.Fatalf("seed %d: leader %d, want %d", seed, got, want)
		}
		for _, s := range w.servers {
			if took := s.decided - start - spread; took > 2*trip {
				t.Errorf("seed %d: server %d took %v after the last looked, at round trips of %v", seed, s.id, took, trip)
			}
		}
	}
}

// TestSimOneDead: a voter that died with its connections costs nothing, one that just says nothing
// more costs the silence, one that could never be asked costs the patience.
func TestSimOneDead(t *testing.T) {
	for _, tt := range []struct {
		name string
		kill func(w *world, id txn.ServerID)
		wait time.Duration
	}{
		{"closed", (*world).down, 0},
		{"silent", func(w *world, id txn.ServerID) { w.server(id).silent = true }, DefaultSilence},
		{"unasked", func(w *world, id txn.ServerID) {
			w.server(id).silent = true
			for _, s := range w.servers {
				if p := s.m.peer(id); p != nil {
					p.link, p.roundTrip = unknown, 0
				}
			}
		}, DefaultPatience},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for seed := range int64(100) {
				w, trip, _ := connectedWorld(t, seed)
				dead := w.leader(everybody...)
				rest := slices.DeleteFunc(slices.Clone(everybody), func(id txn.ServerID) bool { return id == dead })
				start := w.now
				tt.kill(w, dead)
				for _, id := range rest {
					w.after(w.latency(dead, id), func() { w.look(id) })
				}
				w.run(time.Second)
				if got, want := w.leader(rest...), w.best(rest...); got != want {
					t.Fatalf("seed %d: leader %d, want %d", seed, got, want)
				}
				for _, id := range rest {
					if took := w.server(id).decided - start; took > tt.wait+4*trip {
						t.Errorf("seed %d: server %d took %v, at round trips of %v", seed, id, took, trip)
					}
				}
			}
		})
	}
}

// TestSimChaos: messages are lost, servers restart at any time; when that ends there is a
// leader soon, and everybody has the same.
func TestSimChaos(t *testing.T) {
	for seed := range int64(200) {
		r := rand.New(rand.NewSource(seed))
		w, _ := random(t, r)
		w.lose = func() bool { return r.Intn(5) == 0 }
		w.up(everybody...)
		for range 100 {
			w.run(time.Duration(r.Intn(20)) * ms)
			w.supervise(50 * ms)
			if id := everybody[r.Intn(len(everybody))]; r.Intn(4) == 0 && w.server(id).m != nil {
				w.down(id)
				w.after(time.Duration(r.Intn(40))*ms, func() { w.up(id) })
			}
		}
		w.lose = func() bool { return false }
		for range 30 {
			w.run(100 * ms)
			w.supervise(50 * ms)
		}
		if w.leader(everybody...) == 0 {
			for _, s := range w.servers {
				t.Logf("%d: %+v", s.id, s.m.Status())
			}
			t.Fatalf("seed %d: no common leader three seconds after the last fault", seed)
		}
	}
}
