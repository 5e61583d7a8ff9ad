package clienttest

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"google.golang.org/grpc"

	apiv1 "github.com/quorate/quorate/gen/quorate/api/v1"
)

// The timeouts that sessions are given.
const (
	MinSessionTimeout = 50 * time.Millisecond
	MaxSessionTimeout = time.Minute
)

// session is one session; its fields are guarded by the Fake's mu.
type session struct {
	id         uint64
	credential string
	timeout    time.Duration
	last       *apiv1.LastWrite
	stream     *stream // that it is on, nil for none
	expiry     *time.Timer
}

// stream is one stream of a session; its fields are guarded by the Fake's mu.
type stream struct {
	f       *Fake
	session *session
	who     []string
	cxid    int64 // of the call that is carried out
	watches map[watchKey]bool
	out     []*apiv1.SessionItem
	// held is what others do while an answer is on its way to out: it comes after it.
	holding bool
	held    []*apiv1.SessionItem
	// missedBy is the call for which events are told that a watch has missed; 0 for those that happen.
	missedBy int64
	wake     chan struct{}
	end      error         // why the stream ends
	ended    chan struct{} // closed when end is set
}

type streamKey struct{}

// streamOf returns the stream on which a call came, nil for none.
func streamOf(ctx context.Context) *stream {
	st, _ := ctx.Value(streamKey{}).(*stream)
	return st
}

// hold makes what others do from now on wait for the answer.
func (st *stream) hold() {
	if st != nil {
		st.holding = true
	}
}

// put adds to what is sent.
func (st *stream) put(item *apiv1.SessionItem) {
	if st.holding {
		st.held = append(st.held, item)
		return
	}
	st.out = append(st.out, item)
	st.poke()
}

func (st *stream) poke() {
	select {
	case st.wake <- struct{}{}:
	default:
	}
}

// cut ends the stream; nothing is sent on it any more.
func (st *stream) cut(why error) {
	if st.end != nil {
		return
	}
	st.end, st.out, st.held = why, nil, nil
	close(st.ended)
	if st.session.stream == st {
		st.session.stream = nil
	}
}

func broken() error { return Refusal{Reason: "UNAVAILABLE", Detail: "the stream was cut"}.Err() }

// Session implements Keeper.
func (f *Fake) Session(g grpc.BidiStreamingServer[apiv1.SessionRequest, apiv1.SessionResponse]) error {
	first, err := g.Recv()
	if err != nil {
		return err
	}
	st, opened, err := f.attach(g.Context(), first.GetOpen())
	if err != nil {
		return err
	}
	if err := g.Send(&apiv1.SessionResponse{Opened: opened, Zxid: opened.GetZxid()}); err != nil {
		return err
	}
	var wg sync.WaitGroup
	wg.Go(func() { st.send(g) })
	err = st.receive(g)
	f.mu.Lock()
	st.cut(err)
	err = st.end
	f.mu.Unlock()
	wg.Wait()
	if err == errGraceful {
		return nil
	}
	return err
}

var errGraceful = fmt.Errorf("the session was closed")

// attach opens a session or takes one up again.
func (f *Fake) attach(ctx context.Context, open *apiv1.OpenSessionRequest) (*stream, *apiv1.OpenSessionResponse, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	s := f.find(open.GetCredential())
	switch {
	case open == nil:
		return nil, nil, Refusal{Reason: "BAD_ARGUMENTS", Detail: "the first message opens the session"}.Err()
	case f.mu.readOnly && open.GetReadOnly() && s == nil:
		s = &session{last: &apiv1.LastWrite{}, timeout: MaxSessionTimeout, expiry: time.NewTimer(MaxSessionTimeout)}
	case f.mu.readOnly:
		return nil, nil, Refusal{Reason: "UNAVAILABLE", Detail: "there is no quorum"}.Err()
	case s == nil && open.GetCredential() != "":
		return nil, nil, Refusal{Reason: "NO_SESSION", Detail: "there is no such session"}.Err()
	case s == nil:
		s = f.open(time.Duration(open.GetTimeoutMs()) * time.Millisecond)
	case s.stream != nil:
		s.stream.cut(Refusal{Reason: "SESSION_MOVED", Detail: "the session was taken up elsewhere"}.Err())
	}
	s.expiry.Reset(s.timeout)
	st := &stream{
		f: f, session: s, who: identities(ctx), watches: map[watchKey]bool{},
		wake: make(chan struct{}, 1), ended: make(chan struct{}),
	}
	s.stream = st
	if s.id == 0 {
		f.mu.readers = append(f.mu.readers, st)
		return st, &apiv1.OpenSessionResponse{ReadOnly: true, Zxid: f.mu.zxid}, nil
	}
	return st, &apiv1.OpenSessionResponse{
		Session: s.id, Credential: s.credential, TimeoutMs: uint32(s.timeout.Milliseconds()), Zxid: f.mu.zxid, LastWrite: s.last,
	}, nil
}

func (f *Fake) find(credential string) *session {
	for _, s := range f.mu.sessions {
		if s.credential == credential {
			return s
		}
	}
	return nil
}

// open makes a session.
func (f *Fake) open(timeout time.Duration) *session {
	f.mu.opened++
	f.mu.zxid++
	id := 1<<56 | f.mu.opened
	s := &session{id: id, credential: fmt.Sprintf("credential-%d", id), timeout: min(max(timeout, MinSessionTimeout), MaxSessionTimeout), last: &apiv1.LastWrite{}}
	s.expiry = time.AfterFunc(s.timeout, func() { f.Expire(id) })
	f.mu.sessions[id] = s
	return s
}

