package sim

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/quorate/quorate/peer"
	"github.com/quorate/quorate/server/pipeline"
	"github.com/quorate/quorate/store"
	"github.com/quorate/quorate/store/txn"
	"github.com/quorate/quorate/store/vfs"
	"github.com/quorate/quorate/store/wal"
)

// Host is one server with its disk, through all its lives. Its methods are for the
// world's goroutine, except where one says otherwise.
type Host struct {
	// ID is the server's.
	ID txn.ServerID

	world *World
	lives uint64
	took  Span // of an fdatasync

	mu struct {
		sync.Mutex
		mem  *vfs.Mem // what is on the disk while nobody runs
		life *life    // nil while down
		// traps are where the next emission of an event is not the last thing that happens.
		traps []*trap
	}
}

// trap waits for an event of a server.
type trap struct {
	text string
	hit  chan struct{}      // closed by do
	do   func(*life, *trap) // on the goroutine that made the step, before that goes on
}

// life is one process.
type life struct {
	host   *Host
	number uint64
	disk   *disk
	port   Port
	ctx    context.Context // ends when the process is to stop in an orderly way
	stop   context.CancelFunc
	killed context.Context // ends when it dies
	kill   context.CancelFunc
	dead   atomic.Bool
	ended  chan struct{}

	mu struct {
		sync.Mutex
		server *running // nil while the store is being opened
		holds  []chan struct{}
		// touched are the sessions of this server's clients that were heard of since that was last collected.
		touched []txn.SessionID
	}
}

// running is what a process consists of.
type running struct {
	store    *store.Store
	peer     *peer.Peer
	pipeline *pipeline.Pipeline
}

// Up tells whether a process runs.
func (h *Host) Up() bool { return h.current() != nil }

func (h *Host) current() *life {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.mu.life
}

// server returns what runs, nil while the server is down or its store is being opened.
func (h *Host) server() *running {
	_, r := h.process()
	return r
}

// process returns the process, and what it consists of once its store is open.
func (h *Host) process() (*life, *running) {
	l := h.current()
	if l == nil {
		return nil, nil
	}
	return l, l.running()
}

func (l *life) running() *running {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.mu.server
}

// Start begins a life, if there is none, and returns at once; it waits for one that is about to end.
func (h *Host) Start() {
	if l := h.current(); l != nil {
		if l.ctx.Err() == nil {
			return
		}
		<-l.ended
	}
	h.lives++
	seed := mix(h.world.config.Seed, uint64(h.ID), h.lives)
	l := &life{host: h, number: h.lives, disk: newDisk(h.ID, seed, h.mu.mem, h.took), port: h.world.transport.Open(h.ID), ended: make(chan struct{})}
	l.killed, l.kill = context.WithCancel(context.Background())
	l.ctx, l.stop = context.WithCancel(l.killed)
	h.mu.Lock()
	h.mu.life = l
	h.mu.Unlock()
	h.world.lives.Go(l.run)
}

// Stop ends the life in an orderly way and returns when it has ended.
func (h *Host) Stop() {
	if l := h.current(); l != nil {
		l.stop()
		<-l.ended
	}
}

// Crash ends the life without a warning. It may be called by anybody.
func (h *Host) Crash(keep Keep) {
	if l := h.current(); l != nil {
		l.crash(keep)
	}
}

// crash ends this life. All that the process still does goes nowhere.
func (l *life) crash(keep Keep) {
	h := l.host
	h.world.checker.crash(l, keep, func(left *vfs.Mem) {
		l.dead.Store(true)
		l.port.Kill() // before its disk: what it does at its end says nothing to the others
		h.mu.Lock()
		if h.mu.life == l {
			h.mu.mem, h.mu.life = left, nil
			h.world.trace.note(h.ID, "crash")
		}
		h.mu.Unlock()
		l.disk.kill()
	})
	l.kill()
	l.releaseAll()
}

// crashAfter is crash for a trap: the goroutine that made the step stands still, and all others of the server end what
// they do in this instant. Which of them came first would else be chance.
func crashAfter(keep Keep) func(*life, *trap) {
	return func(l *life, t *trap) {
		defer close(t.hit)
		time.Sleep(trapPlace.in(0))
		if !l.dead.Load() {
			l.crash(keep)
		}
	}
}

// Wipe gives a server that is down an empty disk.
func (h *Host) Wipe() {
	h.mu.Lock()
	h.mu.mem = vfs.NewMem()
	h.mu.Unlock()
	h.world.checker.wiped(h.ID)
}

// Slow changes how long an fdatasync takes, in this life and the next ones.
func (h *Host) Slow(took Span) {
	h.took = took
	if l := h.current(); l != nil {
		l.disk.slow(took)
	}
}

// used returns the bytes on the disk.
func (h *Host) used() int64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.mu.life != nil {
		return h.mu.life.disk.mem.Used()
	}
	return h.mu.mem.Used()
}

// Limit bounds the bytes on the disk, in this life and the next ones; below 0: no bound.
func (h *Host) Limit(bytes int64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.mu.life != nil {
		h.mu.life.disk.mem.SetLimit(bytes)
	}
	h.mu.mem.SetLimit(bytes)
}

// run is the life.
func (l *life) run() {
	defer close(l.ended)
	err := l.live()
	h := l.host
	h.mu.Lock()
	if h.mu.life == l {
		h.mu.mem, h.mu.life = l.disk.mem, nil
	}
	h.mu.Unlock()
	switch {
	case l.dead.Swap(true):
	case err != nil && l.ctx.Err() == nil:
		h.world.trace.note(h.ID, "ended: %s", firstLine(err))
		h.world.checker.ended(l, err)
	default:
		h.world.trace.note(h.ID, "stopped")
	}
}

