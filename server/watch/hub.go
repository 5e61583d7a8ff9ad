package watch

import (
	"strings"
	"sync"
	"time"

	"github.com/quorate/quorate/server/summary"
	"github.com/quorate/quorate/store"
	"github.com/quorate/quorate/store/fault"
	"github.com/quorate/quorate/store/tree"
	"github.com/quorate/quorate/store/txn"
)

// The defaults of [Config].
const (
	DefaultHistory    = 64 << 20
	DefaultMaxWatches = 250_000
	DefaultMaxTotal   = 10_000_000
	DefaultMaxCursors = 10_000
)

// fullRetry is what a client is told to wait when there are as many watches or cursors as there may be.
const fullRetry = time.Second

// Config says what a hub keeps. The zero value of each field means its default.
type Config struct {
	// History bounds the memory of the changes that are kept, in bytes; the newest change is always kept. Default [DefaultHistory].
	History int64
	// MaxWatches is how many paths one watcher may have watches on; default [DefaultMaxWatches].
	MaxWatches int
	// MaxTotal is how many all watchers together may; default [DefaultMaxTotal].
	MaxTotal int
	// MaxCursors is how many cursors there may be; default [DefaultMaxCursors].
	MaxCursors int
}

func setDefault[T int | int64](p *T, value T) {
	if *p == 0 {
		*p = value
	}
}

// Hub knows who watches what, and what has happened lately. Its methods may be called by anybody, but not from
// the functions that it calls: those run under its lock.
type Hub struct {
	cfg Config

	mu       sync.Mutex    // guards all below, and whatever belongs to a point, a Watcher or a Cursor unless they say otherwise
	version  *tree.Version // the newest that was published
	history  history
	table    *table
	watchers []*Watcher // each at its index; those of cursors too
	cursors  int
	events   uint64                                // told so far
	told     [ChildrenChanged + 1]*summary.Summary // by type: how many watchers an event was told to, if any
}

// New returns a hub that knows of nothing yet.
func New(c Config) *Hub {
	setDefault(&c.History, DefaultHistory)
	setDefault(&c.MaxWatches, DefaultMaxWatches)
	setDefault(&c.MaxTotal, DefaultMaxTotal)
	setDefault(&c.MaxCursors, DefaultMaxCursors)
	h := &Hub{cfg: c, version: tree.New(), history: history{limit: c.History}, table: newTable(0)}
	for i := range h.told {
		h.told[i] = summary.New()
	}
	return h
}

// Published takes a new version with its changes and tells of them: it is for [store.Config].Published. After a jump the
// history begins anew, and all watchers and cursors are cut.
func (h *Hub) Published(p store.Publication) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.version = p.Version
	if p.Jump {
		h.history.restart(p.Version.Zxid())
		h.cutAll()
		return
	}
	for i := range p.Changes {
		c := &p.Changes[i]
		if len(c.Effects) == 0 {
			continue // a session ended
		}
		h.history.add(*c)
		for j := range c.Effects {
			h.happened(c.Zxid, &c.Effects[j], &p)
		}
	}
}

// Version returns the newest version that was published, an empty tree before the first.
func (h *Hub) Version() *tree.Version {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.version
}

// happened tells of one effect: of the node itself, and then of its parent's children.
func (h *Hub) happened(z txn.Zxid, e *tree.Effect, p *store.Publication) {
	t := h.table
	if len(t.points) == 0 {
		return
	}
	ev, told := Event{Zxid: z, Type: EventType(e.Kind)}, 0
	t.stamp++
	if at := t.points[e.Path]; at.listens(ofNode(e.Kind)) {
		ev.Path = at.path
		told += h.tell(at, ofNode(e.Kind), ev, e.ACL.Entries())
	}
	for top := e.Path; t.deep > 0 && top != "/"; {
		top = tree.Parent(top)
		at := t.points[top]
		if !at.listens(PersistentRecursive) {
			continue
		}
		if ev.Path == "" {
			ev.Path = strings.Clone(e.Path) // behind it is the node's block, which may be large
		}
		told += h.tell(at, PersistentRecursive, ev, e.ACL.Entries())
	}
	h.count(ev.Type, told)
	if at := t.points[tree.Parent(e.Path)]; e.Path != "/" && at.listens(ofChild(e.Kind)) {
		t.stamp++
		h.count(ChildrenChanged, h.tell(at, ofChild(e.Kind), Event{Zxid: z, Type: ChildrenChanged, Path: at.path}, aclOf(at.path, p)))
	}
}

