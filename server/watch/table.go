package watch

// table has the watches by path. It belongs to who holds the hub's lock.
type table struct {
	points   map[string]*point
	holdings int    // pairs of point and watcher
	deep     int    // how many of them have PersistentRecursive among their modes
	stamp    uint64 // of the event that is being told
}

func newTable(stamp uint64) *table { return &table{points: make(map[string]*point), stamp: stamp} }

// point is a path that somebody watches.
type point struct {
	path string
	held []holding
	any  Mode // no mode is held that is not in here; some that are may not be held any more
}

// holding is what one watcher has at a point. The watcher has its index.
type holding struct {
	watcher *Watcher
	modes   Mode
}

// listens tells whether somebody may watch here in one of the modes; at a nil point nobody does.
func (p *point) listens(want Mode) bool { return p != nil && p.any&want != 0 }

// find returns what a watcher has at a path.
func (t *table) find(w *Watcher, path string) (at *point, index int, held bool) {
	at = t.points[path]
	if at == nil {
		return nil, 0, false
	}
	i, held := w.points[at]
	return at, int(i), held
}

// put adds modes to what a watcher has at a path.
func (t *table) put(w *Watcher, path string, modes Mode) {
	at, i, held := t.find(w, path)
	if at == nil {
		at = &point{path: path}
		t.points[path] = at
	}
	if !held {
		i = len(at.held)
		at.held = append(at.held, holding{watcher: w})
		w.points[at] = uint32(i)
		w.bytes += len(path)
		t.holdings++
	}
	h := &at.held[i]
	if modes&^h.modes&PersistentRecursive != 0 {
		t.deep++
	}
	h.modes |= modes
	at.any |= modes
}

// take takes modes away from what a watcher has at a path; false if it has none of them.
func (t *table) take(w *Watcher, path string, modes Mode) bool {
	at, i, held := t.find(w, path)
	if !held || at.held[i].modes&modes == 0 {
		return false
	}
	h := &at.held[i]
	if h.modes&^modes == 0 {
		t.drop(at, i)
		return true
	}
	if h.modes&modes&PersistentRecursive != 0 {
		t.deep--
	}
	h.modes &^= modes
	return true
}

// drop takes away all that a watcher has at a point. The last holding takes the place of the one at i.
func (t *table) drop(at *point, i int) {
	gone := at.held[i]
	if gone.modes&PersistentRecursive != 0 {
		t.deep--
	}
	t.holdings--
	delete(gone.watcher.points, at)
	gone.watcher.bytes -= len(at.path)
	last := len(at.held) - 1
	if i != last {
		at.held[i] = at.held[last]
		at.held[i].watcher.points[at] = uint32(i)
	}
	at.held[last] = holding{}
	at.held = at.held[:last]
	switch {
	case last == 0:
		delete(t.points, at.path)
	case cap(at.held) > 4*last: // a crowd that has gone leaves no room behind
		at.held = append(make([]holding, 0, 2*last), at.held...)
	}
}
