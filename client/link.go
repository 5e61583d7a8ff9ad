package client

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"time"

	apiv1 "github.com/quorate/quorate/gen/quorate/api/v1"
)

// link is one stream of a session.
type link struct {
	stream apiv1.Keeper_SessionClient
	cancel context.CancelCauseFunc
	opened *apiv1.OpenSessionResponse
	at     uint32 // the server's number
}

// Why a stream is left.
var (
	errSilent   = errors.New("the server has been silent")
	errProtocol = errors.New("the server broke the protocol")
)

// How long to wait before another try to take a session up: at first, and at the most.
const (
	minPause = 25 * time.Millisecond
	maxPause = time.Second
)

// firstLink opens the session: each server is tried until ctx ends, as far as it makes sense.
func (s *Session) firstLink(ctx, life context.Context) (*link, error) {
	for pause := minPause; ; pause = min(2*pause, maxPause) {
		l, err := s.connect(ctx, life, s.opening())
		switch {
		case err == nil:
			return l, nil
		case ctx.Err() != nil:
			return nil, errors.Join(ended(ctx), err)
		case life.Err() != nil:
			return nil, refusal(reasonClosed, "the client is closed")
		case !errors.Is(err, ErrUnavailable) && !errors.Is(err, ErrUnknownOutcome) && !errors.Is(err, errSilent):
			return nil, err
		case !sleep(ctx, pause):
			return nil, errors.Join(ended(ctx), err)
		}
	}
}

// opening is the first message of a stream: for a new session, or for the one there is.
func (s *Session) opening() *apiv1.OpenSessionRequest {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.mu.credential != "" {
		return &apiv1.OpenSessionRequest{Credential: s.mu.credential, LastZxid: uint64(s.mu.seen)}
	}
	return &apiv1.OpenSessionRequest{TimeoutMs: uint32(s.mu.timeout.Milliseconds()), ReadOnly: s.readOnly, LastZxid: uint64(s.mu.seen)}
}

// state is that of a session on this stream.
func (l *link) state() State {
	if l.opened.GetReadOnly() {
		return ReadOnly
	}
	return Connected
}

// patience is how long a server may take to answer an open: so little that others can be tried before the session expires.
func (s *Session) patience() time.Duration {
	return min(max(s.Timeout()/3, 100*time.Millisecond), 2*connectTimeout)
}

// connect opens a stream, which lives as long as life lets it, or until it is cancelled; ctx is for the opening alone.
func (s *Session) connect(ctx, life context.Context, open *apiv1.OpenSessionRequest) (*link, error) {
	life, cancel := context.WithCancelCause(life)
	defer context.AfterFunc(ctx, func() { cancel(ctx.Err()) })()
	limit := time.AfterFunc(s.patience(), func() { cancel(errSilent) })
	defer limit.Stop()
	l := &link{cancel: cancel, at: s.client.conns.current.Load()}
	err := l.open(life, s.client.Keeper(), open)
	if err != nil {
		if context.Cause(life) == errSilent {
			err = errSilent
		}
		cancel(err)
		s.client.conns.moveOn(l.at)
		return nil, err
	}
	l.at = s.client.conns.current.Load()
	return l, nil
}

func (l *link) open(ctx context.Context, keeper apiv1.KeeperClient, open *apiv1.OpenSessionRequest) (err error) {
	if l.stream, err = keeper.Session(ctx); err != nil {
		return err
	}
	// An error of Send says only that the stream has ended; Recv says why.
	if err := l.stream.Send(&apiv1.SessionRequest{Open: open}); err != nil && !isEOF(err) {
		return err
	}
	m, err := l.stream.Recv()
	if err != nil {
		return err
	}
	if l.opened = m.GetOpened(); l.opened == nil {
		return errProtocol
	}
	return nil
}

// run serves the session, stream after stream, and returns why it ended.
func (s *Session) run(life context.Context, l *link) *Error {
	for {
		err := s.serve(life, l)
		if end := s.fatal(life, err); end != nil {
			return end
		}
		s.become(Suspended)
		if l, err = s.takeUp(life); err != nil {
			if end := s.fatal(life, err); end != nil {
				return end
			}
			return refusal(reasonNoSession, "no server was reached for four thirds of the session's timeout: "+err.Error())
		}
		s.become(l.state())
	}
}

