package session

import (
	"slices"
	"sync/atomic"

	"github.com/quorate/quorate/server/pipeline"
	"github.com/quorate/quorate/store/fault"
	"github.com/quorate/quorate/store/tree"
	"github.com/quorate/quorate/store/txn"
)

// Writer sends the writes of one stream that has a session to the leader. It belongs to the stream's goroutine.
type Writer struct {
	table      *Table
	attachment *Attachment
	id         txn.SessionID
	local      bool // nobody but this server knows the session
	cut        func(error)
	void       *atomic.Bool
	closing    atomic.Bool // the client has asked for the session's end
}

// NewWriter attaches a session, which was opened or resumed here, to a stream. cut is called as [Table.Attach] has it, but not
// for the end that the stream itself has asked for. Once void is set, nothing that has not been sent yet is sent any more.
func (t *Table) NewWriter(s Session, cut func(error), void *atomic.Bool) (*Writer, error) {
	w := &Writer{table: t, id: s.ID, local: s.Local, cut: cut, void: void}
	var err error
	if w.attachment, err = t.Attach(s.ID, w.lose); err != nil {
		return nil, err
	}
	return w, nil
}

// lose ends the stream because it no longer has the session; if it is ending that itself, it still has to say so.
func (w *Writer) lose(err error) {
	if w.closing.Load() && fault.Is(err, fault.NoSession) {
		return
	}
	w.cut(err)
}

// Touch notes that the session's client is alive. It may be called by anybody.
func (w *Writer) Touch() { w.attachment.Touch() }

// Detach forgets the stream. The session lives on.
func (w *Writer) Detach() { w.attachment.Detach() }

// Write is [pipeline.Pipeline.Start] for the session's request of a number, which grows from one to the next. A local session that is to own
// something becomes one of the ensemble first; the end of a local one is nobody else's business.
func (w *Writer) Write(op tree.Request, cxid int64, who tree.Caller, author string, done func(pipeline.Reply, error)) {
	_, closes := op.(*tree.CloseSessionRequest)
	if closes {
		done = w.closes(done)
	}
	if w.local && owns(op) {
		w.local = false
		w.attachment.Raise(who, author, func(err error) { w.cut(notRaised(err)) })
	}
	if w.local && closes {
		w.table.CloseLocal(w.id)
		done(pipeline.Reply{Zxid: w.table.cfg.Pipeline.Version().Zxid()}, nil)
		return
	}
	r := pipeline.Request{Op: op, Caller: who, Author: author, Void: w.void}
	if !w.local {
		r.Session, r.Cxid, r.Attached = w.id, cxid, true
	}
	w.table.cfg.Pipeline.Start(r, done)
}

// closes notes that the session is to end, unless that fails: it goes on then, and may yet be lost.
func (w *Writer) closes(done func(pipeline.Reply, error)) func(pipeline.Reply, error) {
	w.closing.Store(true)
	return func(r pipeline.Reply, err error) {
		if err != nil {
			w.closing.Store(false)
		}
		done(r, err)
	}
}

// owns tells whether a request gives its session something to own: for that the ensemble has to know it.
func owns(op tree.Request) bool {
	switch op := op.(type) {
	case *tree.CreateRequest:
		return op.Owner != 0
	case *tree.MultiRequest:
		return slices.ContainsFunc(op.Ops, owns)
	}
	return false
}

// notRaised is the error with which a stream ends whose session was not taken in by the ensemble: nothing of what it asked for since was done.
func notRaised(cause error) error {
	if fault.Is(cause, fault.NoSession) {
		return cause
	}
	return &fault.Error{Kind: fault.Unavailable, Detail: "the session could not be made one of the ensemble", Cause: cause}
}
