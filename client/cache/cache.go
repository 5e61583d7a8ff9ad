package cache

import (
	"context"
	"errors"
	"iter"
	"strings"
	"sync"

	"github.com/tidwall/btree"

	"github.com/quorate/quorate/client"
)

// Cache is a subtree in memory. It is safe for concurrent use.
type Cache struct {
	c    *client.Client
	path string
	mu   struct {
		sync.Mutex
		view    *View
		changed chan struct{} // closed when view is replaced
	}
}

// New returns a cache of a node and all below it. It is empty until Run has been called, which fills it.
func New(c *client.Client, path string) *Cache {
	k := &Cache{c: c, path: path}
	k.mu.view, k.mu.changed = &View{}, make(chan struct{})
	return k
}

// Run keeps the cache up to date until ctx ends, or until it cannot be: it returns why, such as client.ErrInvalidPath.
func (k *Cache) Run(ctx context.Context) error {
	for {
		next := new(btree.Map[string, client.Node])
		for e, err := range k.c.Watch(ctx, k.path, client.Recursive(), client.WithData(), client.WithProgress()) {
			switch {
			case errors.Is(err, client.ErrCompacted):
			case err != nil:
				return err
			case e.Type == client.EventProgress:
				k.publish(&View{zxid: e.Zxid, nodes: next.Copy()})
			case e.Type == client.EventDeleted:
				next.Delete(key(e.Path))
			default:
				next.Set(key(e.Path), client.Node{Path: e.Path, Data: e.Data, Stat: e.Stat, Zxid: e.Zxid})
			}
		}
	}
}

// key sorts a node's children next to each other, and below the node.
func key(path string) string { return strings.ReplaceAll(strings.TrimSuffix(path, "/"), "/", "\x00") }

func (k *Cache) publish(v *View) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if v.zxid <= k.mu.view.zxid { // a snapshot of a server that is behind
		return
	}
	k.mu.view = v
	close(k.mu.changed)
	k.mu.changed = make(chan struct{})
}

// Snapshot returns the newest view. It is empty, with zxid 0, until the cache has been filled.
func (k *Cache) Snapshot() *View {
	v, _ := k.current()
	return v
}

func (k *Cache) current() (*View, <-chan struct{}) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.mu.view, k.mu.changed
}

// Wait returns a view of a version of zxid or later, when there is one; with 1, the first one. It fails with the error of ctx.
func (k *Cache) Wait(ctx context.Context, zxid client.Zxid) (*View, error) {
	for v, err := range k.Views(ctx) {
		if err != nil || v.zxid >= zxid {
			return v, err
		}
	}
	return nil, ctx.Err()
}

// Views yields the newest view, and then each newer one. Who is slow misses views in between, but not the latest one. It ends with the error of ctx.
func (k *Cache) Views(ctx context.Context) iter.Seq2[*View, error] {
	return func(yield func(*View, error) bool) {
		for {
			v, changed := k.current()
			if !yield(v, nil) {
				return
			}
			select {
			case <-changed:
			case <-ctx.Done():
				yield(nil, ctx.Err())
				return
			}
		}
	}
}

// View is a subtree as it was at one zxid. It never changes, and is safe for concurrent use.
type View struct {
	zxid  client.Zxid
	nodes *btree.Map[string, client.Node]
}

// Zxid returns the version of the tree that the view shows; 0 of an empty cache.
func (v *View) Zxid() client.Zxid { return v.zxid }

// Len returns the number of nodes.
func (v *View) Len() int {
	if v.nodes == nil {
		return 0
	}
	return v.nodes.Len()
}

// Get returns the node at a path. Its Stat is that of the last change of its data: what it says of its children is not kept up to date.
func (v *View) Get(path string) (client.Node, bool) {
	if v.nodes == nil {
		return client.Node{}, false
	}
	return v.nodes.Get(key(path))
}

// All yields all nodes, parents before their children, siblings by name.
func (v *View) All() iter.Seq[client.Node] { return v.from("") }

// Children yields the children of a node by name.
func (v *View) Children(path string) iter.Seq[client.Node] {
	return func(yield func(client.Node) bool) {
		prefix := key(path) + "\x00"
		for n := range v.from(prefix) {
			name, below := strings.CutPrefix(key(n.Path), prefix)
			if !below {
				return
			}
			if name != "" && !strings.Contains(name, "\x00") && !yield(n) {
				return
			}
		}
	}
}

func (v *View) from(key string) iter.Seq[client.Node] {
	return func(yield func(client.Node) bool) {
		if v.nodes != nil {
			v.nodes.Ascend(key, func(_ string, n client.Node) bool { return yield(n) })
		}
	}
}
