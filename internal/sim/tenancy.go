package sim

import (
	"time"

	"github.com/quorate/quorate/server/pipeline"
	"github.com/quorate/quorate/store/fault"
	"github.com/quorate/quorate/store/tree"
	"github.com/quorate/quorate/store/txn"
)

// tenancy is what the checker knows of a session. All of it is kept: a run is short.
type tenancy struct {
	timeout        time.Duration
	opened, closed txn.Zxid // closed is 0 while it is open
	expired        bool
	nodes          []string                     // the ephemeral ones that it has made
	heard          map[txn.ServerID][]time.Time // when a server, as the leader, was told of it
	touched        []time.Time                  // when its client spoke to a server that had a leader
}

// wayOfTouch is how long a touch may take to the leader when nothing is broken: half a tick, and the way.
const wayOfTouch = 150 * time.Millisecond

// calm notes that no more harm is done.
func (c *checker) calm() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.mu.calm = time.Now()
}

// touched notes that a client has spoken to a server that has a leader.
func (c *checker) touched(id txn.SessionID) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if t := c.mu.tenancies[id]; t != nil {
		t.touched = append(t.touched, time.Now())
	}
}

// heard notes that a server was told of sessions while it led, or was about to.
func (c *checker) heard(l *life, ids []txn.SessionID) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, id := range ids {
		if t := c.mu.tenancies[id]; t != nil && !l.dead.Load() {
			t.heard[l.host.ID] = append(t.heard[l.host.ID], time.Now())
		}
	}
}

// opened: a session that was opened has the id that its zxid says.
func (c *checker) opened(id txn.SessionID, z txn.Zxid) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if t := c.mu.tenancies[id]; t == nil || t.opened != z {
		c.failLocked(id.Server(), "NoLostAck: it has opened session %v at %v, which is not committed", id, z)
	}
	return nil
}

// strayed notes that a server has carried out what came for a session that had left it.
func (c *checker) strayed(server txn.ServerID, id txn.SessionID, z txn.Zxid) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.failLocked(server, "MovedSessionsAreFenced: session %v had been taken up elsewhere, and it has carried out %v for it", id, z)
}

// served holds an answer about a session as a whole against the history, and returns the error that the client sees.
func (c *checker) served(l *life, r pipeline.Request, reply pipeline.Reply, err error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if l.dead.Load() {
		return errGone
	}
	c.lookLocked()
	attach, ok := r.Op.(*tree.AttachRequest)
	if !ok {
		return err
	}
	t := c.mu.tenancies[attach.Session]
	switch {
	case t == nil:
		c.failLocked(l.host.ID, "SessionsEndOnce: session %v was never opened: %v", attach.Session, err)
	case err == nil && t.closed != 0 && t.closed <= reply.Zxid:
		c.failLocked(l.host.ID, "SessionsEndOnce: session %v was taken up at %v, and closed at %v", attach.Session, reply.Zxid, t.closed)
	case fault.Is(err, fault.NoSession) && t.closed == 0:
		c.failLocked(l.host.ID, "SessionsEndOnce: session %v is said to have ended, and is open: %v", attach.Session, err)
	}
	return err
}

// sessionLocked takes the next txn of the history for what it does to sessions.
func (c *checker) sessionLocked(id txn.ServerID, e entry) {
	switch {
	case e.opens != 0:
		c.mu.tenancies[e.opens] = &tenancy{timeout: e.timeout, opened: e.zxid, heard: map[txn.ServerID][]time.Time{}}
	case e.owner != 0:
		if t := c.mu.tenancies[e.owner]; t == nil || t.closed != 0 {
			c.failLocked(id, "EphemeralsDieWithSessions: %s is created at %v, and its session is not open", e.path, e.zxid)
		} else {
			t.nodes = append(t.nodes, e.path)
		}
	case e.closes != 0:
		t := c.mu.tenancies[e.closes]
		if t == nil || t.closed != 0 {
			c.failLocked(id, "SessionsEndOnce: session %v is closed at %v, and was not open", e.closes, e.zxid)
			return
		}
		t.closed, t.expired = e.zxid, e.expiry
		if e.expiry {
			c.inTimeLocked(e, t)
		}
	}
}

// inTimeLocked: who expires was not heard of for its timeout, by the leader that says so; and when nothing is broken
// nor by any other server.
func (c *checker) inTimeLocked(e entry, t *tenancy) {
	leader := c.mu.leaders[e.zxid.Epoch()]
	early := func(at time.Time, way time.Duration) bool { // the txn's time is in milliseconds
		return at.Add(way).Before(e.at) && e.at.Sub(at) <= t.timeout-time.Millisecond
	}
	for _, at := range t.heard[leader] {
		if early(at, 0) {
			c.failLocked(leader, "TouchedSessionsLive: session %v of %v expired at %v, heard of %v before", e.closes, t.timeout, e.zxid, e.at.Sub(at))
			return
		}
	}
	if c.mu.calm.IsZero() || e.at.Sub(c.mu.calm) < t.timeout+time.Second {
		return
	}
	for _, at := range t.touched {
		if early(at, wayOfTouch) {
			c.failLocked(leader, "TouchedSessionsLive: session %v of %v expired at %v, touched %v before", e.closes, t.timeout, e.zxid, e.at.Sub(at))
			return
		}
	}
}

// ephemeralsLocked: in a version that shows the end of a session none of its nodes is left, and each that it shows has an owner.
func (c *checker) ephemeralsLocked(id txn.ServerID, v *tree.Version, after txn.Zxid) {
	i, ok := c.mu.history.find(after)
	if ok {
		i++
	}
	for ; i < len(c.mu.history.entries) && c.mu.history.entries[i].zxid <= v.Zxid(); i++ {
		e := c.mu.history.entries[i]
		owner := max(e.closes, e.owner)
		t := c.mu.tenancies[owner]
		if t == nil {
			continue
		}
		for _, path := range t.nodes {
			if _, open := v.Session(owner); !open && has(v, path) {
				c.failLocked(id, "EphemeralsDieWithSessions: at %v it shows %s, whose session %v is not open", v.Zxid(), path, owner)
				return
			}
		}
	}
}

func has(v *tree.Version, path string) bool {
	_, there := v.Get(path)
	return there
}

// left returns a session that is still open, 0 without, and how many have expired.
func (c *checker) left() (id txn.SessionID, expired int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for session, t := range c.mu.tenancies {
		if t.closed == 0 {
			id = max(id, session)
		}
		if t.expired {
			expired++
		}
	}
	return id, expired
}
