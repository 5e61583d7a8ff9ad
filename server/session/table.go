package session

import (
	"context"
	"crypto/subtle"
	"sync"
	"sync/atomic"
	"time"

	"github.com/quorate/quorate/server/pipeline"
	"github.com/quorate/quorate/store"
	"github.com/quorate/quorate/store/fault"
	"github.com/quorate/quorate/store/tree"
	"github.com/quorate/quorate/store/txn"
)

// Config is what a table works on and within.
type Config struct {
	// Pipeline carries what has to be asked of the quorum.
	Pipeline *pipeline.Pipeline
	// Server is this server.
	Server txn.ServerID
	// MinTimeout and MaxTimeout bound what a client gets that asks for a timeout, and MaxTimeout is what one gets that does not.
	MinTimeout, MaxTimeout time.Duration
	// Local makes new sessions known to this server alone, see [Table.OpenLocal]; Tick is how exact their expiry is.
	Local bool
	Tick  time.Duration
	// MaxSessions is how many sessions the ensemble may have; no more are opened on this server.
	MaxSessions int
	// Random fills its argument with random bytes that nobody can guess, as crypto/rand's Read does.
	Random func([]byte)
}

// Session is a session as its client's server knows it.
type Session struct {
	ID txn.SessionID
	// Timeout is how long it lives without a sign of its client.
	Timeout time.Duration
	// Last is its last write.
	Last tree.Write
	// Local: no other server knows it.
	Local bool

	hash []byte // of its secret
}

// Table has the sessions of this server's clients. Its methods may be called by anybody.
type Table struct {
	cfg     Config
	resumed atomic.Uint64

	mu struct {
		sync.Mutex
		attached map[txn.SessionID]*Attachment
		locals   map[txn.SessionID]*local
		touched  map[txn.SessionID]struct{} // heard of since they were last collected
	}
}

// NewTable returns a table without sessions.
func NewTable(c Config) *Table {
	t := &Table{cfg: c}
	t.mu.attached = map[txn.SessionID]*Attachment{}
	t.mu.locals = map[txn.SessionID]*local{}
	t.mu.touched = map[txn.SessionID]struct{}{}
	return t
}

// sessionRetry is what a client is told to wait when there are too many sessions.
const sessionRetry = 5 * time.Second

// Open opens a session, by a txn that is committed and applied here when it returns. asked is the timeout that the
// client would like, 0 for any.
func (t *Table) Open(ctx context.Context, asked time.Duration, who tree.Caller, author string) (Credential, Session, error) {
	if open := t.cfg.Pipeline.Version().Sessions(); open >= t.cfg.MaxSessions {
		return Credential{}, Session{}, &fault.Error{
			Kind: fault.Overloaded, RetryAfter: sessionRetry, Detail: "the ensemble has too many sessions (--max-sessions)",
		}
	}
	var c Credential
	t.cfg.Random(c.Secret[:])
	reply, err := t.cfg.Pipeline.Submit(ctx, pipeline.Request{
		Op:     &tree.CreateSessionRequest{CreateSession: txn.CreateSession{Timeout: t.negotiate(asked).Milliseconds(), TokenHash: c.Hash()}},
		Caller: who, Author: author, Attached: true,
	})
	if err != nil {
		return Credential{}, Session{}, err
	}
	c.ID = txn.MakeSessionID(t.cfg.Server, reply.Zxid)
	s, err := t.find(c.ID)
	return c, s, err
}

// negotiate returns the timeout for one that is asked for, in whole milliseconds.
func (t *Table) negotiate(asked time.Duration) time.Duration {
	if asked == 0 {
		return t.cfg.MaxTimeout
	}
	return min(max(asked, t.cfg.MinTimeout), t.cfg.MaxTimeout)
}

// find returns a session of this server's tree, or of this server alone.
func (t *Table) find(id txn.SessionID) (Session, error) {
	if s, open := t.findLocal(id); open {
		return s, nil
	}
	v := t.cfg.Pipeline.Version()
	s, open := v.Session(id)
	if !open {
		return Session{}, &fault.Error{Kind: fault.NoSession, Zxid: v.Zxid(), Detail: "session " + id.String() + " does not exist or has expired"}
	}
	return Session{ID: s.ID, Timeout: time.Duration(s.Timeout) * time.Millisecond, Last: s.Last, hash: s.TokenHash()}, nil
}

// Resume takes a session up for this server: a stream that has it here is cut, the leader is asked whether it lives, and what another
// server still brings along for it is refused from now on. When it returns, all that took effect of the session, and ever will of what was
// sent before, is applied here.
func (t *Table) Resume(ctx context.Context, c Credential) (Session, error) {
	t.resumed.Add(1)
	s, err := t.find(c.ID)
	if err == nil && shows(s, c) || t.raising(c) {
		t.move(c.ID, nil) // first: what it has sent stands before our question, and it will send no more
	}
	if s, local := t.findLocal(c.ID); local && shows(s, c) { // only now: it may have been on its way to the ensemble
		return s, nil
	}
	_, err = t.cfg.Pipeline.Submit(ctx, pipeline.Request{Op: &tree.AttachRequest{Session: c.ID, TokenHash: c.Hash()}})
	if err != nil {
		return Session{}, harmless(err)
	}
	return t.find(c.ID)
}

