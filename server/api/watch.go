package api

import (
	"context"
	"strings"
	"time"

	apiv1 "github.com/quorate/quorate/gen/quorate/api/v1"
	"github.com/quorate/quorate/server/watch"
	"github.com/quorate/quorate/store/fault"
	"github.com/quorate/quorate/store/tree"
	"github.com/quorate/quorate/store/txn"
)

// progressEvery is how long a Watch is silent at the most.
const progressEvery = 5 * time.Second

// Watch tells of every change of a node, or of a node and all below it. Of what the caller may not read, node by
// node, it tells nothing. The version that a snapshot is of is held until the client has read it, and such streams count among the lists; after
// that a stream holds nothing but the message that is being sent.
func (k *Keeper) Watch(r *apiv1.WatchRequest, stream apiv1.Keeper_WatchServer) error {
	ctx := stream.Context()
	if err := k.await(ctx, r.GetOptions()); err != nil {
		return Error(err)
	}
	if err := k.notBefore(ctx, txn.Zxid(r.GetAfterZxid())); err != nil {
		return Error(err)
	}
	return Error(k.watch(ctx, r, stream.Send))
}

// watch serves a Watch on what this server has.
func (k *Keeper) watch(ctx context.Context, r *apiv1.WatchRequest, send func(*apiv1.WatchResponse) error) error {
	types, err := typesIn(r)
	if err != nil {
		return err
	}
	after := txn.Zxid(r.GetAfterZxid())
	cursor, v, err := k.watches.Follow(r.GetPath(), r.GetRecursive(), after)
	if err != nil {
		return err
	}
	defer cursor.Close()
	f := &follower{cursor: cursor, caller: CallerOf(ctx), request: r, types: types, send: send, told: after}
	if after == 0 {
		if err := k.snapshot(ctx, f, v); err != nil {
			return err
		}
	}
	return f.follow(ctx)
}

// snapshot sends what the client begins with, in its turn among the lists.
func (k *Keeper) snapshot(ctx context.Context, f *follower, v *tree.Version) error {
	done, err := k.listing(f.request.GetPath())
	if err != nil {
		return err
	}
	defer done()
	return f.snapshot(ctx, v)
}

// listing takes a place among the lists, to be given back by done.
func (k *Keeper) listing(path string) (done func(), err error) {
	select {
	case k.lists <- struct{}{}:
		return func() { <-k.lists }, nil
	default:
		return nil, &fault.Error{
			Kind: fault.Overloaded, Path: path, RetryAfter: listRetry,
			Detail: "too many lists are being read on this server (--max-lists)",
		}
	}
}

// typesIn returns the types of events that a request asks for, as bits.
func typesIn(r *apiv1.WatchRequest) (types uint, err error) {
	for _, t := range r.GetTypes() {
		switch t {
		case apiv1.EventType_EVENT_TYPE_CREATED, apiv1.EventType_EVENT_TYPE_DELETED, apiv1.EventType_EVENT_TYPE_DATA_CHANGED:
			types |= 1 << t
		default:
			return 0, fault.New(fault.BadArguments, r.GetPath(), "%v is no type of event that Watch tells: want CREATED, DELETED or DATA_CHANGED", t)
		}
	}
	if types == 0 {
		types = ^uint(0)
	}
	return types, nil
}

// follower makes the messages of one Watch.
type follower struct {
	cursor  *watch.Cursor
	caller  tree.Caller
	request *apiv1.WatchRequest
	types   uint // bits
	send    func(*apiv1.WatchResponse) error

	told    txn.Zxid // all that happened up to here has been sent, or is in message
	current txn.Zxid // the txn of the last event in message
	message *apiv1.WatchResponse
	bytes   int // of message
}