// end ends a session: its ephemeral nodes go in one transaction. It must be called with f.mu held.
func (f *Fake) end(s *session, why error) {
	delete(f.mu.sessions, s.id)
	s.expiry.Stop()
	c := f.begin(nil)
	for _, path := range c.below("/") {
		if c.nodes[path].stat.GetOwner() == s.id {
			c.drop(path)
		}
	}
	if s.stream != nil && why != nil {
		s.stream.cut(why)
	}
	c.publish()
}

// Expire ends a session as its timeout would. Of one that has ended it does nothing.
func (f *Fake) Expire(session uint64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if s := f.mu.sessions[session]; s != nil {
		f.end(s, Refusal{Reason: "NO_SESSION", Detail: "the session has expired"}.Err())
	}
}

// Sessions returns the ids of the sessions there are.
func (f *Fake) Sessions() []uint64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	var ids []uint64
	for id := range f.mu.sessions {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids
}

// ReadOnly takes the quorum away, or gives it back: without it sessions cannot be opened or taken up, other than for reads.
func (f *Fake) ReadOnly(readOnly bool) {
	f.mu.Lock()
	f.mu.readOnly = readOnly
	for _, st := range f.mu.readers {
		st.cut(broken())
	}
	f.mu.readers = nil
	f.mu.Unlock()
	f.Cut()
}

// Cut breaks all streams of sessions and watches there are. Sessions live on, and can be taken up again.
func (f *Fake) Cut() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, s := range f.mu.sessions {
		if s.stream != nil {
			s.stream.cut(broken())
		}
	}
	f.mu.cuts++
	f.wakeAll()
}

// CutSession breaks the stream of one session, which lives on.
func (f *Fake) CutSession(session uint64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if s := f.mu.sessions[session]; s != nil && s.stream != nil {
		s.stream.cut(broken())
	}
}

// send sends what there is until the stream ends.
func (st *stream) send(g grpc.BidiStreamingServer[apiv1.SessionRequest, apiv1.SessionResponse]) {
	for {
		select {
		case <-st.wake:
		case <-st.ended:
			return
		}
		st.f.mu.Lock()
		m := &apiv1.SessionResponse{Items: st.out}
		if !st.holding && st.end == nil { // or not everything is told yet
			m.Zxid = st.f.mu.zxid
		}
		st.out = nil
		st.f.mu.Unlock()
		if g.Send(m) != nil {
			return // the receiver learns of it
		}
	}
}

// receive carries out what comes until the stream ends.
func (st *stream) receive(g grpc.BidiStreamingServer[apiv1.SessionRequest, apiv1.SessionResponse]) error {
	messages := make(chan *apiv1.SessionRequest)
	failed := make(chan error, 1)
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			m, err := g.Recv()
			if err != nil {
				failed <- err
				return
			}
			select {
			case messages <- m:
			case <-st.ended:
				return
			case <-g.Context().Done():
				failed <- g.Context().Err()
				return
			}
		}
	})
	for {
		select {
		case m := <-messages:
			if err := st.handle(g.Context(), m); err != nil {
				return err
			}
		case err := <-failed:
			return err
		case <-st.ended:
			return st.end
		}
	}
}

func (st *stream) handle(ctx context.Context, m *apiv1.SessionRequest) error {
	st.f.mu.Lock()
	live := st.end == nil
	if live {
		st.session.expiry.Reset(st.session.timeout)
	}
	st.f.mu.Unlock()
	if !live {
		return broken()
	}
	if len(m.GetCalls()) == 0 {
		st.poke() // a ping is answered
	}
	ctx = context.WithValue(ctx, streamKey{}, st)
	for _, c := range m.GetCalls() {
		if err := st.carryOut(ctx, c); err != nil {
			return err
		}
	}
	return nil
}

// carryOut carries out one call and answers it, unless the stream is to break.
func (st *stream) carryOut(ctx context.Context, c *apiv1.SessionCall) error {
	at := NoBreak
	if st.f.OnCall != nil {
		at = st.f.OnCall(st.session.id, c)
	}
	if at == BreakBefore {
		return broken()
	}
	if c.GetCxid() <= st.cxid {
		return Refusal{Reason: "BAD_ARGUMENTS", Detail: fmt.Sprintf("cxid %d after %d", c.GetCxid(), st.cxid)}.Err()
	}
	st.cxid = c.GetCxid()
	var answers []*apiv1.SessionAnswer
	err := Refusal{Reason: "OVERLOADED", Detail: "too many requests"}.Err()
	if at != Overload {
		answers, err = st.f.answer(ctx, st, c)
	}
	if err != nil {
		answers = []*apiv1.SessionAnswer{{Result: &apiv1.SessionAnswer_Failure{Failure: failure(err)}}}
	}
	if at == BreakAfter {
		return broken()
	}
	st.f.mu.Lock()
	defer st.f.mu.Unlock()
	for i, a := range answers {
		a.Cxid, a.More = c.GetCxid(), i < len(answers)-1
		st.out = append(st.out, &apiv1.SessionItem{Item: &apiv1.SessionItem_Answer{Answer: a}})
	}
	st.out, st.held, st.holding = append(st.out, st.held...), nil, false
	st.poke()
	return nil
}
