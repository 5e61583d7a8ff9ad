package peer

import (
	"context"
	"fmt"
	"sync"

	quorumv1 "github.com/quorate/quorate/gen/quorate/quorum/v1"
	"github.com/quorate/quorate/store"
	"github.com/quorate/quorate/store/tree"
	"github.com/quorate/quorate/store/txn"
)

const (
	// maxPending bounds the txns that a learner keeps in memory until they may be applied, in
	// bytes. Beyond it they are read from the log: what is slow to apply, or to be
	// committed, is neither held in memory nor holds back the acknowledgements.
	maxPending = 16 << 20
	// maxApply is about how many bytes of txns are applied before the result is published.
	maxApply = 1 << 20
)

// applier brings a learner's tree up to what is committed and durable here: memory is never
// ahead of disk. It applies from a window of what was logged last, and from the log what
// lies before that, such as all of the synchronization's.
type applier struct {
	*learner
	wake   chan struct{} // one token when run should look again
	mark   txn.Zxid      // once this is applied the learner serves (P12)
	serves bool          // read by others when run has ended

	mu struct {
		sync.Mutex
		committed txn.Zxid // by the leader's word
		durable   txn.Zxid // here
		window    []logged // the txns after base, in order
		base      txn.Zxid
		bytes     int64 // of the window
	}
}

func newApplier(l *learner) *applier {
	return &applier{learner: l, wake: make(chan struct{}, 1)}
}

// begin sets the mark; what comes after last will be offered. Before run.
func (a *applier) begin(last, committed txn.Zxid) {
	a.mark = committed
	a.mu.Lock()
	defer a.mu.Unlock()
	a.mu.base, a.mu.committed = last, committed
}

// offer shows txns that are about to be logged.
func (a *applier) offer(txns []logged) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.mu.window = append(a.mu.window, txns...)
	for _, t := range txns {
		a.mu.bytes += t.bytes
	}
	if a.mu.bytes > maxPending {
		a.mu.window, a.mu.bytes, a.mu.base = nil, 0, txns[len(txns)-1].txn.Zxid
	}
}

// commit says that all up to z is committed.
func (a *applier) commit(z txn.Zxid) {
	a.mu.Lock()
	more := z > a.mu.committed
	a.mu.committed = max(a.mu.committed, z)
	a.mu.Unlock()
	if more {
		a.poke()
	}
}

// durable says that the log is, up to z.
func (a *applier) durable(z txn.Zxid) {
	a.mu.Lock()
	a.mu.durable = z
	a.mu.Unlock()
	a.poke()
}

func (a *applier) poke() {
	select {
	case a.wake <- struct{}{}:
	default:
	}
}

// run applies, and gives out the answers that wait for that, until ctx ends or the tree
// turns out to differ from the leader's.
func (a *applier) run(ctx context.Context) error {
	for {
		if err := a.advance(ctx); err != nil {
			return err
		}
		at := a.store.Version().Zxid()
		if err := a.serveFrom(at); err != nil {
			return err
		}
		a.upstream.release(at)
		select {
		case <-a.wake:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// advance applies what may be applied.
func (a *applier) advance(ctx context.Context) error {
	for ctx.Err() == nil {
		at := a.store.Version().Zxid()
		batch, until := a.take(at)
		var err error
		if len(batch) > 0 {
			err = a.apply(batch)
		} else if at < until {
			err = a.applyLog(ctx, until)
		}
		if err != nil || a.store.Version().Zxid() == at {
			return err
		}
	}
	return context.Cause(ctx)
}

// take removes from the window what may be applied to a tree at a zxid, and comes next there. If that
// lies before the window, the log has it, up to until.
func (a *applier) take(at txn.Zxid) (batch []logged, until txn.Zxid) {
	a.mu.Lock()
	defer a.mu.Unlock()
	until = min(a.mu.committed, a.mu.durable)
	if at < a.mu.base {
		return nil, min(until, a.mu.base)
	}
	n, bytes := 0, int64(0)
	for n < len(a.mu.window) && a.mu.window[n].txn.Zxid <= until && bytes < maxApply {
		bytes += a.mu.window[n].bytes
		a.mu.base = a.mu.window[n].txn.Zxid
		n++
	}
	batch = a.mu.window[:n:n]
	a.mu.window = a.mu.window[n:]
	a.mu.bytes -= bytes
	return batch, until
}

// apply applies a batch into one version.
func (a *applier) apply(batch []logged) error {
	e := edition{draft: a.store.Version().Edit()}
	for _, t := range batch {
		if err := e.apply(t.txn, t.bytes); err != nil {
			return err
		}
	}
	clear(batch) // the window's array is still in use
	return a.publish(&e)
}

// applyLog applies what is in the log up to a zxid, a version every so often.
func (a *applier) applyLog(ctx context.Context, until txn.Zxid) error {
	e := edition{draft: a.store.Version().Edit()}
	for t, err := range a.store.Tail() {
		switch {
		case err != nil:
			return stored(ctx, err)
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case t.Zxid > until:
			return a.publish(&e)
		}
		if err := e.apply(t, int64(t.Size())); err != nil {
			return err
		}
		if e.bytes >= maxApply {
			if err := a.publish(&e); err != nil {
				return err
			}
		}
	}
	return a.publish(&e)
}

// edition is a version in the making.
type edition struct {
	draft    *tree.Draft
	changes  []store.Change
	txns     int
	bytes    int64
	reshaped bool // it changes the membership
}

// apply applies a txn. An error says that this tree differs from the leader's.
func (e *edition) apply(t *txn.Txn, bytes int64) error {
	out, err := e.draft.ApplyChecked(t)
	if err != nil {
		return fmt.Errorf("this server's tree differs from the leader's: %w", err)
	}
	e.changes = store.AddChange(e.changes, t.Zxid, &out)
	_, reshapes := t.Op.(*txn.Membership)
	e.reshaped = e.reshaped || reshapes
	e.txns++
	e.bytes += bytes
	return nil
}

// publish makes an edition what reads see, and begins the next one.
func (a *applier) publish(e *edition) error {
	if e.txns == 0 {
		return nil
	}
	v, reshaped := e.draft.Publish(), e.reshaped
	a.store.Publish(v, e.changes, e.bytes)
	a.applied.raise(v.Zxid())
	e.changes, e.txns, e.bytes, e.reshaped = nil, 0, 0, false
	if !reshaped {
		return nil
	}
	a.membershipApplied(v)
	return a.join(v)
}

// serveFrom lets the learner serve when what the leader said was committed is applied.
func (a *applier) serveFrom(at txn.Zxid) error {
	if a.serves || at < a.mark {
		return nil
	}
	if err := a.join(a.store.Version()); err != nil {
		return err
	}
	a.serves = true
	a.become(Standing{Role: a.role, Leader: a.leader.ID, LeaderPort: a.at, Upstream: a.upstream})
	a.elector.settled(a.leader.ID, a.epoch)
	return nil
}

// join makes the data directory that of the ensemble in the tree: only what is committed says
// which that is.
func (a *applier) join(v *tree.Version) error {
	m, founded := v.Membership()
	own := a.store.Identity().Ensemble
	switch {
	case !founded || own == m.Ensemble:
		return nil
	case own != 0:
		return reject(quorumv1.RefusalReason_REFUSAL_REASON_WRONG_ENSEMBLE, "the leader's tree is of ensemble %v, this server of %v", m.Ensemble, own)
	}
	if err := a.store.SetEnsemble(m.Ensemble); err != nil {
		return refused(err)
	}
	return nil
}
