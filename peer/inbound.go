package peer

import (
	"context"
	"errors"
	"io"
	"sync/atomic"
	"time"

	quorumv1 "github.com/quorate/quorate/gen/quorate/quorum/v1"
	"github.com/quorate/quorate/peer/election"
	"github.com/quorate/quorate/store/txn"
)

// maxIncoming bounds the streams of Election.Exchange to this server: one from each server
// there can be, and one that takes its place. More are refused.
const maxIncoming = 2 * int(txn.MaxServerID)

// inbound is our end of another server's Election.Exchange: it brings what that server says.
// The goroutine of the call only waits, for neither Recv nor Send can be interrupted but
// by its return.
type inbound struct {
	stream  ExchangeServer
	end     context.CancelCauseFunc
	arrived chan struct{} // has a token when newest has grown
	newest  atomic.Uint64 // sequence number received

	from txn.ServerID // guarded by elector.mu; 0 before the first message
}

// serve takes what another server says on s, until that ends or a newer stream
// takes its place, this server stops, or something makes no sense: then it is a *Rejection.
func (e *elector) serve(s ExchangeServer) error {
	ctx, end := context.WithCancelCause(s.Context())
	in := &inbound{stream: s, end: end, arrived: make(chan struct{}, 1)}
	if err := e.admit(ctx, in); err != nil {
		end(nil)
		return err
	}
	defer e.dismiss(in)
	defer end(nil)
	select {
	case <-e.stopping:
		return absent()
	case <-ctx.Done():
	}
	if err := context.Cause(ctx); !errors.Is(err, io.EOF) {
		return err
	}
	return nil
}

func absent() error {
	return reject(quorumv1.RefusalReason_REFUSAL_REASON_RESIGNED, "this server is starting or stopping")
}

// admit starts the two goroutines of a stream, if there is room for it.
func (e *elector) admit(ctx context.Context, in *inbound) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	switch {
	case !e.mu.running:
		return absent()
	case e.mu.inbound >= maxIncoming:
		return reject(quorumv1.RefusalReason_REFUSAL_REASON_THROTTLED, "%d streams of the election are open", e.mu.inbound)
	}
	e.mu.inbound++
	e.working.Go(func() { in.end(e.hear(ctx, in)) })
	e.working.Go(func() { in.end(in.answer(ctx)) })
	return nil
}

// dismiss forgets a stream that has ended.
func (e *elector) dismiss(in *inbound) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.mu.inbound--
	if e.mu.streams[in.from] == in {
		delete(e.mu.streams, in.from)
	}
}

// hear receives until the stream ends, or is silent for too long.
func (e *elector) hear(ctx context.Context, in *inbound) error {
	watchdog := time.AfterFunc(linkSilence, func() {
		in.end(reject(quorumv1.RefusalReason_REFUSAL_REASON_TOO_SLOW, "nothing was heard for %v", linkSilence))
	})
	defer watchdog.Stop()
	for {
		m, err := in.stream.Recv()
		if err != nil {
			return err
		}
		watchdog.Reset(linkSilence)
		if err := e.receive(ctx, in, m); err != nil {
			return err
		}
	}
}

// receive takes one message.
func (e *elector) receive(ctx context.Context, in *inbound, m *quorumv1.ExchangeRequest) error {
	from, word, err := decodeExchange(m, in.newest.Load())
	if err == nil {
		err = e.accept(ctx, in, from, word)
	}
	if r := (*Rejection)(nil); errors.As(err, &r) && r.Reason == quorumv1.RefusalReason_REFUSAL_REASON_MALFORMED {
		e.mail.put(aboutNonsense, from, func(context.Context) { e.refused(from, err) })
	}
	if err != nil {
		return err
	}
	in.newest.Store(m.GetSequence())
	poke(in.arrived)
	return nil
}

// decodeExchange returns who has sent a message, behind the one with number last, and its
// notification; nil if it has none. An error is a *Rejection.
func decodeExchange(m *quorumv1.ExchangeRequest, last uint64) (txn.ServerID, *election.Notification, error) {
	from, ok := decodeServerID(m.GetId())
	switch {
	case !ok:
		return 0, nil, malformed("a message from server %d", m.GetId())
	case m.GetSequence() <= last:
		return from, nil, malformed("message %d of server %d comes after its message %d", m.GetSequence(), from, last)
	case m.GetNotification() == nil:
		return from, nil, nil
	}
	n, err := decodeNotification(m.GetNotification())
	return from, &n, err
}

// accept hands over what a server has said, unless the stream is not, or no longer, that server's.
func (e *elector) accept(ctx context.Context, in *inbound, from txn.ServerID, word *election.Notification) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case !e.isOther(from):
		return malformed("server %d is no other member of server %d's ensemble", from, e.p.id)
	case in.from == 0:
		e.name(in, from)
	case in.from != from:
		return malformed("server %d speaks on the stream of server %d", from, in.from)
	}
	if word != nil {
		e.mail.put(aboutWord, from, func(ctx context.Context) {
			e.step(ctx, election.Received{From: from, Notification: *word})
		})
	}
	return nil
}

// isOther tells whether the newest membership names a server that is not this one; e.mu is held.
func (e *elector) isOther(id txn.ServerID) bool {
	_, listed := memberOf(id, e.mu.status.View.Membership.Members)
	return listed && id != e.p.id
}

// name makes in the stream of a server, in the place of an older one; e.mu is held. The
// server lives: if we could not reach it, it is worth another try.
func (e *elector) name(in *inbound, from txn.ServerID) {
	if old := e.mu.streams[from]; old != nil {
		old.end(reject(quorumv1.RefusalReason_REFUSAL_REASON_REPLACED, "server %d has opened a newer stream", from))
	}
	in.from, e.mu.streams[from] = from, in
	e.mail.put(aboutStream, from, func(context.Context) { e.hurry(from) })
}

// answer proves what has arrived, until the stream ends.
func (in *inbound) answer(ctx context.Context) error {
	for said := uint64(0); ; {
		select {
		case <-in.arrived:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		newest := in.newest.Load()
		if newest == said {
			continue
		}
		if err := in.stream.Send(&quorumv1.ExchangeResponse{Sequence: newest}); err != nil {
			return err
		}
		said = newest
	}
}
