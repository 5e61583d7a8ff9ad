package client

import (
	"context"
	"iter"

	apiv1 "github.com/quorate/quorate/gen/quorate/api/v1"
)

// Tree is the tree of nodes with the calls that read and change it. A [Client] has one whose calls stand each for itself, and a
// [Session] has one whose calls are carried out in the order in which they were made. Its methods are safe for concurrent use.
//
// Every call ends when its context does, with [ErrTimeout] or context.Canceled; a write may then
// still take effect. Errors are of type [*Error].
type Tree struct{ via transport }

// transport carries calls to a server.
type transport interface {
	// call makes one call. The answer of a write after a break has no Stat.
	call(context.Context, *apiv1.SessionCall) (*apiv1.SessionAnswer, error)
	// list yields the pieces of a list.
	list(context.Context, *apiv1.ListRequest) iter.Seq2[*apiv1.ListResponse, error]
}

// Create creates a node under an existing parent and returns it. It fails with [ErrNodeExists], [ErrNoParent], [ErrEphemeralParent],
// [ErrInvalidPath], [ErrInvalidACL], [ErrTooLarge], [ErrQuotaExceeded] or [ErrNoAuth].
func (t Tree) Create(ctx context.Context, path string, data []byte, options ...CreateOption) (Node, error) {
	r := createRequest(path, data, options)
	a, err := t.via.call(ctx, &apiv1.SessionCall{Op: &apiv1.SessionCall_Create{Create: r}})
	if err != nil {
		return Node{}, err
	}
	made := a.GetCreate()
	n := Node{Path: made.GetPath(), Data: data, Zxid: Zxid(made.GetZxid())}
	n.Stat, err = t.statAfter(ctx, made.GetStat(), n.Path, n.Zxid)
	n.Stat.Czxid = n.Zxid
	return n, err
}

func createRequest(path string, data []byte, options []CreateOption) *apiv1.CreateRequest {
	r := &apiv1.CreateRequest{Path: path, Data: data}
	for _, o := range options {
		o.set(r)
	}
	return r
}

// Delete deletes a node without children. It fails with [ErrNoNode], [ErrNotEmpty], [ErrBadVersion] or [ErrNoAuth].
func (t Tree) Delete(ctx context.Context, path string, options ...ChangeOption) error {
	r := &apiv1.DeleteRequest{Path: path, Version: changeOf(options)}
	_, err := t.via.call(ctx, &apiv1.SessionCall{Op: &apiv1.SessionCall_Delete{Delete: r}})
	return err
}

// Set replaces a node's data and returns its Stat right after that. It fails with [ErrNoNode], [ErrBadVersion], [ErrTooLarge],
// [ErrQuotaExceeded] or [ErrNoAuth].
//
// If the connection broke before the answer came, and the node was changed again since, the Stat is
// not known: it has the zxid of this change, and [UnknownVersion].
func (t Tree) Set(ctx context.Context, path string, data []byte, options ...ChangeOption) (Stat, error) {
	r := &apiv1.SetRequest{Path: path, Data: data, Version: changeOf(options)}
	a, err := t.via.call(ctx, &apiv1.SessionCall{Op: &apiv1.SessionCall_Set{Set: r}})
	if err != nil {
		return Stat{}, err
	}
	return t.statAfter(ctx, a.GetSet().GetStat(), path, Zxid(a.GetSet().GetZxid()))
}

// Get returns a node with its data. It fails with [ErrNoNode] or [ErrNoAuth].
func (t Tree) Get(ctx context.Context, path string, options ...ReadOption) (Node, error) {
	r := &apiv1.GetRequest{Path: path, Options: readOptions(options)}
	a, err := t.via.call(ctx, &apiv1.SessionCall{Op: &apiv1.SessionCall_Get{Get: r}})
	if err != nil {
		return Node{}, err
	}
	return nodeOf(path, a.GetGet()), nil
}

func nodeOf(path string, r *apiv1.GetResponse) Node {
	return Node{Path: path, Data: r.Data, Stat: statOf(r.GetStat()), Zxid: Zxid(r.GetZxid())}
}

// Exists tells whether a node exists, and its Stat if so. A missing node is no error.
func (t Tree) Exists(ctx context.Context, path string, options ...ReadOption) (Stat, bool, error) {
	r := &apiv1.ExistsRequest{Path: path, Options: readOptions(options)}
	a, err := t.via.call(ctx, &apiv1.SessionCall{Op: &apiv1.SessionCall_Exists{Exists: r}})
	if err != nil {
		return Stat{}, false, err
	}
	stat := a.GetExists().GetStat()
	return statOf(stat), stat != nil, nil
}

