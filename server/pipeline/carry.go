package pipeline

import (
	"context"
	"errors"

	"github.com/quorate/quorate/peer"
	"github.com/quorate/quorate/server/lease"
)

// Run carries requests until ctx ends. Then it refuses those not yet proposed or
// forwarded, waits for those that are, and returns nil.
func (p *Pipeline) Run(ctx context.Context) error {
	for ctx.Err() == nil {
		switch now := p.peer.Standing(); {
		case now.Term != nil:
			p.sequence(ctx, now.Term)
		case now.Upstream != nil:
			p.follow(ctx, now.Upstream)
		default:
			p.refuse(ctx, now.Changed, peer.Refusal(now.Reason))
		}
	}
	close(p.stopped)
	p.clear()
	return nil
}

// clear refuses what is still in the queue of a pipeline that has stopped.
func (p *Pipeline) clear() {
	for {
		select {
		case j := <-p.queue:
			j.done(Reply{}, stopping())
		default:
			return
		}
	}
}

// refuse answers requests while there is no leader.
func (p *Pipeline) refuse(ctx context.Context, changed <-chan struct{}, why error) {
	for j := p.take(ctx, changed); j != nil; j = p.take(ctx, changed) {
		j.done(Reply{}, why)
	}
}

// take waits for a request. It returns nil, and leaves the queue alone, when over is
// closed or ctx has ended.
func (p *Pipeline) take(ctx context.Context, over <-chan struct{}) *job {
	if isClosed(over) || ctx.Err() != nil {
		return nil
	}
	select {
	case j := <-p.queue:
		return j
	case <-over:
	case <-ctx.Done():
	}
	return nil
}

// sequence proposes batch after batch while the reign lasts, and returns when
// every one of them is done.
func (p *Pipeline) sequence(ctx context.Context, term *peer.Term) {
	defer p.settle()
	leases, end := p.rule(ctx, term)
	defer end()
	for p.room(ctx, p.slots, term.Over()) {
		first := p.take(ctx, term.Over())
		if first == nil {
			<-p.slots
			return
		}
		if err := p.propose(ctx, term, leases, first); err != nil {
			<-p.slots
			p.await(ctx, term.Over())
			return
		}
	}
}

// room waits for a token; false, and none is taken, when over is closed or ctx has ended.
func (p *Pipeline) room(ctx context.Context, tokens chan<- struct{}, over <-chan struct{}) bool {
	if isClosed(over) || ctx.Err() != nil {
		return false
	}
	select {
	case tokens <- struct{}{}:
		return true
	case <-over:
	case <-ctx.Done():
	}
	return false
}

// propose makes one batch of what is waiting. After an error nothing of it was
// proposed, and its callers know that.
func (p *Pipeline) propose(ctx context.Context, term *peer.Term, leases *lease.Leases, first *job) error {
	if err := term.Ready(); err != nil {
		first.done(Reply{}, peer.Refusal(err))
		return err
	}
	b := &batch{pipeline: p, term: term, leases: leases}
	b.add(first)
	for b.room() {
		select {
		case j := <-p.queue:
			b.add(j)
			continue
		default:
		}
		break
	}
	// Stopping must not end the reign: a batch that was made is still proposed.
	err := term.Propose(context.WithoutCancel(ctx), b.finished())
	if err != nil {
		b.refuse(err)
		return err
	}
	b.proposed()
	if p.events.Proposed != nil {
		p.events.Proposed(b.requests, len(b.records), b.bytes)
	}
	return nil
}

// await returns when the reign is over, or ctx: another one has to be asked for.
func (p *Pipeline) await(ctx context.Context, over <-chan struct{}) {
	select {
	case <-over:
	case <-ctx.Done():
	}
}

// settle returns when no batch is on its way.
func (p *Pipeline) settle() {
	for range window {
		p.slots <- struct{}{}
	}
	for range window {
		<-p.slots
	}
}

// errVoid is why a request is refused whose session cannot have it carried out any more.
var errVoid = errors.New("an earlier request of the session has come to no known end")

// errOtherReign is why a request that was forwarded to an earlier reign is refused: its learner
// has been told already that the outcome is unknown.
var errOtherReign = errors.New("the request was sent to a reign that has ended")