// snapshot sends the nodes of a version, at least one message. Once what comes next has been forgotten the rest is of no use.
func (f *follower) snapshot(ctx context.Context, v *tree.Version) error {
	f.told = v.Zxid()
	f.begin()
	for n := range f.nodes(v) {
		if !tree.Allowed(v.ACL(n), txn.MayRead, f.caller) {
			continue
		}
		e := f.entry(n)
		size := len(e.GetName()) + len(e.Data) + entryOverhead
		if len(f.message.Entries) > 0 && (len(f.message.Entries) == pieceEntries || f.bytes+size > pieceBytes) {
			f.message.More = true
			if err := f.flush(ctx, f.told); err != nil {
				return err
			}
			if err := f.cursor.Err(); err != nil {
				return err
			}
		}
		f.message.Entries = append(f.message.Entries, e)
		f.bytes += size
	}
	return f.flush(ctx, f.told)
}

// nodes yields the nodes that are watched.
func (f *follower) nodes(v *tree.Version) func(yield func(tree.Node) bool) {
	return func(yield func(tree.Node) bool) {
		root, there := v.Get(f.request.GetPath())
		if !there || !yield(root) || !f.request.GetRecursive() {
			return
		}
		v.Descendants(f.request.GetPath())(yield)
	}
}

func (f *follower) entry(n tree.Node) *apiv1.Entry {
	e := &apiv1.Entry{Name: strings.TrimPrefix(n.Path()[len(f.request.GetPath()):], "/"), Stat: statOf(n.Stat())}
	if f.request.GetWithData() {
		e.Data = n.Data()
	}
	return e
}

// follow sends what happens until ctx ends, and returns why, or until the cursor cannot go on. Its first message comes at once if no
// snapshot went before, so that the client knows that it is served.
func (f *follower) follow(ctx context.Context) error {
	silence := time.NewTimer(progressEvery)
	defer silence.Stop()
	due := f.request.GetAfterZxid() != 0
	for {
		page, err := f.cursor.Next()
		if err != nil {
			return err
		}
		sent, err := f.tell(ctx, page, due)
		if err != nil {
			return err
		}
		if due = false; sent {
			silence.Reset(progressEvery)
		}
		if page.More {
			continue
		}
		select {
		case <-f.cursor.Wake():
		case <-silence.C:
			due = true
			silence.Reset(progressEvery)
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// tell sends the events of a page, if there are any, or if a message is due anyway.
func (f *follower) tell(ctx context.Context, page watch.Page, due bool) (sent bool, err error) {
	for _, found := range page.Found {
		event := f.event(found)
		if event == nil {
			continue
		}
		size := len(event.GetPath()) + len(event.Data) + entryOverhead
		if f.message != nil && (len(f.message.Events) == pieceEntries || f.bytes+size > pieceBytes) {
			if f.current != found.Zxid {
				f.told = f.current
			}
			if err := f.flush(ctx, f.told); err != nil {
				return true, err
			}
		}
		if f.current != found.Zxid {
			f.told = max(f.told, f.current)
			f.current = found.Zxid
		}
		if f.message == nil {
			f.begin()
		}
		f.message.Events = append(f.message.Events, event)
		f.bytes += size
	}
	f.told = page.Zxid
	if f.message == nil && !due {
		return false, nil
	}
	if f.message == nil {
		f.begin()
	}
	return true, f.flush(ctx, f.told)
}

// event is what the client is told of an effect; nil for nothing.
func (f *follower) event(found watch.Found) *apiv1.WatchEvent {
	e := found.Effect
	if f.types&(1<<e.Kind) == 0 || !tree.Allowed(e.ACL.Entries(), txn.MayRead, f.caller) {
		return nil
	}
	event := &apiv1.WatchEvent{Zxid: uint64(found.Zxid), Type: apiv1.EventType(e.Kind), Path: e.Path}
	if e.Kind == tree.Deleted {
		return event
	}
	event.Stat = statOf(e.Node.Stat())
	if f.request.GetWithData() {
		event.Data = e.Node.Data()
	}
	return event
}

// begin begins a message.
func (f *follower) begin() { f.message, f.bytes = &apiv1.WatchResponse{}, 0 }

// flush sends the message, which tells all up to z, unless the caller has gone; a message with more of the snapshot behind it is followed
// by another.
func (f *follower) flush(ctx context.Context, z txn.Zxid) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	m := f.message
	m.Zxid = uint64(z)
	f.message, f.bytes = nil, 0
	if m.GetMore() {
		f.begin()
	}
	return f.send(m)
}
