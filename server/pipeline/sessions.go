package pipeline

import (
	"context"
	"errors"
	"sync"

	"github.com/quorate/quorate/peer"
	"github.com/quorate/quorate/server/lease"
	"github.com/quorate/quorate/store/fault"
	"github.com/quorate/quorate/store/tree"
	"github.com/quorate/quorate/store/txn"
)

// Who is the author of what the leader itself asks for.
const (
	expiryAuthor = "quorate:expiry"
	sweepAuthor  = "quorate:sweep"
)

// errUnattached is why a request is refused that comes on a stream from before this reign. What was told to a client that took its
// session up elsewhere, that nothing comes after, holds in every reign: so each stream has to attach again, or what an
// old one brings late would be carried out if only it comes first. (In ZooKeeper a change of leaders ends all connections.)
var errUnattached = errors.New("the leader has changed since the session was taken up")

// errAlive is why a session is not closed that was due when that was asked for.
var errAlive = errors.New("the session has been heard of")

// Heard notes that learners have heard of these sessions. It is for [peer.Peer.HandleTouches], and of no effect while this
// server does not lead.
func (p *Pipeline) Heard(touched []txn.SessionID) {
	if leases := p.leases.Load(); leases != nil {
		leases.Touched(touched)
	}
}

// rule begins what a leader does by itself as long as it leads: it has sessions expire, and sweeps. end returns when that
// has ended.
func (p *Pipeline) rule(ctx context.Context, term *peer.Term) (leases *lease.Leases, end func()) {
	leases = lease.New(lease.Config{
		Tick: p.tick, Round: term.Round, Answered: term.Answered, Own: p.touched,
		Expire: func(id txn.SessionID, done func(error)) { p.expire(term, id, done) },
		Paused: p.paused,
	}, term.Tip().AllSessions())
	p.leases.Store(leases)
	ctx, stop := context.WithCancel(ctx)
	var running sync.WaitGroup
	running.Go(func() { leases.Run(ctx) })
	running.Go(func() { p.sweep(ctx, term) })
	return leases, func() {
		p.leases.Store(nil)
		stop()
		running.Wait()
	}
}

// expire asks for the end of a session that is due. When its turn comes the session is judged once more.
func (p *Pipeline) expire(term *peer.Term, id txn.SessionID, done func(error)) {
	r := Request{
		Op:     &tree.CloseSessionRequest{CloseSession: txn.CloseSession{Session: id}},
		Caller: tree.Super(), Author: expiryAuthor, Via: p.peer.ID(),
	}
	p.start(&job{Request: r, term: term, expires: id, done: func(_ Reply, err error) {
		if errors.Is(err, errAlive) || fault.Is(err, fault.NoSession) {
			err = nil
		}
		done(err)
	}})
}

// admit refuses what must not be done for a session: it has ended, in the tip or in time, or its client has gone elsewhere.
func (b *batch) admit(j *job) error {
	if j.expires != 0 && !b.leases.Expire(j.expires) {
		return errAlive
	}
	if j.Session == 0 {
		return nil
	}
	tip := b.term.Tip()
	if _, open := tip.Session(j.Session); !open {
		return &fault.Error{Kind: fault.NoSession, Zxid: tip.Zxid(), Detail: "the session does not exist or has expired"}
	}
	if !j.Attached {
		b.leases.Touched([]txn.SessionID{j.Session})
		return nil
	}
	switch b.leases.Asks(j.Session, j.Via) {
	case lease.Moved:
		return &fault.Error{Kind: fault.SessionMoved, Zxid: tip.Zxid(), Detail: "the session's client has gone to another server"}
	case lease.Unattached:
		return peer.Refusal(errUnattached)
	}
	return nil
}

// named returns an operation as it is prepared: a session that is to be opened gets its id from the server that asks
// and the zxid that its txn will have, so that none comes twice.
func (b *batch) named(r *Request) tree.Request {
	c, opens := r.Op.(*tree.CreateSessionRequest)
	if !opens || c.Session != 0 {
		return r.Op
	}
	named := *c
	named.Session = txn.MakeSessionID(r.Via, b.term.Next())
	return &named
}

// attached answers an AttachRequest that the tip has agreed to: it leaves no txn.
func (b *batch) attached(r *Request) Reply {
	if a, ok := r.Op.(*tree.AttachRequest); ok {
		b.leases.Attached(a.Session, r.Via)
	}
	return Reply{Zxid: b.term.Tip().Zxid()}
}

// lease keeps the leases what the tip's sessions are.
func (b *batch) lease(j *job, op txn.Op) {
	switch op := op.(type) {
	case *txn.CreateSession:
		b.leases.Opened(op.Session, op.Timeout, j.Via)
	case *txn.CloseSession:
		b.leases.Closed(op.Session)
		if j.expires != 0 && b.pipeline.events.Expired != nil {
			b.pipeline.events.Expired(op.Session)
		}
	}
}

func (p *Pipeline) paused() {
	if p.events.ExpiryPaused != nil {
		p.events.ExpiryPaused()
	}
}
