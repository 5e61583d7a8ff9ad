package store

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync"
	"time"

	"github.com/quorate/quorate/store/fault"
	"github.com/quorate/quorate/store/snap"
	"github.com/quorate/quorate/store/txn"
	"github.com/quorate/quorate/store/vfs"
)

// The waits after a snapshot that failed, and between two tries to restore the reserve.
const (
	firstRetry   = time.Second
	lastRetry    = time.Minute
	reserveRetry = 5 * time.Second
)

// snapshots writes snapshots beside traffic and clears up after them. Only its
// run goroutine writes; everybody else asks it to.
type snapshots struct {
	store *Store
	kick  chan struct{} // one token when run should look again
	turn  chan struct{} // one token: who has it may change the snapshot directory
	over  chan struct{} // closed when run has ended

	reserveAt time.Time // when to try the reserve again; run's alone

	mu struct {
		sync.Mutex
		waiters []chan<- outcome
		cancel  context.CancelFunc     // ends the write in progress; nil without one
		held    bool                   // no write may begin: an installation is at work
		valid   map[txn.Zxid]snap.Info // snapshots known to be whole
		newest  snap.Info              // the newest of them
		txns    int64                  // applied since newest
		bytes   int64                  // applied since newest
		retry   time.Duration          // how long to wait after the last failure; 0: none
		retryAt time.Time
	}
}

// outcome is how a snapshot went.
type outcome struct {
	zxid txn.Zxid
	err  error
}

func newSnapshots(s *Store) *snapshots {
	n := &snapshots{store: s, kick: make(chan struct{}, 1), turn: make(chan struct{}, 1), over: make(chan struct{})}
	n.mu.valid = make(map[txn.Zxid]snap.Info)
	n.turn <- struct{}{}
	return n
}

// trust records that a snapshot is whole.
func (n *snapshots) trust(info snap.Info) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.trustLocked(info)
}

func (n *snapshots) trustLocked(info snap.Info) {
	n.mu.valid[info.Zxid] = info
	if info.Zxid >= n.mu.newest.Zxid {
		n.mu.newest = info
	}
}

// forget records that snapshots are gone.
func (n *snapshots) forget(files []snap.File) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, f := range files {
		delete(n.mu.valid, f.Zxid)
	}
}

// restart records that the snapshot has become the state.
func (n *snapshots) restart(info snap.Info) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.mu.newest = snap.Info{}
	n.trustLocked(info)
	n.mu.txns, n.mu.bytes = 0, 0
}

// count records that so much has been applied, and calls for a snapshot if one is due.
func (n *snapshots) count(txns, bytes int64) {
	n.mu.Lock()
	n.mu.txns += txns
	n.mu.bytes += bytes
	due := n.dueLocked()
	n.mu.Unlock()
	if due {
		n.wake()
	}
}

func (n *snapshots) dueLocked() bool {
	cfg := &n.store.cfg
	later := 0.0
	if cfg.Stagger {
		later = lateness(cfg.Server, n.mu.newest.Zxid)
	}
	due := func(have, limit int64) bool { return have-limit >= int64(later*float64(limit)) }
	return due(n.mu.txns, cfg.SnapshotTxns) || due(n.mu.bytes, max(cfg.SnapshotBytes, 2*n.mu.newest.Bytes))
}

// lateness is the share of its limits by which a server's next snapshot is late, 0 to 1/2, mixed from who it is
// and its newest snapshot: nothing has to be kept for it.
func lateness(server txn.ServerID, newest txn.Zxid) float64 {
	h := (uint64(newest)<<8 | uint64(server)) * 0x9e3779b97f4a7c15
	h = (h ^ h>>32) * 0x9e3779b97f4a7c15
	return float64(h>>32) / (1 << 33)
}

func (n *snapshots) wake() {
	select {
	case n.kick <- struct{}{}:
	default:
	}
}