// count notes to how many watchers an event was told.
func (h *Hub) count(t EventType, told int) {
	if told > 0 {
		h.events += uint64(told)
		h.told[t].Observe(float64(told))
	}
}

// Told returns how many watchers the events of a type were told to, those that nobody was told of left out. It is not to be added to.
func (h *Hub) Told(t EventType) *summary.Summary { return h.told[t] }

// aclOf returns the access control list of a parent of a node that was created or deleted in p. If it is gone by
// the end of p, p has its deletion.
func aclOf(path string, p *store.Publication) []txn.ACE {
	if n, there := p.Version.Get(path); there {
		return p.Version.ACL(n)
	}
	for i := len(p.Changes) - 1; i >= 0; i-- {
		for _, e := range p.Changes[i].Effects {
			if e.Kind == tree.Deleted && e.Path == path {
				return e.ACL.Entries()
			}
		}
	}
	return nil
}

// tell tells those who watch at a point in one of the modes, unless they have been told of this event, and takes one-shot watches away. It
// returns how many sessions it has told.
func (h *Hub) tell(at *point, want Mode, ev Event, acl []txn.ACE) (told int) {
	open := mayRead(acl, nil)
	at.any = 0
	for i := 0; i < len(at.held); {
		held := &at.held[i]
		if held.modes&want == 0 {
			at.any |= held.modes
			i++
			continue
		}
		if w := held.watcher; w.told != h.table.stamp {
			w.told = h.table.stamp
			if open || w.caller == nil || mayRead(acl, w.caller()) {
				told++
				w.deliver(ev)
			}
		}
		left := held.modes &^ (want & oneShot)
		if left == 0 {
			h.table.drop(at, i)
			continue
		}
		held.modes = left
		at.any |= left
		i++
	}
	return told
}

// cutAll tells everybody that what has happened is not known, and forgets them.
func (h *Hub) cutAll() {
	all := h.watchers
	h.watchers, h.cursors, h.table = nil, 0, newTable(h.table.stamp)
	for _, w := range all {
		w.points, w.gone = nil, compacted(h.history.base)
		w.cut(w.gone)
	}
}

// compacted is the refusal of who asks for what has been forgotten: the history begins after z.
func compacted(z txn.Zxid) error {
	return &fault.Error{Kind: fault.Compacted, Zxid: z, Detail: "what happened up to " + z.String() + " is no longer known to this server"}
}

// Stats are numbers about a hub.
type Stats struct {
	// Watches is the number of pairs of a watcher and a path, those of cursors included; Paths that of different paths.
	Watches, Paths int
	// Watchers and Cursors are how many there are.
	Watchers, Cursors int
	// Events is how many events were told to watchers.
	Events uint64
	// Changes and Bytes are what the history holds.
	Changes int
	Bytes   int64
	// Base is where the history begins: what happened after it is known.
	Base txn.Zxid
}

// Stats returns numbers about the hub.
func (h *Hub) Stats() Stats {
	h.mu.Lock()
	defer h.mu.Unlock()
	return Stats{
		Watches: h.table.holdings, Paths: len(h.table.points), Watchers: len(h.watchers) - h.cursors, Cursors: h.cursors,
		Events: h.events, Changes: h.history.length, Bytes: h.history.bytes, Base: h.history.base,
	}
}
