package client

import (
	"iter"
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
// the txn last so many events. They are counted and not compared: a txn may create, delete and create a node.
type heard struct {
	since Zxid
	last  Zxid
	told  int
	skip  int // so many events of last come once more after a break
}

// fresh tells whether an event is new, and notes it if so.
func (h *heard) fresh(e Event) bool {
	switch {
	case e.Zxid <= h.since || e.Zxid < h.last:
		return false
	case e.Zxid > h.last:
		h.last, h.told, h.skip = e.Zxid, 0, 0
	case h.skip > 0:
		h.skip--
		return false
	}
	h.told++
	return true
}

// broke returns after which zxid to go on on another stream.
func (h *heard) broke() (after Zxid) {
	if h.last > h.since+1 {
		h.since = h.last - 1
	}
	h.skip = h.told
	return h.since
}

// watches are a session's. It is guarded by the session's mu.
type watches struct {
	all map[watchKey]*registration
	// told is the version up to which the current stream has told everything.
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

// left notes the outcome of a call that was to leave a watch. Orphaned: the watch was left, and nobody wants it any more.
func (t *watches) left(w *Watcher, a *apiv1.SessionAnswer, err error) (orphaned bool) {
	r := t.all[w.key]
	if r == nil { // the session has ended
		w.end(err)
		return false
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
	return r.live && len(r.watchers) == 0 && r.coming == 0
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

// deliver gives an event to the watches that tell of it; or, if one of them has missed it while the stream was broken, to that alone: it is
// being left again by the call that is answered next, the head.
func (t *watches) deliver(e Event, missedBy int64, head *call) error {
	if missedBy == 0 {
		for r := range t.concerned(e) {
			t.tell(r, e)
		}
		return nil
	}
	if head == nil || head.watch == nil || head.request.GetCxid() != missedBy {
		return errProtocol
	}
	t.tell(head.watch, e)
	return nil
}

// concerned yields the live watches that tell of an event.
func (t *watches) concerned(e Event) iter.Seq[*registration] {
	return func(yield func(*registration) bool) {
		at := func(path string, mode WatchMode) bool {
			r := t.all[watchKey{path, mode}]
			return r == nil || !r.live || !mode.tells(e.Type) || yield(r)
		}
		for m := WatchData; m <= WatchPersistent; m++ {
			if !at(e.Path, m) {
				return
			}
		}
		for path := e.Path; at(path, WatchRecursive) && path != "/"; {
			path = path[:max(1, strings.LastIndexByte(path, '/'))]
		}
	}
}

// tell gives an event to the watchers of a registration, unless they had it before a break.
func (t *watches) tell(r *registration, e Event) {
	if !r.fresh(e) {
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