func (n *snapshots) fill(st *Stats) {
	n.mu.Lock()
	defer n.mu.Unlock()
	st.Snapshot, st.SnapshotBytes = n.mu.newest.Zxid, n.mu.newest.Bytes
	st.TxnsSince, st.BytesSince = n.mu.txns, n.mu.bytes
}

// errStopping is the answer to who asks for a snapshot while the store stops.
func errStopping() error {
	return fault.New(fault.Unavailable, "", "the store is stopping and writes no snapshot")
}

// Snapshot writes a snapshot of the published version and returns its zxid when
// it is durable. If one is being written it waits for that; if there is one already, it is returned. It needs
// [Store.Run] to be running, and waits for it.
func (s *Store) Snapshot(ctx context.Context) (txn.Zxid, error) {
	done := make(chan outcome, 1)
	s.snaps.mu.Lock()
	s.snaps.mu.waiters = append(s.snaps.mu.waiters, done)
	s.snaps.mu.Unlock()
	s.snaps.wake()
	select {
	case w := <-done:
		return w.zxid, w.err
	case <-s.snaps.over:
		return 0, errStopping()
	case <-ctx.Done():
		return 0, context.Cause(ctx)
	}
}

// exclude ends the write in progress and keeps others from beginning until
// release is called. For one caller at a time.
func (n *snapshots) exclude(ctx context.Context) (release func(), err error) {
	n.hold(true)
	select {
	case <-n.turn:
		return func() { n.turn <- struct{}{}; n.hold(false) }, nil
	case <-ctx.Done():
		n.hold(false)
		return nil, context.Cause(ctx)
	}
}

func (n *snapshots) hold(on bool) {
	n.mu.Lock()
	n.mu.held = on
	if on && n.mu.cancel != nil {
		n.mu.cancel()
	}
	n.mu.Unlock()
	n.wake()
}

// run writes the snapshots that are due or asked for, until ctx ends.
func (n *snapshots) run(ctx context.Context) {
	defer close(n.over)
	for {
		timer := time.NewTimer(n.wait())
		select {
		case <-ctx.Done():
			timer.Stop()
			n.answer(outcome{err: errStopping()})
			return
		case <-n.kick:
		case <-timer.C:
		}
		timer.Stop()
		if n.wanted() {
			n.step(ctx)
		}
		n.restoreReserve()
	}
}

// wait returns how long there is nothing to do unless somebody calls; mostly for ever.
func (n *snapshots) wait() time.Duration {
	wait := time.Duration(math.MaxInt64)
	if n.store.reserve.missing() {
		wait = max(time.Until(n.reserveAt), 0)
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.mu.retry > 0 && n.dueLocked() {
		wait = min(wait, max(time.Until(n.mu.retryAt), 0))
	}
	return wait
}

// wanted tells whether a snapshot is to be written now.
func (n *snapshots) wanted() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.mu.held || len(n.mu.waiters) > 0 {
		return !n.mu.held
	}
	return n.dueLocked() && (n.mu.retry == 0 || !time.Now().Before(n.mu.retryAt))
}

// step writes one snapshot, answers who waits for it, and clears up.
func (n *snapshots) step(ctx context.Context) {
	select {
	case <-n.turn:
	case <-ctx.Done():
		return
	}
	defer func() { n.turn <- struct{}{} }()
	z, err := n.write(ctx)
	if errors.Is(err, context.Canceled) {
		n.wake() // stopping, or making way for an installation: who waits gets the next one
		return
	}
	n.settle(err)
	if errors.Is(err, vfs.ErrNoSpace) {
		n.tidy(minRetain)
	} else {
		n.tidy(n.store.cfg.Retain)
	}
	n.answer(outcome{zxid: z, err: err})
}

