package watch

import (
	"strings"

	"github.com/quorate/quorate/store"
	"github.com/quorate/quorate/store/tree"
	"github.com/quorate/quorate/store/txn"
)

// ComeBack leaves watches that tell each time, and that a client had before it lost its connection: modes by path, each made of
// [Persistent] and [PersistentRecursive]. It has seen what happened up to after; what has happened since is delivered first, in its order, each event once
// and not marked as missed. If the history does not reach so far back, or too much has happened, nothing of it is delivered. However many
// watches there are, the history is looked through once.
//
// A *fault.Error says why not all are left: Overloaded beyond the bounds, Unavailable if this server has not come as far as after.
func (w *Watcher) ComeBack(had map[string]Mode, after txn.Zxid) error {
	h := w.hub
	h.mu.Lock()
	defer h.mu.Unlock()
	if err := ahead(h.version, after); err != nil {
		return err
	}
	missed := missedByAll{had: had, gone: map[string][]txn.ACE{}}
	for _, m := range had {
		missed.deep = missed.deep || m&PersistentRecursive != 0
	}
	if h.scan(after, missed.look) == nil && !missed.tooMany {
		w.catchUp(&missed)
	}
	for path, m := range had {
		if err := w.leave(path, m); err != nil {
			return err
		}
	}
	return nil
}

// catchUp delivers what was missed. The caller holds the lock.
func (w *Watcher) catchUp(missed *missedByAll) {
	for _, e := range missed.events {
		acl := e.acl
		if e.Type == ChildrenChanged {
			acl = missed.gone[e.Path]
			if n, there := w.hub.version.Get(e.Path); there {
				acl = w.hub.version.ACL(n)
			}
		}
		if w.gone == nil && mayRead(acl, w.caller()) {
			w.hub.count(e.Type, 1)
			w.deliver(e.Event)
		}
	}
}

// missedByAll collects what several watches would have told.
type missedByAll struct {
	had     map[string]Mode
	deep    bool // one of them is recursive
	events  []missedEvent
	gone    map[string][]txn.ACE // the access control lists of watched nodes when they were deleted
	tooMany bool
}

// look adds what the watches tell of one change.
func (m *missedByAll) look(c *store.Change) {
	for i := range c.Effects {
		e := &c.Effects[i]
		own := m.had[e.Path]
		if own&ofNode(e.Kind) != 0 || m.deep && m.below(e.Path) {
			m.add(missedEvent{Event{Zxid: c.Zxid, Type: EventType(e.Kind), Path: strings.Clone(e.Path)}, e.ACL.Entries()})
		}
		if own != 0 && e.Kind == tree.Deleted {
			m.gone[strings.Clone(e.Path)] = e.ACL.Entries()
		}
		if parent := tree.Parent(e.Path); e.Path != "/" && m.had[parent]&ofChild(e.Kind) != 0 {
			m.add(missedEvent{Event{Zxid: c.Zxid, Type: ChildrenChanged, Path: strings.Clone(parent)}, nil})
		}
	}
}

// below tells whether a recursive watch is above a path.
func (m *missedByAll) below(path string) bool {
	for path != "/" {
		path = tree.Parent(path)
		if m.had[path]&PersistentRecursive != 0 {
			return true
		}
	}
	return false
}

func (m *missedByAll) add(e missedEvent) {
	if len(m.events) == maxMissed {
		m.tooMany = true
		return
	}
	m.events = append(m.events, e)
}
