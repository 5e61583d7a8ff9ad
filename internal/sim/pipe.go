package sim

import (
	"context"
	"errors"
	"time"
)

// pipe is one direction of a stream: what is sent arrives in its order, after the
// link's latency. Everything in it is guarded by Network.mu.
type pipe struct {
	net   *Network
	link  *link
	place place
	seed  uint64
	// stream is the one that this is a direction of.
	stream *stream

	sent   uint64    // packets so far
	last   time.Time // when the newest packet arrives, or was to
	flight []packet  // on their way
	inbox  []packet  // arrived, not received
	bytes  int       // in both
	timer  *time.Timer

	broken  error         // why nothing can be sent any more; nil while it can
	end     error         // what the receiver gets behind the inbox; nil while the stream stands
	changed chan struct{} // closed at the next change; nil while nobody waits
	ended   func(error)   // called once, with the lock held, when the receiver learns of the end
}

// packet is a message, the call itself, or the end.
type packet struct {
	at   time.Time
	data []byte
	size int // of data, as it was sent
	// open is done when the call has arrived.
	open func()
	// fin ends the stream; reset: what has not been received is lost.
	fin   error
	reset bool
}

// errLost is what both ends of a stream get when the network has given it up.
var errLost = errors.New("the connection is lost")

func newPipe(n *Network, l *link, p place, seed uint64, ended func(error)) *pipe {
	return &pipe{net: n, link: l, place: p, seed: seed, ended: ended}
}

// announce wakes who waits.
func (p *pipe) announce() {
	if p.changed != nil {
		close(p.changed)
		p.changed = nil
	}
}

// change returns what is closed at the next change.
func (p *pipe) change() <-chan struct{} {
	if p.changed == nil {
		p.changed = make(chan struct{})
	}
	return p.changed
}

// send puts a message on its way. It waits while more than the window is on its way or not received.
func (p *pipe) send(ctx context.Context, data []byte) error {
	for {
		wait, err := p.offer(ctx, data)
		if wait == nil {
			return err
		}
		select {
		case <-wait:
		case <-ctx.Done():
		}
	}
}

// offer sends if there is room; otherwise it returns what to wait for.
func (p *pipe) offer(ctx context.Context, data []byte) (wait <-chan struct{}, err error) {
	p.net.mu.Lock()
	defer p.net.mu.Unlock()
	switch {
	case p.broken != nil:
		return nil, p.broken
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case p.bytes > 0 && p.bytes+len(data) > p.net.config.Window:
		return p.change(), nil
	}
	p.put(packet{data: data})
	return nil, nil
}

// put puts a packet behind the others. If nobody is there to receive it, it is lost.
func (p *pipe) put(k packet) {
	if p.end != nil {
		return
	}
	k.size = len(k.data)
	p.bytes += k.size
	p.net.mu.peak = max(p.net.mu.peak, p.bytes)
	k.at = p.arrival()
	p.flight = append(p.flight, k)
	p.arm()
}

// arrival is when a packet sent now arrives: after the packet before it.
func (p *pipe) arrival() time.Time {
	p.sent++
	at := p.place.at(time.Now().Add(p.link.latency.draw(mix(p.seed, p.sent))))
	if !at.After(p.last) {
		at = p.place.at(p.last.Add(1))
	}
	p.last = at
	return at
}

// arm sets the timer for the next packet, unless the link is cut.
func (p *pipe) arm() {
	if p.timer == nil && len(p.flight) > 0 && !p.link.cut {
		p.timer = time.AfterFunc(time.Until(p.flight[0].at), p.deliver)
	}
}

// hold stops deliveries; release sends on its way again what was.
func (p *pipe) hold() {
	if p.timer != nil {
		p.timer.Stop()
		p.timer = nil
	}
}

func (p *pipe) release() {
	p.last = time.Time{}
	for i := range p.flight {
		p.flight[i].at = p.arrival()
	}
	p.arm()
}

// deliver takes the next packet off its way; the timer calls it.
func (p *pipe) deliver() {
	p.net.mu.Lock()
	defer p.net.mu.Unlock()
	if p.timer == nil || len(p.flight) == 0 || p.flight[0].at.After(time.Now()) {
		return // held or emptied in the instant in which it was to arrive
	}
	p.timer = nil
	k := p.flight[0]
	p.flight = p.flight[1:]
	switch {
	case k.fin != nil:
		p.finish(k.fin, k.reset)
	case k.open != nil:
		k.open()
	default:
		if s := p.stream; s.kind == Exchange && p == s.up {
			k.data = p.net.mu.favourite.bend(s.from, s.to, k.data)
		}
		if p.net.config.Arrived != nil && p.stream.kind != Connection {
			p.stream.tell(p, k.data)
		}
		p.inbox = append(p.inbox, k)
		p.announce()
	}
	p.arm()
}

// finish ends the pipe for its receiver.
func (p *pipe) finish(err error, reset bool) {
	if p.end != nil {
		return
	}
	p.hold()
	p.end, p.flight, p.bytes = err, nil, 0
	if reset {
		p.inbox = nil
	}
	p.ended(err)
	p.announce()
}

// fail ends the pipe for its sender, who can tell nobody any more.
func (p *pipe) fail(err error) {
	if p.broken == nil {
		p.broken = err
		p.announce()
	}
}

// shut ends the pipe for its sender; the receiver learns of it behind what was sent
// before, or with reset instead of it.
func (p *pipe) shut(sender, receiver error, reset bool) {
	if p.broken != nil {
		return
	}
	p.put(packet{fin: receiver, reset: reset})
	p.fail(sender)
}

// recv returns the next message, or as much of it as is asked for, or how the stream ended.
func (p *pipe) recv(ctx context.Context, most int) ([]byte, error) {
	for {
		data, wait, err := p.take(ctx, most)
		if wait == nil {
			return data, err
		}
		select {
		case <-wait:
		case <-ctx.Done():
		}
	}
}

// take receives if something has arrived; otherwise it returns what to wait for.
func (p *pipe) take(ctx context.Context, most int) (data []byte, wait <-chan struct{}, err error) {
	p.net.mu.Lock()
	defer p.net.mu.Unlock()
	switch {
	case len(p.inbox) > 0 && ctx.Err() == nil:
		p.announce()
		return p.takeFirst(most), nil, nil
	case p.end != nil:
		return nil, nil, p.end
	case ctx.Err() != nil:
		return nil, nil, context.Cause(ctx)
	}
	return nil, p.change(), nil
}

// takeFirst takes the first message of the inbox, or the beginning of it.
func (p *pipe) takeFirst(most int) []byte {
	k := &p.inbox[0]
	if len(k.data) > most {
		data := k.data[:most]
		k.data = k.data[most:]
		k.size -= most
		p.bytes -= most
		return data
	}
	p.bytes -= k.size
	data := k.data
	p.inbox = p.inbox[1:]
	return data
}
