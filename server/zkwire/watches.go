package zkwire

import (
	"slices"
	"strings"

	"github.com/quorate/quorate/server/watch"
	"github.com/quorate/quorate/store/tree"
	"github.com/quorate/quorate/store/txn"
)

// The modes of addWatch.
const (
	addPersistent          int32 = 0
	addPersistentRecursive int32 = 1
)

// addWatch leaves a watch that tells each time. Whether there is a node is not asked, and who may read it only when there is
// something to tell.
func (c *conn) addWatch(call *call, d *decoder) {
	path, null := d.str()
	mode := watch.Persistent
	switch d.i32() {
	case addPersistent:
	case addPersistentRecursive:
		mode = watch.PersistentRecursive
	default:
		null = true
	}
	if d.bad || null {
		c.refuse(call, c.now().Zxid(), codeMarshallingError)
		return
	}
	var before []watch.Event
	v := view{who: c.who()}
	c.watcher.Read(func(version *tree.Version, add func(string, watch.Mode)) {
		v.Version = version
		before = c.takeEvents(version.Zxid())
		add(strings.Clone(path), mode)
	})
	c.tell(before)
	c.answer(call, v.Zxid(), func(b []byte) []byte { return putI32(b, 0) })
}

// modesOf are the watches that a type in a request stands for (ZooKeeper: Watcher.WatcherType); none if it stands for nothing.
func modesOf(kind int32) watch.Mode {
	switch kind {
	case 1:
		return watch.Children
	case 2:
		return watch.Data | watch.Exists
	case 3:
		return watch.AnyMode
	case 4:
		return watch.Persistent
	case 5:
		return watch.PersistentRecursive
	}
	return 0
}

// otherWatches answers whether there is a watch, and takes it away.
func (c *conn) otherWatches(call *call, d *decoder) {
	path, null := d.str()
	modes := modesOf(d.i32())
	if d.bad || null || modes == 0 {
		c.refuse(call, c.now().Zxid(), codeMarshallingError)
		return
	}
	held := false
	if call.op == opRemoveWatches {
		held = c.watcher.Remove(path, modes)
	} else {
		held = c.watcher.Has(path, modes)
	}
	if !held {
		c.refuse(call, c.now().Zxid(), codeNoWatcher)
		return
	}
	c.answer(call, c.now().Zxid(), nil)
}

// watchesAtOnce is how many watches of one request are left before others have a turn at the hub's lock.
const watchesAtOnce = 4096

// setWatches leaves the watches again that a client had at another server, or in another connection. What has happened since the client
// saw the tree last is told first, and a watch that tells once is used up by it (ZooKeeper: DataTree.setWatches).
func (c *conn) setWatches(call *call, d *decoder) {
	after := txn.Zxid(max(0, d.i64()))
	once := []struct {
		mode  watch.Mode
		paths []string
	}{{watch.Data, d.strs()}, {watch.Exists, d.strs()}, {watch.Children, d.strs()}}
	var persistent, recursive []string
	if call.op == opSetWatches2 {
		persistent, recursive = d.strs(), d.strs()
	}
	if d.bad {
		c.refuse(call, c.now().Zxid(), codeMarshallingError)
		return
	}
	for _, w := range once {
		for paths := range slices.Chunk(w.paths, watchesAtOnce) {
			c.watchAgain(paths, w.mode, after)
		}
	}
	after = min(after, c.version().Zxid()) // of what is to come they tell in any case
	had := make(map[string]watch.Mode, len(persistent)+len(recursive))
	for _, path := range persistent {
		had[strings.Clone(path)] |= watch.Persistent
	}
	for _, path := range recursive {
		had[strings.Clone(path)] |= watch.PersistentRecursive
	}
	c.comeBack(had, after)
	c.answer(call, c.now().Zxid(), nil)
}

// watchAgain leaves watches that tell once, or tells what they would have told.
func (c *conn) watchAgain(paths []string, m watch.Mode, after txn.Zxid) {
	var missed []watch.Event
	c.watcher.Read(func(v *tree.Version, add func(string, watch.Mode)) {
		missed = c.takeEvents(v.Zxid())
		for _, path := range paths {
			path = strings.Clone(path) // its frame is not kept
			if e, happened := since(view{v, c.who()}, path, m, after); happened {
				missed = append(missed, e)
			} else {
				add(path, m)
			}
		}
	})
	c.tell(missed)
}

// since tells what has happened to a node since a zxid, as far as a watch that tells once is concerned, by what it looks like
// now. A client that may not read the node is told nothing, and the watch waits.
func since(v view, path string, m watch.Mode, after txn.Zxid) (e watch.Event, happened bool) {
	n, there := v.Get(path)
	if !there {
		return watch.Event{Type: watch.Deleted, Path: path, Zxid: v.Zxid()}, m != watch.Exists
	}
	if !v.may(n, txn.MayRead) {
		return e, false
	}
	s := n.Stat()
	switch m {
	case watch.Exists:
		return watch.Event{Type: watch.Created, Path: path, Zxid: s.Czxid}, true
	case watch.Data:
		return watch.Event{Type: watch.DataChanged, Path: path, Zxid: s.Mzxid}, s.Mzxid > after
	default:
		return watch.Event{Type: watch.ChildrenChanged, Path: path, Zxid: s.Pzxid}, s.Pzxid > after
	}
}

// comeBack leaves watches again that tell each time. What they would have told is told now, if this server still knows it; ZooKeeper tells
// nothing of it.
func (c *conn) comeBack(had map[string]watch.Mode, after txn.Zxid) {
	for len(had) > 0 {
		some := make(map[string]watch.Mode, min(len(had), watchesAtOnce))
		for path, m := range had {
			if len(some) == watchesAtOnce {
				break
			}
			some[path] = m
			delete(had, path)
		}
		if err := c.watcher.ComeBack(some, after); err != nil {
			c.cut(err)
			return
		}
	}
}
