package client

import (
	"slices"
	"strings"

	apiv1 "github.com/quorate/quorate/gen/quorate/api/v1"
)

// watchKey is what a server knows a watch by: one for all watchers of a session that ask for the same.
type watchKey struct {
	path string
	mode WatchMode
}

// registration is a watch of the session, as it stands on a server or is to be left there again.
type registration struct {
	key      watchKey
	watchers []*Watcher
	coming   int  // calls on their way that will leave this watch
	live     bool // it stands on the current stream's server
	heard
}

// heard is how far a watch has been told: everything up to since; of what came later, everything before last, and of
// the txn last the events in told.
type heard struct {
	since Zxid
	last  Zxid
	told  []eventKey
	skip  int // so many events of last come once more after a break
}

type eventKey struct {
	t    EventType
	path string
}

// fresh tells whether an event is new, and notes it if so. With mixed, events that other watches missed
// come between those that happen.
func (h *heard) fresh(e Event, mixed bool) bool {
	key := eventKey{e.Type, e.Path}
	switch {
	case e.Zxid <= h.since || e.Zxid < h.last:
		return false
	case e.Zxid > h.last:
		h.last, h.told, h.skip = e.Zxid, h.told[:0], 0
	case h.skip > 0:
		h.skip--
		return false
	case mixed && slices.Contains(h.told, key): // a txn may create, delete and create a node: only here is a second one a repetition
		return false
	}
	h.told = append(h.told, key)
	return true
}

// broke returns after which zxid to go on on another stream.
func (h *heard) broke() (after Zxid) {
	if h.last > h.since+1 {
		h.since = h.last - 1
	}
	h.skip = len(h.told)
	return h.since
}

// watches are a session's. It is guarded by the session's mu.
type watches struct {
	all map[watchKey]*registration
	// told is the newest version of which the current stream has answered something: every event up to it came before.
	told Zxid
}

// expect notes that a call is about to leave a watch.
func (t *watches) expect(k watchKey) {
	r := t.all[k]
	if r == nil {
		r = &registration{key: k}
		t.all[k] = r
	}
	r.coming++
}

// left notes the outcome of a call that was to leave a watch.
func (t *watches) left(w *Watcher, a *apiv1.SessionAnswer, err error) {
	r := t.all[w.key]
	if r == nil { // the session has ended
		w.end(err)
		return
	}
	r.coming--
	if err == nil {
		if !r.live {
			r.live, r.since = true, zxidOf(a)
		}
		if w.err == nil {
			r.watchers = append(r.watchers, w)
		}
	}
	t.tidy(r)
}

// tidy forgets a registration that nobody needs.
func (t *watches) tidy(r *registration) {
	if len(r.watchers) == 0 && r.coming == 0 {
		delete(t.all, r.key)
	}
}

// unwatch takes a watcher out, and tells whether its watch is to be taken off the server.
func (t *watches) unwatch(w *Watcher) (last bool) {
	r := t.all[w.key]
	if r == nil {
		return false
	}
	r.watchers = slices.DeleteFunc(r.watchers, func(o *Watcher) bool { return o == w })
	t.tidy(r)
	return len(r.watchers) == 0 && r.coming == 0
}

// deliver gives an event to the watches that tell of it. The head is the call that is answered next: if it leaves a watch again, that watch is
// being told what it missed.
func (t *watches) deliver(e Event, head *call) {
	at := func(path string, modes ...WatchMode) {
		for _, m := range modes {
			r := t.all[watchKey{path, m}]
			if r != nil && m.tells(e.Type) && (r.live || head != nil && head.watch == r) {
				t.tell(r, e, head != nil && head.watch != nil && head.watch != r)
			}
		}
	}
	at(e.Path, WatchData, WatchExists, WatchChildren, WatchPersistent, WatchRecursive)
	for path := e.Path; path != "/"; {
		path = path[:max(1, strings.LastIndexByte(path, '/'))]
		at(path, WatchRecursive)
	}
}

// tell gives an event to the watchers of a registration, unless they had it before a break.
func (t *watches) tell(r *registration, e Event, mixed bool) {
	if !r.fresh(e, mixed) {
		return
	}
	for _, w := range r.watchers {
		w.push(e)
	}
	if r.key.mode.once() {
		t.close(r, refusal(reasonNoWatch, "the watch has fired"))
	}
}

// close ends the watchers of a registration.
func (t *watches) close(r *registration, err error) {
	for _, w := range r.watchers {
		w.end(err)
	}
	r.watchers, r.live = nil, false
	t.tidy(r)
}

// leaveAgain returns the calls that restore the watches on a new stream.
func (t *watches) leaveAgain() []*call {
	var calls []*call
	for _, r := range t.all {
		if r.live {
			r.since = max(r.since, t.told)
		}
		if r.live = false; len(r.watchers) == 0 {
			continue
		}
		calls = append(calls, t.leaveOne(r))
	}
	t.told = 0
	return calls
}

func (t *watches) leaveOne(r *registration) *call {
	request := &apiv1.AddWatchRequest{Path: r.key.path, Mode: apiv1.WatchMode(r.key.mode), AfterZxid: uint64(r.broke())}
	c := newCall(&apiv1.SessionCall{Op: &apiv1.SessionCall_AddWatch{AddWatch: request}})
	c.renewal, c.watch = true, r
	c.arrived = func(a *apiv1.SessionAnswer, err error) {
		switch {
		case err != nil:
			t.close(r, err)
		case t.all[r.key] == r && len(r.watchers) > 0:
			r.live, r.since = true, max(r.since, zxidOf(a))
		}
	}
	return c
}

// end ends all watches with the session.
func (t *watches) end(err error) {
	for _, r := range t.all {
		for _, w := range r.watchers {
			w.end(err)
		}
	}
	t.all = map[watchKey]*registration{}
}