// fatal tells whether an error ends the session.
func (s *Session) fatal(life context.Context, err error) *Error {
	s.mu.Lock()
	closing := s.mu.closing
	s.mu.Unlock()
	var e *Error
	switch {
	case life.Err() != nil, closing && (isEOF(err) || errors.Is(err, ErrSessionExpired)):
		return refusal(reasonClosed, "the session was closed")
	case errors.Is(err, ErrSessionExpired) && errors.As(err, &e):
		return e
	}
	return nil
}

// serve carries calls and answers until the stream breaks, and returns why it did.
func (s *Session) serve(life context.Context, l *link) error {
	sending, stop := context.WithCancel(life)
	var err error
	var wg sync.WaitGroup
	wg.Go(func() {
		defer stop()
		err = s.receive(l)
		l.cancel(err)
	})
	s.send(sending, l)
	l.cancel(life.Err())
	wg.Wait()
	if errors.Is(err, context.Canceled) {
		err = errSilent
	}
	s.client.conns.moveOn(l.at)
	return err
}

// send sends what is to be sent, and a ping when there was nothing for a third of the timeout. It ends with ctx, or with the stream.
func (s *Session) send(ctx context.Context, l *link) {
	pause := s.Timeout() / 3
	ping := time.NewTimer(pause)
	defer ping.Stop()
	for {
		s.mu.Lock()
		batch := s.mu.take()
		s.mu.Unlock()
		if len(batch) == 0 {
			select {
			case <-ctx.Done():
				return
			case <-s.wake:
				continue
			case <-ping.C: // nothing is said then, which is answered too
			}
		}
		if err := l.stream.Send(&apiv1.SessionRequest{Calls: batch}); err != nil {
			<-ctx.Done() // the receiver learns why
			return
		}
		ping.Reset(pause)
	}
}

// receive takes what comes until the stream ends, or is silent for two thirds of the timeout.
func (s *Session) receive(l *link) error {
	limit := s.Timeout() * 2 / 3
	silence := time.AfterFunc(limit, func() { l.cancel(errSilent) })
	defer silence.Stop()
	for {
		m, err := l.stream.Recv()
		if err != nil {
			return err
		}
		silence.Reset(limit)
		s.heard()
		if err := s.accept(m); err != nil {
			return err
		}
	}
}

func (s *Session) heard() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mu.contact = time.Now()
}

// takeUp takes the session up again, on whichever server can, until it counts as expired.
func (s *Session) takeUp(life context.Context) (*link, error) {
	s.mu.Lock()
	deadline, progress := s.mu.contact.Add(s.mu.timeout*4/3), s.mu.progress
	s.mu.progress = false
	s.mu.Unlock()
	ctx, cancel := context.WithDeadline(life, deadline)
	defer cancel()
	pause := minPause
	if !progress && !sleep(ctx, pause) { // the last stream was of no use
		return nil, ended(ctx)
	}
	for ; ; pause = min(2*pause, maxPause) {
		l, err := s.connect(ctx, life, s.opening())
		if err == nil {
			s.resume(l.opened)
			return l, nil
		}
		if errors.Is(err, ErrSessionExpired) || !sleep(ctx, pause) {
			return nil, err
		}
	}
}

// sleep waits for about d, and tells whether ctx is still on.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d/2 + rand.N(d/2))
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// resume takes what a server has opened, settles what the break before it left open, and puts what restores the stream in front of the rest.
func (s *Session) resume(opened *apiv1.OpenSessionResponse) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mu.contact = time.Now()
	if s.mu.credential == "" {
		s.mu.id, s.mu.credential = SessionID(opened.GetSession()), opened.GetCredential()
	}
	if ms := opened.GetTimeoutMs(); ms != 0 { // a server without a quorum grants none
		s.mu.timeout = time.Duration(ms) * time.Millisecond
	}
	var first []*call
	for _, r := range s.mu.auth {
		c := newCall(&apiv1.SessionCall{Op: &apiv1.SessionCall_Authenticate{Authenticate: r}})
		c.renewal = true
		first = append(first, c)
	}
	first = append(first, s.mu.leaveAgain()...)
	last := opened.GetLastWrite()
	s.mu.seen = max(s.mu.seen, Zxid(last.GetZxid()))
	s.mu.resolve(last, first, s.settle)
	s.mu.local = opened.GetLocal()
}

