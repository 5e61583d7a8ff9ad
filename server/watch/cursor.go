package watch

import (
	"github.com/quorate/quorate/store"
	"github.com/quorate/quorate/store/fault"
	"github.com/quorate/quorate/store/tree"
	"github.com/quorate/quorate/store/txn"
)

const (
	// pageChanges and pageBytes bound what a cursor takes out of the history at a time; one change may be larger.
	pageChanges = 256
	pageBytes   = 256 << 10
)

// Cursor follows the changes of one node, or of all nodes from it downwards, through the history. Permissions and types are the reader's business. Wake
// may be called by anybody, the other methods by one goroutine.
type Cursor struct {
	watcher   *Watcher // on the path: tells an idle cursor that there is something for it
	path      string
	recursive bool
	after     txn.Zxid // what happened up to here is not told
	wake      chan struct{}

	idle bool   // guarded by the hub's lock: there is nothing for it so far
	next uint64 // guarded by the hub's lock: number of the change to look at next, unless idle

	changes []store.Change // the last page's
	found   []Found
}

// Found is an effect that a cursor came to.
type Found struct {
	// Zxid is that of the txn.
	Zxid txn.Zxid
	// Effect is what it did; not to be modified.
	Effect *tree.Effect
}

// Page is a piece of what happened.
type Page struct {
	// Found are the effects on the nodes that are followed, in order; they are valid until the next call.
	Found []Found
	// Zxid: all that happened up to here, after where the cursor began, has been told with this page.
	Zxid txn.Zxid
	// More says that there is more to read already; otherwise wait for [Cursor.Wake].
	More bool
}

// Follow returns a cursor on path, whether there is a node or not: on what happens after a zxid, or, with after 0, after the version that it returns.
// A *fault.Error says why not: InvalidPath, Compacted if what happened right after the zxid has been forgotten, Overloaded
// if there are as many cursors as there may be. A cursor must be closed.
func (h *Hub) Follow(path string, recursive bool, after txn.Zxid) (*Cursor, *tree.Version, error) {
	if err := tree.ValidatePath(path); err != nil {
		return nil, nil, err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	c := &Cursor{path: path, recursive: recursive, after: after, wake: make(chan struct{}, 1), idle: true}
	if after != 0 {
		next, known := h.history.after(after)
		if !known {
			return nil, nil, compacted(h.history.base)
		}
		c.next, c.idle = next, next == h.history.end()
	}
	if h.cursors >= h.cfg.MaxCursors {
		return nil, nil, &fault.Error{
			Kind: fault.Overloaded, Path: path, RetryAfter: fullRetry, Detail: "too many changes are being followed on this server (--max-watch-streams)",
		}
	}
	c.watcher = h.newWatcher(func(Event) { c.rouse() }, nil, func(error) { c.signal() })
	mode := itself
	if recursive {
		mode = PersistentRecursive
	}
	if err := c.watcher.leave(path, mode); err != nil {
		c.watcher.remove(err)
		return nil, nil, err
	}
	h.cursors++
	return c, h.version, nil
}

// rouse notes that the newest change is for this cursor. The caller holds the lock.
func (c *Cursor) rouse() {
	if !c.idle {
		return
	}
	c.idle, c.next = false, c.watcher.hub.history.end()-1
	c.signal()
}

func (c *Cursor) signal() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// Wake returns a channel that has something to receive when Next has news after a page without more, or an error.
func (c *Cursor) Wake() <-chan struct{} { return c.wake }

// Err returns why the cursor cannot go on, nil if it can: Compacted, after a jump or if what it must read next has been forgotten. The zxid in
// it is where the history begins.
func (c *Cursor) Err() error {
	c.watcher.hub.mu.Lock()
	defer c.watcher.hub.mu.Unlock()
	return c.err()
}

func (c *Cursor) err() error {
	if c.watcher.gone != nil {
		return c.watcher.gone
	}
	if h := &c.watcher.hub.history; !c.idle && c.next < h.first {
		return compacted(h.base)
	}
	return nil
}

// Next returns the next page without waiting: an empty one if nothing has happened. Its error is that of Err.
func (c *Cursor) Next() (Page, error) {
	clear(c.changes)
	clear(c.found)
	page, err := c.read()
	if err != nil {
		return Page{}, err
	}
	c.found = c.found[:0]
	for i := range c.changes {
		c.look(&c.changes[i])
	}
	page.Found = c.found
	return page, nil
}

// read takes the next changes out of the history.
func (c *Cursor) read() (Page, error) {
	h := c.watcher.hub
	h.mu.Lock()
	defer h.mu.Unlock()
	c.changes = c.changes[:0]
	if err := c.err(); err != nil {
		return Page{}, err
	}
	if !c.idle {
		if waiting := int(min(pageChanges, h.history.end()-c.next)); cap(c.changes) < waiting {
			c.changes = make([]store.Change, 0, waiting)
		}
		c.changes = h.history.copyTo(c.changes, c.next, pageBytes)
		c.next += uint64(len(c.changes))
		c.idle = c.next == h.history.end()
	}
	told := h.version.Zxid()
	if !c.idle {
		told = c.changes[len(c.changes)-1].Zxid
	}
	return Page{Zxid: max(told, c.after), More: !c.idle}, nil
}

// look adds what a change did to the nodes that are followed.
func (c *Cursor) look(ch *store.Change) {
	if ch.Zxid <= c.after {
		return
	}
	for i := range ch.Effects {
		e := &ch.Effects[i]
		if e.Path == c.path || c.recursive && within(c.path, e.Path) {
			c.found = append(c.found, Found{ch.Zxid, e})
		}
	}
}

// Close ends the cursor. Again is harmless.
func (c *Cursor) Close() {
	h := c.watcher.hub
	h.mu.Lock()
	defer h.mu.Unlock()
	if c.watcher.gone == nil {
		h.cursors--
	}
	c.watcher.remove(&fault.Error{Kind: fault.Unavailable, Detail: "the cursor is closed"})
}
