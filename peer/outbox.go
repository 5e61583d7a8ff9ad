package peer

import (
	"context"
	"sync"
	"time"

	quorumv1 "github.com/quorate/quorate/gen/quorate/quorum/v1"
	"github.com/quorate/quorate/store/txn"
)

// maxUnsent bounds the bytes of requests that wait to be sent, but for a single larger one.
const maxUnsent = 32 << 20

// outbox is what a learner has to say after AckEpoch. One goroutine sends it, the most urgent
// first. Acknowledgements and pings are cumulative, so each is one slot, the newest; requests
// queue, up to a bound.
type outbox struct {
	beat  time.Duration         // at least so often a ping is sent
	wake  chan struct{}         // one token when there is something to send
	yield func(context.Context) // see Config
	told  *tidings

	mu struct {
		sync.Mutex
		word    *quorumv1.SyncRequest // AckNewLeader
		ping    bool                  // one is due
		round   uint64                // the newest the leader has named
		written int64                 // bytes made durable on this stream
		acks    bool                  // proposals are acknowledged: the word has been given
		ack     txn.Zxid              // durable up to here
		acked   txn.Zxid              // said so up to here
		calls   []*call               // requests, in order
		bytes   int64                 // of these
	}
}

func newOutbox(beat time.Duration) *outbox {
	return &outbox{beat: beat, wake: make(chan struct{}, 1), yield: func(context.Context) {}}
}

// run sends until the stream or ctx ends. It says nothing of why: that is the reader's to
// find out, since the leader's own words come that way.
func (o *outbox) run(ctx context.Context, stream LearnerStream) error {
	o.told.begin(time.Now())
	pulse := time.NewTicker(o.beat)
	defer pulse.Stop()
	for {
		select {
		case <-o.wake:
		case <-pulse.C:
			o.ping()
		case <-ctx.Done():
			return nil
		}
		if o.yield(ctx); ctx.Err() != nil {
			return nil
		}
		for more := true; more; {
			select {
			case <-pulse.C: // also while there is always something else to say
				o.ping()
			default:
			}
			m := o.next()
			if more = m != nil; more && stream.Send(m) != nil {
				return nil
			}
		}
	}
}

// next returns what is most urgent, nil if there is nothing to say.
func (o *outbox) next() *quorumv1.SyncRequest {
	o.mu.Lock()
	defer o.mu.Unlock()
	switch {
	case o.mu.word != nil:
		m := o.mu.word
		o.mu.word = nil
		return m
	case o.mu.ping:
		return o.beats()
	case o.mu.acks && o.mu.ack > o.mu.acked:
		o.mu.acked = o.mu.ack
		return &quorumv1.SyncRequest{Step: &quorumv1.SyncRequest_Ack{Ack: &quorumv1.Ack{Zxid: uint64(o.mu.acked)}}}
	case len(o.mu.calls) > 0:
		c := o.mu.calls[0]
		o.mu.calls[0] = nil
		o.mu.calls = o.mu.calls[1:]
		o.mu.bytes -= c.bytes
		c.sent = true
		return c.message
	}
	return nil
}

// beats makes a ping; mu is held, but not while the sessions are asked for.
func (o *outbox) beats() *quorumv1.SyncRequest {
	round, written := o.mu.round, o.mu.written
	o.mu.ping = false
	o.mu.Unlock()
	m, more := o.told.ping(round, written, time.Now())
	o.mu.Lock()
	o.mu.ping = o.mu.ping || more
	return &quorumv1.SyncRequest{Step: &quorumv1.SyncRequest_Ping{Ping: m}}
}

func (o *outbox) poke() {
	select {
	case o.wake <- struct{}{}:
	default:
	}
}

// ping makes a ping due. For run, which then looks what there is to send.
func (o *outbox) ping() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.mu.ping = true
}

// echo answers a ping of the leader.
func (o *outbox) echo(round uint64) {
	o.mu.Lock()
	o.mu.round = max(o.mu.round, round)
	o.mu.ping = true
	o.mu.Unlock()
	o.poke()
}

// advance adds bytes made durable; the next ping tells.
func (o *outbox) advance(bytes int64) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.mu.written += bytes
}

// durable says that the log is, up to z, which is so many bytes more.
func (o *outbox) durable(z txn.Zxid, bytes int64) {
	o.mu.Lock()
	o.mu.ack = z
	o.mu.written += bytes
	o.mu.Unlock()
	o.poke()
}

// ackNewLeader gives the word, which stands for all up to last; what comes after is acknowledged.
func (o *outbox) ackNewLeader(epoch txn.Epoch, last txn.Zxid) {
	o.mu.Lock()
	o.mu.word = &quorumv1.SyncRequest{Step: &quorumv1.SyncRequest_AckNewLeader{AckNewLeader: &quorumv1.AckNewLeader{Epoch: uint32(epoch)}}}
	o.mu.acks, o.mu.acked = true, last
	o.mu.Unlock()
	o.poke()
}

// post queues a request; false if there is no room.
func (o *outbox) post(c *call) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.mu.calls) > 0 && o.mu.bytes+c.bytes > maxUnsent {
		return false
	}
	o.mu.calls = append(o.mu.calls, c)
	o.mu.bytes += c.bytes
	o.poke()
	return true
}
