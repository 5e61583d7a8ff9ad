package client

import (
	"context"
	"iter"

	apiv1 "github.com/quorate/quorate/gen/quorate/api/v1"
)

// call implements transport.
func (s *Session) call(ctx context.Context, request *apiv1.SessionCall) (*apiv1.SessionAnswer, error) {
	return s.do(ctx, newCall(request))
}

// list implements transport: all pieces are there before the first is yielded.
func (s *Session) list(ctx context.Context, r *apiv1.ListRequest) iter.Seq2[*apiv1.ListResponse, error] {
	return func(yield func(*apiv1.ListResponse, error) bool) {
		c := newCall(&apiv1.SessionCall{Op: &apiv1.SessionCall_List{List: r}})
		if _, err := s.do(ctx, c); err != nil {
			yield(nil, err)
			return
		}
		for _, piece := range c.pieces {
			if !yield(piece, nil) {
				return
			}
		}
	}
}

// do makes a call and waits for its outcome.
func (s *Session) do(ctx context.Context, c *call) (*apiv1.SessionAnswer, error) {
	if err := s.submit(ctx, c); err != nil {
		return nil, err
	}
	return s.wait(ctx, c)
}

// submit puts a call into the queue, when there is room for it.
func (s *Session) submit(ctx context.Context, c *call) error {
	if ctx.Err() != nil {
		return ended(ctx)
	}
	c.size = min(c.size, maxOutstanding)
	if err := s.room.Acquire(ctx, c.size); err != nil {
		return ended(ctx)
	}
	s.mu.Lock()
	err := s.mu.err
	if err == nil && s.mu.closing {
		err = refusal(reasonClosed, "the session is being closed")
	}
	if err == nil {
		s.mu.push(c)
		_, s.mu.closing = c.request.GetOp().(*apiv1.SessionCall_Close)
	}
	s.mu.Unlock()
	if err != nil {
		s.room.Release(c.size)
		return err
	}
	s.poke()
	return nil
}

// poke tells the sender that there is something to send.
func (s *Session) poke() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// wait waits for a call's outcome. A call that nobody waits for any more is not sent, if it was not yet.
func (s *Session) wait(ctx context.Context, c *call) (*apiv1.SessionAnswer, error) {
	select {
	case <-c.done:
		return c.answer, c.err
	case <-ctx.Done():
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	select {
	case <-c.done:
		return c.answer, c.err
	default:
	}
	c.dropped = true
	if s.mu.remove(c) {
		s.settle(c, nil, ended(ctx))
	}
	return nil, ended(ctx)
}

// settle gives a call its outcome. The caller holds mu, and has taken it out of the queue.
func (s *Session) settle(c *call, a *apiv1.SessionAnswer, err error) {
	c.answer, c.err = a, err
	if c.arrived != nil {
		c.arrived(a, err)
	}
	if !c.renewal {
		s.room.Release(c.size)
	}
	close(c.done)
}

// become changes the state. Nothing follows upon Expired or Closed.
func (s *Session) become(state State) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.mu.state == state || s.mu.state >= Expired {
		return
	}
	s.mu.state = state
	close(s.mu.changed)
	s.mu.changed = make(chan struct{})
}

// finish ends the session for this program: all that waits is told why.
func (s *Session) finish(err *Error) {
	state := Expired
	if err.Reason == reasonClosed {
		state = Closed
	}
	s.stop(err)
	s.mu.Lock()
	s.mu.err = err
	for _, c := range s.mu.calls {
		s.settle(c, nil, afterEnd(c, err))
	}
	s.mu.queue = queue{}
	s.mu.watches.end(err)
	s.mu.Unlock()
	s.become(state)
}

// afterEnd is the error of a call that was without an answer when its session ended.
func afterEnd(c *call, why *Error) error {
	if !c.write || !c.sent {
		return why
	}
	e := refusal(reasonUnknownOutcome, "the session ended before the answer came: "+why.Message)
	e.cause = why
	return e
}
