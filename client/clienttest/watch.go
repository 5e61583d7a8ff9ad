package clienttest

import (
	"path"
	"slices"
	"strings"

	"google.golang.org/grpc"

	apiv1 "github.com/quorate/quorate/gen/quorate/api/v1"
)

// effect is one thing that a transaction did.
type effect struct {
	zxid uint64
	what apiv1.EventType
	path string
	node *node // as it is after it; of a deletion as it was
}

type watchKey struct {
	path string
	mode apiv1.WatchMode
}

// tell records effects and gives them to whoever watches. It must be called with f.mu held.
func (f *Fake) tell(effects []effect) {
	f.mu.history = append(f.mu.history, effects...)
	for _, s := range f.mu.sessions {
		if s.stream == nil {
			continue
		}
		for _, e := range effects {
			s.stream.fire(e)
		}
	}
	f.wakeAll()
}

func (f *Fake) wakeAll() {
	close(f.mu.grown)
	f.mu.grown = make(chan struct{})
}

// Compact forgets the history up to now.
func (f *Fake) Compact() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.mu.history, f.mu.begins = nil, f.mu.zxid
}

// leave leaves a one-shot watch, if one is wanted.
func (st *stream) leave(wanted bool, path string, mode apiv1.WatchMode) {
	if st != nil && wanted {
		st.watches[watchKey{path, mode}] = true
	}
}

// fire tells the stream of an effect, once as itself and once as a change of the parent's children, if it watches for that.
func (st *stream) fire(e effect) {
	st.event(e, e.path, e.what)
	if e.what != apiv1.EventType_EVENT_TYPE_DATA_CHANGED {
		st.event(e, path.Dir(e.path), apiv1.EventType_EVENT_TYPE_CHILDREN_CHANGED)
	}
}

func (st *stream) event(e effect, at string, what apiv1.EventType) {
	if !allows(e.node, 1, st.who) {
		return
	}
	fired := false
	for k := range st.watches {
		if k.concerns(at, what) {
			fired = true
			if k.mode <= apiv1.WatchMode_WATCH_MODE_CHILDREN {
				delete(st.watches, k)
			}
		}
	}
	if fired {
		st.put(&apiv1.SessionItem{Item: &apiv1.SessionItem_Event{Event: &apiv1.WatchEvent{
			Zxid: e.zxid, Type: what, Path: at, MissedBy: st.missedBy,
		}}})
	}
}

// concerns tells whether a watch tells of an event.
func (k watchKey) concerns(at string, what apiv1.EventType) bool {
	const (
		created  = apiv1.EventType_EVENT_TYPE_CREATED
		deleted  = apiv1.EventType_EVENT_TYPE_DELETED
		changed  = apiv1.EventType_EVENT_TYPE_DATA_CHANGED
		children = apiv1.EventType_EVENT_TYPE_CHILDREN_CHANGED
	)
	switch k.mode {
	case apiv1.WatchMode_WATCH_MODE_DATA:
		return at == k.path && (what == deleted || what == changed)
	case apiv1.WatchMode_WATCH_MODE_EXISTS:
		return at == k.path && (what == created || what == deleted || what == changed)
	case apiv1.WatchMode_WATCH_MODE_CHILDREN:
		return at == k.path && (what == deleted || what == children)
	case apiv1.WatchMode_WATCH_MODE_PERSISTENT:
		return at == k.path
	}
	return within(at, k.path) && what != children
}

// add leaves a watch; what it missed is told first.
func (st *stream) add(cxid int64, r *apiv1.AddWatchRequest) *Refusal {
	k := watchKey{r.GetPath(), r.GetMode()}
	after := r.GetAfterZxid()
	once := k.mode <= apiv1.WatchMode_WATCH_MODE_CHILDREN
	if after != 0 && after < st.f.mu.begins && !once {
		return &Refusal{Reason: "COMPACTED", Path: k.path, Detail: "the history begins later", Zxid: st.f.mu.begins}
	}
	others := st.watches
	st.watches, st.missedBy = map[watchKey]bool{k: true}, cxid
	defer func() { st.missedBy = 0 }()
	for _, e := range st.f.mu.history {
		if after != 0 && e.zxid > after {
			st.fire(e)
		}
	}
	for o := range others {
		st.watches[o] = true
	}
	return nil
}

