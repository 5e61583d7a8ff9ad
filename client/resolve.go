package client

import (
	apiv1 "github.com/quorate/quorate/gen/quorate/api/v1"
)

// fate is what becomes of a call without an answer when its session was taken up again.
type fate int

const (
	again    fate = iota // it had no effect, and will have none: it is sent once more
	happened             // it took effect: it is the session's last write
	unknown              // a later write took effect, or no record was kept: this one may have taken effect, or may have failed
	failed               // the server said that it did nothing, and its turn has passed
	forget               // nobody waits for it
)

// decide is a pure function of a call and the last write of its session that took effect. A session's writes take effect in the order in which
// they were sent, and none of those on an earlier stream can any more once the session was taken up again.
func decide(c *call, last *apiv1.LastWrite) fate {
	switch {
	case c.dropped && !c.sent:
		return forget
	case !c.sent:
		return again
	case c.write && c.untold:
		return c.withoutRecord()
	case c.write && c.request.GetCxid() == last.GetCxid():
		return happened
	case c.dropped:
		return forget
	case !c.write || c.request.GetCxid() > last.GetCxid():
		return again
	case isUnavailable(c.refused):
		return failed
	}
	return unknown
}

// withoutRecord is the fate of a write of which no last write tells.
func (c *call) withoutRecord() fate {
	switch {
	case c.dropped:
		return forget
	case isUnavailable(c.refused):
		return failed
	}
	return unknown
}

func isUnavailable(err error) bool {
	e, ok := err.(*Error)
	return ok && e.Reason == reasonUnavailable
}

// recovered is the answer to a write, as far as the session's last write tells it. It has no Stat.
func recovered(c *call, last *apiv1.LastWrite) *apiv1.SessionAnswer {
	a := &apiv1.SessionAnswer{Cxid: last.GetCxid()}
	switch op := c.request.GetOp().(type) {
	case *apiv1.SessionCall_Create:
		path := last.GetPath()
		if path == "" {
			path = op.Create.GetPath()
		}
		a.Result = &apiv1.SessionAnswer_Create{Create: &apiv1.CreateResponse{Zxid: last.GetZxid(), Path: path}}
	case *apiv1.SessionCall_Delete:
		a.Result = &apiv1.SessionAnswer_Delete{Delete: &apiv1.DeleteResponse{Zxid: last.GetZxid()}}
	case *apiv1.SessionCall_Set:
		a.Result = &apiv1.SessionAnswer_Set{Set: &apiv1.SetResponse{Zxid: last.GetZxid()}}
	case *apiv1.SessionCall_SetAcl:
		a.Result = &apiv1.SessionAnswer_SetAcl{SetAcl: &apiv1.SetAclResponse{Zxid: last.GetZxid()}}
	case *apiv1.SessionCall_Multi:
		a.Result = &apiv1.SessionAnswer_Multi{Multi: &apiv1.MultiResponse{Zxid: last.GetZxid()}}
	}
	return a
}

// resolve goes through the calls without an answer when the session was taken up again: what is to be sent once more stays, in its
// order, behind the first calls; the outcome of the others is told to finish.
func (q *queue) resolve(last *apiv1.LastWrite, first []*call, finish func(*call, *apiv1.SessionAnswer, error)) {
	waiting := q.calls
	q.calls, q.sent = first, 0
	q.cxid = max(q.cxid, last.GetCxid())
	for _, c := range waiting {
		if c.renewal { // first has it anew
			continue
		}
		switch decide(c, last) {
		case again:
			c.sent, c.refused, c.pieces = false, nil, nil
			q.calls = append(q.calls, c)
		case happened:
			finish(c, recovered(c, last), nil)
		case unknown:
			finish(c, nil, lost(0))
		case failed:
			finish(c, nil, c.refused)
		case forget:
			finish(c, nil, refusal(reasonUnavailable, "nobody waited for the answer"))
		}
	}
}
