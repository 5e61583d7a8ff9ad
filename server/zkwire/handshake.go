package zkwire

import (
	"context"
	"errors"
	"os"
	"time"

	"github.com/quorate/quorate/server/identity"
	"github.com/quorate/quorate/server/session"
	"github.com/quorate/quorate/store/fault"
	"github.com/quorate/quorate/store/txn"
)

// handshakeLimit is how long a client may take to say what session it wants, and the server to find it.
const handshakeLimit = 10 * time.Second

// greeting is what a client says first (ZooKeeper: ConnectRequest).
type greeting struct {
	lastSeen txn.Zxid
	timeout  time.Duration
	cred     session.Credential
	short    bool // of the password, as no session has it
	readOnly bool // it can do with a server without a leader
	modern   bool // it has said so, or not: old clients do not
}

// greetingIn reads a greeting; false if it is none.
func greetingIn(frame []byte) (g greeting, ok bool) {
	d := decoder{left: frame}
	d.i32() // the version of the protocol: 0
	g.lastSeen = txn.Zxid(max(0, d.i64()))
	g.timeout = time.Duration(d.i32()) * time.Millisecond
	g.cred.ID = txn.SessionID(d.i64())
	password := d.buffer()
	if len(d.left) > 0 {
		g.readOnly, g.modern = d.flag(), true
	}
	g.short = copy(g.cred.Secret[:], password) < passwordSize || len(password) > passwordSize
	return g, !d.bad
}

// errGreeting is why a connection ends whose client does not say what session it wants.
var errGreeting = errors.New("the first frame is no connect request")

// errElsewhere is why a connection ends that another server should have.
var errElsewhere = errors.New("the client should ask another server")

// shake opens the connection's session, or takes it up. False if the connection is to end.
func (c *conn) shake() bool {
	ctx, stop := context.WithTimeout(c.ctx, handshakeLimit)
	defer stop()
	_ = c.net.SetReadDeadline(time.Now().Add(handshakeLimit))
	g, err := c.greeting()
	if err != nil {
		return false
	}
	s, cred, err := c.open(ctx, g)
	if fault.Is(err, fault.NoSession) {
		c.welcome(g, session.Session{}, session.Credential{}) // it has expired
	}
	if err != nil {
		return false
	}
	c.watcher = c.server.cfg.Watches.NewWatcher(c.deliver, c.who, c.cut)
	c.watcher.Belongs(s.ID)
	c.shaken.Store(true)
	if c.readOnly == c.server.led() { // the role has changed, and RoleChanged may have passed this connection by
		return false
	}
	_ = c.net.SetReadDeadline(time.Time{})
	c.traffic.Opened(s.ID, s.Timeout)
	return c.welcome(g, s, cred) == nil
}

// greeting waits for the client's greeting.
func (c *conn) greeting() (greeting, error) {
	for {
		frame, err := c.in.next()
		if err != nil {
			return greeting{}, err
		}
		if frame != nil {
			g, ok := greetingIn(frame)
			if !ok {
				return g, errGreeting
			}
			return g, nil
		}
		n, err := c.in.more()
		if err != nil {
			return greeting{}, err
		}
		c.traffic.In(n)
	}
}

// open opens the session that a client asks for, or takes it up. A client that has seen more than this server, or comes while there is no
// leader, is held for a tick: after a restart of the ensemble all come at once, and would only go round.
func (c *conn) open(ctx context.Context, g greeting) (session.Session, session.Credential, error) {
	if err := c.ready(ctx, g); err != nil {
		return session.Session{}, g.cred, err
	}
	s, cred, err := c.take(ctx, g)
	if err != nil {
		return s, cred, err
	}
	c.id = s.ID
	c.writer, err = c.server.cfg.Sessions.NewWriter(s, c.cut, &c.void)
	return s, cred, err
}

// ready waits until this server can serve the client. It notes whether it serves it without a leader.
func (c *conn) ready(ctx context.Context, g greeting) error {
	ctx, stop := context.WithTimeout(ctx, c.server.cfg.Tick)
	defer stop()
	c.readOnly = !c.server.awaitLeader(ctx)
	if c.readOnly && !(g.readOnly && c.server.cfg.ReadOnly) {
		return errElsewhere
	}
	if c.server.cfg.Pipeline.Version().Zxid() >= g.lastSeen {
		return nil
	}
	return c.server.cfg.Pipeline.Await(ctx, g.lastSeen)
}

// awaitLeader waits for a leader; false if there is none when ctx ends.
func (s *Server) awaitLeader(ctx context.Context) bool {
	for {
		now := s.cfg.Standing()
		if now.Term != nil || now.Upstream != nil {
			return true
		}
		select {
		case <-now.Changed:
		case <-ctx.Done():
			return false
		}
	}
}

// take opens a session, or takes one up.
func (c *conn) take(ctx context.Context, g greeting) (session.Session, session.Credential, error) {
	sessions := c.server.cfg.Sessions
	asked := max(g.timeout, time.Millisecond) // 0 is the least, not the most, in this protocol
	switch {
	case g.cred.ID == 0 && (c.readOnly || sessions.Local()):
		cred, s := sessions.OpenLocal(asked)
		return s, cred, nil
	case g.cred.ID == 0:
		caller := *c.caller.Load()
		cred, s, err := sessions.Open(ctx, asked, caller, identity.Author(caller))
		return s, cred, err
	case g.short:
		return session.Session{}, g.cred, fault.New(fault.NoSession, "", "the password is not of %d bytes", passwordSize)
	case c.readOnly:
		s, err := sessions.ResumeLocal(g.cred)
		return s, g.cred, err
	case c.gone():
		return session.Session{}, g.cred, errElsewhere
	}
	s, err := sessions.Resume(ctx, g.cred)
	return s, g.cred, err
}

// gonePause is how long it takes to see whether a client has hung up.
const gonePause = 5 * time.Millisecond

// gone tells whether a client has hung up already. When a server has stood still, connections wait for it whose clients have long gone on to
// other servers: to take up their sessions would take these away from them there. What the client has said behind its greeting is kept.
func (c *conn) gone() bool {
	_ = c.net.SetReadDeadline(time.Now().Add(gonePause))
	for len(c.in.chunk)-c.in.start < maxUnread {
		n, err := c.in.more()
		c.traffic.In(n)
		if err != nil {
			return !errors.Is(err, os.ErrDeadlineExceeded)
		}
	}
	return false
}

// welcome answers the greeting (ZooKeeper: ConnectResponse); without a session: the one that was asked for has expired.
func (c *conn) welcome(g greeting, s session.Session, cred session.Credential) error {
	b := putI32(nil, 0)
	b = putI32(b, 0)
	b = putI32(b, int32(s.Timeout.Milliseconds()))
	b = putI64(b, int64(s.ID))
	b = putBuffer(b, cred.Secret[:])
	if g.modern {
		b = putFlag(b, c.readOnly)
	}
	putI32(b[:0], int32(len(b)-lengthSize))
	_, err := c.net.Write(b)
	return err
}