func (st *stream) remove(c *change, r *apiv1.RemoveWatchRequest) *Refusal {
	found := false
	for k := range st.watches {
		if k.path == r.GetPath() && (r.GetMode() == 0 || k.mode == r.GetMode()) {
			delete(st.watches, k)
			found = true
		}
	}
	if !found {
		return c.refuse("NO_WATCH", r.GetPath(), "there is no such watch")
	}
	return nil
}

// Watch implements Keeper.
func (f *Fake) Watch(r *apiv1.WatchRequest, g grpc.ServerStreamingServer[apiv1.WatchResponse]) error {
	who := identities(g.Context())
	at := r.GetAfterZxid()
	if at == 0 {
		entries, zxid := f.snapshot(r, who)
		for first := true; first || len(entries) > 0; first = false {
			piece := entries[:min(perPiece, len(entries))]
			entries = entries[len(piece):]
			if err := g.Send(&apiv1.WatchResponse{Entries: piece, More: len(entries) > 0, Zxid: zxid}); err != nil {
				return err
			}
		}
		at = zxid
	}
	f.mu.Lock()
	cuts := f.mu.cuts
	f.mu.Unlock()
	for {
		f.mu.Lock()
		grown, cut, begins, zxid := f.mu.grown, f.mu.cuts != cuts, f.mu.begins, f.mu.zxid
		events := f.since(r, at, who)
		f.mu.Unlock()
		switch {
		case cut:
			return broken()
		case at < begins:
			return Refusal{Reason: "COMPACTED", Path: r.GetPath(), Detail: "the history begins later", Zxid: begins}.Err()
		}
		if zxid > at {
			if err := g.Send(&apiv1.WatchResponse{Events: events, Zxid: zxid}); err != nil {
				return err
			}
			at = zxid
		}
		select {
		case <-grown:
		case <-g.Context().Done():
			return g.Context().Err()
		}
	}
}

// snapshot returns what a watch begins with.
func (f *Fake) snapshot(r *apiv1.WatchRequest, who []string) ([]*apiv1.Entry, uint64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	c := &change{f: f, nodes: f.mu.nodes, who: who}
	var entries []*apiv1.Entry
	paths := []string{r.GetPath()}
	if r.GetRecursive() {
		paths = append(paths, c.below(r.GetPath())...)
	}
	for _, p := range paths {
		n := c.nodes[p]
		if n == nil || !allows(n, 1, who) {
			continue
		}
		e := &apiv1.Entry{Name: strings.TrimPrefix(strings.TrimPrefix(p, r.GetPath()), "/"), Stat: cloneStat(n.stat)}
		if r.GetWithData() {
			e.Data = n.data
		}
		entries = append(entries, e)
	}
	return entries, f.mu.zxid
}

// since returns the events of a watch after a zxid.
func (f *Fake) since(r *apiv1.WatchRequest, after uint64, who []string) []*apiv1.WatchEvent {
	var events []*apiv1.WatchEvent
	for _, e := range f.mu.history {
		concerned := e.path == r.GetPath() || r.GetRecursive() && within(e.path, r.GetPath())
		if e.zxid <= after || !concerned || !allows(e.node, 1, who) || len(r.GetTypes()) > 0 && !slices.Contains(r.GetTypes(), e.what) {
			continue
		}
		event := &apiv1.WatchEvent{Zxid: e.zxid, Type: e.what, Path: e.path}
		if e.what != apiv1.EventType_EVENT_TYPE_DELETED {
			event.Stat = cloneStat(e.node.stat)
			if r.GetWithData() {
				event.Data = e.node.data
			}
		}
		events = append(events, event)
	}
	return events
}