// harmless makes an unknown outcome of a question, which changes nothing, what it is: no answer.
func harmless(err error) error {
	if fault.Is(err, fault.Unknown) {
		return &fault.Error{Kind: fault.Unavailable, Detail: "the leader has not answered", Cause: err}
	}
	return err
}

// Verify returns the session that a call names, and notes that its client is alive. The leader is only asked if this
// server does not know the session.
func (t *Table) Verify(ctx context.Context, c Credential) (Session, error) {
	s, err := t.find(c.ID)
	if err != nil { // opened elsewhere, and not applied here yet?
		if _, err := t.cfg.Pipeline.Sync(ctx); err != nil {
			return s, err
		}
		if s, err = t.find(c.ID); err != nil {
			return s, err
		}
	}
	if s.Local || !shows(s, c) { // a local one is for its stream
		return Session{}, &fault.Error{Kind: fault.NoSession, Detail: "session " + c.ID.String() + " does not exist or has expired"}
	}
	t.touch(c.ID)
	return s, nil
}

// shows tells whether a credential is that of a session.
func shows(s Session, c Credential) bool {
	return subtle.ConstantTimeCompare(s.hash, c.Hash()) == 1
}

// Close ends a session and deletes its ephemeral nodes.
func (t *Table) Close(ctx context.Context, id txn.SessionID, who tree.Caller, author string) (txn.Zxid, error) {
	reply, err := t.cfg.Pipeline.Submit(ctx, pipeline.Request{
		Op: &tree.CloseSessionRequest{CloseSession: txn.CloseSession{Session: id}}, Session: id, Caller: who, Author: author,
	})
	return reply.Zxid, err
}

// Attachment is one stream that has a session.
type Attachment struct {
	table *Table
	id    txn.SessionID
	cut   func(error)
}

// Attach notes that a stream has a session that was opened or resumed here. A stream that had it before is cut as moved. cut is called once
// at the most, with a *fault.Error, when the stream is to end: it must not block. NoSession: it has ended meanwhile.
func (t *Table) Attach(id txn.SessionID, cut func(error)) (*Attachment, error) {
	a := &Attachment{table: t, id: id, cut: cut}
	t.move(id, a)
	// Only now: whoever ends it from here on finds it in the table.
	if _, err := t.find(id); err != nil {
		a.Detach()
		return nil, err
	}
	return a, nil
}

// move gives a session to a stream, or to none, and cuts the one that had it.
func (t *Table) move(id txn.SessionID, to *Attachment) {
	t.mu.Lock()
	old := t.mu.attached[id]
	delete(t.mu.attached, id)
	if to != nil {
		t.mu.attached[id] = to
	}
	t.heard(id)
	t.mu.Unlock()
	if old != nil {
		old.cut(&fault.Error{Kind: fault.SessionMoved, Detail: "the session was taken up by another stream"})
	}
}

// Detach forgets the stream. The session lives on.
func (a *Attachment) Detach() {
	a.table.mu.Lock()
	defer a.table.mu.Unlock()
	if a.table.mu.attached[a.id] == a {
		delete(a.table.mu.attached, a.id)
	}
}

// Touch notes that the session's client is alive.
func (a *Attachment) Touch() { a.table.touch(a.id) }

func (t *Table) touch(id txn.SessionID) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.heard(id)
}

// heard notes a sign of a session's client. The caller holds mu.
func (t *Table) heard(id txn.SessionID) {
	if l := t.mu.locals[id]; l != nil {
		l.due = time.Now().Add(l.timeout)
		return
	}
	t.mu.touched[id] = struct{}{}
}

// Touched returns the sessions whose clients were heard of since it was called last.
func (t *Table) Touched() []txn.SessionID {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.mu.touched) == 0 {
		return nil
	}
	ids := make([]txn.SessionID, 0, len(t.mu.touched))
	for id := range t.mu.touched {
		ids = append(ids, id)
	}
	t.mu.touched = make(map[txn.SessionID]struct{}, len(ids))
	return ids
}

// Resumed returns how often somebody wanted to take up a session here.
func (t *Table) Resumed() uint64 { return t.resumed.Load() }

// Len returns how many sessions have a stream on this server, and how many sessions only this server knows.
func (t *Table) Len() (attached, local int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.mu.attached), len(t.mu.locals)
}

// Published cuts the streams of sessions that have ended. It is for [store.Config].
func (t *Table) Published(p store.Publication) {
	if p.Jump {
		t.afterJump(p.Version)
		return
	}
	for _, c := range p.Changes {
		if c.Closed != 0 {
			t.end(c.Closed, c.Zxid)
		}
	}
}

// afterJump cuts the streams of those that a snapshot no longer has.
func (t *Table) afterJump(v *tree.Version) {
	t.mu.Lock()
	var gone []txn.SessionID
	for id := range t.mu.attached {
		if _, open := v.Session(id); !open && t.mu.locals[id] == nil {
			gone = append(gone, id)
		}
	}
	t.mu.Unlock()
	for _, id := range gone {
		t.end(id, v.Zxid())
	}
}

func (t *Table) end(id txn.SessionID, at txn.Zxid) {
	t.mu.Lock()
	a := t.mu.attached[id]
	delete(t.mu.attached, id)
	delete(t.mu.touched, id)
	delete(t.mu.locals, id)
	t.mu.Unlock()
	if a != nil {
		a.cut(&fault.Error{Kind: fault.NoSession, Zxid: at, Detail: "session " + id.String() + " has ended"})
	}
}
