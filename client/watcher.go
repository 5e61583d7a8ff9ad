package client

import (
	"context"
	"iter"

	apiv1 "github.com/quorate/quorate/gen/quorate/api/v1"
)

// EventType says what happened to a node.
type EventType int8

// The types of events.
const (
	// EventCreated: the node was created.
	EventCreated EventType = iota + 1
	// EventDeleted: it was deleted.
	EventDeleted
	// EventDataChanged: its data was replaced.
	EventDataChanged
	// EventChildrenChanged: a child of it was created or deleted. Not in [Client.Watch].
	EventChildrenChanged
	// EventSnapshot: the node was there when the watch began. Only in [Client.Watch].
	EventSnapshot
	// EventProgress is about no node: all that happened up to its zxid has been told. Only in [Client.Watch], with [WithProgress].
	EventProgress
)

// String returns the type in small letters.
func (t EventType) String() string {
	return map[EventType]string{
		EventCreated: "created", EventDeleted: "deleted", EventDataChanged: "data changed", EventChildrenChanged: "children changed",
		EventSnapshot: "snapshot", EventProgress: "progress",
	}[t]
}

// Event is one thing that happened.
type Event struct {
	// Type says what happened.
	Type EventType
	// Path is the node to which it happened.
	Path string
	// Zxid of the txn that did it; of a snapshot, the version that it shows.
	Zxid Zxid
	// Data is the content that the node got: only in [Client.Watch] with [WithData], and not of a deletion.
	Data []byte
	// Stat is the node's right after it: only in [Client.Watch], and not of a deletion.
	Stat Stat
}

func eventOf(e *apiv1.WatchEvent) Event {
	return Event{Type: EventType(e.GetType()), Path: e.GetPath(), Zxid: Zxid(e.GetZxid()), Data: e.Data, Stat: statOf(e.GetStat())}
}

// WatchMode says of what a watch of a session tells, and how often.
type WatchMode int8

// The modes of watches. The first three are ZooKeeper's classic watches, which fire once.
const (
	// WatchData tells once of the deletion of a node or the next change of its data.
	WatchData WatchMode = iota + 1
	// WatchExists tells once of the creation or deletion of a node, or the next change of its data.
	WatchExists
	// WatchChildren tells once of the next creation or deletion of a child, or of the node's own deletion.
	WatchChildren
	// WatchPersistent tells each time of the node itself, and EventChildrenChanged of its children.
	WatchPersistent
	// WatchRecursive tells each time of the node and all below it, never EventChildrenChanged.
	WatchRecursive
)

func (m WatchMode) once() bool { return m <= WatchChildren }

// tells says whether a watch of this mode on the event's node, or for WatchRecursive above it, tells of an event.
func (m WatchMode) tells(t EventType) bool {
	switch m {
	case WatchData:
		return t == EventDeleted || t == EventDataChanged
	case WatchChildren:
		return t == EventDeleted || t == EventChildrenChanged
	case WatchPersistent:
		return true
	}
	return t != EventChildrenChanged
}

// watcherRoom is how many events may wait in a Watcher.
const watcherRoom = 10_000

// Watcher tells of the events of one watch. It belongs to a session, and outlives breaks of its connection: no event is lost, and none is told twice.
// It ends when it has fired, if its mode is one that fires once; when it is removed ([ErrNoWatch]); with its session
// ([ErrSessionExpired], [ErrClosed]); and with [ErrCompacted] when it can no longer tell everything: after a break that was
// too long for the servers' history, or when 10,000 events wait in it that nobody has taken. Who gets ErrCompacted reads what is there, and watches anew.
//
// Its methods are safe for concurrent use, but each event goes to one caller.
type Watcher struct {
	s     *Session
	key   watchKey
	ready chan struct{} // of room for one: something is there
	// Guarded by the session's mu.
	events []Event
	err    error // no events come any more; said when those that wait are taken
}

// Next waits for the next event. After the last one of a watch that fires once, and when the watch was removed, it fails with [ErrNoWatch].
func (w *Watcher) Next(ctx context.Context) (Event, error) {
	for {
		if e, ok, err := w.take(); ok || err != nil {
			return e, err
		}
		select {
		case <-w.ready:
		case <-ctx.Done():
			return Event{}, ended(ctx)
		}
	}
}

func (w *Watcher) take() (Event, bool, error) {
	w.s.mu.Lock()
	defer w.s.mu.Unlock()
	if len(w.events) == 0 {
		if w.err != nil {
			w.poke() // for others that wait
		}
		return Event{}, false, w.err
	}
	e := w.events[0]
	w.events = w.events[1:]
	w.poke()
	return e, true, nil
}

// All yields the events as they come. It ends without an error after the event of a watch that fires once, or when the watch was removed.
func (w *Watcher) All(ctx context.Context) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		for {
			e, err := w.Next(ctx)
			if isReason(err, reasonNoWatch) || !yield(e, err) || err != nil {
				return
			}
		}
	}
}