// List yields a node's children sorted by name, or with [Recursive] all nodes below it, from one version of the tree. After an error
// nothing more comes. A Client takes a list piece by piece, however long it is; a Session keeps all of it in memory.
func (t Tree) List(ctx context.Context, path string, options ...ListOption) iter.Seq2[Entry, error] {
	r := &apiv1.ListRequest{Path: path, View: apiv1.ListView_LIST_VIEW_NAMES}
	for _, o := range options {
		o.list(r)
	}
	return func(yield func(Entry, error) bool) {
		for piece, err := range t.via.list(ctx, r) {
			if err != nil {
				yield(Entry{}, err)
				return
			}
			for _, e := range piece.GetEntries() {
				if !yield(entryOf(e, Zxid(piece.GetZxid())), nil) {
					return
				}
			}
		}
	}
}

// Children returns the names of a node's children, sorted, and the node's Stat.
func (t Tree) Children(ctx context.Context, path string, options ...ReadOption) ([]string, Stat, error) {
	r := &apiv1.ListRequest{Path: path, View: apiv1.ListView_LIST_VIEW_NAMES, Options: readOptions(options)}
	var names []string
	var stat Stat
	for piece, err := range t.via.list(ctx, r) {
		if err != nil {
			return nil, Stat{}, err
		}
		if piece.GetStat() != nil {
			stat = statOf(piece.GetStat())
		}
		for _, e := range piece.GetEntries() {
			names = append(names, e.GetName())
		}
	}
	return names, stat, nil
}

// GetACL returns a node's access control list and its Stat. Without ADMIN permission the hashes of digest entries are "x".
func (t Tree) GetACL(ctx context.Context, path string, options ...ReadOption) ([]ACE, Stat, error) {
	r := &apiv1.GetAclRequest{Path: path, Options: readOptions(options)}
	a, err := t.via.call(ctx, &apiv1.SessionCall{Op: &apiv1.SessionCall_GetAcl{GetAcl: r}})
	if err != nil {
		return nil, Stat{}, err
	}
	return aclOf(a.GetGetAcl().GetAcl()), statOf(a.GetGetAcl().GetStat()), nil
}

// SetACL replaces a node's access control list, and returns the zxid of that. [IfVersion] is about [Stat].Aversion.
func (t Tree) SetACL(ctx context.Context, path string, acl []ACE, options ...ChangeOption) (Zxid, error) {
	r := &apiv1.SetAclRequest{Path: path, Acl: aclTo(acl), Version: changeOf(options)}
	a, err := t.via.call(ctx, &apiv1.SessionCall{Op: &apiv1.SessionCall_SetAcl{SetAcl: r}})
	return Zxid(a.GetSetAcl().GetZxid()), err
}

// Sync waits until the server has whatever was acknowledged to anybody before the call, and returns its zxid. The reads that
// follow on a Session are as new as that.
func (t Tree) Sync(ctx context.Context) (Zxid, error) {
	a, err := t.via.call(ctx, &apiv1.SessionCall{Op: &apiv1.SessionCall_Sync{Sync: &apiv1.SyncRequest{}}})
	return Zxid(a.GetSync().GetZxid()), err
}

// CountDescendants returns how many nodes there are below a path. The server looks at each of them.
func (t Tree) CountDescendants(ctx context.Context, path string, options ...ReadOption) (uint64, error) {
	r := &apiv1.CountDescendantsRequest{Path: path, Options: readOptions(options)}
	a, err := t.via.call(ctx, &apiv1.SessionCall{Op: &apiv1.SessionCall_CountDescendants{CountDescendants: r}})
	return a.GetCountDescendants().GetCount(), err
}

// WhoAmI returns the identities that the server knows the caller by.
func (t Tree) WhoAmI(ctx context.Context) ([]Identity, error) {
	a, err := t.via.call(ctx, &apiv1.SessionCall{Op: &apiv1.SessionCall_WhoAmI{WhoAmI: &apiv1.WhoAmIRequest{}}})
	var who []Identity
	for _, id := range a.GetWhoAmI().GetIdentities() {
		who = append(who, Identity{Scheme: id.GetScheme(), ID: id.GetId()})
	}
	return who, err
}

// statAfter returns the Stat that a node had after a change: the one in the answer, or, where a break
// has swallowed that, the one it has now if it was not changed since.
func (t Tree) statAfter(ctx context.Context, answered *apiv1.Stat, path string, changed Zxid) (Stat, error) {
	if answered != nil {
		return statOf(answered), nil
	}
	now, _, err := t.Exists(ctx, path)
	if err != nil {
		return Stat{Mzxid: changed, Version: UnknownVersion}, nil // that the change was made is certain
	}
	if now.Mzxid != changed {
		return Stat{Mzxid: changed, Version: UnknownVersion}, nil
	}
	return now, nil
}
