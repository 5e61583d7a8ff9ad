package watch

import (
	"github.com/quorate/quorate/store/fault"
	"github.com/quorate/quorate/store/tree"
	"github.com/quorate/quorate/store/txn"
)

// Watcher is the watches of one client. It has no goroutine. Its methods may be called by anybody, but not from the functions
// that it was given.
type Watcher struct {
	hub     *Hub
	deliver func(Event)
	caller  func() tree.Caller // nil: a cursor, which looks at permissions itself
	cut     func(error)

	index   int               // in the hub's list
	points  map[*point]uint32 // where it has watches, and at which index there
	bytes   int               // of the paths of these
	told    uint64            // the stamp of the last event that it was told of
	session txn.SessionID     // whose they are, if that was said
	gone    error             // why it can be told no more
}

// NewWatcher returns a watcher without watches.
//
// deliver is called under the hub's lock with each event, in the order in which things happened; it must not block. What caller may not read, by
// the node's access control list right after the change, is left out (for ChildrenChanged, by the parent's), though a one-shot watch is used up. cut is called under that
// lock, once at the most, when the store has jumped, so that the watcher cannot be told everything: it has no watches then, and gets none.
func (h *Hub) NewWatcher(deliver func(Event), caller func() tree.Caller, cut func(error)) *Watcher {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.newWatcher(deliver, caller, cut)
}

// newWatcher adds a watcher. The caller holds the lock.
func (h *Hub) newWatcher(deliver func(Event), caller func() tree.Caller, cut func(error)) *Watcher {
	w := &Watcher{hub: h, deliver: deliver, caller: caller, cut: cut, index: len(h.watchers), points: make(map[*point]uint32)}
	h.watchers = append(h.watchers, w)
	return w
}

// Read calls f with the newest version, under the hub's lock: what happened up to it has been delivered, and what comes later
// will be, to the watches too that f leaves by add. What f reads from the version it may as well read later. A watch beyond the bound cuts the watcher
// with OVERLOADED; on a watcher that is closed or cut, add does nothing.
func (w *Watcher) Read(f func(v *tree.Version, add func(path string, m Mode))) {
	w.hub.mu.Lock()
	defer w.hub.mu.Unlock()
	var full error
	f(w.hub.version, func(path string, m Mode) {
		if w.gone != nil || full != nil {
			return
		}
		full = w.leave(path, m)
	})
	if full != nil {
		w.remove(full)
		w.cut(full)
	}
}

// Add leaves a watch in one mode on a path, whether there is a node or not. With after 0 it tells of what happens from now on. Otherwise the client had the watch before and
// has seen what happened up to there: what has happened since is delivered first (and may use the watch up). Then calls then, under the lock, with the zxid after
// which the watch tells of everything.
//
// A *fault.Error says why not: BadArguments, InvalidPath, Overloaded beyond the bounds, Compacted if a persistent watch's past has been forgotten,
// Unavailable if this server has not come as far as after. Then no watch is left, nothing delivered and then not called.
func (w *Watcher) Add(path string, m Mode, after txn.Zxid, then func(at txn.Zxid)) error {
	if err := tree.ValidatePath(path); err != nil {
		return err
	}
	if !m.single() {
		return fault.New(fault.BadArguments, path, "%d is no mode of a watch", m)
	}
	if after != 0 {
		return w.resume(path, m, after, then)
	}
	w.hub.mu.Lock()
	defer w.hub.mu.Unlock()
	if err := w.leave(path, m); err != nil {
		return err
	}
	then(w.hub.version.Zxid())
	return nil
}

// leave leaves a watch. The caller holds the lock.
func (w *Watcher) leave(path string, m Mode) error {
	if err := w.room(path); err != nil {
		return err
	}
	w.hub.table.put(w, path, m)
	return nil
}

// room tells whether there may be a watch on a path. The caller holds the lock.
func (w *Watcher) room(path string) error {
	h := w.hub
	if w.gone != nil {
		return w.gone
	}
	if _, _, held := h.table.find(w, path); held {
		return nil
	}
	switch {
	case w.bytes+len(path) > h.cfg.MaxWatches*pathBytes:
		return fault.New(fault.Overloaded, path[:min(len(path), pathBytes)], "the paths that this client watches are too long together")
	case len(w.points) >= h.cfg.MaxWatches:
		return fault.New(fault.Overloaded, path, "this client has %d watches already, which is the most", h.cfg.MaxWatches)
	case h.table.holdings >= h.cfg.MaxTotal:
		return &fault.Error{Kind: fault.Overloaded, Path: path, RetryAfter: fullRetry, Detail: "this server has as many watches as it may have"}
	}
	return nil
}

// pathBytes is how long the paths that one watcher watches may be on average, in bytes, when it has as many as it may have: otherwise a
// few requests with long paths would take all the memory there is.
const pathBytes = 512

// Remove takes watches in the modes of m, which may be several, from a path; false if there is none of them.
func (w *Watcher) Remove(path string, m Mode) bool {
	w.hub.mu.Lock()
	defer w.hub.mu.Unlock()
	return w.hub.table.take(w, path, m)
}

// Close takes all watches away: nothing is delivered after it. Again is harmless.
func (w *Watcher) Close() {
	w.hub.mu.Lock()
	defer w.hub.mu.Unlock()
	w.remove(&fault.Error{Kind: fault.Unavailable, Detail: "the watcher is closed"})
}

// dropsAtOnce is how many watches of a watcher that goes are dropped before others have a turn at the lock.
const dropsAtOnce = 1024

// remove takes the watcher out of the hub. The caller holds the lock, which is let go now and then: the watches that are left then still deliver.
func (w *Watcher) remove(why error) {
	h := w.hub
	if w.gone != nil {
		return
	}
	w.gone = why
	last := len(h.watchers) - 1
	h.watchers[w.index] = h.watchers[last]
	h.watchers[w.index].index = w.index
	h.watchers[last] = nil
	h.watchers = h.watchers[:last]
	t, dropped := h.table, 0 // after a jump the hub has another
	for at, i := range w.points {
		t.drop(at, int(i))
		if dropped++; dropped%dropsAtOnce == 0 {
			h.mu.Unlock()
			h.mu.Lock()
		}
	}
}

// Has tells whether there are watches on a path in one of the modes of m, which may be several.
func (w *Watcher) Has(path string, m Mode) bool {
	w.hub.mu.Lock()
	defer w.hub.mu.Unlock()
	at, i, held := w.hub.table.find(w, path)
	return held && at.held[i].modes&m != 0
}