// accept takes one message: answers and events, in their order.
func (s *Session) accept(m *apiv1.SessionResponse) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, item := range m.GetItems() {
		if e := item.GetEvent(); e != nil {
			if err := s.mu.deliver(eventOf(e), e.GetMissedBy(), s.mu.head()); err != nil {
				return err
			}
			s.mu.seen = max(s.mu.seen, Zxid(e.GetZxid()))
			continue
		}
		if err := s.answered(item.GetAnswer()); err != nil {
			return err
		}
	}
	s.mu.seen = max(s.mu.seen, Zxid(m.GetZxid()))
	s.mu.told = max(s.mu.told, Zxid(m.GetZxid()))
	return nil
}

// answered gives the oldest call its answer, unless the answer decides nothing: then the stream is left, and the call's fate is decided when the session is taken up again.
func (s *Session) answered(a *apiv1.SessionAnswer) error {
	c := s.mu.head()
	if c == nil || c.request.GetCxid() != a.GetCxid() {
		return errProtocol
	}
	if piece := a.GetList(); piece != nil {
		c.pieces = append(c.pieces, piece)
		if a.GetMore() {
			return nil
		}
	}
	if f := a.GetFailure(); f != nil {
		e := newFailure(f, s.client.conns.at(s.client.conns.current.Load()).address)
		switch e.Reason {
		case reasonUnavailable, reasonUnknownOutcome, reasonMoved, reasonNoSession:
			c.refused = e
			return e
		case reasonOverload:
			if c.renewal && c.request.GetAuthenticate() != nil { // what is behind it was asked without this identity
				return e
			}
		}
		s.mu.pop()
		s.mu.progress = true
		s.settle(c, nil, e)
		return nil
	}
	zxid := zxidOf(a)
	s.mu.seen = max(s.mu.seen, zxid)
	if c.watch == nil {
		s.mu.told = max(s.mu.told, zxid)
	}
	s.mu.pop()
	s.mu.progress = s.mu.progress || !c.renewal
	s.settle(c, a, nil)
	return nil
}

// zxidOf is the version of the tree that an answer has seen, 0 if it saw none.
func zxidOf(a *apiv1.SessionAnswer) Zxid {
	type versioned interface{ GetZxid() uint64 }
	var v versioned
	switch r := a.GetResult().(type) {
	case *apiv1.SessionAnswer_Create:
		v = r.Create
	case *apiv1.SessionAnswer_Delete:
		v = r.Delete
	case *apiv1.SessionAnswer_Set:
		v = r.Set
	case *apiv1.SessionAnswer_SetAcl:
		v = r.SetAcl
	case *apiv1.SessionAnswer_Multi:
		v = r.Multi
	case *apiv1.SessionAnswer_Exists:
		v = r.Exists
	case *apiv1.SessionAnswer_Get:
		v = r.Get
	case *apiv1.SessionAnswer_List:
		v = r.List
	case *apiv1.SessionAnswer_GetAcl:
		v = r.GetAcl
	case *apiv1.SessionAnswer_MultiRead:
		v = r.MultiRead
	case *apiv1.SessionAnswer_Sync:
		v = r.Sync
	case *apiv1.SessionAnswer_AddWatch:
		v = r.AddWatch
	case *apiv1.SessionAnswer_GetEphemerals:
		v = r.GetEphemerals
	case *apiv1.SessionAnswer_CountDescendants:
		v = r.CountDescendants
	default:
		return 0
	}
	return Zxid(v.GetZxid())
}