// write writes a snapshot of the published version unless there is one.
func (n *snapshots) write(ctx context.Context) (txn.Zxid, error) {
	s := n.store
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	n.mu.Lock()
	txns, bytes := n.mu.txns, n.mu.bytes // before the version: what is published meanwhile counts for the next one
	v := s.Version()
	_, there := n.mu.valid[v.Zxid()]
	n.mu.cancel = cancel
	if n.mu.held {
		cancel()
	}
	n.mu.Unlock()
	defer n.writeEnded()
	if there || v.Zxid() == 0 {
		n.written(txns, bytes)
		return v.Zxid(), nil
	}
	start := time.Now()
	info, err := snap.Write(ctx, s.cfg.FS, s.snapDir(), v, snap.Options{Pace: s.cfg.Pace})
	if err != nil {
		return 0, fmt.Errorf("writing the snapshot at %s: %w", v.Zxid(), err)
	}
	n.trust(info)
	n.written(txns, bytes)
	s.cfg.Events.snapshotWritten(info, time.Since(start))
	return info.Zxid, nil
}

func (n *snapshots) writeEnded() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.mu.cancel = nil
}

// written takes what a snapshot holds off what has been applied since the last one.
func (n *snapshots) written(txns, bytes int64) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.mu.txns -= txns
	n.mu.bytes -= bytes
}

// answer tells everybody who waits.
func (n *snapshots) answer(w outcome) {
	n.mu.Lock()
	waiters := n.mu.waiters
	n.mu.waiters = nil
	n.mu.Unlock()
	for _, done := range waiters {
		done <- w
	}
}

// settle decides when a failed snapshot is tried again: after a wait that doubles.
func (n *snapshots) settle(err error) {
	n.mu.Lock()
	if err == nil {
		n.mu.retry = 0
	} else {
		n.mu.retry = min(max(2*n.mu.retry, firstRetry), lastRetry)
		n.mu.retryAt = time.Now().Add(n.mu.retry)
	}
	retry := n.mu.retry
	n.mu.Unlock()
	if err != nil {
		n.store.cfg.Events.snapshotFailed(err, retry)
	}
}

// tidy removes all snapshots but the newest valid ones, and the log that none of
// them needs. Who calls it has the turn.
func (n *snapshots) tidy(retain int) {
	s := n.store
	err := s.reserve.spend(func() error {
		removed, err := snap.Retain(s.cfg.FS, s.snapDir(), retain, n.isValid)
		n.forget(removed)
		s.cfg.Events.snapshotRemoved(removed)
		return err
	})
	if err == nil {
		err = n.purge()
	}
	if err != nil {
		s.cfg.Events.tidyFailed(err)
	}
}

// isValid tells whether a snapshot is whole, and reads it if that is not known yet.
func (n *snapshots) isValid(f snap.File) bool {
	n.mu.Lock()
	_, known := n.mu.valid[f.Zxid]
	n.mu.Unlock()
	if known {
		return true
	}
	info, err := snap.Check(n.store.cfg.FS, f.Path)
	if err != nil {
		n.store.cfg.Events.snapshotSkipped(f.Path, err)
		return false
	}
	n.trust(info)
	return true
}

// purge removes the log up to the second newest valid snapshot: should the newest
// turn out to be damaged, the one before it and the log still give everything.
func (n *snapshots) purge() error {
	s := n.store
	files, err := snap.List(s.cfg.FS, s.snapDir())
	if err != nil {
		return err
	}
	seen := 0
	for _, f := range files {
		if !n.isValid(f) {
			continue
		}
		if seen++; seen == minRetain {
			return s.reserve.spend(func() error { return s.log.PurgeBefore(f.Zxid) })
		}
	}
	return nil
}

// restoreReserve writes the reserve again once the log has room.
func (n *snapshots) restoreReserve() {
	s := n.store
	if !s.reserve.missing() || time.Now().Before(n.reserveAt) {
		return
	}
	n.reserveAt = time.Now().Add(reserveRetry)
	if s.log.Full() {
		return
	}
	if err := s.reserve.restore(); err != nil {
		s.cfg.Events.tidyFailed(err)
		return
	}
	s.cfg.Events.reserveRestored()
}
