package session

import (
	"context"
	"encoding/binary"
	"time"

	"github.com/quorate/quorate/server/pipeline"
	"github.com/quorate/quorate/store/fault"
	"github.com/quorate/quorate/store/tree"
	"github.com/quorate/quorate/store/txn"
)

// local is a session that this server alone knows: opening and closing it costs the ensemble nothing, and it can be taken up
// again here only. It owns nothing; before it may, it is made one of the ensemble, under the same id (ZooKeeper: local sessions).
type local struct {
	hash    []byte // of its secret
	timeout time.Duration
	due     time.Time // it expires, unless its client is heard of before
	raising bool      // it is on its way to the ensemble
}

// localBit is set in the ids of local sessions, and in those of others once 2^23 epochs have passed.
const localBit txn.SessionID = 1 << 55

// OpenLocal opens a local session.
func (t *Table) OpenLocal(asked time.Duration) (Credential, Session) {
	var c Credential
	t.cfg.Random(c.Secret[:])
	l := &local{hash: c.Hash(), timeout: t.negotiate(asked)}
	l.due = time.Now().Add(l.timeout)
	t.mu.Lock()
	defer t.mu.Unlock()
	for c.ID == 0 || t.mu.locals[c.ID] != nil {
		var b [8]byte
		t.cfg.Random(b[:])
		c.ID = txn.SessionID(t.cfg.Server)<<56 | localBit | txn.SessionID(binary.LittleEndian.Uint64(b[:]))&(localBit-1)
	}
	t.mu.locals[c.ID] = l
	return c, Session{ID: c.ID, Timeout: l.timeout, Local: true, hash: l.hash}
}

// Local tells whether new sessions of streams are local.
func (t *Table) Local() bool { return t.cfg.Local }

// Locals returns the sessions that only this server knows, in no order, with when they expire unless their clients are heard of before.
func (t *Table) Locals() map[txn.SessionID]time.Time {
	t.mu.Lock()
	defer t.mu.Unlock()
	all := make(map[txn.SessionID]time.Time, len(t.mu.locals))
	for id, l := range t.mu.locals {
		all[id] = l.due
	}
	return all
}

// findLocal returns a local session. One on its way to the ensemble is none any more, but if it comes to nothing.
func (t *Table) findLocal(id txn.SessionID) (Session, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	l := t.mu.locals[id]
	if l == nil || l.raising {
		return Session{}, false
	}
	return Session{ID: id, Timeout: l.timeout, Local: true, hash: l.hash}, true
}

// ResumeLocal takes up a local session for a server without a leader. NoSession: it was of this server, and is no more. Unavailable: it is the
// ensemble's, or another server's.
func (t *Table) ResumeLocal(c Credential) (Session, error) {
	s, open := t.findLocal(c.ID)
	if open && shows(s, c) {
		t.move(c.ID, nil)
		return s, nil
	}
	if open || c.ID&localBit != 0 && txn.ServerID(c.ID>>56) == t.cfg.Server {
		return Session{}, fault.New(fault.NoSession, "", "session %v does not exist or has expired", c.ID)
	}
	return Session{}, &fault.Error{Kind: fault.Unavailable, Detail: "there is no quorum: the session cannot be taken up"}
}

// raising tells whether a credential is that of a local session on its way to the ensemble.
func (t *Table) raising(c Credential) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	l := t.mu.locals[c.ID]
	return l != nil && l.raising && shows(Session{hash: l.hash}, c)
}

// CloseLocal ends a local session.
func (t *Table) CloseLocal(id txn.SessionID) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.mu.locals, id)
}

// Raise makes a local session one of the ensemble: what its stream asks for next stands behind that. lost is called, once and perhaps before Raise returns, if
// it comes to nothing: the session is local again then, and what stands behind must not be carried out. It never waits. A stream that no longer has the
// session raises nothing: whoever has it now knows it as a local one.
func (a *Attachment) Raise(who tree.Caller, author string, lost func(error)) {
	t, id := a.table, a.id
	t.mu.Lock()
	l := t.mu.locals[id]
	if t.mu.attached[id] != a {
		l = nil
	}
	if l != nil {
		l.raising = true
	}
	t.mu.Unlock()
	if l == nil {
		lost(&fault.Error{Kind: fault.NoSession, Detail: "session " + id.String() + " has expired"})
		return
	}
	t.cfg.Pipeline.Start(pipeline.Request{
		Op:     &tree.CreateSessionRequest{CreateSession: txn.CreateSession{Session: id, Timeout: l.timeout.Milliseconds(), TokenHash: l.hash}},
		Caller: who, Author: author, Attached: true,
	}, func(_ pipeline.Reply, err error) {
		t.raised(id, err)
		if err != nil {
			lost(err)
		}
	})
}

// raised forgets the local session, unless it is one still. Of what came to no known end the tree will tell, when the
// session is taken up.
func (t *Table) raised(id txn.SessionID, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if err == nil || fault.Is(err, fault.Unknown) {
		delete(t.mu.locals, id)
	} else if l := t.mu.locals[id]; l != nil {
		l.raising = false
	}
}

// Run has local sessions expire until ctx ends, within a tick after their time. When this process has stood still, nobody is blamed for
// the time. It returns nil.
func (t *Table) Run(ctx context.Context) error {
	pulse := time.NewTicker(t.cfg.Tick)
	defer pulse.Stop()
	seen := time.Now()
	for {
		select {
		case <-pulse.C:
		case <-ctx.Done():
			return nil
		}
		now := time.Now()
		for _, id := range t.expired(now, now.Sub(seen)-t.cfg.Tick) {
			t.end(id, 0)
		}
		seen = now
	}
}

// expired returns the local sessions whose time is up. late is how much later than it should this is looked at: beyond a tick
// it was this server that was not there.
func (t *Table) expired(now time.Time, late time.Duration) (ids []txn.SessionID) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for id, l := range t.mu.locals {
		if late > t.cfg.Tick {
			l.due = l.due.Add(late)
		}
		if now.After(l.due) && !l.raising {
			ids = append(ids, id)
		}
	}
	return ids
}
