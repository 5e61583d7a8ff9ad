package sim

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/quorate/quorate/peer"
	"github.com/quorate/quorate/server/pipeline"
	"github.com/quorate/quorate/store/fault"
	"github.com/quorate/quorate/store/tree"
	"github.com/quorate/quorate/store/txn"
)

// tenant is a client with a session: it opens one, keeps it alive on one server after the other, has ephemeral
// nodes, and sometimes says nothing for longer than it may.
type tenant struct {
	*client
	session txn.SessionID // 0: none
	timeout time.Duration
	home    *Host // the server that it speaks to
	nodes   []string
	placid  bool // it keeps the session alive, and nothing more
	unsure  bool // something that was asked in the session may still be on its way
}

// leaseTimes are how long sessions live.
var leaseTimes = Span{time.Second, 3 * time.Second}

func newTenant(w *World, number int, pause Span) *tenant {
	return &tenant{client: newClient(w, number, pause), home: w.hosts[0]}
}

// run does one thing after the other until ctx ends.
func (t *tenant) run(ctx context.Context) {
	for n := 0; t.rest(ctx); n++ {
		limited, stop := context.WithTimeout(context.Background(), clientPlace(t.number).in(3*time.Second))
		if err := t.step(limited, n); err != nil {
			t.suffer(limited, err)
		}
		stop()
	}
}

// step is what it does as its nth.
func (t *tenant) step(ctx context.Context, n int) error {
	kind := t.draw() % 100
	switch {
	case t.session == 0:
		return t.open(ctx)
	case kind < 60 || t.placid && kind < 99:
		return t.home.touch(t.session)
	case kind < 77:
		return t.create(ctx, t.home, fmt.Sprintf("/e%d.%d", t.number, n))
	case kind < 80:
		return t.stray(ctx, fmt.Sprintf("/e%d.%d", t.number, n))
	case kind < 88 && len(t.nodes) > 0:
		path := t.nodes[0]
		t.nodes = t.nodes[1:]
		_, err := t.asks(ctx, t.home, &tree.DeleteRequest{Path: path, Version: tree.AnyVersion})
		return err
	case kind < 96:
		_, err := t.move(ctx)
		return err
	case kind < 98:
		return t.close(ctx)
	default:
		t.idle(t.timeout / 2 * time.Duration(1+t.draw()%4))
		return nil
	}
}

// idle does nothing for a while.
func (t *tenant) idle(d time.Duration) {
	timer := time.NewTimer(clientPlace(t.number).in(d))
	<-timer.C
}

// open opens a session somewhere.
func (t *tenant) open(ctx context.Context) error {
	t.home = t.world.hosts[t.draw()%uint64(len(t.world.hosts))]
	t.timeout = leaseTimes.draw(t.draw()).Truncate(time.Millisecond)
	op := &tree.CreateSessionRequest{CreateSession: txn.CreateSession{Timeout: t.timeout.Milliseconds(), TokenHash: t.secret()}}
	reply, err := t.home.serve(ctx, pipeline.Request{Op: op, Author: author})
	if err == nil {
		t.session, t.nodes, t.unsure = txn.MakeSessionID(t.home.ID, reply.Zxid), nil, false
		t.placid = t.draw()%3 == 0
		err = t.world.checker.opened(t.session, reply.Zxid)
	}
	return err
}

func (t *tenant) secret() []byte { return []byte(fmt.Sprint("secret of client ", t.number)) }

// create makes an ephemeral node of its own.
func (t *tenant) create(ctx context.Context, h *Host, path string) error {
	t.nodes = append(t.nodes, path)
	_, err := t.asks(ctx, h, &tree.CreateRequest{Path: path, ACL: tree.OpenACL(), Kind: txn.Ephemeral, Owner: t.session})
	return err
}

// stray moves, and then lets something come from where it was: as if it had been on its way. That is never carried out.
func (t *tenant) stray(ctx context.Context, path string) error {
	old := t.home
	_, err := t.move(ctx)
	if err != nil || old == t.home || t.unsure {
		return err
	}
	for range t.draw() % 20 { // perhaps into the next reign
		t.idle(100 * time.Millisecond)
		_ = t.home.touch(t.session)
	}
	t.nodes = append(t.nodes, path)
	z, err := t.asks(ctx, old, &tree.CreateRequest{Path: path, ACL: tree.OpenACL(), Kind: txn.Ephemeral, Owner: t.session})
	if err == nil {
		t.world.checker.strayed(old.ID, t.session, z)
	}
	if fault.Is(err, fault.SessionMoved) {
		return nil
	}
	return err
}

// asks asks for something in the session.
func (t *tenant) asks(ctx context.Context, h *Host, op tree.Request) (txn.Zxid, error) {
	z, err := h.change(ctx, pipeline.Request{Op: op, Author: author, Session: t.session, Attached: true})
	t.count(&t.tally.Done, err)
	return z, err
}

// move takes the session up on any server.
func (t *tenant) move(ctx context.Context) (txn.Zxid, error) {
	t.home = t.world.hosts[t.draw()%uint64(len(t.world.hosts))]
	reply, err := t.home.serve(ctx, pipeline.Request{Op: &tree.AttachRequest{Session: t.session, TokenHash: t.secret()}})
	t.unsure = t.unsure || err != nil
	return reply.Zxid, err
}

// close ends the session.
func (t *tenant) close(ctx context.Context) error {
	op := &tree.CloseSessionRequest{CloseSession: txn.CloseSession{Session: t.session}}
	_, err := t.home.serve(ctx, pipeline.Request{Op: op, Author: author, Session: t.session, Attached: true})
	if err == nil {
		t.session = 0
	}
	return err
}

// suffer takes note of an error: the session has ended, or it tries its luck elsewhere.
func (t *tenant) suffer(ctx context.Context, err error) {
	t.unsure = true
	switch {
	case t.session == 0:
	case fault.Is(err, fault.NoSession):
		t.session = 0
	case errors.Is(err, errDown), outcomeUnknown(err), fault.Is(err, fault.Unavailable), fault.Is(err, fault.SessionMoved):
		if _, err := t.move(ctx); fault.Is(err, fault.NoSession) {
			t.session = 0
		}
	}
}

// touch is a sign of a session's client to this server, which takes it if there is a leader.
func (h *Host) touch(id txn.SessionID) error {
	l, r := h.process()
	if r == nil || r.peer.Standing().Role == peer.Looking {
		return errDown
	}
	l.touch(id)
	h.world.checker.touched(id)
	return nil
}

func (l *life) touch(id txn.SessionID) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.mu.touched = append(l.mu.touched, id)
}

// collect returns what was touched since it was last called.
func (l *life) collect() []txn.SessionID {
	l.mu.Lock()
	defer l.mu.Unlock()
	touched := l.mu.touched
	l.mu.touched = nil
	return touched
}

// serve carries out what concerns a session as a whole.
func (h *Host) serve(ctx context.Context, r pipeline.Request) (pipeline.Reply, error) {
	l, running := h.process()
	if running == nil {
		return pipeline.Reply{}, errDown
	}
	ctx, stop := l.while(ctx)
	defer stop()
	reply, err := running.pipeline.Submit(ctx, r)
	return reply, h.world.checker.served(l, r, reply, err)
}
