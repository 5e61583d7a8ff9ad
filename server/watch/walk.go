package watch

import (
	"slices"

	"github.com/quorate/quorate/store/txn"
)

// Belongs says whose watches these are, for [Hub.Walk].
func (w *Watcher) Belongs(s txn.SessionID) {
	w.hub.mu.Lock()
	defer w.hub.mu.Unlock()
	w.session = s
}

// Walk calls visit with the paths that each session watches, in their order; not for sessions without a watch, nor for watchers of no
// session. What happens meanwhile may be seen of some and not of others: the lock is held for one session at a time.
func (h *Hub) Walk(visit func(s txn.SessionID, paths []string)) {
	h.mu.Lock()
	all := slices.Clone(h.watchers)
	h.mu.Unlock()
	for _, w := range all {
		if s, paths := w.watched(); s != 0 && len(paths) > 0 {
			slices.Sort(paths)
			visit(s, paths)
		}
	}
}

// watched returns whose watches these are, and the paths in no order.
func (w *Watcher) watched() (txn.SessionID, []string) {
	w.hub.mu.Lock()
	defer w.hub.mu.Unlock()
	if w.session == 0 {
		return 0, nil
	}
	paths := make([]string, 0, len(w.points))
	for at := range w.points {
		paths = append(paths, at.path)
	}
	return w.session, paths
}

// Watching returns how many watchers, cursors not among them, have a watch.
func (h *Hub) Watching() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	n := 0
	for _, w := range h.watchers {
		if w.caller != nil && len(w.points) > 0 {
			n++
		}
	}
	return n
}
