package client

import (
	"context"
	"errors"
	"iter"
	"strings"
	"time"

	apiv1 "github.com/quorate/quorate/gen/quorate/api/v1"
)

// Watch yields what happens to a node, or with [Recursive] to all nodes from it downwards, in the order in which it happened and each once: first
// an [EventSnapshot] for each node that is there, parents before their children, all of one version of the tree, then the events. With
// [After] it begins with the events after a zxid instead. There need not be a node, nor a session.
//
// When contact is lost it goes on where it was, on another server if need be, until ctx ends. It ends with
// [ErrCompacted] when the servers no longer have what comes next, because contact was lost for long or its events were taken too slowly:
// begin anew, then, with a snapshot. Other errors such as [ErrNoAuth] end it too.
func (c *Client) Watch(ctx context.Context, path string, options ...WatchOption) iter.Seq2[Event, error] {
	r := &watchRequest{WatchRequest: &apiv1.WatchRequest{Path: path}}
	for _, o := range options {
		o.watch(r)
	}
	return func(yield func(Event, error) bool) {
		f := &follower{request: r, snapshot: r.AfterZxid == 0}
		f.since = Zxid(r.AfterZxid)
		for pause := minPause; ; pause = min(2*pause, maxPause) {
			was, at := max(f.since, f.last), c.conns.current.Load()
			err := f.follow(ctx, c.Keeper(), yield)
			switch {
			case err == nil:
				return
			case ctx.Err() != nil:
				yield(Event{}, ended(ctx))
				return
			case c.life.Err() != nil:
				yield(Event{}, refusal(reasonClosed, "the client is closed"))
				return
			case !passing(err):
				yield(Event{}, err)
				return
			}
			c.conns.moveOn(at)
			if max(f.since, f.last) > was {
				pause = minPause
			}
			if !sleep(ctx, pause) {
				yield(Event{}, ended(ctx))
				return
			}
		}
	}
}

// passing tells whether a stream that ended with err is worth another try.
func passing(err error) bool {
	var e *Error
	if isEOF(err) || !errors.As(err, &e) {
		return true
	}
	return e.Reason == "" || errors.Is(e, ErrUnavailable) || errors.Is(e, ErrUnknownOutcome) || errors.Is(e, ErrOverloaded)
}

// watchSilence is how long a server may say nothing before another one is asked: it says something every few seconds.
const watchSilence = 20 * time.Second

// follower is where a watch is.
type follower struct {
	request  *watchRequest
	snapshot bool    // it is still to come
	pieces   []Event // of it, until all are there
	heard            // since: all up to it was told
}

// follow takes one stream until it ends. It returns nil if nobody wants more.
func (f *follower) follow(ctx context.Context, keeper apiv1.KeeperClient, yield func(Event, error) bool) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	f.pieces = nil
	f.request.AfterZxid = uint64(f.broke())
	stream, err := keeper.Watch(ctx, f.request.WatchRequest)
	if err != nil {
		return err
	}
	silence := time.AfterFunc(watchSilence, cancel)
	defer silence.Stop()
	for {
		silence.Reset(watchSilence)
		m, err := stream.Recv()
		if err != nil {
			return err
		}
		silence.Stop() // the caller may take its time
		if !f.take(m, yield) {
			return nil
		}
	}
}

// take yields what a message tells.
func (f *follower) take(m *apiv1.WatchResponse, yield func(Event, error) bool) bool {
	if f.snapshot {
		return f.piece(m, yield)
	}
	for _, one := range m.GetEvents() {
		e := eventOf(one)
		if f.fresh(e) && !yield(e, nil) {
			return false
		}
	}
	if Zxid(m.GetZxid()) <= f.since {
		return true
	}
	f.since = Zxid(m.GetZxid())
	return f.progress(yield)
}

// piece collects the snapshot: it is yielded when it is complete, so that a break within it is not seen.
func (f *follower) piece(m *apiv1.WatchResponse, yield func(Event, error) bool) bool {
	for _, e := range m.GetEntries() {
		f.pieces = append(f.pieces, Event{
			Type: EventSnapshot, Path: joined(f.request.Path, e.GetName()), Zxid: Zxid(m.GetZxid()), Data: e.Data, Stat: statOf(e.GetStat()),
		})
	}
	if m.GetMore() {
		return true
	}
	pieces := f.pieces
	f.snapshot, f.pieces, f.since = false, nil, Zxid(m.GetZxid())
	for _, e := range pieces {
		if !yield(e, nil) {
			return false
		}
	}
	return f.progress(yield)
}

func (f *follower) progress(yield func(Event, error) bool) bool {
	return !f.request.progress || yield(Event{Type: EventProgress, Zxid: f.since}, nil)
}

// joined is the path of an entry of a snapshot.
func joined(root, name string) string {
	if name == "" {
		return root
	}
	return strings.TrimSuffix(root, "/") + "/" + name
}