func isReason(err error, reason string) bool {
	e, ok := err.(*Error)
	return ok && e.Reason == reason
}

func (w *Watcher) poke() {
	select {
	case w.ready <- struct{}{}:
	default:
	}
}

// push adds an event. The caller holds the session's mu.
func (w *Watcher) push(e Event) {
	if w.err != nil {
		return
	}
	if len(w.events) == watcherRoom {
		w.end(refusal(reasonCompacted, "the watcher was not read: 10,000 events wait in it, and it gets no more"))
		return
	}
	w.events = append(w.events, e)
	w.poke()
}

func (w *Watcher) end(err error) {
	if w.err == nil {
		w.err = err
		w.poke()
	}
}

// Watch leaves a watch on a path, whether there is a node or not. It tells of what happens after the call has returned; what a read made
// after it sees of that comes before the read's answer. Several watches may stand on one path. Events of nodes that the caller may not read are left out.
func (s *Session) Watch(ctx context.Context, path string, mode WatchMode) (*Watcher, error) {
	r := &apiv1.AddWatchRequest{Path: path, Mode: apiv1.WatchMode(mode)}
	w, _, err := s.watching(ctx, path, mode, &apiv1.SessionCall{Op: &apiv1.SessionCall_AddWatch{AddWatch: r}})
	return w, err
}

// GetW returns a node, and a watcher of mode WatchData that fires at the first change of what was read.
func (s *Session) GetW(ctx context.Context, path string, options ...ReadOption) (Node, *Watcher, error) {
	r := &apiv1.GetRequest{Path: path, Options: readOptions(options), Watch: true}
	w, c, err := s.watching(ctx, path, WatchData, &apiv1.SessionCall{Op: &apiv1.SessionCall_Get{Get: r}})
	if err != nil {
		return Node{}, nil, err
	}
	return nodeOf(path, c.answer.GetGet()), w, nil
}

// ExistsW tells whether a node exists, and returns a watcher of mode WatchExists that fires at the first change of that, or of its data.
func (s *Session) ExistsW(ctx context.Context, path string, options ...ReadOption) (Stat, bool, *Watcher, error) {
	r := &apiv1.ExistsRequest{Path: path, Options: readOptions(options), Watch: true}
	w, c, err := s.watching(ctx, path, WatchExists, &apiv1.SessionCall{Op: &apiv1.SessionCall_Exists{Exists: r}})
	if err != nil {
		return Stat{}, false, nil, err
	}
	stat := c.answer.GetExists().GetStat()
	return statOf(stat), stat != nil, w, nil
}

// ChildrenW returns the names of a node's children, and a watcher of mode WatchChildren that fires at the first change of them.
func (s *Session) ChildrenW(ctx context.Context, path string, options ...ReadOption) ([]string, *Watcher, error) {
	r := &apiv1.ListRequest{Path: path, View: apiv1.ListView_LIST_VIEW_NAMES, Options: readOptions(options), Watch: true}
	w, c, err := s.watching(ctx, path, WatchChildren, &apiv1.SessionCall{Op: &apiv1.SessionCall_List{List: r}})
	if err != nil {
		return nil, nil, err
	}
	var names []string
	for _, piece := range c.pieces {
		for _, e := range piece.GetEntries() {
			names = append(names, e.GetName())
		}
	}
	return names, w, nil
}

// watching makes a call that leaves a watch.
func (s *Session) watching(ctx context.Context, path string, mode WatchMode, request *apiv1.SessionCall) (*Watcher, *call, error) {
	w := &Watcher{s: s, key: watchKey{path: path, mode: mode}, ready: make(chan struct{}, 1)}
	c := newCall(request)
	c.arrived = func(a *apiv1.SessionAnswer, err error) {
		if s.mu.left(w, a, err) {
			s.mu.push(removal(w.key))
			s.poke()
		}
	}
	s.mu.Lock()
	s.mu.expect(w.key)
	s.mu.Unlock()
	if err := s.submit(ctx, c); err != nil {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.mu.left(w, nil, err)
		return nil, nil, err
	}
	if _, err := s.wait(ctx, c); err != nil {
		w.Remove() // the answer may come yet
		return nil, nil, err
	}
	return w, c, nil
}

// Remove takes the watch away; events that wait in it stay. It does not wait for the server. Again is harmless.
func (w *Watcher) Remove() {
	s := w.s
	s.mu.Lock()
	defer s.mu.Unlock()
	w.end(refusal(reasonNoWatch, "the watch was removed"))
	if s.mu.unwatch(w) {
		s.mu.push(removal(w.key)) // at once: a later watch of the same kind comes after it
		s.poke()
	}
}

// removal takes a watch off the server. On another stream there is none.
func removal(k watchKey) *call {
	r := &apiv1.RemoveWatchRequest{Path: k.path, Mode: apiv1.WatchMode(k.mode)}
	c := newCall(&apiv1.SessionCall{Op: &apiv1.SessionCall_RemoveWatch{RemoveWatch: r}})
	c.renewal = true
	return c
}
