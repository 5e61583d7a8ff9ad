package client

import (
	"context"
	"errors"
	"iter"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"

	apiv1 "github.com/quorate/quorate/gen/quorate/api/v1"
)

// DefaultSessionTimeout is how long a session lives without a sign of its client, unless [SessionTimeout] says otherwise.
const DefaultSessionTimeout = 10 * time.Second

// maxOutstanding bounds what all calls without an answer of one session take, in bytes of their requests: who makes one more waits.
const maxOutstanding = 64 << 20

// State says how a session is.
type State int8

// The states of a session. It goes to and fro between Connected and Suspended, and ends in Expired or Closed.
const (
	// Connected: a server answers.
	Connected State = iota + 1
	// Suspended: contact was lost, and is sought anew. Calls wait. The session, with its ephemeral nodes, may have
	// ended already: who holds something by it must not rely on that until the session is connected again.
	Suspended
	// ReadOnly: the server has no quorum, and there is no session yet: reads are answered, and what else is asked fails with
	// [ErrReadOnly]. Only with [AcceptReadOnly].
	ReadOnly
	// Expired: the session has ended without being closed, and its ephemeral nodes are gone, or will be in a moment.
	Expired
	// Closed: this program has closed it.
	Closed
)

// String returns the state in small letters.
func (s State) String() string {
	return map[State]string{Connected: "connected", Suspended: "suspended", ReadOnly: "read-only", Expired: "expired", Closed: "closed"}[s]
}

// SessionOption changes how [Client.OpenSession] opens a session.
type SessionOption func(*sessionOptions)

type sessionOptions struct {
	timeout  time.Duration
	readOnly bool
}

// AcceptReadOnly is content with a server that has no quorum. The session is [ReadOnly] then, has no id, and becomes a real one as soon as
// there is a quorum. Once it is, it never goes back.
func AcceptReadOnly() SessionOption {
	return func(o *sessionOptions) { o.readOnly = true }
}

// SessionTimeout asks for a session that lives this long, a millisecond or more, without a sign of its client. The server may give less or more,
// by its limits: [Session.Timeout].
func SessionTimeout(timeout time.Duration) SessionOption {
	return func(o *sessionOptions) { o.timeout = max(timeout, time.Millisecond) }
}

// Session is a session with an ensemble: what ephemeral nodes live by. Its calls are sent on one stream without waiting for each
// other and carried out in the order in which they were made, and a watch's event comes before the answer to any call that saw what it tells.
//
// When contact is lost the session is taken up again, on another server if need be. Calls without an answer are then made again where that is
// safe: reads, and the writes of which the ensemble says that they have had no effect. A write that did
// take effect is answered as if nothing had happened. What remains fails with [ErrUnknownOutcome]: a write behind which a later one
// of this session has taken effect.
//
// A session ends with [Session.Close]; when the ensemble says that it has expired; or when there was no contact for four thirds of
// its timeout. Whatever is called then fails with [ErrSessionExpired] or [ErrClosed].
//
// It is safe for concurrent use. Two goroutines of the program belong to it until it ends.
type Session struct {
	// Tree has the calls that read and change the tree, in the order in which they are made.
	Tree
	client   *Client
	readOnly bool // is accepted

	room *semaphore.Weighted // for calls without an answer
	wake chan struct{}       // something is to be sent
	stop context.CancelCauseFunc
	done chan struct{} // closed at its end
	mu   struct {
		sync.Mutex
		queue
		watches
		id         SessionID // 0 and no credential: there is no session yet
		credential string
		timeout    time.Duration

		state   State
		changed chan struct{} // closed when state changes
		err     error         // set at its end
		closing bool
		seen    Zxid      // the newest version that the program may have seen
		contact time.Time // when a server was last heard
		auth    []*apiv1.AuthenticateRequest
		// progress tells that the current stream has answered something.
		progress bool
	}
}

var _ transport = (*Session)(nil)

// OpenSession opens a session; it fails if no server does so before ctx ends. The session does not end with ctx.
func (c *Client) OpenSession(ctx context.Context, options ...SessionOption) (*Session, error) {
	o := sessionOptions{timeout: DefaultSessionTimeout}
	for _, set := range options {
		set(&o)
	}
	s := &Session{client: c, readOnly: o.readOnly, room: semaphore.NewWeighted(maxOutstanding), wake: make(chan struct{}, 1), done: make(chan struct{})}
	s.Tree = Tree{via: s}
	s.mu.changed, s.mu.timeout = make(chan struct{}), o.timeout
	s.mu.watches.all = map[watchKey]*registration{}
	life, stop := context.WithCancelCause(c.life)
	s.stop = stop
	first, err := s.firstLink(ctx, life)
	if err != nil {
		stop(err)
		return nil, err
	}
	s.resume(first.opened)
	s.become(first.state())
	s.start(life, first)
	return s, nil
}

