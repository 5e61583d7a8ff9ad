package pipeline

import (
	"context"
	"sync"

	"github.com/quorate/quorate/peer"
	"github.com/quorate/quorate/store/fault"
)

// follow forwards requests to the leader, in their order, while this server follows it. When
// it returns, all of them have their answers.
func (p *Pipeline) follow(ctx context.Context, up *peer.Upstream) {
	var waiting sync.WaitGroup
	defer waiting.Wait()
	for p.room(ctx, p.asked, up.Over()) {
		j := p.take(ctx, up.Over())
		if j == nil {
			<-p.asked
			return
		}
		waiting.Add(1)
		p.forward(up, j, func() { <-p.asked; waiting.Done() })
	}
}

// forward sends one request to the leader. done follows its answer.
func (p *Pipeline) forward(up *peer.Upstream, j *job, done func()) {
	err := p.forwardable(j)
	if err != nil {
		j.done(Reply{}, err)
		done()
		return
	}
	if p.events.Forwarded != nil {
		p.events.Forwarded()
	}
	up.Submit(j.Request, func(r Reply, err error) {
		j.done(r, err)
		done()
	})
}

// forwardable refuses what must not go to the leader: a request that another server has sent
// here, when this one led, and one that would not fit a message.
func (p *Pipeline) forwardable(j *job) error {
	switch {
	case j.term != nil:
		return peer.Refusal(errOtherReign)
	case j.Voided():
		return peer.Refusal(errVoid)
	}
	if size := j.Weight(); p.limits.MaxRecord > 0 && size > p.limits.MaxRecord+forwardRoom {
		return fault.New(fault.TooLarge, "", "the request takes up to %d bytes on its way to the leader, the limit is %d", size, p.limits.MaxRecord+forwardRoom)
	}
	return nil
}

// forwardRoom is what a forwarded request may have beyond the greatest record, since checks leave
// nothing in that. Messages between servers may have 1 MiB more.
const forwardRoom = 1<<20 - 64