// firstLine is an error's first line: how many others a failure brings about is chance.
func firstLine(err error) string {
	line, _, _ := strings.Cut(err.Error(), "\n")
	return line
}

// live opens the store and runs the server on it.
func (l *life) live() error {
	h := l.host
	st, err := store.Open(l.ctx, h.storeConfig(l))
	if err != nil {
		return err
	}
	r, err := h.assemble(l, st)
	if err != nil {
		return errors.Join(err, st.Close())
	}
	l.mu.Lock()
	l.mu.server = r
	l.mu.Unlock()
	err = together(l.ctx, l.killed, st.Run,
		func(ctx context.Context) error { return l.port.Serve(ctx, r.peer) },
		r.peer.Run, r.pipeline.Run)
	if !l.dead.Load() {
		h.world.checker.down(l)
	}
	return errors.Join(err, st.Close())
}

func (h *Host) storeConfig(l *life) store.Config {
	c := h.world.config
	return store.Config{
		FS: l.disk.fs, Dir: dataDir, Server: h.ID, SegmentSize: wal.MinSegmentSize, Reserve: 16 << 10,
		SnapshotTxns: c.SnapshotTxns, Random: source(mix(l.disk.seed, 1)),
	}
}

func (h *Host) assemble(l *life, st *store.Store) (*running, error) {
	c := h.world.config
	p, err := peer.New(peer.Config{
		ID: h.ID, Members: c.Members, Store: st, Dialer: l.port, Random: l.random,
		Bootstrap: c.Bootstrap, Timing: c.Timing, Limits: c.Limits, Events: l.emit, Yield: endInstant,
	})
	if err != nil {
		return nil, err
	}
	heard := func(ids []txn.SessionID) []txn.SessionID { h.world.checker.heard(l, ids); return ids }
	pipe := pipeline.New(pipeline.Config{
		Peer: p, Store: st, Tick: c.Timing.Tick,
		Touched: func() []txn.SessionID { return heard(l.collect()) },
	})
	p.Handle(pipe.Forwarded)
	p.HandleTouches(l.collect, func(ids []txn.SessionID) { pipe.Heard(heard(ids)) })
	return &running{store: st, peer: p, pipeline: pipe}, nil
}

// random returns numbers of chance. In one instant it is always the same number, since several
// goroutines may want one.
func (l *life) random() uint64 { return mix(l.disk.seed, 2, uint64(time.Now().UnixNano())) }

// source returns a source of numbers for several goroutines.
func source(seed uint64) func() uint64 {
	var mu sync.Mutex
	rng := rand.New(rand.NewPCG(seed, 1))
	return func() uint64 {
		mu.Lock()
		defer mu.Unlock()
		return rng.Uint64()
	}
}

// emit takes a step of the server, on the goroutine that made it.
func (l *life) emit(e peer.Event) {
	if l.dead.Load() {
		return
	}
	l.host.world.trace.event(l.host.ID, e)
	l.host.world.checker.event(l, e)
	if t := l.host.spring(e.String()); t != nil {
		t.do(l, t)
	}
}

// endInstant ends the instant: all else that is to happen in it happens now.
func endInstant(ctx context.Context) {
	left := yieldPlace.in(0)
	if left == 0 { // this is the end
		return
	}
	end := time.NewTimer(left)
	defer end.Stop()
	select {
	case <-end.C:
	case <-ctx.Done():
	}
}

// spring returns the trap that waits for an event, which it removes.
func (h *Host) spring(event string) *trap {
	h.mu.Lock()
	defer h.mu.Unlock()
	for i, t := range h.mu.traps {
		if strings.Contains(event, t.text) {
			h.mu.traps = append(h.mu.traps[:i:i], h.mu.traps[i+1:]...)
			return t
		}
	}
	return nil
}

// set lets do be called at the next event of the server whose text has this in it.
func (h *Host) set(text string, do func(*life, *trap)) *trap {
	t := &trap{text: text, hit: make(chan struct{}), do: do}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.mu.traps = append(h.mu.traps, t)
	return t
}

// unset takes a trap away that nobody went into.
func (h *Host) unset(t *trap) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.mu.traps = slices.DeleteFunc(h.mu.traps, func(x *trap) bool { return x == t })
}

// hold keeps the calling goroutine until the holds are released; it is what a trap may do.
func (l *life) hold(t *trap) {
	released := make(chan struct{})
	l.mu.Lock()
	l.mu.holds = append(l.mu.holds, released)
	l.mu.Unlock()
	close(t.hit)
	<-released
}

// releaseAll lets all held goroutines of the process go on.
func (l *life) releaseAll() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, released := range l.mu.holds {
		close(released)
	}
	l.mu.holds = nil
}

// together runs parts of a process until ctx or one of them ends. Then it ends them one after
// the other, the last one first, as a server does; killed ends them all at once. It returns
// what went wrong in any.
func together(ctx, killed context.Context, parts ...func(context.Context) error) error {
	stops := make([]context.CancelFunc, len(parts))
	dones := make([]chan struct{}, len(parts))
	errs := make([]error, len(parts))
	ended := make(chan struct{}, len(parts))
	var wg sync.WaitGroup
	for i, run := range parts {
		own, stop := context.WithCancel(killed)
		stops[i], dones[i] = stop, make(chan struct{})
		wg.Go(func() {
			errs[i] = run(own)
			close(dones[i])
			ended <- struct{}{}
		})
	}
	select {
	case <-ctx.Done():
	case <-ended:
	}
	for i := len(parts) - 1; i >= 0; i-- {
		time.Sleep(stopPlace.in(0)) // a part ends after what it has begun in this instant, not beside it
		stops[i]()
		<-dones[i]
	}
	wg.Wait()
	return errors.Join(errs...)
}
