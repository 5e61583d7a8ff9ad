package watch

import (
	"strings"

	"github.com/quorate/quorate/store"
	"github.com/quorate/quorate/store/fault"
	"github.com/quorate/quorate/store/tree"
	"github.com/quorate/quorate/store/txn"
)

const (
	// scanChanges is how many changes are looked at between two turns at the hub's lock.
	scanChanges = 256
	// maxMissed is how many events a watch that comes back is told at the most; who has missed more reads again.
	maxMissed = 100_000
)

// resume leaves a watch that the client had before, after telling what it has missed.
func (w *Watcher) resume(path string, m Mode, after txn.Zxid, then func(at txn.Zxid)) error {
	if m&oneShot != 0 {
		known, err := w.resumeByStat(path, m, after, then)
		if known || err != nil {
			return err
		}
	}
	return w.resumeByHistory(path, m, after, then)
}

// resumeByStat leaves a one-shot watch by what the node looks like now; false if that does not tell.
func (w *Watcher) resumeByStat(path string, m Mode, after txn.Zxid, then func(at txn.Zxid)) (known bool, err error) {
	w.hub.mu.Lock()
	defer w.hub.mu.Unlock()
	v := w.hub.version
	if err := ahead(v, after); err != nil {
		return false, err
	}
	if n, there := v.Get(path); there {
		missed := missedEvents{path: path, mode: m, acl: v.ACL(n)}
		if typ, z := changeOf(n.Stat(), m, after); z > after {
			missed.add(Event{Zxid: z, Type: typ, Path: path}, missed.acl)
		}
		return true, w.comeBack(&missed, then)
	}
	if quiet(v, path, after) {
		return true, w.comeBack(&missedEvents{path: path, mode: m}, then)
	}
	return false, nil
}

// changeOf returns the change of a node that is there of which a one-shot mode tells first, if its zxid is after the given one, as
// ZooKeeper's setWatches judges it.
func changeOf(s tree.Stat, m Mode, after txn.Zxid) (EventType, txn.Zxid) {
	switch {
	case m == Children:
		return ChildrenChanged, s.Pzxid
	case m == Exists && s.Czxid > after:
		return Created, s.Czxid
	}
	return DataChanged, s.Mzxid
}

// quiet tells whether a node that is not there cannot have been there after a zxid: no node came or went where the path ends in the tree.
func quiet(v *tree.Version, path string, after txn.Zxid) bool {
	for {
		path = tree.Parent(path)
		if n, there := v.Get(path); there {
			return n.Stat().Pzxid <= after
		}
	}
}

// resumeByHistory leaves a watch after looking through all that has happened. Of a one-shot watch on a node that is not there, and of which the history
// does not tell, the client is told that it was deleted: at worst it looks once more.
func (w *Watcher) resumeByHistory(path string, m Mode, after txn.Zxid, then func(at txn.Zxid)) error {
	h := w.hub
	missed := missedEvents{path: path, mode: m}
	h.mu.Lock()
	defer h.mu.Unlock()
	if err := ahead(h.version, after); err != nil {
		return err
	}
	err := h.scan(after, missed.look)
	if n, there := h.version.Get(path); there {
		missed.acl = h.version.ACL(n)
	}
	switch {
	case m&oneShot != 0 && fault.Is(err, fault.Compacted):
		missed.events = []missedEvent{{Event{Zxid: h.version.Zxid(), Type: Deleted, Path: path}, tree.OpenACL()}}
	case err != nil:
		return err
	case missed.tooMany:
		return &fault.Error{Kind: fault.Compacted, Path: path, Zxid: h.version.Zxid(), Detail: "too much has happened since; read the nodes again"}
	}
	return w.comeBack(&missed, then)
}

// ahead refuses a client that has seen more than this server has.
func ahead(v *tree.Version, after txn.Zxid) error {
	if after <= v.Zxid() {
		return nil
	}
	return &fault.Error{Kind: fault.Unavailable, RetryAfter: fullRetry, Detail: "this server has come to " + v.Zxid().String() + " and not to " + after.String()}
}

// comeBack tells what was missed and leaves the watch, unless that has used it up. The caller holds the lock.
func (w *Watcher) comeBack(missed *missedEvents, then func(at txn.Zxid)) error {
	if err := w.room(missed.path); err != nil {
		return err
	}
	for _, e := range missed.events {
		acl := e.acl
		if acl == nil {
			acl = missed.acl
		}
		if w.caller == nil || mayRead(acl, w.caller()) {
			w.hub.count(e.Type, 1)
			e.Missed = true
			w.deliver(e.Event)
		}
	}
	if missed.mode&oneShot == 0 || len(missed.events) == 0 {
		w.hub.table.put(w, missed.path, missed.mode)
	}
	then(w.hub.version.Zxid())
	return nil
}

// scan calls look with each change after a zxid, in order. The caller holds the lock, which is let go now and then; when scan
// returns nil, the last change is the newest.
func (h *Hub) scan(after txn.Zxid, look func(*store.Change)) error {
	next, known := h.history.after(after)
	if !known {
		return compacted(h.history.base)
	}
	buf := make([]store.Change, 0, min(scanChanges, h.history.end()-next))
	for next < h.history.end() {
		if next < h.history.first {
			return compacted(h.history.base)
		}
		buf = h.history.copyTo(buf[:0], next, h.history.limit)
		next += uint64(len(buf))
		if next < h.history.end() {
			h.mu.Unlock()
			lookAtAll(buf, look)
			h.mu.Lock()
		} else {
			lookAtAll(buf, look)
		}
	}
	return nil
}

func lookAtAll(changes []store.Change, look func(*store.Change)) {
	for i := range changes {
		look(&changes[i])
	}
}

// missedEvents collects what a watch would have told.
type missedEvents struct {
	path    string
	mode    Mode
	events  []missedEvent
	acl     []txn.ACE // of the node at path: now, or when it was deleted
	tooMany bool
}

// missedEvent is an event with the access control list that decides who is told; nil: that of the watched node.
type missedEvent struct {
	Event
	acl []txn.ACE
}

// add adds an event. One is enough for a one-shot watch.
func (m *missedEvents) add(e Event, acl []txn.ACE) {
	switch {
	case m.mode&oneShot != 0 && len(m.events) > 0:
	case len(m.events) == maxMissed:
		m.tooMany = true
	default:
		m.events = append(m.events, missedEvent{e, acl})
	}
}

// look adds what the watch tells of one change.
func (m *missedEvents) look(c *store.Change) {
	for i := range c.Effects {
		e := &c.Effects[i]
		own := e.Path == m.path
		switch {
		case own && ofNode(e.Kind)&m.mode != 0, m.mode == PersistentRecursive && within(m.path, e.Path):
			m.add(Event{Zxid: c.Zxid, Type: EventType(e.Kind), Path: strings.Clone(e.Path)}, e.ACL.Entries())
		case ofChild(e.Kind)&m.mode != 0 && e.Path != "/" && tree.Parent(e.Path) == m.path:
			m.add(Event{Zxid: c.Zxid, Type: ChildrenChanged, Path: m.path}, nil)
		}
		if own && e.Kind == tree.Deleted {
			m.acl = e.ACL.Entries()
		}
	}
}