func (s *Session) start(life context.Context, first *link) {
	go func() {
		defer close(s.done)
		s.finish(s.run(life, first))
	}()
}

// ID returns the session's id, which is the Owner in the Stats of its ephemeral nodes; 0 while it is [ReadOnly].
func (s *Session) ID() SessionID {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.mu.id
}

// Timeout returns how long the session lives without a sign of this program: what the server has granted.
func (s *Session) Timeout() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.mu.timeout
}

// State returns how the session is.
func (s *Session) State() State {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.mu.state
}

// States yields the session's state, and then each change of it. Who is slow misses states in between, but never the latest one. It ends
// after Expired or Closed, or with ctx.
func (s *Session) States(ctx context.Context) iter.Seq[State] {
	return func(yield func(State) bool) {
		var told State
		for {
			s.mu.Lock()
			state, changed := s.mu.state, s.mu.changed
			s.mu.Unlock()
			if state != told && !yield(state) || state >= Expired {
				return
			}
			told = state
			select {
			case <-changed:
			case <-ctx.Done():
				return
			}
		}
	}
}

// Done returns a channel that is closed when the session has ended.
func (s *Session) Done() <-chan struct{} { return s.done }

// Err returns why the session has ended: [ErrSessionExpired] or [ErrClosed]; nil before that.
func (s *Session) Err() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.mu.err
}

// Close ends the session after the calls made before it: its ephemeral nodes are deleted. It waits for that as
// long as ctx lets it; if that is not long enough, it returns the error of ctx, and the servers end the session by its timeout. When
// it returns, the session's goroutines have ended.
func (s *Session) Close(ctx context.Context) error {
	c := newCall(&apiv1.SessionCall{Op: &apiv1.SessionCall_Close{Close: &apiv1.CloseSessionRequest{}}})
	err := s.submit(ctx, c)
	if err == nil {
		_, err = s.wait(ctx, c)
	}
	s.stop(ErrClosed)
	<-s.done
	if errors.Is(err, ErrSessionExpired) || errors.Is(err, ErrClosed) || errors.Is(err, ErrReadOnly) { // there is none to end
		return nil
	}
	return err
}

// Ephemerals returns the paths of the session's ephemeral nodes that begin with prefix, sorted.
func (s *Session) Ephemerals(ctx context.Context, prefix string, options ...ReadOption) ([]string, error) {
	r := &apiv1.GetEphemeralsRequest{Prefix: prefix, Options: readOptions(options)}
	a, err := s.call(ctx, &apiv1.SessionCall{Op: &apiv1.SessionCall_GetEphemerals{GetEphemerals: r}})
	return a.GetGetEphemerals().GetPaths(), err
}

// Authenticate adds an identity to those of the session, for all calls that are made after it: scheme "digest", credentials
// "user:password". It fails with [ErrAuthFailed].
func (s *Session) Authenticate(ctx context.Context, scheme, credentials string) error {
	r := &apiv1.AuthenticateRequest{Scheme: scheme, Credentials: []byte(credentials)}
	c := newCall(&apiv1.SessionCall{Op: &apiv1.SessionCall_Authenticate{Authenticate: r}})
	c.arrived = func(_ *apiv1.SessionAnswer, err error) {
		if err == nil {
			s.mu.auth = append(s.mu.auth, r)
		}
	}
	_, err := s.do(ctx, c)
	return err
}

// Pending is a change on its way.
type Pending struct {
	s  *Session
	op Op
	c  *call
}

// Start makes a change without waiting for its answer: changes that are started one after the other are carried out in that order. It waits only
// if the calls without an answer take 64 MiB. A change that was started is not given up before the session ends,
// whether somebody waits for it or not.
func (s *Session) Start(ctx context.Context, op Op) (*Pending, error) {
	p := &Pending{s: s, op: op, c: newCall(op.single())}
	return p, s.submit(ctx, p.c)
}

// Wait waits for the change and returns its result, or its error. It may be called by several goroutines, and again after ctx has ended.
func (p *Pending) Wait(ctx context.Context) (Result, error) {
	select {
	case <-p.c.done:
	case <-ctx.Done():
		return Result{}, ended(ctx)
	}
	if p.c.err != nil {
		return Result{}, p.c.err
	}
	return p.op.outcome(ctx, p.s.Tree, p.c.answer)
}
